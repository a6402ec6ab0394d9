// Brings the audit log to where the journal ends: lines that a crash kept from it are written again, byte for byte.
//
// A log that says something else than the journal is damage, or somebody's hand: refused, never overwritten. Only after
// an unclean reboot may bytes that were never flushed differ.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ChainState, EMPTY_CHAIN, hashLine } from '../audit/chain.ts';
import { AUDIT_LOG } from '../audit/log.ts';
import { must } from '../errno.ts';
import { ftruncate, pread, write } from '../host/syscall.ts';
import { StoreFailure } from '../store/failure.ts';
import type { CheckpointHead } from './checkpoint.ts';
import { KIND, visitMutation } from './record.ts';
import { type Ending, replaySegments, type Scan } from './scan.ts';

export type AuditBase = CheckpointHead;

export interface AuditRestoreOptions {
  readonly directory: string;
  readonly ending: Ending;
  readonly scan: Scan;
  readonly base: AuditBase;
}

/** More than the longest line there can be. */
const LINE_BYTES_MAX = 256 << 10;
const NEWLINE = 0x0a;

export function restoreAudit(options: AuditRestoreOptions): { chain: ChainState; restored: number } {
  const { directory, base, scan } = options;
  const file = `${directory}/${AUDIT_LOG}`;
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
  const fd = openSync(Buffer.from(file, 'latin1'), flags, 0o600);
  try {
    checkBase(fd, file, base);
    const lines = journalLines(directory, base, scan);
    const present = matchLines(fd, file, base.audit.sizeBytes, lines.lines, options.ending);
    if (present.extraBytes > 0) must(ftruncate(fd, present.sizeBytes));
    const missing = lines.lines.slice(present.count);
    for (const line of missing) writeLine(fd, line);
    return { chain: lines.chain, restored: missing.length };
  } finally {
    closeSync(fd);
  }
}

/** The log must still hold, at the checkpoint's size, the line that the checkpoint knew as its last. */
function checkBase(fd: number, file: string, base: AuditBase): void {
  const { sizeBytes, seq, head } = base.audit;
  if (fstatSync(fd).size < sizeBytes) {
    throw new StoreFailure(
      'corrupt',
      file,
      `holds less than the ${sizeBytes} bytes of its ${seq} checkpointed entries`,
    );
  }
  if (seq === 0) return;
  const start = Math.max(0, sizeBytes - LINE_BYTES_MAX);
  const buffer = Buffer.alloc(sizeBytes - start);
  must(pread(fd, buffer, buffer.length, start));
  const end = buffer.length - 1;
  const line = buffer.subarray(buffer.lastIndexOf(NEWLINE, end - 1) + 1, end);
  if (buffer[end] !== NEWLINE || hashLine(line) !== head) {
    throw new StoreFailure(
      'corrupt',
      file,
      `entry ${seq} is not the one that was checkpointed`,
      sizeBytes - line.length - 1,
    );
  }
}

/** The audit lines of all records after the base, and where the chain ends. */
function journalLines(directory: string, base: AuditBase, scan: Scan): { lines: Buffer[]; chain: ChainState } {
  const lines: Buffer[] = [];
  let chain: ChainState = base.audit.seq === 0 ? EMPTY_CHAIN : { seq: base.audit.seq, head: base.audit.head };
  replaySegments(directory, base.seq, scan.aborted, ({ kind, payload, file, offset }) => {
    if (kind !== KIND.mutation) return;
    const audit = (line: Buffer) => {
      if (!line.includes(`{"seq":${chain.seq + 1},`) || !line.includes(`"prev":"${chain.head}"`)) {
        throw new StoreFailure('corrupt', file, `an audit entry that does not follow entry ${chain.seq}`, offset);
      }
      lines.push(Buffer.from(line));
      chain = { seq: chain.seq + 1, head: hashLine(line) };
    };
    visitMutation(payload, { put: () => undefined, remove: () => undefined, audit });
  });
  return { lines, chain };
}

/** How many of the lines the log holds already. */
function matchLines(fd: number, file: string, start: number, lines: readonly Buffer[], ending: Ending) {
  const tail = readFrom(fd, start);
  let at = 0;
  let count = 0;
  for (const line of lines) {
    const end = at + line.length;
    if (!tail.subarray(at, end).equals(line) || tail[end] !== NEWLINE) break;
    at = end + 1;
    count += 1;
  }
  const extraBytes = tail.length - at;
  const rest = tail.subarray(at);
  const next = lines[count];
  const isCutShort = next !== undefined && rest.length <= next.length && next.subarray(0, rest.length).equals(rest);
  if (extraBytes > 0 && ending !== 'reboot' && !(isCutShort && ending === 'crash')) {
    throw new StoreFailure('corrupt', file, 'differs from the journal; it is not repaired by itself', start + at);
  }
  return { count, sizeBytes: start + at, extraBytes };
}

/** `readFileSync` on a descriptor reads from its position: this one from `start`. */
function readFrom(fd: number, start: number): Buffer {
  const buffer = Buffer.alloc(fstatSync(fd).size - start);
  let filled = 0;
  while (filled < buffer.length) {
    const count = must(pread(fd, buffer.subarray(filled), buffer.length - filled, start + filled));
    if (count === 0) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}

function writeLine(fd: number, line: Buffer): void {
  const whole = Buffer.concat([line, Buffer.from([NEWLINE])]);
  let done = 0;
  while (done < whole.length) done += must(write(fd, whole.subarray(done), whole.length - done));
}

/** The text of a file beside the ledger; '' where there is none. */
export function readTextFile(path: string): string {
  try {
    return readFileSync(Buffer.from(path, 'latin1'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
