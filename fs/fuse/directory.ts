// Directory records, written straight into the reply.
//
//   fuse_dirent:     | ino 8 | off 8 | namelen 4 | type 4 | name, padded to 8 |
//   fuse_direntplus: | fuse_entry_out 128 | fuse_dirent ... |
//
// A record the kernel would choke on (name over-long, empty, with a slash or NUL; a cookie of 0) never leaves:
// the whole reply becomes EIO and counts as a defect of the operations.
import type { DirectorySink, Entry } from '../operations.ts';
import { NAME_BYTES_MAX, OUT_HEADER_BYTES, SIZE } from './abi.ts';
import type { Reply } from './replies.ts';

const SLASH = 0x2f;
const DOT = 0x2e;
const padded = (bytes: number): number => (bytes + 7) & ~7;

export class DirectoryWriter implements DirectorySink {
  private readonly reply: Reply;
  private at = OUT_HEADER_BYTES;
  private end = OUT_HEADER_BYTES;
  private plus = false;
  constructor(reply: Reply) {
    this.reply = reply;
  }

  /** Starts a reply of at most `limitBytes`. */
  begin(limitBytes: number, plus: boolean): void {
    this.at = OUT_HEADER_BYTES;
    this.end = Math.min(OUT_HEADER_BYTES + limitBytes, this.reply.buffer.length);
    this.plus = plus;
    this.reply.payloadBytes = 0;
  }

  add(name: string, ino: number, type: number, nextOffset: number): boolean {
    const head = this.plus ? SIZE.entryOut : 0;
    const size = head + padded(SIZE.dirent + name.length);
    check(name, nextOffset);
    if (this.at + size > this.end) return false;
    if (this.plus) this.reply.zero(this.at, this.at + SIZE.entryOut);
    this.direntAt(this.at + head, name, ino, type, nextOffset);
    return this.took(size);
  }

  addPlus(name: string, entry: Entry, ino: number, type: number, nextOffset: number): boolean {
    if (!this.plus) throw new Error('a plain directory read cannot count lookups');
    const size = padded(SIZE.direntplus + name.length);
    check(name, nextOffset);
    if (this.at + size > this.end) return false;
    this.reply.entryAt(this.at, entry);
    this.direntAt(this.at + SIZE.entryOut, name, ino, type, nextOffset);
    return this.took(size);
  }

  private took(size: number): true {
    this.at += size;
    this.reply.payloadBytes = this.at - OUT_HEADER_BYTES;
    return true;
  }

  private direntAt(at: number, name: string, ino: number, type: number, nextOffset: number): void {
    const { reply } = this;
    const { buffer } = reply;
    const length = name.length;
    reply.i64(at, ino);
    reply.i64(at + 8, nextOffset);
    reply.u32(at + 16, length);
    reply.u32(at + 20, type);
    const nameAt = at + SIZE.dirent;
    for (let index = 0; index < length; index++) buffer[nameAt + index] = name.charCodeAt(index);
    // The padding is copied to the kernel too: nothing of an earlier reply may be in it.
    for (let index = nameAt + length; index < at + padded(SIZE.dirent + length); index++) buffer[index] = 0;
  }
}

function check(name: string, nextOffset: number): void {
  if (name.length === 0 || name.length > NAME_BYTES_MAX) throw new Error(`directory name of ${name.length} bytes`);
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code === 0 || code === SLASH || code > 0xff) throw new Error('directory name with a byte that no name has');
  }
  if (!(nextOffset > 0 && nextOffset <= Number.MAX_SAFE_INTEGER)) throw new Error(`directory cookie ${nextOffset}`);
}

/** Calls back for each node whose lookup a readdirplus reply counts. */
export function eachCounted(reply: Reply, visit: (node: number) => void): void {
  let at = OUT_HEADER_BYTES;
  const end = OUT_HEADER_BYTES + reply.payloadBytes;
  while (at + SIZE.direntplus <= end) {
    const node = reply.readI64(at);
    const length = reply.readU32(at + SIZE.entryOut + 16);
    if (node !== 0 && !isDots(reply.buffer, at + SIZE.direntplus, length)) visit(node);
    at += padded(SIZE.direntplus + length);
  }
}

const isDots = (buffer: Buffer, at: number, length: number): boolean =>
  buffer[at] === DOT && (length === 1 || (length === 2 && buffer[at + 1] === DOT));
