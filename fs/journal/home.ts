// The directory of a ledger: its lock, its format number, and the mark that tells how it was left.
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { must } from '../errno.ts';
import { flock, fsync } from '../host/syscall.ts';
import { StoreFailure } from '../store/failure.ts';
import type { Ending } from './scan.ts';
import { syncDirectory } from './segment.ts';

/** Newer is refused; older would be migrated after a copy (there is none yet). */
export const FORMAT = 1;
const LOCK_EX_NB = 2 | 4;
const MARK = 'open';
const native = (path: string): Buffer => Buffer.from(path, 'latin1');

/**
 * Makes the directory if need be and takes its lock; the descriptor holds the lock until it is closed.
 * @throws StoreFailure (locked) where another kernel has it
 */
export function lockDirectory(directory: string): number {
  mkdirSync(native(directory), { recursive: true, mode: 0o700 });
  const status = lstatSync(native(directory));
  if (!status.isDirectory()) throw new StoreFailure('unsafe', directory, 'not a directory');
  if ((status.mode & 0o077) !== 0 || status.uid !== process.geteuid?.()) {
    throw new StoreFailure('unsafe', directory, `must be yours alone; run: chmod 0700 '${directory}'`);
  }
  const fd = openSync(native(`${directory}/lock`), constants.O_RDWR | constants.O_CREAT, 0o600);
  if (flock(fd, LOCK_EX_NB) === 0) return fd;
  closeSync(fd);
  throw new StoreFailure('locked', directory, 'another kernel has it open; stop that one first (agentsh shutdown)');
}

/** Checks the format number; writes it where the directory is new. */
export function checkFormat(directory: string): void {
  const text = readText(`${directory}/format`);
  if (text === undefined) {
    writeDurably(directory, 'format', `${FORMAT}\n`);
    return;
  }
  const format = /^\d{1,9}\n$/.test(text) ? Number(text) : Number.NaN;
  if (format === FORMAT) return;
  const reason =
    format > FORMAT ? `has format ${format}; this version reads ${FORMAT}` : 'has an unreadable format number';
  throw new StoreFailure('format', `${directory}/format`, reason);
}

/** How the directory was left by whoever had it last. */
export function readEnding(directory: string, bootId: string): Ending {
  const text = readText(`${directory}/${MARK}`);
  if (text === undefined) return 'clean';
  return text === `${bootId}\n` ? 'crash' : 'reboot';
}

/** From now on, until `markClosed`, the directory counts as in use in this boot. */
export function markOpen(directory: string, bootId: string): void {
  writeDurably(directory, MARK, `${bootId}\n`);
}

/** Everything is flushed: the next opening may trust all of it. */
export function markClosed(directory: string): void {
  unlinkSync(native(`${directory}/${MARK}`));
  syncDirectory(directory);
}

export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(native(path), 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Old or new after any crash, never half. */
function writeDurably(directory: string, name: string, text: string): void {
  const temporary = `${directory}/${name}.tmp`;
  const fd = openSync(native(temporary), 'w', 0o600);
  try {
    writeSync(fd, text);
    must(fsync(fd));
  } finally {
    closeSync(fd);
  }
  renameSync(native(temporary), native(`${directory}/${name}`));
  syncDirectory(directory);
}
