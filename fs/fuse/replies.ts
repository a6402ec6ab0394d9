// Writes one reply into a buffer that is used for every request.
//
//   0     4       8        16
//   | len | error | unique | payload ...
//
// `payloadBytes` is what the handler has filled; an error drops it, since the kernel refuses a payload beside one.
import type { Attributes, AttributesReply, Entry, FileSystemStatistics, OpenReply } from '../operations.ts';
import { OUT_HEADER_BYTES, REPLY_BYTES_MAX, SIZE, STATX_MASK } from './abi.ts';
import { outward } from './ids.ts';
import type { Request } from './requests.ts';
import { Slices } from './slices.ts';

const HIGH = 0x1_0000_0000;
/** The longest life the kernel is told: a year, so that no arithmetic overflows. */
const VALID_MS_MAX = 365 * 86_400_000;

export class Reply {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(REPLY_BYTES_MAX);
  payloadBytes = 0;
  private readonly view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length);
  private readonly payloads = new Slices(this.buffer, OUT_HEADER_BYTES);
  private readonly idShift: number;
  constructor(idShift: number) {
    this.idShift = idShift;
  }

  /** Starts the answer to a request. */
  begin(request: Request): void {
    this.payloadBytes = 0;
    this.view.setUint32(8, request.uniqueLow, true);
    this.view.setUint32(12, request.uniqueHigh, true);
  }

  /** Completes the header; returns the length of the whole. `error` is a positive number, 0 for success. */
  finish(error: number): number {
    const length = OUT_HEADER_BYTES + (error === 0 ? this.payloadBytes : 0);
    this.view.setUint32(0, length, true);
    this.view.setInt32(4, -error, true);
    return length;
  }

  /** The first `length` payload bytes, to be filled by the callee (READ). */
  payload(length: number): Buffer {
    return this.payloads.of(length);
  }

  u32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  /** A safe integer, signed or not: two's complement in 64 bits. */
  i64(at: number, value: number): void {
    this.view.setUint32(at, value >>> 0, true);
    this.view.setInt32(at + 4, Math.floor(value / HIGH), true);
  }

  readI64(at: number): number {
    return this.view.getUint32(at, true) + this.view.getInt32(at + 4, true) * HIGH;
  }

  readU32(at: number): number {
    return this.view.getUint32(at, true);
  }

  zero(from: number, to: number): void {
    this.buffer.fill(0, from, to);
  }

  /** The payload is a copy of `bytes`. */
  bytes(bytes: Buffer): void {
    bytes.copy(this.buffer, OUT_HEADER_BYTES);
    this.payloadBytes = bytes.length;
  }

  /** The payload is a byte string (latin1). */
  text(text: string): void {
    this.payloadBytes = this.buffer.write(text, OUT_HEADER_BYTES, 'latin1');
  }

  /** `fuse_entry_out`. */
  entry(entry: Entry): void {
    this.entryAt(OUT_HEADER_BYTES, entry);
    this.payloadBytes = SIZE.entryOut;
  }

  /** `fuse_entry_out` and `fuse_open_out` (CREATE, TMPFILE). */
  created(created: Entry & OpenReply): void {
    this.entryAt(OUT_HEADER_BYTES, created);
    this.openAt(OUT_HEADER_BYTES + SIZE.entryOut, created);
    this.payloadBytes = SIZE.entryOut + SIZE.openOut;
  }

  /** `fuse_open_out`. */
  opened(open: OpenReply): void {
    this.openAt(OUT_HEADER_BYTES, open);
    this.payloadBytes = SIZE.openOut;
  }

  /** `fuse_attr_out`. */
  attributes(reply: AttributesReply): void {
    this.validAt(OUT_HEADER_BYTES, OUT_HEADER_BYTES + 8, reply.attributesValidMs);
    this.u32(OUT_HEADER_BYTES + 12, 0);
    this.attributesAt(OUT_HEADER_BYTES + 16, reply.attributes);
    this.payloadBytes = SIZE.attrOut;
  }

  /** `fuse_entry_out` at `at`. */
  entryAt(at: number, entry: Entry): void {
    this.i64(at, entry.nodeId);
    this.i64(at + 8, 0);
    this.validAt(at + 16, at + 32, entry.entryValidMs);
    this.validAt(at + 24, at + 36, entry.attributesValidMs);
    if (entry.nodeId === 0) this.zero(at + 40, at + SIZE.entryOut);
    else this.attributesAt(at + 40, entry.attributes);
  }

  private openAt(at: number, open: OpenReply): void {
    this.i64(at, open.handle);
    this.u32(at + 8, open.openFlags);
    this.u32(at + 12, open.backingId);
  }

  /** A life in seconds (u64) and nanoseconds (u32). */
  private validAt(secondsAt: number, nanosecondsAt: number, validMs: number): void {
    const bounded = Math.min(Math.max(validMs, 0), VALID_MS_MAX) || 0;
    const seconds = Math.floor(bounded / 1000);
    this.i64(secondsAt, seconds);
    this.u32(nanosecondsAt, Math.floor((bounded - seconds * 1000) * 1_000_000));
  }

  /** `fuse_attr` at `at`. */
  private attributesAt(at: number, attributes: Attributes): void {
    const view = this.view;
    this.i64(at, attributes.ino);
    this.i64(at + 8, attributes.size);
    this.i64(at + 16, attributes.blocks);
    this.i64(at + 24, attributes.atimeSec);
    this.i64(at + 32, attributes.mtimeSec);
    this.i64(at + 40, attributes.ctimeSec);
    view.setUint32(at + 48, attributes.atimeNsec, true);
    view.setUint32(at + 52, attributes.mtimeNsec, true);
    view.setUint32(at + 56, attributes.ctimeNsec, true);
    view.setUint32(at + 60, attributes.mode, true);
    view.setUint32(at + 64, attributes.nlink, true);
    view.setUint32(at + 68, outward(attributes.uid, this.idShift), true);
    view.setUint32(at + 72, outward(attributes.gid, this.idShift), true);
    view.setUint32(at + 76, attributes.rdev, true);
    view.setUint32(at + 80, attributes.blksize, true);
    view.setUint32(at + 84, 0, true);
  }

  /** `fuse_statx_out`: what GETATTR says, and the birth time. */
  statx(reply: AttributesReply): void {
    const attributes = reply.attributes;
    const at = OUT_HEADER_BYTES;
    this.zero(at, at + SIZE.statxOut);
    this.validAt(at, at + 8, reply.attributesValidMs);
    const stat = at + 32;
    this.u32(stat, STATX_MASK);
    this.u32(stat + 4, attributes.blksize);
    this.u32(stat + 16, attributes.nlink);
    this.u32(stat + 20, outward(attributes.uid, this.idShift));
    this.u32(stat + 24, outward(attributes.gid, this.idShift));
    this.u32(stat + 28, attributes.mode & 0xffff);
    this.i64(stat + 32, attributes.ino);
    this.i64(stat + 40, attributes.size);
    this.i64(stat + 48, attributes.blocks);
    this.timeAt(stat + 64, attributes.atimeSec, attributes.atimeNsec);
    this.timeAt(stat + 80, attributes.btimeSec, attributes.btimeNsec);
    this.timeAt(stat + 96, attributes.ctimeSec, attributes.ctimeNsec);
    this.timeAt(stat + 112, attributes.mtimeSec, attributes.mtimeNsec);
    this.u32(stat + 128, (attributes.rdev & 0xfff00) >>> 8);
    this.u32(stat + 132, (attributes.rdev & 0xff) | ((attributes.rdev >>> 12) & 0xfff00));
    this.payloadBytes = SIZE.statxOut;
  }

  private timeAt(at: number, seconds: number, nanoseconds: number): void {
    this.i64(at, seconds);
    this.u32(at + 8, nanoseconds);
  }

  /** `fuse_statfs_out`. */
  statfs(statistics: FileSystemStatistics): void {
    const at = OUT_HEADER_BYTES;
    this.zero(at, at + SIZE.kstatfs);
    this.i64(at, statistics.blocks);
    this.i64(at + 8, statistics.blocksFree);
    this.i64(at + 16, statistics.blocksAvailable);
    this.i64(at + 24, statistics.files);
    this.i64(at + 32, statistics.filesFree);
    this.u32(at + 40, statistics.blockSizeBytes);
    this.u32(at + 44, statistics.nameBytesMax);
    this.u32(at + 48, statistics.blockSizeBytes);
    this.payloadBytes = SIZE.kstatfs;
  }
}
