// Names: directories, links, renames, special files.
import { AT, AT_FDCWD, bind, cstring, type Path } from './libc.ts';
import { O } from './open.ts';

const libcReadlinkat = bind('int64_t readlinkat(int dirfd, const void *path, void *buffer, size_t size)');
const libcSocket = bind('int socket(int domain, int type, int protocol)');
const libcBind = bind('int bind(int fd, const void *address, unsigned int length)');
export const mkdirat: (dirfd: number, path: Path, mode: number) => number = bind(
  'int mkdirat(int dirfd, const void *path, unsigned int mode)',
);
export const mkdir = (path: string, mode = 0o755): number => mkdirat(AT_FDCWD, path, mode);
export const unlinkat: (dirfd: number, path: Path, flags: number) => number = bind(
  'int unlinkat(int dirfd, const void *path, int flags)',
);
export const unlink = (path: string): number => unlinkat(AT_FDCWD, path, 0);
export const rmdir = (path: string): number => unlinkat(AT_FDCWD, path, AT.REMOVEDIR);
export const linkat: (olddirfd: number, oldpath: Path, newdirfd: number, newpath: Path, flags: number) => number = bind(
  'int linkat(int olddirfd, const void *oldpath, int newdirfd, const void *newpath, int flags)',
);
export const link = (from: string, to: string): number => linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
export const symlinkat: (target: Path, dirfd: number, path: Path) => number = bind(
  'int symlinkat(const void *target, int dirfd, const void *path)',
);
export const symlink = (target: string, path: string): number => symlinkat(target, AT_FDCWD, path);
/** At most `sizeBytes` of the target, cut without notice as readlink(2) does. */
export function readlinkat(dirfd: number, path: Path, sizeBytes = 4096): string {
  const buffer = Buffer.alloc(sizeBytes);
  return buffer.toString('latin1', 0, libcReadlinkat(dirfd, path, buffer, sizeBytes));
}
export const readlink = (path: string, sizeBytes?: number): string => readlinkat(AT_FDCWD, path, sizeBytes);
export const renameat2: (od: number, from: Path, nd: number, to: Path, flags: number) => number = bind(
  'int renameat2(int olddirfd, const void *oldpath, int newdirfd, const void *newpath, unsigned int flags)',
);
export const rename = (from: string, to: string, flags = 0): number => renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;
/** `mode` holds the type (`S`), `device` is `makedev`. */
export const mknod = (path: string, mode: number, device = 0): number => mknodat(AT_FDCWD, path, mode, device);
export const mknodat: (dirfd: number, path: Path, mode: number, device: number) => number = bind(
  'int mknodat(int dirfd, const void *path, unsigned int mode, uint64_t dev)',
);
export const makedev = (major: number, minor: number): number =>
  ((minor & ~0xff) << 12) | (major << 8) | (minor & 0xff);
/** File types of st_mode. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
} as const;

/** A unix stream socket bound to a path (of at most 107 bytes). */
export function bindSocket(path: string): number {
  const fd = libcSocket(1, 1 | O.CLOEXEC, 0);
  const address = Buffer.concat([Buffer.from([1, 0]), cstring(path)]);
  libcBind(fd, address, address.length);
  return fd;
}
const libcMount = bind(
  'int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)',
);
const libcUmount = bind('int umount2(const void *target, int flags)');
const MNT_DETACH = 2;
/** A tmpfs at a directory for the time of `act`. Needs root. */
export function mounted(path: string, act: () => void): void {
  libcMount('none', path, 'tmpfs', 0, null);
  try {
    act();
  } finally {
    libcUmount(path, MNT_DETACH);
  }
}
