// What a host name holds now: version, hint, owner. Nothing is followed, nothing but a regular file is ever opened.
import { ERRNO, fail, must } from '../errno.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_STATX_DONT_SYNC,
  AT_SYMLINK_NOFOLLOW,
  close,
  O_NOATIME,
  openat,
  readI64,
  readlinkat,
  readU64,
  STATX,
  statx,
  type Timespec,
} from './syscall.ts';
import type { Base, Hint, Version } from './version.ts';
import { objectPath, openObject } from './walk.ts';
import { readXattrs } from './xattr.ts';

/** Computes the CID of a regular file's bytes from a readable descriptor. */
export type CidOf = (fd: number) => string;

export interface CaptureOptions {
  /** Computes content CIDs; without it a file's `cid` is ''. */
  readonly cidOf?: CidOf;
  /** Computes the CID only where the hint is not reliable. */
  readonly onlyIfUnreliable?: boolean;
  /** Now, for the hint's reliability; the system clock where missing. */
  readonly nowMs?: number;
}

export interface Captured {
  readonly version: Version;
  /** For regular files. */
  readonly hint?: Hint;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly mtimeNs: string;
  readonly atime: Timespec;
  /** The device and inode as one text: who it is, not what it holds. */
  readonly identity: string;
}

const ABSENT: Captured = {
  version: { type: 'absent' },
  uid: 0,
  gid: 0,
  nlink: 0,
  mtimeNs: '0',
  atime: { sec: 0, nsec: 0 },
  identity: '',
};

/** A file that keeps changing while it is read is tried this often, then the answer is EAGAIN. */
const ATTEMPTS_MAX = 5;
/** O_NONBLOCK and O_NOCTTY: harmless on regular files, and nothing else is opened. */
const O_RDONLY_QUIET = 0o4000 | 0o400;

/** What `name` in `dirfd` holds now. @throws Errno EAGAIN when it changes faster than it can be read */
export function capture(dirfd: number, name: string, options: CaptureOptions = {}): Captured {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const fd = openObject(dirfd, name);
    if (fd === -ERRNO.ENOENT) return ABSENT;
    must(fd);
    try {
      const captured = captureObject(fd, options);
      if (captured !== undefined) return captured;
    } finally {
      close(fd);
    }
  }
  fail('EAGAIN');
}

const before = Buffer.alloc(STATX.size_);
const after = Buffer.alloc(STATX.size_);

/** From an O_PATH descriptor; undefined when the object changed meanwhile (a torn read). */
export function captureObject(fd: number, options: CaptureOptions = {}): Captured | undefined {
  statObject(fd, before);
  const nowMs = options.nowMs ?? Date.now();
  const kind = before.readUInt16LE(STATX.mode) >> 12;
  const isFile = kind === 0o10;
  const hint = isFile ? hintOf(before, nowMs) : undefined;
  const wantsCid = isFile && options.cidOf !== undefined && !(options.onlyIfUnreliable && hint?.reliable);
  const stamp = changeStamp(before);
  const captured: Captured = {
    version: versionOf(fd, kind, before, wantsCid ? options.cidOf : undefined),
    ...(hint === undefined ? {} : { hint }),
    uid: before.readUInt32LE(STATX.uid),
    gid: before.readUInt32LE(STATX.gid),
    nlink: before.readUInt32LE(STATX.nlink),
    mtimeNs: nanoseconds(before, STATX.mtime),
    atime: { sec: readI64(before, STATX.atime), nsec: before.readUInt32LE(STATX.atime + 8) },
    identity: identityOf(before),
  };
  statObject(fd, after);
  return changeStamp(after) === stamp ? captured : undefined;
}

const statObject = (fd: number, buffer: Buffer) =>
  must(statx(fd, '', AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, buffer));

/** Device and inode of a statx buffer. */
export const identityOf = (buffer: Buffer): string =>
  `${buffer.readUInt32LE(STATX.devMajor)}:${buffer.readUInt32LE(STATX.devMinor)}:${readU64(buffer, STATX.ino)}`;

const changeStamp = (buffer: Buffer) =>
  `${readU64(buffer, STATX.size)} ${nanoseconds(buffer, STATX.mtime)} ${nanoseconds(buffer, STATX.ctime)}`;

const KINDS: Readonly<Record<number, 'fifo' | 'socket' | 'device'>> = {
  1: 'fifo',
  2: 'device',
  6: 'device',
  12: 'socket',
};

function versionOf(fd: number, kind: number, stat: Buffer, cidOf: CidOf | undefined): Version {
  const mode = stat.readUInt16LE(STATX.mode) & 0o7777;
  if (kind === 0o12) {
    const target = readlinkat(fd, '');
    return { type: 'symlink', target: typeof target === 'number' ? (must(target) as never) : target };
  }
  const special = KINDS[kind];
  if (special !== undefined) return { type: special, mode };
  const xattrs = readXattrs(fd);
  const extra = xattrs === undefined ? {} : { xattrs };
  if (kind === 0o4) return { type: 'directory', mode, ...extra };
  const sizeBytes = readU64(stat, STATX.size);
  return { type: 'file', cid: cidOf === undefined ? '' : cidOfObject(fd, cidOf), sizeBytes, mode, ...extra };
}

