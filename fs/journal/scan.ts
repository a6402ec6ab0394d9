// Reads the segments back, checks every record, and tells a torn tail from damage.
//
// Only what was never acknowledged may be cut off, and it can only be at the end of the last segment:
// - after a process crash: a last record with too few bytes (the write was cut short);
// - after power loss: whatever follows the last flush. A record behind it that knows of a later flush proves damage;
// - after a clean end: nothing.
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { must } from '../errno.ts';
import { fsync, ftruncate } from '../host/syscall.ts';
import { StoreFailure } from '../store/failure.ts';
import { HEADER_BYTES, KIND, type Kind, readHeader, readPayload, recordBytes } from './record.ts';
import { listSegments } from './segment.ts';

/** How the store was left: by a clean end, a process crash in this boot, or without a clean end in an earlier boot. */
export type Ending = 'clean' | 'crash' | 'reboot';

export interface ScannedRecord {
  readonly seq: number;
  readonly kind: Kind;
  readonly payload: Buffer;
  readonly file: string;
  readonly offset: number;
}

export interface Scan {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Sequences of mutations that were appended, but whose commit failed. */
  readonly aborted: ReadonlySet<number>;
  /** What was cut off the end. */
  readonly cutBytes: number;
}

/**
 * Checks all records of the journal in `directory` (a byte string) and cuts a torn tail off.
 * @throws StoreFailure (corrupt) with file and offset
 */
export function checkSegments(directory: string, ending: Ending): Scan {
  const aborted = new Set<number>();
  const segments = listSegments(directory);
  const firstSeq = segments[0]?.firstSeq ?? 1;
  let lastSeq = firstSeq - 1;
  let cutBytes = 0;
  for (const [index, segment] of segments.entries()) {
    const file = `${directory}/${segment.name}`;
    if (segment.firstSeq !== lastSeq + 1) {
      throw new StoreFailure('corrupt', file, `begins at record ${segment.firstSeq}, expected ${lastSeq + 1}`, 0);
    }
    const buffer = readFileSync(Buffer.from(file, 'latin1'));
    const end = walk(buffer, file, lastSeq, (record) => {
      lastSeq = record.seq;
      if (record.kind === KIND.abort) aborted.add(record.payload.readUIntLE(0, 6));
    });
    if (end === buffer.length) continue;
    refuseDamage({ buffer, file, offset: end, seq: lastSeq + 1, ending, isLast: index === segments.length - 1 });
    cutBytes = buffer.length - end;
    cutTail(file, end);
  }
  return { firstSeq, lastSeq, aborted, cutBytes };
}

/** Calls `visit` for each record after `afterSeq`, in order, without those that were aborted. The journal is sound. */
export function replaySegments(
  directory: string,
  afterSeq: number,
  aborted: ReadonlySet<number>,
  visit: (record: ScannedRecord) => void,
): void {
  const segments = listSegments(directory);
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next !== undefined && next.firstSeq - 1 <= afterSeq) continue;
    const file = `${directory}/${segment.name}`;
    const buffer = readFileSync(Buffer.from(file, 'latin1'));
    walk(buffer, file, segment.firstSeq - 1, (record) => {
      if (record.seq > afterSeq && !aborted.has(record.seq)) visit(record);
    });
  }
}

/** Visits sound records in sequence; returns where they end. */
function walk(buffer: Buffer, file: string, lastSeq: number, visit: (record: ScannedRecord) => void): number {
  let at = 0;
  let seq = lastSeq;
  while (at < buffer.length) {
    const header = readHeader(buffer, at);
    if (header === undefined || header.seq !== seq + 1) return at;
    const payload = readPayload(buffer, at, header);
    if (payload === undefined) return at;
    seq = header.seq;
    visit({ seq, kind: header.kind, payload, file, offset: at });
    at += recordBytes(header.length);
  }
  return at;
}

interface BadRecord {
  readonly buffer: Buffer;
  readonly file: string;
  readonly offset: number;
  /** The sequence it should have. */
  readonly seq: number;
  readonly ending: Ending;
  readonly isLast: boolean;
}

/** Returns only if the bad record is a torn tail. */
function refuseDamage(bad: BadRecord): void {
  const { buffer, file, offset, seq } = bad;
  const refuse = (reason: string): never => {
    throw new StoreFailure('corrupt', file, `record ${seq} ${reason}; the journal is not repaired by itself`, offset);
  };
  if (!bad.isLast) refuse('is damaged, and later segments follow it');
  if (bad.ending === 'clean') refuse('is damaged, though the store was closed cleanly');
  if (isCutShort(buffer, offset, seq)) return;
  if (bad.ending === 'crash') refuse('is damaged');
  // A record that follows and knows of a flush at or after this one: this one had reached the disk.
  for (let at = (offset + 8) & ~7; at + HEADER_BYTES <= buffer.length; at += 8) {
    const header = readHeader(buffer, at);
    if (header !== undefined && header.seq > seq && header.synced >= seq) {
      refuse(`is damaged: record ${header.seq} knows that it had been flushed`);
    }
  }
}

/** The file ends within the record. */
function isCutShort(buffer: Buffer, offset: number, seq: number): boolean {
  if (buffer.length - offset < HEADER_BYTES) return true;
  const header = readHeader(buffer, offset);
  return header !== undefined && header.seq === seq && offset + recordBytes(header.length) > buffer.length;
}

function cutTail(file: string, sizeBytes: number): void {
  const fd = openSync(Buffer.from(file, 'latin1'), constants.O_RDWR);
  try {
    must(ftruncate(fd, sizeBytes));
    must(fsync(fd));
  } finally {
    closeSync(fd);
  }
}
