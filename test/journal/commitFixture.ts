// Real directories, plans and ports for the tests of commits.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach } from 'vitest';
import { capture } from '../../fs/host/capture.ts';
import { HostRoot } from '../../fs/host/walk.ts';
import type { CommitPorts, FaultPoint } from '../../fs/journal/commit.ts';
import type { Base, CommitOutcome, CommitPlan, Step, Version } from '../../fs/journal/model.ts';

export function cidOf(fd: number): string {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(65536);
  for (let at = 0; ; ) {
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return hash.digest('hex').slice(0, 24);
    hash.update(chunk.subarray(0, count));
    at += count;
  }
}

export const cidOfText = (text: string | Buffer) => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** A crash: not an error of the host, so nothing may clean up after it but recovery. */
export class Crash {
  readonly point: string;
  constructor(point: string) {
    this.point = point;
  }
}

const made: Bench[] = [];
afterEach(() => {
  // rm walks by descriptors: some of these trees are deeper than any path may be long.
  for (const bench of made.splice(0)) execFileSync('rm', ['-rf', bench.directory]);
});

/** A workspace, a pre-image directory and sealed files, in a directory of their own. */
export class Bench {
  readonly directory: string;
  readonly root: string;
  readonly preimages: string;
  readonly intents: CommitPlan[] = [];
  readonly outcomes: CommitOutcome[] = [];
  readonly points: { readonly point: FaultPoint; readonly path: string }[] = [];
  onFault: (point: FaultPoint, path: string, count: number) => void = () => {};
  #sealed = 0;
  #plans = 0;

  constructor(options: { readonly parent?: string; readonly preimages?: string } = {}) {
    this.directory = realpathSync(mkdtempSync(`${options.parent ?? tmpdir()}/commit-`));
    this.root = `${this.directory}/workspace`;
    this.preimages = options.preimages ?? `${this.directory}/preimages`;
    mkdirSync(this.root);
    mkdirSync(this.preimages, { recursive: true });
    made.push(this);
  }

  readonly ports = (): CommitPorts => ({
    intent: (plan) => void this.intents.push(structuredClone(plan)),
    finished: (_id, outcome) => void this.outcomes.push(outcome),
    fault: (point, path) => {
      this.points.push({ point, path });
      this.onFault(point, path, this.points.length);
    },
    cidOf,
    preimageDirectory: this.preimages,
  });

  path(relative: string): string {
    return `${this.root}/${relative}`;
  }

  write(relative: string, text: string, mode = 0o644): void {
    writeFileSync(Buffer.from(this.path(relative), 'latin1'), text, { mode });
  }

  base(relative: string): Base {
    const root = new HostRoot(this.root);
    const parent = root.openParent(this.path(relative));
    const { version, hint } = capture(parent.fd, parent.name, { cidOf });
    parent.close();
    root.close();
    return hint === undefined ? { version } : { version, hint };
  }

  seal(bytes: string | Buffer): string {
    const path = `${this.directory}/sealed-${this.#sealed++}`;
    writeFileSync(path, bytes, { mode: 0o400 });
    return path;
  }

  /** A step that writes `bytes`; its base is what the host holds now, unless given. */
  file(
    relative: string,
    bytes: string | Buffer,
    extra: { base?: Base; mode?: number; xattrs?: Record<string, string> } = {},
  ): Step {
    const base = extra.base ?? this.base(relative);
    const mode = extra.mode ?? ('mode' in base.version ? base.version.mode : 0o644);
    const xattrs = extra.xattrs ?? ('xattrs' in base.version ? base.version.xattrs : undefined);
    const result: Extract<Version, { type: 'file' }> = {
      type: 'file',
      cid: cidOfText(bytes),
      sizeBytes: Buffer.byteLength(bytes),
      mode,
      ...(xattrs === undefined ? {} : { xattrs }),
    };
    const mtimeNs = '1700000000123456789';
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    return { op: 'file', path: this.path(relative), base, result, sealed: this.seal(bytes), ...owner, mtimeNs };
  }

  remove(relative: string): Step {
    return { op: 'delete', path: this.path(relative), base: this.base(relative) };
  }

  mkdir(relative: string, mode = 0o755): Step {
    return { op: 'mkdir', path: this.path(relative), mode, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  }

  rename(source: string, target: string, targetBase?: Base): Step {
    return {
      op: 'rename',
      source: this.path(source),
      path: this.path(target),
      base: this.base(source),
      targetBase: targetBase ?? this.base(target),
    };
  }

  plan(...steps: Step[]): CommitPlan {
    return { id: `plan${this.#plans++}`, agent: 'agent', atMs: 0, roots: [this.root], steps };
  }

  /** Every path below the workspace with type, mode, owner and content. */
  tree(): Record<string, string> {
    return tree(this.root);
  }
}

const bytesOf = (path: string) => Buffer.from(path, 'latin1');

/** Type, mode, owner, links and content of everything below a directory, names as byte strings. */
export function tree(directory: string, prefix = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(bytesOf(directory), { encoding: 'latin1' }).sort()) {
    const path = `${directory}/${name}`;
    const stat = lstatSync(bytesOf(path));
    const head = `${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`;
    const content = stat.isFile()
      ? ` ${stat.size} ${cidOfPath(path)}`
      : stat.isSymbolicLink()
        ? ` ${readlinkSync(bytesOf(path), 'latin1')}`
        : '';
    found[prefix + name] = head + content;
    if (stat.isDirectory()) Object.assign(found, tree(path, `${prefix}${name}/`));
  }
  return found;
}

function cidOfPath(path: string): string {
  const fd = openSync(bytesOf(path), 'r');
  const cid = cidOf(fd);
  closeSync(fd);
  return cid;
}

export const text = (path: string) => readFileSync(bytesOf(path), 'latin1');
