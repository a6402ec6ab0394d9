// Reads one request: header, fields and names, bounds-checked, without allocating for numbers.
//
//   0      4       8        16       24   28   32   36        40
//   | len  | opcode| unique | nodeid | uid| gid| pid| extlen  | payload ...
//
// The view over the receive buffer is made once and kept, so one buffer should be used again and again.
// 64-bit fields are numbers: what does not fit a safe integer is refused where it is read.
import { ERRNO, errno, fail } from '../errno.ts';
import { IN_HEADER_BYTES, LINK_BYTES_MAX, NAME_BYTES_MAX, WRITE_DATA_AT } from './abi.ts';
import { Slices } from './slices.ts';

const HIGH = 0x1_0000_0000;
const SLASH = 0x2f;
const DOT = 0x2e;
const EFBIG = errno(ERRNO.EFBIG);
const EBADF = errno(ERRNO.EBADF);
const ESTALE = errno(ERRNO.ESTALE);

export class Request {
  opcode = 0;
  length = 0;
  uniqueLow = 0;
  uniqueHigh = 0;
  node = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  private buffer: Buffer = Buffer.alloc(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  private slices = new Slices(this.buffer, 0);
  /** Where the last name read ended (behind its NUL). */
  private nameEnd = 0;

  /** Takes a request; false means that not even a header is there, so nobody can be answered. */
  load(buffer: Buffer, length: number): boolean {
    if (length < IN_HEADER_BYTES || length > buffer.length) return false;
    if (buffer !== this.buffer) this.adopt(buffer);
    const view = this.view;
    this.length = length;
    this.opcode = view.getUint32(4, true);
    this.uniqueLow = view.getUint32(8, true);
    this.uniqueHigh = view.getUint32(12, true);
    this.node = view.getUint32(16, true) + view.getUint32(20, true) * HIGH;
    this.uid = view.getUint32(24, true);
    this.gid = view.getUint32(28, true);
    this.pid = view.getUint32(32, true);
    return true;
  }

  private adopt(buffer: Buffer): void {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    this.slices = new Slices(buffer, WRITE_DATA_AT);
  }

  /** Whether the length in the header is the length received. */
  get sound(): boolean {
    return this.view.getUint32(0, true) === this.length;
  }

  /** The request's number, for maps. The kernel counts up by two from a small number, so it stays safe. */
  get unique(): number {
    return this.uniqueLow + this.uniqueHigh * HIGH;
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  u64(at: number): number {
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * HIGH;
  }

  i64(at: number): number {
    return this.view.getUint32(at, true) + this.view.getInt32(at + 4, true) * HIGH;
  }

  /** A size or offset; greater than a safe integer is EFBIG. */
  extent(at: number): number {
    const value = this.u64(at);
    if (value > Number.MAX_SAFE_INTEGER) throw EFBIG;
    return value;
  }

  /** A file handle; one that was never handed out is EBADF. */
  handle(at: number): number {
    const value = this.u64(at);
    if (value > Number.MAX_SAFE_INTEGER) throw EBADF;
    return value;
  }

  /** A node id in the payload; one that was never handed out is ESTALE. */
  nodeAt(at: number): number {
    const value = this.u64(at);
    if (value > Number.MAX_SAFE_INTEGER || value === 0) throw ESTALE;
    return value;
  }

  /** The name of a directory entry at `at`: 1-255 bytes, no slash, neither `.` nor `..`. */
  name(at: number): string {
    const end = this.terminator(at);
    const length = end - at;
    if (length > NAME_BYTES_MAX) fail('ENAMETOOLONG');
    if (length === 0 || this.isDots(at, length)) fail('EINVAL');
    const buffer = this.buffer;
    for (let index = at; index < end; index++) if (buffer[index] === SLASH) fail('EINVAL');
    return buffer.toString('latin1', at, end);
  }

  /** The name behind the last one read (RENAME, SYMLINK). */
  nextName(): string {
    return this.name(this.nameEnd);
  }

  /** The text of a symbolic link behind the last name read, 1-4095 bytes of anything. */
  nextLinkTarget(): string {
    const at = this.nameEnd;
    const end = this.terminator(at);
    if (end === at) fail('ENOENT');
    if (end - at > LINK_BYTES_MAX) fail('ENAMETOOLONG');
    return this.buffer.toString('latin1', at, end);
  }

  /** The name of an extended attribute: 1-255 bytes, slashes allowed. */
  xattrName(at: number): string {
    const end = this.terminator(at);
    if (end === at || end - at > NAME_BYTES_MAX) fail('ERANGE');
    return this.buffer.toString('latin1', at, end);
  }

  /** `length` bytes behind the last name read: a copy, as setxattr is rare and its value is kept. */
  nextBytes(length: number): Buffer {
    const at = this.nameEnd;
    if (at + length > this.length) fail('EINVAL');
    return Buffer.from(this.buffer.subarray(at, at + length));
  }

  /** The data of a WRITE: a kept view, valid until the next request. */
  writeData(length: number): Buffer {
    if (WRITE_DATA_AT + length > this.length) fail('EINVAL');
    return this.slices.of(length);
  }

  private terminator(at: number): number {
    const { buffer, length } = this;
    let index = at;
    while (index < length && buffer[index] !== 0) index++;
    if (index >= length) fail('EINVAL');
    this.nameEnd = index + 1;
    return index;
  }

  private isDots(at: number, length: number): boolean {
    return this.buffer[at] === DOT && (length === 1 || (length === 2 && this.buffer[at + 1] === DOT));
  }
}
