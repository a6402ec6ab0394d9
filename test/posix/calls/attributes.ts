// What inodes say of themselves: statx, modes, owners, times, statfs.
import { AT, AT_FDCWD, bind } from './libc.ts';
import { makedev } from './names.ts';

const libcUtimensat = bind('int utimensat(int dirfd, const void *path, const void *times, int flags)');
const libcStatx = bind('int statx(int dirfd, const void *path, int flags, unsigned int mask, void *buffer)');
export const fchmodat: (dirfd: number, path: string, mode: number, flags: number) => number = bind(
  'int fchmodat(int dirfd, const void *path, unsigned int mode, int flags)',
);
export const chmod = (path: string, mode: number): number => fchmodat(AT_FDCWD, path, mode, 0);
export const fchmod: (fd: number, mode: number) => number = bind('int fchmod(int fd, unsigned int mode)');
export const fchownat: (dirfd: number, path: string, uid: number, gid: number, flags: number) => number = bind(
  'int fchownat(int dirfd, const void *path, int uid, int gid, int flags)',
);
/** -1 leaves an id as it is. */
export const chown = (path: string, uid: number, gid: number): number => fchownat(AT_FDCWD, path, uid, gid, 0);
export const lchown = (path: string, uid: number, gid: number): number =>
  fchownat(AT_FDCWD, path, uid, gid, AT.SYMLINK_NOFOLLOW);
export const fchown: (fd: number, uid: number, gid: number) => number = bind('int fchown(int fd, int uid, int gid)');
export const faccessat: (dirfd: number, path: string, mode: number, flags: number) => number = bind(
  'int faccessat(int dirfd, const void *path, int mode, int flags)',
);
/** R_OK 4, W_OK 2, X_OK 1, F_OK 0. */
export const access = (path: string, mode: number): number => faccessat(AT_FDCWD, path, mode, 0);
export const umask: (mask: number) => number = bind('int umask(unsigned int mask)');

export interface Timespec {
  readonly sec: number;
  readonly nsec: number;
}
export const UTIME_NOW: Timespec = { sec: 0, nsec: 0x3fffffff };
export const UTIME_OMIT: Timespec = { sec: 0, nsec: 0x3ffffffe };
/** Both times null: a null pointer, which sets both to now. */
export function utimensat(
  dirfd: number,
  path: string | null,
  times: readonly [Timespec, Timespec] | null,
  flags = 0,
): number {
  return libcUtimensat(dirfd, path, times === null ? null : Buffer.concat(times.map(timespecBytes)), flags);
}
function timespecBytes({ sec, nsec }: Timespec): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(sec), 0);
  bytes.writeBigInt64LE(BigInt(nsec), 8);
  return bytes;
}
export const utimens = (path: string, atime: Timespec, mtime: Timespec, flags = 0): number =>
  utimensat(AT_FDCWD, path, [atime, mtime], flags);
const libcFutimens = bind('int futimens(int fd, const void *times)');
export const futimens = (fd: number, atime: Timespec, mtime: Timespec): number =>
  libcFutimens(fd, Buffer.concat([atime, mtime].map(timespecBytes)));

/** What statx(2) tells; times are nanoseconds since 1970, `btime` null where the file system has none. */
export interface Attributes {
  readonly ino: bigint;
  readonly dev: number;
  readonly rdev: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly blocks: number;
  readonly blksize: number;
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly btime: bigint | null;
  readonly mask: number;
  /** STATX_ATTR_*, as far as `attributesKnown` vouches for them. */
  readonly attributes: bigint;
  readonly attributesKnown: bigint;
}
export const STATX_ALL = 0xfff;
export function statx(dirfd: number, path: string, flags = 0, mask = STATX_ALL): Attributes {
  const b = Buffer.alloc(256);
  libcStatx(dirfd, path, flags, mask, b);
  const time = (at: number) => b.readBigInt64LE(at) * 1_000_000_000n + BigInt(b.readUInt32LE(at + 8));
  return {
    mask: b.readUInt32LE(0),
    blksize: b.readUInt32LE(4),
    attributes: b.readBigUInt64LE(8),
    attributesKnown: b.readBigUInt64LE(56),
    nlink: b.readUInt32LE(16),
    uid: b.readUInt32LE(20),
    gid: b.readUInt32LE(24),
    mode: b.readUInt16LE(28),
    ino: b.readBigUInt64LE(32),
    sizeBytes: Number(b.readBigUInt64LE(40)),
    blocks: Number(b.readBigUInt64LE(48)),
    atime: time(64),
    btime: (b.readUInt32LE(0) & 0x800) === 0 ? null : time(80),
    ctime: time(96),
    mtime: time(112),
    rdev: makedev(b.readUInt32LE(128), b.readUInt32LE(132)),
    dev: makedev(b.readUInt32LE(136), b.readUInt32LE(140)),
  };
}
export const stat = (path: string): Attributes => statx(AT_FDCWD, path);
export const lstat = (path: string): Attributes => statx(AT_FDCWD, path, AT.SYMLINK_NOFOLLOW);
export const fstat = (fd: number): Attributes => statx(fd, '', AT.EMPTY_PATH);

/** `struct statfs`, the fields programs use. */
export interface Statfs {
  readonly type: number;
  readonly blockSizeBytes: number;
  readonly blocks: number;
  readonly free: number;
  readonly available: number;
  readonly nameBytesMax: number;
}
const libcStatfs = bind('int statfs64(const void *path, void *buffer)');
const libcFstatfs = bind('int fstatfs64(int fd, void *buffer)');
export function statfs(target: string | number): Statfs {
  const b = Buffer.alloc(120);
  if (typeof target === 'number') libcFstatfs(target, b);
  else libcStatfs(target, b);
  const number = (at: number) => Number(b.readBigInt64LE(at));
  return {
    type: number(0),
    blockSizeBytes: number(8),
    blocks: number(16),
    free: number(24),
    available: number(32),
    nameBytesMax: number(64),
  };
}
