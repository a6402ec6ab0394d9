// Reads the paths in a git index file (versions 2 to 4), without git: nothing of a repository is ever run.
//
//   header   "DIRC" version:u32 count:u32                             (big endian)
//   entry    62 bytes: ctime 8, mtime 8, dev 4, ino 4, mode 4, uid 4, gid 4, size 4, object name 20, flags 2
//            (object name 32 bytes in a sha256 repository); version 3 and up: 2 more bytes of flags if flag 0x4000
//   name     versions 2, 3: bytes NUL, padded with NULs to a multiple of 8 from the entry's start (1 to 8 NULs)
//            version 4: varint n, bytes NUL: drop n bytes from the end of the previous name, append these
//   then extensions: signature 4, size:u32, data; "link" of a split index names the shared index it builds on
//   last     checksum over all before it (object name's length; zeros where git was told to skip it)
// Source: git's Documentation/gitformat-index.adoc.

export interface GitIndex {
  /** Byte strings (latin1), relative to the work tree, in the file's order. */
  readonly paths: readonly string[];
  /** Hex name of `sharedindex.<name>` for a split index. */
  readonly shared: string | undefined;
  /** Positions in the shared index that this one takes away or replaces. */
  readonly removed: readonly number[];
}

const HEADER_BYTES = 12;
const STAT_BYTES = 40;
const FLAG_EXTENDED = 0x4000;
/** A repository larger than this is treated as one that cannot be read. */
export const INDEX_BYTES_MAX = 512 * 1024 * 1024;
/** Bits a bitmap may stand for: a run length is 32 bits, a loop over it must not be. */
const BITMAP_BITS_MAX = 16 * 1024 * 1024;

/** Throws an Error that says what is wrong: the caller then protects more, not less. */
export function parseGitIndex(bytes: Buffer, objectNameBytes: 20 | 32 = 20): GitIndex {
  if (bytes.length < HEADER_BYTES + objectNameBytes || bytes.toString('latin1', 0, 4) !== 'DIRC') {
    throw new Error('not a git index');
  }
  const version = bytes.readUInt32BE(4);
  if (version < 2 || version > 4) throw new Error(`git index version ${version} is not known`);
  const end = bytes.length - objectNameBytes;
  const paths: string[] = [];
  let offset = HEADER_BYTES;
  let previous = '';
  for (let remaining = bytes.readUInt32BE(8); remaining > 0; remaining--) {
    const start = offset;
    const nameAt = nameOffset(bytes, start, version, objectNameBytes, end);
    const name = version === 4 ? prefixed(bytes, nameAt, previous, end) : plain(bytes, start, nameAt, end);
    paths.push(name.text);
    previous = name.text;
    offset = name.next;
  }
  return { paths, ...linkExtension(bytes, offset, end, objectNameBytes) };
}

function nameOffset(bytes: Buffer, start: number, version: number, objectNameBytes: number, end: number): number {
  const flagsAt = start + STAT_BYTES + objectNameBytes;
  if (flagsAt + 4 > end) throw new Error('git index is cut short');
  const extended = version >= 3 && (bytes.readUInt16BE(flagsAt) & FLAG_EXTENDED) !== 0;
  return flagsAt + (extended ? 4 : 2);
}

interface Name {
  readonly text: string;
  readonly next: number;
}

function plain(bytes: Buffer, start: number, at: number, end: number): Name {
  const nul = terminator(bytes, at, end);
  const next = start + Math.ceil((nul + 1 - start) / 8) * 8;
  return { text: bytes.toString('latin1', at, nul), next };
}

function prefixed(bytes: Buffer, at: number, previous: string, end: number): Name {
  let offset = at;
  let byte = byteAt(bytes, offset++, end);
  let drop = byte & 0x7f;
  // git's offset encoding: each further group counts one more than its bits say.
  while (byte & 0x80) {
    byte = byteAt(bytes, offset++, end);
    drop = (drop + 1) * 128 + (byte & 0x7f);
  }
  if (drop > previous.length) throw new Error('git index drops more of a name than there is');
  const nul = terminator(bytes, offset, end);
  return { text: previous.slice(0, previous.length - drop) + bytes.toString('latin1', offset, nul), next: nul + 1 };
}

function byteAt(bytes: Buffer, offset: number, end: number): number {
  if (offset >= end) throw new Error('git index is cut short');
  return bytes[offset]!;
}

function terminator(bytes: Buffer, at: number, end: number): number {
  const nul = bytes.indexOf(0, at);
  if (nul < 0 || nul >= end) throw new Error('git index is cut short');
  return nul;
}

/** The `link` extension: the shared index's name, then the bitmaps of deleted and of replaced entries (EWAH). */
function linkExtension(
  bytes: Buffer,
  from: number,
  end: number,
  objectNameBytes: number,
): { readonly shared: string | undefined; readonly removed: readonly number[] } {
  for (let offset = from; offset + 8 <= end; ) {
    const sizeBytes = bytes.readUInt32BE(offset + 4);
    const data = bytes.subarray(offset + 8, Math.min(offset + 8 + sizeBytes, end));
    if (bytes.toString('latin1', offset, offset + 4) === 'link') {
      const shared = data.toString('hex', 0, objectNameBytes);
      if (/^0*$/.test(shared)) break;
      // Replaced entries are the second bitmap; they keep their names, so only the deleted ones matter.
      return { shared, removed: data.length > objectNameBytes ? ewahBits(data.subarray(objectNameBytes)) : [] };
    }
    offset += 8 + sizeBytes;
  }
  return { shared: undefined, removed: [] };
}

/** Set bits of an EWAH bitmap: size:u32, words:u32, then 64-bit words (big endian); run-length words among literals. */
function ewahBits(data: Buffer): number[] {
  const bits: number[] = [];
  const words = data.readUInt32BE(4);
  if (8 + words * 8 > data.length) throw new Error('git index is cut short');
  let position = 0;
  for (let word = 0; word < words; ) {
    // Run-length word, from the low bit: the running bit, 32 bits of run length, 31 bits of literal count.
    const value = data.readBigUInt64BE(8 + word++ * 8);
    const run = Number((value >> 1n) & 0xffff_ffffn);
    if (position + run * 64 > BITMAP_BITS_MAX) throw new Error('git index holds a bitmap beyond reason');
    if (value & 1n) for (let bit = 0; bit < run * 64; bit++) bits.push(position + bit);
    position += run * 64;
    for (let literals = Number(value >> 33n); literals > 0 && word < words; literals--, position += 64) {
      const literal = data.readBigUInt64BE(8 + word++ * 8);
      for (let bit = 0; bit < 64; bit++) if ((literal >> BigInt(bit)) & 1n) bits.push(position + bit);
    }
  }
  return bits;
}

/** All tracked paths of an index and the shared one it may build on. Replacing entries have empty names here. */
export function mergeShared(index: GitIndex, shared: GitIndex): readonly string[] {
  const removed = new Set(index.removed);
  const kept = shared.paths.filter((_, position) => !removed.has(position));
  return [...kept, ...index.paths.filter((path) => path !== '')];
}
