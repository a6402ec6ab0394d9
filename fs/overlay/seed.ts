// Files that a new home begins with, written into the agent's upper once: what it deletes stays deleted.
import { must } from '../errno.ts';
import { close, openat, pwrite } from '../host/syscall.ts';
import type { Caller } from '../operations.ts';
import { make } from './namespace.ts';
import type { Node } from './node.ts';
import { hasUpper, isDirectory, S_IFDIR, S_IFREG } from './node.ts';
import { child } from './resolve.ts';
import type { ViewState } from './state.ts';

export interface Seed {
  /** Absolute path in the view, and the content: byte strings. */
  readonly path: string;
  readonly text: string;
}

const O_WRONLY = 1;

/** Writes each seed where neither the agent nor the host has something, and no earlier session was given it. */
export function plantSeeds(
  view: ViewState,
  seeds: readonly Seed[],
  owner: { readonly uid: number; readonly gid: number },
): void {
  const caller: Caller = { ...owner, pid: 0, defer: () => never() };
  for (const seed of seeds) {
    const key = Buffer.from(`seed:${seed.path}`, 'latin1').subarray(0, 1024);
    if (view.ledger.get('meta', key) !== undefined) continue;
    if (plant(view, seed, caller)) view.ledger.transact((tx) => tx.put('meta', key, Buffer.from([1])));
  }
}

const never = (): never => {
  throw new Error('a seed is never deferred');
};

function plant(view: ViewState, seed: Seed, caller: Caller): boolean {
  const names = seed.path.split('/').slice(1);
  const last = names.pop();
  if (last === undefined) return false;
  let directory: Node | null = view.root;
  for (const name of names) {
    const parent: Node = directory;
    const found: Node | null = child(view, parent, name);
    if (found === null && !hasUpper(parent.rule)) return false;
    directory = found ?? make(view, parent, name, { op: 'seed', mode: S_IFDIR | 0o755 }, caller);
    if (!isDirectory(directory)) return false;
  }
  if (child(view, directory, last) !== null || !hasUpper(directory.rule)) return false;
  const file = make(view, directory, last, { op: 'seed', mode: S_IFREG | 0o644 }, caller);
  const fd = must(openat(view.stagingFd, view.stagingName(file.ino), O_WRONLY));
  const bytes = Buffer.from(seed.text, 'latin1');
  must(pwrite(fd, bytes, bytes.length, 0));
  close(fd);
  return true;
}
