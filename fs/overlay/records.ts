// The rows of the inode table and of the directory-entry table, as bytes.
//
// inodes: key ino u64 big-endian
//   0 mode u32 | 4 uid u32 | 8 gid u32 | 12 nlink u32 | 16 rdev u32 | 20 content u8 | 21 flags u8 | 22 pad u16
//   24 staging id f64 | 32 atime | 44 mtime | 56 ctime | 68 btime (each sec f64, nsec u32)
//   80 length u16 of the lower path, the path, then the link target (all that is left)
// dirents: key parent ino u64 big-endian + name bytes
//   0 kind u8 (1 entry, 2 whiteout) | 1 type u8 (mode >> 12) | 2 pad | 8 ino f64 | 16 changed at, ms f64
//   24 removed f64 | 32 base as JSON, or nothing
//
// Little-endian but for keys. Inode numbers stay below 2^53, so a float64 holds them exactly.
import { damaged } from '../errno.ts';
import type { Base } from '../journal/model.ts';

/** Where the bytes of a regular file are. */
export const CONTENT = { none: 0, lower: 1, staging: 2, blob: 3 } as const;
export type Content = (typeof CONTENT)[keyof typeof CONTENT];

export interface InodeRecord {
  ino: number;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  rdev: number;
  content: Content;
  stagingId: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  btimeSec: number;
  btimeNsec: number;
  /** Host path (latin1) of the file or directory this came from; '' where nothing of the host shows through. */
  lower: string;
  /** Link text of a symbolic link; the CID where the content is a blob. */
  target: string;
}

export interface DirentRecord {
  readonly whiteout: boolean;
  readonly type: number;
  readonly ino: number;
  /** What the host had at this name when the agent first changed it; missing where the name is only pinned. */
  readonly base: Base | undefined;
  /** When the agent last changed what the name holds, in ms since 1970. */
  readonly changedAtMs: number;
  /** A directory of the host that the agent removed here: the number whose entries say what it saw in it; else 0. */
  readonly removed: number;
}

/** Types of inodes, as `mode >> 12`. */
const TYPES: ReadonlySet<number> = new Set([0o1, 0o2, 0o4, 0o6, 0o10, 0o12, 0o14]);
const HEADER_BYTES = 82;
const DIRENT_HEADER_BYTES = 32;

export function inodeKey(ino: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  writeU64BE(key, ino);
  return key;
}

export function direntKey(parent: number, name: string): Buffer {
  const key = Buffer.allocUnsafe(8 + name.length);
  writeU64BE(key, parent);
  key.write(name, 8, 'latin1');
  return key;
}

/** The two ends of a directory's keys, for a range read. */
export function direntRange(parent: number): readonly [Buffer, Buffer] {
  return [inodeKey(parent), inodeKey(parent + 1)];
}

export const direntName = (key: Buffer): string => key.toString('latin1', 8);

export function xattrKey(ino: number, name: string): Buffer {
  return direntKey(ino, name);
}

function writeU64BE(buffer: Buffer, value: number): void {
  buffer.writeUInt32BE(Math.floor(value / 0x1_0000_0000), 0);
  buffer.writeUInt32BE(value % 0x1_0000_0000, 4);
}

export function encodeInode(record: InodeRecord): Buffer {
  const { lower, target } = record;
  const bytes = Buffer.alloc(HEADER_BYTES + lower.length + target.length);
  bytes.writeUInt32LE(record.mode, 0);
  bytes.writeUInt32LE(record.uid, 4);
  bytes.writeUInt32LE(record.gid, 8);
  bytes.writeUInt32LE(record.nlink, 12);
  bytes.writeUInt32LE(record.rdev, 16);
  bytes[20] = record.content;
  bytes.writeDoubleLE(record.stagingId, 24);
  writeTime(bytes, 32, record.atimeSec, record.atimeNsec);
  writeTime(bytes, 44, record.mtimeSec, record.mtimeNsec);
  writeTime(bytes, 56, record.ctimeSec, record.ctimeNsec);
  writeTime(bytes, 68, record.btimeSec, record.btimeNsec);
  bytes.writeUInt16LE(lower.length, 80);
  bytes.write(lower, HEADER_BYTES, 'latin1');
  bytes.write(target, HEADER_BYTES + lower.length, 'latin1');
  return bytes;
}

function writeTime(bytes: Buffer, at: number, sec: number, nsec: number): void {
  bytes.writeDoubleLE(sec, at);
  bytes.writeUInt32LE(nsec, at + 8);
}

/** @throws Damage */
export function decodeInode(ino: number, bytes: Buffer): InodeRecord {
  const lowerEnd = bytes.length < HEADER_BYTES ? Number.POSITIVE_INFINITY : HEADER_BYTES + bytes.readUInt16LE(80);
  if (lowerEnd > bytes.length || (bytes[20] ?? 0) > CONTENT.blob || !TYPES.has(bytes.readUInt32LE(0) >> 12))
    damaged('row', `inode ${ino}: ${bytes.length} bytes that are no inode`);
  return {
    ino,
    mode: bytes.readUInt32LE(0),
    uid: bytes.readUInt32LE(4),
    gid: bytes.readUInt32LE(8),
    nlink: bytes.readUInt32LE(12),
    rdev: bytes.readUInt32LE(16),
    content: (bytes[20] ?? 0) as Content,
    stagingId: bytes.readDoubleLE(24),
    atimeSec: bytes.readDoubleLE(32),
    atimeNsec: bytes.readUInt32LE(40),
    mtimeSec: bytes.readDoubleLE(44),
    mtimeNsec: bytes.readUInt32LE(52),
    ctimeSec: bytes.readDoubleLE(56),
    ctimeNsec: bytes.readUInt32LE(64),
    btimeSec: bytes.readDoubleLE(68),
    btimeNsec: bytes.readUInt32LE(76),
    lower: bytes.toString('latin1', HEADER_BYTES, lowerEnd),
    target: bytes.toString('latin1', lowerEnd),
  };
}

export function encodeDirent(record: DirentRecord): Buffer {
  const base = record.base === undefined ? '' : JSON.stringify(record.base);
  const bytes = Buffer.alloc(DIRENT_HEADER_BYTES + Buffer.byteLength(base));
  bytes[0] = record.whiteout ? 2 : 1;
  bytes[1] = record.type;
  bytes.writeDoubleLE(record.ino, 8);
  bytes.writeDoubleLE(record.changedAtMs, 16);
  bytes.writeDoubleLE(record.removed, 24);
  bytes.write(base, DIRENT_HEADER_BYTES);
  return bytes;
}

/** @throws Damage */
export function decodeDirent(bytes: Buffer): DirentRecord {
  if (bytes.length < DIRENT_HEADER_BYTES || (bytes[0] !== 1 && bytes[0] !== 2))
    damaged('row', `${bytes.length} bytes that are no directory entry`);
  const base = bytes.length > DIRENT_HEADER_BYTES ? decodeBase(bytes.toString('utf8', DIRENT_HEADER_BYTES)) : undefined;
  return {
    whiteout: bytes[0] === 2,
    type: bytes[1] ?? 0,
    ino: bytes.readDoubleLE(8),
    base,
    changedAtMs: bytes.readDoubleLE(16),
    removed: bytes.readDoubleLE(24),
  };
}

function decodeBase(text: string): Base {
  try {
    return JSON.parse(text) as Base;
  } catch {
    damaged('row', 'a directory entry whose base cannot be read');
  }
}
