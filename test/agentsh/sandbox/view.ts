// A root file system for sandbox tests without the daemon: a directory with the host's system trees bound into it.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SandboxOptions } from '../../../agentsh/sandbox/run.ts';
import { TEST_USER } from '../../setup.ts';

/** Sandbox id 0 in tests that start as root. */
export const ID_SHIFT = 1_879_048_192;
export type Starter = 'root' | 'user';
export const STARTERS: readonly Starter[] = ['root', 'user'];

const root = fileURLToPath(new URL('../../..', import.meta.url));
const driver = path.join(root, 'dist/test/agentsh/sandbox/driver.js');
const EMPTY = ['proc', 'dev', 'sys', 'tmp', 'run', 'work', 'home'] as const;
const BOUND = ['usr', 'etc', 'opt'] as const;
const LINKED = ['bin', 'sbin', 'lib', 'lib32', 'lib64'] as const;

export interface View {
  /** Not visible in the view: holds `root` and canaries. */
  readonly host: string;
  readonly mountpoint: string;
  /** Inside: the writable directory. */
  readonly workspace: string;
  readonly starter: Starter;
  remove(): void;
}

/** Assembles a view whose `/work` belongs to the starter's id inside. Needs root. */
export function makeView(starter: Starter): View {
  const host = mkdtempSync('/var/tmp/agentsh-view-');
  const mountpoint = path.join(host, 'root');
  mkdirSync(mountpoint);
  for (const name of [...EMPTY, ...BOUND]) mkdirSync(path.join(mountpoint, name));
  for (const name of LINKED) linkOrBind(name, mountpoint);
  for (const name of BOUND) bind(`/${name}`, path.join(mountpoint, name));
  writeFileSync(path.join(host, 'canary'), 'canary-bytes\n', { mode: 0o644 });
  const owner = starter === 'root' ? ID_SHIFT : testUid();
  for (const name of ['work', 'tmp', 'run', 'home']) chownSync(path.join(mountpoint, name), owner, owner);
  // As the daemon's own mountpoints: root's parents are closed, an ordinary user's belong to it.
  if (starter === 'user') chownSync(host, owner, owner);
  chmodSync(host, 0o700);
  return {
    host,
    mountpoint,
    workspace: '/work',
    starter,
    remove: () => {
      for (const name of [...BOUND, ...LINKED]) spawnSync('umount', ['--lazy', path.join(mountpoint, name)]);
      rmSync(host, { recursive: true, force: true });
    },
  };
}

function linkOrBind(name: string, mountpoint: string): void {
  const found = lstatSync(`/${name}`, { throwIfNoEntry: false });
  if (found?.isSymbolicLink()) symlinkSync(readlinkSync(`/${name}`), path.join(mountpoint, name));
  else if (found?.isDirectory()) {
    mkdirSync(path.join(mountpoint, name));
    bind(`/${name}`, path.join(mountpoint, name));
  }
}

function bind(source: string, target: string): void {
  execFileSync('mount', ['--bind', source, target]);
  execFileSync('mount', ['-o', 'remount,bind,ro', target]);
}

export function testUid(): number {
  return Number(execFileSync('id', ['-u', TEST_USER], { encoding: 'utf8' }));
}

export type Request = Partial<SandboxOptions> & { readonly argv: readonly string[] };

/** The command line of the driver that starts a sandbox over `view`; whoever runs it is the starter. */
export function driverWords(view: View, request: Request): readonly string[] {
  const options: SandboxOptions = {
    mountpoint: view.mountpoint,
    workspace: view.workspace,
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/work', TERM: 'xterm' },
    idShift: view.starter === 'root' ? ID_SHIFT : 0,
    net: 'none',
    ...request,
  };
  return [process.execPath, driver, JSON.stringify(options)];
}

/** What to put before a command line so that root runs it as the starter. */
export const becoming = (view: View): readonly string[] =>
  view.starter === 'root' ? [] : ['setpriv', `--reuid=${TEST_USER}`, `--regid=${TEST_USER}`, '--init-groups', '--'];

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export interface Extra {
  readonly stdin?: number;
  /** Of the process that starts the sandbox. */
  readonly env?: Readonly<Record<string, string>>;
  /** After the options. */
  readonly words?: readonly string[];
}

/** Runs a program over `view` and gives what it printed. */
export function inSandbox(view: View, request: Request, extra: Extra = {}): Promise<Outcome> {
  const [file, ...words] = [...becoming(view), ...driverWords(view, request), ...(extra.words ?? [])];
  const child = spawn(file!, words, {
    stdio: [extra.stdin ?? 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...extra.env },
  });
  let [out, error] = ['', ''];
  child.stdout!.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr!.on('data', (bytes: Buffer) => {
    error += bytes.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? -1, out, error }));
  });
}

/** Runs shell text over `view`. */
export const shell = (view: View, text: string, request: Partial<Request> = {}, extra: Extra = {}): Promise<Outcome> =>
  inSandbox(view, { argv: ['/bin/sh', '-c', text], ...request }, extra);

/** One shell word. */
export const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
