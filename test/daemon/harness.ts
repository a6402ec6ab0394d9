// Temporary homes, kernels in them, and their end: what a test leaves behind fails it.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Client, connect, ensureKernel } from '../../fs/daemon/client.ts';
import type { SessionOpen } from '../../fs/daemon/clientProtocol.ts';
import { Kernel } from '../../fs/daemon/kernel.ts';
import { KernelLog } from '../../fs/daemon/kernelLog.ts';
import { lockHome } from '../../fs/daemon/lock.ts';
import { makePlaces, type Places, placesOf } from '../../fs/daemon/places.ts';
import { programUrl } from '../../fs/daemon/program.ts';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { close } from '../../fs/host/syscall.ts';

export interface Home {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly places: Places;
  /** A directory to work in. */
  readonly workspace: string;
}

/** A home of its own below /var/tmp: short enough for a socket's path. */
export function makeHome(extra: Readonly<Record<string, string>> = {}): Home {
  const directory = mkdtempSync('/var/tmp/agentsh-daemon-');
  const workspace = path.join(directory, 'work');
  const user = path.join(directory, 'user');
  for (const place of [workspace, user]) mkdirSync(place);
  mkdirSync(path.join(directory, 'runtime'), { mode: 0o700 });
  const environment = {
    HOME: user,
    PATH: '/usr/bin:/bin',
    AGENTSH_HOME: path.join(directory, 'home'),
    XDG_RUNTIME_DIR: path.join(directory, 'runtime'),
    ...extra,
  };
  return { directory, environment, places: placesOf(environment), workspace };
}

/** Ends whatever kernel the home still has; fails where a mount is left. */
export async function removeHome(home: Home): Promise<void> {
  const pid = kernelPid(home);
  if (pid !== undefined && pid !== process.pid) {
    process.kill(pid, 'SIGTERM');
    if (!(await until(() => !isRunning(pid)))) process.kill(pid, 'SIGKILL');
  }
  const left = agentshMounts(home.directory).map(({ mountpoint }) => mountpoint);
  for (const mountpoint of left) spawnSync('umount', ['-l', mountpoint]);
  rmSync(home.directory, { recursive: true, force: true });
  if (left.length > 0) throw new Error(`mounts left behind: ${left.join(' ')}`);
}

/** The process that holds the home's lock, as its lock file says, if it runs. */
export function kernelPid(home: Home): number | undefined {
  if (!existsSync(home.places.lock)) return undefined;
  const pid = Number(readFileSync(home.places.lock, 'latin1'));
  return pid > 0 && isRunning(pid) ? pid : undefined;
}

/** Not a zombie either. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

const PATIENCE_MS = 15_000;

/** Waits for a condition; false when it does not come. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

export interface LocalKernel {
  readonly kernel: Kernel;
  readonly connect: () => Promise<Client>;
  readonly end: () => Promise<void>;
}

/** A kernel in this process, whose agents are served by test/daemon/fakeAgentWorker.ts. */
export async function bootLocal(home: Home, options: { readonly exitWithLast?: boolean } = {}): Promise<LocalKernel> {
  makePlaces(home.places);
  const lock = lockHome(home.places.lock);
  const kernel = await Kernel.boot({
    places: home.places,
    log: new KernelLog(home.places.log),
    exitWithLast: options.exitWithLast ?? false,
    idleTimeoutMs: 3_600_000,
    agentProgram: new URL('../../dist/test/daemon/fakeAgentWorker.js', import.meta.url),
    operatorProgram: programUrl('operatorWorker'),
    ended: () => close(lock),
  });
  return {
    kernel,
    connect: async () => (await connect({ environment: home.environment }))!,
    end: () => kernel.end('the test is over'),
  };
}

export const boot = (home: Home): Promise<Client> => ensureKernel({ environment: home.environment });

export function sessionRequest(home: Home, more: Partial<SessionOpen> = {}): SessionOpen {
  return { cwd: home.workspace, program: 'shell', environment: home.environment, throwaway: false, ...more };
}

/** The code and message a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await promise;
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('it did not fail');
}

/** Runs a program without blocking this thread: it may serve what the program looks at. */
export function run(
  program: string,
  ...words: readonly string[]
): Promise<{ readonly status: number; readonly output: string; readonly error: string }> {
  return new Promise((resolve) => {
    execFile(program, words, { timeout: 10_000, killSignal: 'SIGKILL' }, (failed, output, error) => {
      resolve({ status: failed === null ? 0 : typeof failed.code === 'number' ? failed.code : 255, output, error });
    });
  });
}
