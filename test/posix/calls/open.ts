// open(2) and its kin: descriptors.
import { AT_FDCWD, bind } from './libc.ts';

const libcOpenat = bind('int openat64(int dirfd, const void *path, int flags, unsigned int mode)');
const libcOpenat2 = bind('long syscall(long number, int dirfd, const void *path, void *how, size_t size)');
const arm = process.arch === 'arm64';
/** Flags of open(2), with their values on this architecture. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  SYNC: 0o4010000,
  ASYNC: 0o20000,
  DIRECT: arm ? 0o200000 : 0o40000,
  DIRECTORY: arm ? 0o40000 : 0o200000,
  NOFOLLOW: arm ? 0o100000 : 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
  TMPFILE: 0o20000000 | (arm ? 0o40000 : 0o200000),
} as const;

/** No process here has so many descriptors. */
export const BAD_FD = 9_999;

export const openat = (dirfd: number, path: string, flags: number, mode = 0o644): number =>
  libcOpenat(dirfd, path, flags, mode);
export const open = (path: string, flags: number, mode = 0o644): number => openat(AT_FDCWD, path, flags, mode);
export const creat: (path: string, mode: number) => number = bind('int creat64(const void *path, unsigned int mode)');
export const RESOLVE = {
  NO_XDEV: 1,
  NO_MAGICLINKS: 2,
  NO_SYMLINKS: 4,
  BENEATH: 8,
  IN_ROOT: 16,
  CACHED: 32,
} as const;
/** `resolve` is RESOLVE. A `struct open_how` of another size is padded with `padding`. */
export function openat2(
  dirfd: number,
  path: string,
  flags: number | bigint,
  mode: number,
  resolve: number,
  { sizeBytes = 24, padding = 0 } = {},
): number {
  const how = Buffer.alloc(Math.max(sizeBytes, 24), padding);
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return libcOpenat2(437, dirfd, path, how, sizeBytes);
}
export const close: (fd: number) => number = bind('int close(int fd)');
export const dup: (fd: number) => number = bind('int dup(int fd)');
