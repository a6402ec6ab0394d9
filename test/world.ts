// A world for one scene: fresh directories, one user, the built program against the real kernel; and its end, which
// proves that no mount, process or file of it is left.
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentshMounts, readMountInfo } from '../fs/fuse/mountinfo.ts';
import { TEST_USER } from './setup.ts';

export type User = 'root' | typeof TEST_USER;
const isRoot = process.getuid?.() === 0;
/** Whoever runs the tests: as root both, else as oneself alone. */
export const USERS: readonly User[] = isRoot ? ['root', TEST_USER] : [TEST_USER];

const built = import.meta.url.includes('/dist/') ? '../agentsh/main.js' : '../dist/agentsh/main.js';
const program = fileURLToPath(new URL(built, import.meta.url));
const RUN_TIMEOUT_MS = 60_000;
const END_MS_MAX = 15_000;

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Texts are byte strings: one character a byte. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Pending {
  readonly id: string;
  readonly kind: string;
  readonly path: string;
  readonly agent: string;
  /** Where a rename came from. */
  readonly source?: string;
}

export interface World {
  readonly user: User;
  readonly directory: string;
  readonly home: string;
  readonly workspace: string;
  readonly store: string;
  readonly uid: number;
  readonly gid: number;
  /** Runs a program as the world's user, outside any sandbox. */
  run(file: string, words: readonly string[], options?: RunOptions): Promise<Result>;
  agentsh(words: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same, to talk to while it runs. */
  start(words: readonly string[], options?: RunOptions): Running;
  /** A shell text in a sandbox over the workspace; throws with its output where it fails. */
  inside(text: string, words?: readonly string[], options?: RunOptions): Promise<string>;
  operator(text: string, options?: RunOptions): Promise<Result>;
  pending(...words: string[]): Promise<Pending[]>;
  /** Writes a file that belongs to the user, with the directories it needs; returns its path. */
  write(name: string, content: string | Buffer): string;
  /** Hands everything below a path to the user. */
  own(target: string): void;
  /** The kernel's process, while there is one. */
  kernelPid(): number;
  /** Ends the kernel, checks what is left, removes the directories. */
  end(): Promise<void>;
}

export interface WorldOptions {
  readonly user: User;
  /** Where the world's directory is made. */
  readonly below?: string;
  /** The workspace, else one in the world's directory. */
  readonly workspace?: string;
}

export function makeWorld({ user, below = '/var/tmp', workspace: given }: WorldOptions): World {
  const directory = mkdtempSync(path.join(below, 'agentsh-scene-'));
  const place = (name: string) => path.join(directory, name);
  const workspace = given ?? place('workspace');
  for (const name of ['home', 'tmp', ...(given === undefined ? ['workspace'] : [])]) mkdirSync(place(name));
  mkdirSync(place('store'), { mode: 0o700 });
  const { uid, gid } = idsOf(user);
  const environment = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: place('home'),
    TMPDIR: place('tmp'),
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    AGENTSH_HOME: place('store'),
    ...(process.env.AGENTSH_TEST_RUN === undefined ? {} : { AGENTSH_TEST_RUN: process.env.AGENTSH_TEST_RUN }),
  };
  const become = commandAs(user);
  const world: World = {
    user,
    directory,
    home: place('home'),
    workspace,
    store: place('store'),
    uid,
    gid,
    run: (file, words, options = {}) => run([...become, file, ...words], environment, workspace, options),
    agentsh: (words, options) => world.run(process.execPath, [program, ...words], options),
    start: (words, options = {}) =>
      start([...become, process.execPath, program, ...words], environment, workspace, options),
    inside: async (text, words = [], options = {}) => {
      const result = await world.agentsh([...words, '-c', text], options);
      if (result.code !== 0) throw new Error(`${text}\nended with ${result.code}\n${result.stdout}\n${result.stderr}`);
      return result.stdout;
    },
    operator: (text, options) => world.agentsh(['operator', '-c', text], options),
    pending: async (...words) => JSON.parse((await world.agentsh(['pending', ...words, '--json'])).stdout) as Pending[],
    write: (name, content) => {
      const file = path.resolve(workspace, name);
      const top = mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
      world.own(top ?? file);
      return file;
    },
    own: (target) => own(target, uid, gid),
    kernelPid: () => Number(readFileSync(place('store/lock'), 'latin1')),
    end: () => end(world),
  };
  own(directory, uid, gid);
  return world;
}

/** The words before a command that make it run as `user`. */
export function commandAs(user: User): readonly string[] {
  const { uid, gid } = idsOf(user);
  return isRoot && user !== 'root' ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'] : [];
}

