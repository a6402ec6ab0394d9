// Entry of the kernel process: takes the home, boots, tells whoever started it, ends on SIGTERM.
//
//   main.js [--exit-with-last] [--ready-fd=N]     N gets one line: {"ready":true} or {"error":{"code","message"}}
import { closeSync, writeSync } from 'node:fs';
import { Kernel } from './kernel.ts';
import { KernelLog } from './kernelLog.ts';
import { lockHome } from './lock.ts';
import { makePlaces, placesOf } from './places.ts';
import { programUrl } from './program.ts';
import { failureOf, RequestError } from './requestError.ts';

const IDLE_TIMEOUT_SECONDS = 300;
const IDLE_TIMEOUT_SECONDS_MAX = 7 * 24 * 3600;
const READY_FD = /^--ready-fd=(\d{1,4})$/;
const LAST_RESORT_MS = 5000;
const STDERR = 2;

/** Stores, sockets and temporary files are the user's alone, whatever the caller's mask. */
process.umask(0o077);
process.title = 'agentsh-kernel';
void main(process.argv.slice(2));

async function main(parameters: readonly string[]): Promise<void> {
  const readyFd = parameters.map((word) => READY_FD.exec(word)?.[1]).find((digits) => digits !== undefined);
  try {
    await boot(parameters.includes('--exit-with-last'));
    tell(readyFd, { ready: true });
  } catch (error) {
    tell(readyFd, { error: failureOf(error) });
    process.exit(1);
  }
}

async function boot(exitWithLast: boolean): Promise<void> {
  const idleTimeoutMs = idleTimeout(process.env.AGENTSH_IDLE_TIMEOUT_SECS);
  const places = placesOf(process.env);
  makePlaces(places);
  lockHome(places.lock);
  const log = new KernelLog(places.log);
  let kernel: Kernel | undefined;
  process.on('SIGHUP', () => {});
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void kernel?.end(signal));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => collapse(log, kernel, error));
  }
  try {
    kernel = await Kernel.boot({
      places,
      log,
      exitWithLast,
      idleTimeoutMs,
      agentProgram: programUrl('agentWorker'),
      operatorProgram: programUrl('operatorWorker'),
      ended: () => process.exit(0),
    });
  } catch (error) {
    log.error('boot failed', error);
    throw error;
  }
}

function idleTimeout(text: string | undefined): number {
  const seconds = text === undefined || text === '' ? IDLE_TIMEOUT_SECONDS : Number(text);
  if (Number.isFinite(seconds) && seconds >= 0 && seconds <= IDLE_TIMEOUT_SECONDS_MAX) return seconds * 1000;
  throw new RequestError('EINVAL', `AGENTSH_IDLE_TIMEOUT_SECS=${text}: is no number of seconds up to a week`);
}

/**
 * A defect in the main thread: nothing here can be trusted with new work. Takes the mounts down where that still
 * works, and ends in any case; the next command starts a kernel that cleans up.
 */
function collapse(log: KernelLog, kernel: Kernel | undefined, error: unknown): void {
  log.error('defect in the main thread', error);
  // exit() would wait for threads that sleep in poll(2): only a signal ends the process for certain.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LAST_RESORT_MS);
  void kernel?.end('defect');
}

/** To whoever started us; in the foreground that is whoever reads stderr. */
function tell(readyFd: string | undefined, message: unknown): void {
  try {
    writeSync(Number(readyFd ?? STDERR), `${JSON.stringify(message)}\n`);
    if (readyFd !== undefined) closeSync(Number(readyFd));
  } catch {
    // Whoever started us has gone; the kernel serves others.
  }
}