/** Reopens exactly the object that was looked at (a regular file) for reading: no access of the agent's. */
export function openForReading(fd: number): number {
  const status = openat(AT_FDCWD, objectPath(fd), O_RDONLY_QUIET | O_NOATIME);
  // Only an owner may read without a trace.
  return must(status === -ERRNO.EPERM ? openat(AT_FDCWD, objectPath(fd), O_RDONLY_QUIET) : status);
}

function cidOfObject(fd: number, cidOf: CidOf): string {
  const readable = openForReading(fd);
  try {
    return cidOf(readable);
  } finally {
    close(readable);
  }
}

/** How long after its last change a file's hint begins to vouch for its content. */
export const RELIABLE_AFTER_MS = 20;
const RELIABLE_AFTER_COARSE_MS = 2000;
/** Times that are whole multiples of this (10 ms) look like those of a file system that keeps no nanoseconds. */
const COARSE_NS = 10_000_000;

/** The hint of a regular file from its statx buffer, as recorded at `nowMs`. */
export function hintOf(buffer: Buffer, nowMs: number): Hint {
  const nsec = buffer.readUInt32LE(STATX.ctime + 8);
  const ctimeMs = readI64(buffer, STATX.ctime) * 1000 + nsec / 1e6;
  const coarse = nsec % COARSE_NS === 0;
  return {
    ino: readU64(buffer, STATX.ino),
    sizeBytes: readU64(buffer, STATX.size),
    mtimeNs: nanoseconds(buffer, STATX.mtime),
    ctimeNs: nanoseconds(buffer, STATX.ctime),
    reliable: ctimeMs + (coarse ? RELIABLE_AFTER_COARSE_MS : RELIABLE_AFTER_MS) < nowMs,
  };
}

/** A statx time as decimal nanoseconds: seconds times 10^9 do not fit a double. */
function nanoseconds(buffer: Buffer, offset: number): string {
  const sec = readI64(buffer, offset);
  const nsec = buffer.readUInt32LE(offset + 8);
  return sec > 0 ? `${sec}${String(nsec).padStart(9, '0')}` : String(BigInt(sec) * 1_000_000_000n + BigInt(nsec));
}

export interface MatchOptions {
  /** A reliable, equal hint is enough, also where the CID is known. Never for approvals: they compare content. */
  readonly trustHint?: boolean;
  /** We renamed the object since: its ctime moved and says nothing. */
  readonly moved?: boolean;
}

export type Match = 'same' | 'differs' | 'unknown';

/** Whether `name` still holds `base`. 'unknown': neither content nor a reliable hint was recorded. */
export function matchesBase(base: Base, dirfd: number, name: string, cidOf: CidOf, options: MatchOptions = {}): Match {
  const light = capture(dirfd, name);
  const early = compareLight(base, light, options);
  if (early !== undefined) return early;
  const now = capture(dirfd, name, { cidOf });
  return sameVersion(base.version, now.version) ? 'same' : 'differs';
}

/** The verdict that needs no reading of content; undefined when the bytes must be compared. */
function compareLight(base: Base, light: Captured, options: MatchOptions): Match | undefined {
  const expected = base.version;
  if (expected.type !== 'file') return sameVersion(expected, light.version) ? 'same' : 'differs';
  if (!sameVersion({ ...expected, cid: '' }, light.version)) return 'differs';
  const equal = base.hint !== undefined && light.hint !== undefined && sameHint(base.hint, light.hint, options);
  const vouched = equal && base.hint.reliable;
  if (expected.cid !== '') return options.trustHint && vouched && !options.moved ? 'same' : undefined;
  if (base.hint === undefined) return 'unknown';
  if (!equal) return 'differs';
  return vouched ? 'same' : 'unknown';
}

const sameHint = (a: Hint, b: Hint, options: MatchOptions) =>
  a.ino === b.ino &&
  a.sizeBytes === b.sizeBytes &&
  a.mtimeNs === b.mtimeNs &&
  (options.moved === true || a.ctimeNs === b.ctimeNs);

/** Whether two versions are equal in type, content, mode, xattrs and link text. */
export function sameVersion(a: Version, b: Version): boolean {
  if (a.type === 'absent' || b.type === 'absent') return a.type === b.type;
  if (a.type === 'symlink' || b.type === 'symlink')
    return a.type === 'symlink' && b.type === 'symlink' && a.target === b.target;
  if (a.type !== b.type || a.mode !== b.mode) return false;
  if (a.type === 'file' && b.type === 'file' && (a.cid !== b.cid || a.sizeBytes !== b.sizeBytes)) return false;
  const left = 'xattrs' in a ? a.xattrs : undefined;
  const right = 'xattrs' in b ? b.xattrs : undefined;
  return sameXattrs(left, right);
}

type Xattrs = Readonly<Record<string, string>> | undefined;
function sameXattrs(a: Xattrs, b: Xattrs): boolean {
  const left = Object.entries(a ?? {});
  const right = b ?? {};
  return left.length === Object.keys(right).length && left.every(([name, value]) => right[name] === value);
}