export function idsOf(user: User): { readonly uid: number; readonly gid: number } {
  if (!isRoot) return { uid: process.getuid!(), gid: process.getgid!() };
  const [uid = 0, gid = 0] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout),
  );
  return { uid, gid };
}

function own(target: string, uid: number, gid: number): void {
  if (lstatSync(target).uid === uid && !lstatSync(target).isDirectory()) return;
  if (isRoot) spawnSync('chown', ['-hR', `${uid}:${gid}`, target]);
}

/** A program that runs: talk to it, wait for what it says, wait for its end. */
export interface Running {
  readonly pid: number;
  send(text: string): void;
  closeInput(): void;
  /** Resolves when standard output holds `text`; rejects when the program ends without it. */
  says(text: string): Promise<void>;
  /** Rejects where it took too long; then it was killed with its whole process group. */
  readonly result: Promise<Result>;
}

function start(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  workspace: string,
  { cwd = workspace, env = {}, timeoutMs = RUN_TIMEOUT_MS }: RunOptions,
): Running {
  const [file = '', ...words] = command;
  const child = spawn(file, words, { cwd, env: { ...environment, ...env }, detached: true });
  const out: Buffer[] = [];
  const error: Buffer[] = [];
  const text = (parts: readonly Buffer[]) => Buffer.concat(parts).toString('latin1');
  child.stdout.on('data', (data: Buffer) => out.push(data));
  child.stderr.on('data', (data: Buffer) => error.push(data));
  // The program may end without having read it all.
  child.stdin.on('error', () => {});
  const result = new Promise<Result>((resolve, reject) => {
    const timer = setTimeout(() => {
      process.kill(-child.pid!, 'SIGKILL');
      reject(new Error(`${command.join(' ')}\nran longer than ${timeoutMs} ms\n${text(out)}\n${text(error)}`));
    }, timeoutMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
        stdout: text(out),
        stderr: text(error),
      });
    });
  });
  const says = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => text(out).includes(wanted) && resolve();
      child.stdout.on('data', look);
      result.then(({ stderr }) => reject(new Error(`ended without "${wanted}": ${text(out)}${stderr}`)), reject);
      look();
    });
  return {
    pid: child.pid ?? 0,
    send: (words) => void child.stdin.write(words),
    closeInput: () => void child.stdin.end(),
    says,
    result,
  };
}

function run(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  workspace: string,
  options: RunOptions,
): Promise<Result> {
  const running = start(command, environment, workspace, options);
  running.send(options.input ?? '');
  running.closeInput();
  return running.result;
}

async function end(world: World): Promise<void> {
  const devices = new Set(agentshMounts(world.directory).map(({ device }) => device));
  const stopped = await world.agentsh(['shutdown', '--force']).catch((error: Error) => error);
  let left = leftOvers(world, devices);
  for (const until = Date.now() + END_MS_MAX; left.length > 0 && Date.now() < until; left = leftOvers(world, devices)) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const log = left.length > 0 ? readText(path.join(world.store, 'kernel.log')) : '';
  for (const { mountpoint } of agentshMounts(world.directory)) spawnSync('umount', ['-l', mountpoint]);
  rmSync(world.directory, { recursive: true, force: true });
  if (stopped instanceof Error) throw stopped;
  if (left.length > 0) throw new Error(`left behind:\n${left.join('\n')}\n${JSON.stringify(stopped)}\n${log}`);
}

/** Mounts, processes (the kernel's, and those whose root is one of its mounts), sockets and temporary files. */
function leftOvers(world: World, devices: ReadonlySet<string>): string[] {
  return [
    ...agentshMounts(world.directory).map(({ mountpoint }) => `mount ${mountpoint}`),
    ...processesOf(world, devices),
    ...['tmp', 'store/run'].flatMap((name) => namesBelow(path.join(world.directory, name))),
  ];
}

function processesOf(world: World, devices: ReadonlySet<string>): string[] {
  const mark = `AGENTSH_HOME=${world.store}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      if (readText(`/proc/${pid}/environ`).split('\0').includes(mark)) return true;
      return readText(`/proc/${pid}/mountinfo`)
        .split('\n')
        .some((line) => line.split(' ')[4] === '/' && devices.has(line.split(' ')[2] ?? ''));
    })
    .map((pid) => `process ${pid} ${readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Empty directories are places, not left-overs. */
function namesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  if (readMountInfo().some(({ mountpoint }) => mountpoint.startsWith(`${directory}/`)))
    return [`mount below ${directory}`];
  return readdirSync(directory, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `file ${path.join(entry.parentPath, entry.name)}`);
}
