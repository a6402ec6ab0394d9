// The journal as files: append-only segments named after the sequence of their first record.
//
// A record is appended by one write(2). A write that the disk cut short is taken back. Space is reserved ahead, so that
// a full disk is met before anything is half done: mutations stop first, audit records and aborts may use the reserve.
import { closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs';
import { ERRNO, errno, must } from '../errno.ts';
import { fallocate, fdatasync, fsync, ftruncate, write } from '../host/syscall.ts';

export const SEGMENT_BYTES = 16 << 20;
const RESERVE_STEP_BYTES = 1 << 20;
/** What a mutation leaves free for audit records, and an audit record for an abort. */
const RESERVE_BYTES = { mutation: 256 << 10, audit: 4 << 10, abort: 0 } as const;
export type Urgency = keyof typeof RESERVE_BYTES;
const FALLOC_FL_KEEP_SIZE = 1;
const SEQ_DIGITS = 16;

export const segmentName = (firstSeq: number): string => `journal-${String(firstSeq).padStart(SEQ_DIGITS, '0')}.seg`;

export interface SegmentFile {
  readonly name: string;
  readonly firstSeq: number;
}

/** The segments of a directory (a byte string), oldest first. */
export function listSegments(directory: string): SegmentFile[] {
  return listNumbered(directory, /^journal-(\d{16})\.seg$/);
}

/** Files whose name carries a sequence, lowest first. */
export function listNumbered(directory: string, pattern: RegExp): SegmentFile[] {
  const names = readdirSync(Buffer.from(directory, 'latin1')) as unknown as string[];
  const found: SegmentFile[] = [];
  for (const name of names.sort()) {
    const match = pattern.exec(name);
    if (match?.[1] !== undefined) found.push({ name, firstSeq: Number(match[1]) });
  }
  return found;
}

export function syncDirectory(directory: string): void {
  const fd = openSync(Buffer.from(directory, 'latin1'), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    must(fsync(fd));
  } finally {
    closeSync(fd);
  }
}

export interface SegmentWriterOptions {
  /** A byte string (latin1). */
  readonly directory: string;
  /** The sequence of the last record there is. */
  readonly lastSeq: number;
  readonly segmentBytes: number;
  readonly fault: (point: string) => void;
}

export class SegmentWriter {
  private readonly options: SegmentWriterOptions;
  private fd: number;
  private sizeBytes: number;
  private reservedBytes: number;
  private last: number;
  private syncedSeq: number;

  /** Goes on in the last segment, or begins the first. Recovery has cut a torn tail off by now. */
  constructor(options: SegmentWriterOptions) {
    this.options = options;
    this.last = options.lastSeq;
    const newest = listSegments(options.directory).at(-1);
    this.fd = newest === undefined ? this.create() : openSegment(options.directory, newest.name);
    this.sizeBytes = fstatSync(this.fd).size;
    this.reservedBytes = this.sizeBytes;
    this.syncedSeq = 0;
    this.sync();
  }

  get lastSeq(): number {
    return this.last;
  }
  /** The last sequence known to be on disk. */
  get synced(): number {
    return this.syncedSeq;
  }

  /**
   * Appends the first `length` bytes of `record`, which carries sequence `lastSeq + 1`.
   * @throws Errno; nothing was appended then
   */
  append(record: Buffer, length: number, urgency: Urgency): void {
    if (this.sizeBytes >= this.options.segmentBytes) this.roll();
    this.reserve(length, urgency);
    const written = write(this.fd, record, length);
    if (written !== length) {
      this.reservedBytes = this.sizeBytes;
      must(ftruncate(this.fd, this.sizeBytes));
      throw errno(written < 0 ? written : ERRNO.ENOSPC);
    }
    this.sizeBytes += length;
    this.last += 1;
  }

  /** Everything appended so far is on disk when it returns. */
  sync(): void {
    if (this.syncedSeq === this.last && this.last !== 0) return;
    must(fdatasync(this.fd));
    this.syncedSeq = this.last;
  }

  close(): void {
    closeSync(this.fd);
  }

  /** Begins a new segment. The full one is flushed first: only the last segment may ever have a torn tail. */
  private roll(): void {
    ftruncate(this.fd, this.sizeBytes);
    this.sync();
    this.options.fault('segment-full');
    const next = this.create();
    closeSync(this.fd);
    this.fd = next;
    this.sizeBytes = 0;
    this.reservedBytes = 0;
    this.options.fault('segment-rolled');
  }

  private create(): number {
    const path = `${this.options.directory}/${segmentName(this.last + 1)}`;
    const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
    const fd = openSync(Buffer.from(path, 'latin1'), flags, 0o600);
    syncDirectory(this.options.directory);
    return fd;
  }

  /** Makes sure that `length` bytes and the reserve behind them have blocks. */
  private reserve(length: number, urgency: Urgency): void {
    const wanted = this.sizeBytes + length + RESERVE_BYTES[urgency];
    if (wanted <= this.reservedBytes) return;
    const step = Math.max(RESERVE_STEP_BYTES, wanted - this.reservedBytes);
    const status = fallocate(this.fd, FALLOC_FL_KEEP_SIZE, this.reservedBytes, step);
    if (status === 0 || status === -ERRNO.EOPNOTSUPP || status === -ERRNO.ENOSYS) this.reservedBytes += step;
    else throw errno(status);
  }
}

function openSegment(directory: string, name: string): number {
  return openSync(Buffer.from(`${directory}/${name}`, 'latin1'), constants.O_RDWR | constants.O_APPEND);
}
