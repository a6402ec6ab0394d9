// Starts the tests' file system in a process of its own and speaks to it. The test process never serves a mount.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unmount } from '../../fs/fuse/mount.ts';
import { TEST_USER } from '../setup.ts';
import type { ServerOptions, ServerReport } from './memoryServer.ts';

const program = fileURLToPath(new URL('../../dist/test/fuse/memoryServer.js', import.meta.url));
const COMMAND_TIMEOUT_MS = 30_000;
/** Only root mounts by itself, registers backing files and becomes the test user. */
export const ROOT = process.getuid!() === 0;

export interface MemoryMount {
  readonly mountpoint: string;
  readonly child: ChildProcess;
  /** What the server said when the connection ended. */
  readonly report: Promise<ServerReport>;
  /** Gives the server a command; resolves when it is carried out. */
  command(line: string): Promise<void>;
}

/** A command on the mount, as the test user where asked. Rejects when it fails or takes too long. */
export function run(command: string, args: readonly string[], asUser = false): Promise<string> {
  const [program, all] = asUser && ROOT ? ['setpriv', [...USER, command, ...args]] : [command, args];
  return new Promise((resolve, reject) => {
    execFile(
      program,
      all,
      { timeout: COMMAND_TIMEOUT_MS, killSignal: 'SIGKILL', cwd: '/' },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${command} ${args.join(' ')}: ${error.message} ${stderr}`, { cause: error }));
      },
    );
  });
}
export const shell = (text: string, asUser = false): Promise<string> => run('sh', ['-ec', text], asUser);
const USER = ['--reuid', TEST_USER, '--regid', TEST_USER, '--init-groups'];

export async function startMemoryMount(
  options: Omit<ServerOptions, 'mountpoint'> & { readonly asUser?: boolean; readonly mountpoint?: string } = {},
): Promise<MemoryMount> {
  const mountpoint = options.mountpoint ?? mkdtempSync(path.join(tmpdir(), 'agentsh-fuse-'));
  const server = [program, JSON.stringify({ ...options, mountpoint, helper: options.helper ?? !ROOT })];
  const asUser = options.asUser === true && ROOT;
  if (asUser) {
    const [uid, gid] = await Promise.all([run('id', ['-u', TEST_USER]), run('id', ['-g', TEST_USER])]);
    chownSync(mountpoint, Number(uid), Number(gid));
  }
  const child = asUser
    ? spawn('setpriv', [...USER, process.execPath, ...server], { cwd: '/' })
    : spawn(process.execPath, server, { cwd: '/' });
  return { mountpoint, child, ...(await conversation(child)) };
}

async function conversation(child: ChildProcess): Promise<Pick<MemoryMount, 'report' | 'command'>> {
  let said = '';
  let done: (() => void)[] = [];
  child.stderr!.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<never>((_resolve, reject) => {
    child.on('close', () => reject(new Error(`the server ended: ${said}`)));
  });
  ended.catch(() => undefined);
  let started: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    started = resolve;
  });
  const report = new Promise<ServerReport>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line === 'ready') started();
      else if (line.startsWith('{')) resolve(JSON.parse(line) as ServerReport);
      else for (const resolveOne of done.splice(0)) resolveOne();
    });
    ended.catch(reject);
  });
  report.catch(() => undefined);
  await Promise.race([ready, ended]);
  const command = (line: string): Promise<void> =>
    Promise.race([
      ended,
      new Promise<void>((resolve) => {
        done = [...done, resolve];
        child.stdin!.write(`${line}\n`);
      }),
    ]);
  return { report, command };
}

/** Ends what a test started, in whatever state it is, and removes the mountpoint. */
export async function stopMemoryMount(mount: MemoryMount): Promise<void> {
  await unmount(mount.mountpoint).catch(() => undefined);
  if (mount.child.exitCode === null && mount.child.signalCode === null) {
    const ended = new Promise((resolve) => mount.child.once('exit', resolve));
    mount.child.kill('SIGKILL');
    await ended;
  }
  rmdirSync(mount.mountpoint);
}
