// System calls that Node lacks, or that are too dear through it, by koffi. The only file that binds libc.
//
// Conventions, the same for every function here:
// - A result is what the call returns, or the negated errno; nothing throws (an exception costs 8 us).
// - Names and paths are byte strings: one character a byte (latin1), no NUL inside.
// - 64-bit values travel as numbers: offsets, sizes and inode numbers stay below 2^53 here.
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

/** AT_* and open flags that Node's `fs.constants` lacks (x86-64 and arm64 differ only where noted). */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
export const AT_STATX_DONT_SYNC = 0x4000;
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
export const O_NOATIME = 0o1000000;
export const O_TMPFILE_BIT = 0o20000000;
/** O_DIRECTORY and O_NOFOLLOW are the two that differ by architecture. */
export const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
export const O_NOFOLLOW = process.arch === 'arm64' ? 0o100000 : 0o400000;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
export const POLLIN = 1;
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MNT_DETACH = 2;
export const NAME_BYTES_MAX = 255;
export const PATH_BYTES_MAX = 4096;

const SYS_OPENAT2 = 437;
const SYS_COPY_FILE_RANGE_MAX = 1 << 30;

const bind = {
  openat: libc.func('int openat(int dirfd, const void *path, int flags, unsigned int mode)'),
  close: libc.func('int close(int fd)'),
  read: libc.func('int64_t read(int fd, void *buffer, size_t count)'),
  write: libc.func('int64_t write(int fd, const void *buffer, size_t count)'),
  pread: libc.func('int64_t pread64(int fd, void *buffer, size_t count, int64_t offset)'),
  pwrite: libc.func('int64_t pwrite64(int fd, const void *buffer, size_t count, int64_t offset)'),
  statx: libc.func('int statx(int dirfd, const void *path, int flags, unsigned int mask, void *buffer)'),
  mkdirat: libc.func('int mkdirat(int dirfd, const void *path, unsigned int mode)'),
  mknodat: libc.func('int mknodat(int dirfd, const void *path, unsigned int mode, uint64_t dev)'),
  unlinkat: libc.func('int unlinkat(int dirfd, const void *path, int flags)'),
  linkat: libc.func('int linkat(int olddirfd, const void *oldpath, int newdirfd, const void *newpath, int flags)'),
  symlinkat: libc.func('int symlinkat(const void *target, int dirfd, const void *path)'),
  readlinkat: libc.func('int64_t readlinkat(int dirfd, const void *path, void *buffer, size_t size)'),
  renameat2: libc.func(
    'int renameat2(int olddirfd, const void *oldpath, int newdirfd, const void *newpath, unsigned int flags)',
  ),
  fchmod: libc.func('int fchmod(int fd, unsigned int mode)'),
  fchmodat: libc.func('int fchmodat(int dirfd, const void *path, unsigned int mode, int flags)'),
  fchown: libc.func('int fchown(int fd, unsigned int uid, unsigned int gid)'),
  fchownat: libc.func('int fchownat(int dirfd, const void *path, unsigned int uid, unsigned int gid, int flags)'),
  utimensat: libc.func('int utimensat(int dirfd, const void *path, const void *times, int flags)'),
  futimens: libc.func('int futimens(int fd, const void *times)'),
  ftruncate: libc.func('int ftruncate64(int fd, int64_t length)'),
  fallocate: libc.func('int fallocate64(int fd, int mode, int64_t offset, int64_t length)'),
  lseek: libc.func('int64_t lseek64(int fd, int64_t offset, int whence)'),
  fsync: libc.func('int fsync(int fd)'),
  fdatasync: libc.func('int fdatasync(int fd)'),
  syncfs: libc.func('int syncfs(int fd)'),
  copy_file_range: libc.func(
    'int64_t copy_file_range(int fd_in, void *off_in, int fd_out, void *off_out, size_t len, unsigned int flags)',
  ),
  getdents64: libc.func('int64_t getdents64(int fd, void *buffer, size_t size)'),
  fstatfs: libc.func('int fstatfs64(int fd, void *buffer)'),
  lgetxattr: libc.func('int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)'),
  llistxattr: libc.func('int64_t llistxattr(const void *path, void *list, size_t size)'),
  lsetxattr: libc.func('int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)'),
  lremovexattr: libc.func('int lremovexattr(const void *path, const void *name)'),
  getxattr: libc.func('int64_t getxattr(const void *path, const void *name, void *value, size_t size)'),
  listxattr: libc.func('int64_t listxattr(const void *path, void *list, size_t size)'),
  setxattr: libc.func('int setxattr(const void *path, const void *name, const void *value, size_t size, int flags)'),
  removexattr: libc.func('int removexattr(const void *path, const void *name)'),
  ioctl: libc.func('int ioctl(int fd, unsigned long request, void *argument)'),
  ioctlValue: libc.func('int ioctl(int fd, unsigned long request, int64_t value)'),
  poll: libc.func('int poll(void *fds, unsigned long count, int timeout)'),
  eventfd: libc.func('int eventfd(unsigned int initval, int flags)'),
  fcntl: libc.func('int fcntl(int fd, int command, int argument)'),
  mount: libc.func(
    'int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)',
  ),
  umount2: libc.func('int umount2(const void *target, int flags)'),
  socketpair: libc.func('int socketpair(int domain, int type, int protocol, void *sv)'),
  getsockopt: libc.func('int getsockopt(int fd, int level, int option, void *value, void *length)'),
  recvmsg: libc.func('int64_t recvmsg(int fd, void *message, int flags)'),
  prctl: libc.func('int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)'),
  signal: libc.func('void *signal(int number, intptr_t handler)'),
  setrlimit: libc.func('int setrlimit64(int resource, const void *limit)'),
  getrlimit: libc.func('int getrlimit64(int resource, void *limit)'),
  execve: libc.func('int execve(const char *path, const char **argv, const char **envp)'),
  flock: libc.func('int flock(int fd, int operation)'),
  umask: libc.func('unsigned int umask(unsigned int mask)'),
  syscall: libc.func('long syscall(long number, ...)'),
} as const;

/** The negated errno for a call that failed, else its result. */
function result(value: number | bigint): number {
  const number = Number(value);
  return number < 0 ? -koffi.errno() : number;
}

const scratchA = Buffer.alloc(PATH_BYTES_MAX * 2);
const scratchB = Buffer.alloc(PATH_BYTES_MAX * 2);

/** `text` as a NUL-terminated C string in a reused buffer: valid until the next call that uses the same buffer. */
function terminated(scratch: Buffer, text: string): Buffer {
  const length = text.length;
  if (length >= scratch.length) return Buffer.from(`${text}\0`, 'latin1');
  scratch.write(text, 0, 'latin1');
  scratch[length] = 0;
  return scratch;
}
const first = (text: string) => terminated(scratchA, text);
const second = (text: string) => terminated(scratchB, text);

export const openat = (dirfd: number, path: string, flags: number, mode = 0): number =>
  result(bind.openat(dirfd, first(path), flags | O_CLOEXEC, mode));
export const close = (fd: number): number => result(bind.close(fd));
export const read = (fd: number, buffer: Buffer, count: number): number => result(bind.read(fd, buffer, count));
export const write = (fd: number, buffer: Buffer, count: number): number => result(bind.write(fd, buffer, count));
/** Reads into `buffer` from its start; callers pass a subarray to read elsewhere. */
export const pread = (fd: number, buffer: Buffer, count: number, offset: number): number =>
  result(bind.pread(fd, buffer, count, offset));
export const pwrite = (fd: number, buffer: Buffer, count: number, offset: number): number =>
  result(bind.pwrite(fd, buffer, count, offset));
export const mkdirat = (dirfd: number, path: string, mode: number): number =>
  result(bind.mkdirat(dirfd, first(path), mode));
export const mknodat = (dirfd: number, path: string, mode: number, dev: number): number =>
  result(bind.mknodat(dirfd, first(path), mode, dev));
export const unlinkat = (dirfd: number, path: string, flags = 0): number =>
  result(bind.unlinkat(dirfd, first(path), flags));
export const linkat = (oldDirfd: number, oldPath: string, newDirfd: number, newPath: string, flags = 0): number =>
  result(bind.linkat(oldDirfd, first(oldPath), newDirfd, second(newPath), flags));
export const symlinkat = (target: string, dirfd: number, path: string): number =>
  result(bind.symlinkat(first(target), dirfd, second(path)));
export const renameat2 = (od: number, oldPath: string, nd: number, newPath: string, flags = 0): number =>
  result(bind.renameat2(od, first(oldPath), nd, second(newPath), flags));
export const fchmod = (fd: number, mode: number): number => result(bind.fchmod(fd, mode));
export const fchmodat = (dirfd: number, path: string, mode: number): number =>
  result(bind.fchmodat(dirfd, first(path), mode, 0));
export const fchown = (fd: number, uid: number, gid: number): number => result(bind.fchown(fd, uid, gid));
export const fchownat = (dirfd: number, path: string, uid: number, gid: number, flags = AT_SYMLINK_NOFOLLOW): number =>
  result(bind.fchownat(dirfd, first(path), uid, gid, flags));
export const ftruncate = (fd: number, sizeBytes: number): number => result(bind.ftruncate(fd, sizeBytes));
export const fallocate = (fd: number, mode: number, offset: number, length: number): number =>
  result(bind.fallocate(fd, mode, offset, length));
export const lseek = (fd: number, offset: number, whence: number): number => result(bind.lseek(fd, offset, whence));
export const fsync = (fd: number): number => result(bind.fsync(fd));
export const fdatasync = (fd: number): number => result(bind.fdatasync(fd));
/** Flushes the whole file system that `fd` is on, and reports what failed to reach it since it was opened. */
export const syncfs = (fd: number): number => result(bind.syncfs(fd));
/** One read of directory records (`struct linux_dirent64`: ino u64, off i64, reclen u16, type u8, name). */
export const getdents64 = (fd: number, buffer: Buffer): number => result(bind.getdents64(fd, buffer, buffer.length));
/** `struct statfs`, 120 bytes: type@0 bsize@8 blocks@16 bfree@24 bavail@32 files@40 ffree@48 fsid@56. */
export const fstatfs = (fd: number, buffer: Buffer): number => result(bind.fstatfs(fd, buffer));
export const ioctl = (fd: number, request: number, argument: Buffer): number =>
  result(bind.ioctl(fd, request, argument));
const FICLONE = 0x40049409;
/** Makes `to` share all blocks of `from` (a reflink), or the negated errno where the file system cannot. */
export const cloneFile = (from: number, to: number): number => result(bind.ioctlValue(to, FICLONE, from));
/** `fds`: 8 bytes each, `struct pollfd` {fd i32, events i16, revents i16}. `timeoutMs` -1 waits for ever. */
export const poll = (fds: Buffer, count: number, timeoutMs: number): number => result(bind.poll(fds, count, timeoutMs));
export const fcntl = (fd: number, command: number, argument: number): number =>
  result(bind.fcntl(fd, command, argument));
export const flock = (fd: number, operation: number): number => result(bind.flock(fd, operation));
export const umask = (mask: number): number => Number(bind.umask(mask));
/** An event counter, close-on-exec and non-blocking. */
export const eventfd = (): number => result(bind.eventfd(0, 0o2004000));
export const mount = (source: string, target: string, type: string, flags: number, data: string): number =>
  result(bind.mount(first(source), second(target), cstring(type), flags, cstring(data)));
export const umount2 = (target: string, flags: number): number => result(bind.umount2(first(target), flags));
export const prctl = (option: number, a = 0, b = 0, c = 0, d = 0): number => result(bind.prctl(option, a, b, c, d));

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`, 'latin1');

/** The target of a symbolic link, or the negated errno. */
export function readlinkat(dirfd: number, path: string): string | number {
  const length = result(bind.readlinkat(dirfd, first(path), scratchB, PATH_BYTES_MAX));
  return length < 0 ? length : scratchB.toString('latin1', 0, length);
}

/** open_how for openat2: {flags u64, mode u64, resolve u64}. */
const openHow = Buffer.alloc(24);
/** `openat2(2)`: like openat, with the RESOLVE_* bits that keep the walk inside `dirfd`. */
export function openat2(dirfd: number, path: string, flags: number, mode: number, resolve: number): number {
  openHow.writeBigUInt64LE(BigInt((flags | O_CLOEXEC) >>> 0), 0);
  openHow.writeBigUInt64LE(BigInt(mode), 8);
  openHow.writeBigUInt64LE(BigInt(resolve), 16);
  return result(bind.syscall(SYS_OPENAT2, 'int', dirfd, 'void *', first(path), 'void *', openHow, 'size_t', 24));
}

/** Times for utimensat and futimens: two `struct timespec`. `UTIME_NOW` and `UTIME_OMIT` go in the nanoseconds. */
export const UTIME_NOW = 0x3fffffff;
export const UTIME_OMIT = 0x3ffffffe;
export interface Timespec {
  readonly sec: number;
  readonly nsec: number;
}
const timesBuffer = Buffer.alloc(32);
function times(atime: Timespec, mtime: Timespec): Buffer {
  writeI64(timesBuffer, atime.sec, 0);
  writeI64(timesBuffer, atime.nsec, 8);
  writeI64(timesBuffer, mtime.sec, 16);
  writeI64(timesBuffer, mtime.nsec, 24);
  return timesBuffer;
}
export const utimensat = (
  dirfd: number,
  path: string,
  atime: Timespec,
  mtime: Timespec,
  flags = AT_SYMLINK_NOFOLLOW,
): number => result(bind.utimensat(dirfd, first(path), times(atime, mtime), flags));
export const futimens = (fd: number, atime: Timespec, mtime: Timespec): number =>
  result(bind.futimens(fd, times(atime, mtime)));

/** A signed 64-bit little-endian value from a safe integer. */
export function writeI64(buffer: Buffer, value: number, offset: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  buffer.writeUInt32LE(value - high * 0x1_0000_0000, offset);
  buffer.writeInt32LE(high, offset + 4);
}
export const readI64 = (buffer: Buffer, offset: number): number =>
  buffer.readUInt32LE(offset) + buffer.readInt32LE(offset + 4) * 0x1_0000_0000;
export const readU64 = (buffer: Buffer, offset: number): number =>
  buffer.readUInt32LE(offset) + buffer.readUInt32LE(offset + 4) * 0x1_0000_0000;

/** Copies up to `length` bytes between two files at explicit offsets, in the kernel (a reflink where it can). */
export function copyFileRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): number {
  const offsets = Buffer.alloc(16);
  writeI64(offsets, fromOffset, 0);
  writeI64(offsets, toOffset, 8);
  const count = Math.min(length, SYS_COPY_FILE_RANGE_MAX);
  return result(bind.copy_file_range(from, offsets.subarray(0, 8), to, offsets.subarray(8), count, 0));
}

/** Extended attributes by path, never following a final link. `value` of length 0 asks for the size. */
export const lgetxattr = (path: string, name: string, value: Buffer): number =>
  result(bind.lgetxattr(first(path), second(name), value, value.length));
export const llistxattr = (path: string, list: Buffer): number =>
  result(bind.llistxattr(first(path), list, list.length));
export const lsetxattr = (path: string, name: string, value: Buffer, flags = 0): number =>
  result(bind.lsetxattr(first(path), second(name), value, value.length, flags));
export const lremovexattr = (path: string, name: string): number =>
  result(bind.lremovexattr(first(path), second(name)));

/** The same, following links: for `/proc/self/fd/N`, which reaches the object of an O_PATH descriptor exactly. */
export const getxattr = (path: string, name: string, value: Buffer): number =>
  result(bind.getxattr(first(path), second(name), value, value.length));
export const listxattr = (path: string, list: Buffer): number => result(bind.listxattr(first(path), list, list.length));
export const setxattr = (path: string, name: string, value: Buffer, flags = 0): number =>
  result(bind.setxattr(first(path), second(name), value, value.length, flags));
export const removexattr = (path: string, name: string): number => result(bind.removexattr(first(path), second(name)));

const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** A connected pair of unix stream sockets (for fusermount3's descriptor), close-on-exec, or the negated errno. */
export function socketpair(): readonly [number, number] | number {
  const pair = Buffer.alloc(8);
  const status = result(bind.socketpair(1, 1 | O_CLOEXEC, 0, pair));
  return status < 0 ? status : [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** Receives one message with one descriptor (SCM_RIGHTS), without waiting: the descriptor, or the negated errno. */
export function recvDescriptor(socket: number): number {
  const data = Buffer.alloc(8);
  const iov = Buffer.alloc(16);
  const control = Buffer.alloc(64);
  const message = Buffer.alloc(56);
  iov.writeBigUInt64LE(BigInt(koffi.address(data)), 0);
  iov.writeBigUInt64LE(8n, 8);
  message.writeBigUInt64LE(BigInt(koffi.address(iov)), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(BigInt(koffi.address(control)), 32);
  message.writeBigUInt64LE(64n, 40);
  const status = result(bind.recvmsg(socket, message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
  if (status <= 0) return status < 0 ? status : -5;
  return message.readBigUInt64LE(40) < 20n ? -5 : control.readInt32LE(16);
}

/** Who connected to a unix socket, as the system attests it (SO_PEERCRED). */
export function peerCredentials(socket: number): { readonly pid: number; readonly uid: number } | number {
  const credentials = Buffer.alloc(12);
  const length = Buffer.from([12, 0, 0, 0]);
  const status = result(bind.getsockopt(socket, 1, 17, credentials, length));
  return status < 0 ? status : { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4) };
}

/** Puts a signal back to its default action (SIG_DFL). */
export const signalDefault = (number: number): void => {
  bind.signal(number, 0);
};
/** Ignores a signal (SIG_IGN), also across exec. */
export const signalIgnore = (number: number): void => {
  bind.signal(number, 1);
};

/** Sets a resource's soft and hard limit; `Infinity` means RLIM_INFINITY. */
export function setrlimit(resource: number, soft: number, hard: number): number {
  const limit = Buffer.alloc(16);
  const encode = (value: number) => (value === Number.POSITIVE_INFINITY ? 0xffff_ffff_ffff_ffffn : BigInt(value));
  limit.writeBigUInt64LE(encode(soft), 0);
  limit.writeBigUInt64LE(encode(hard), 8);
  return result(bind.setrlimit(resource, limit));
}
export function getrlimit(resource: number): { readonly soft: number; readonly hard: number } {
  const limit = Buffer.alloc(16);
  bind.getrlimit(resource, limit);
  const decode = (at: number) => {
    const value = limit.readBigUInt64LE(at);
    return value === 0xffff_ffff_ffff_ffffn ? Number.POSITIVE_INFINITY : Number(value);
  };
  return { soft: decode(0), hard: decode(8) };
}

/** Replaces this process; returns only if it failed. `argv` and `env` are UTF-8 strings. */
export const execve = (path: string, argv: readonly string[], env: readonly string[]): number =>
  result(bind.execve(path, [...argv, null], [...env, null]));

/** A raw system call with integer, pointer (Buffer) or null arguments: for Landlock, setns, unshare. */
export function syscall(number: number, ...values: readonly (number | Buffer | null)[]): number {
  const typed: (string | number | Buffer | null)[] = [];
  for (const value of values) typed.push(typeof value === 'number' ? 'int64_t' : 'void *', value);
  return result((bind.syscall as (...all: unknown[]) => bigint)(number, ...typed));
}

/** `struct statx`, 256 bytes, into `buffer`. Field offsets are in `STATX`. */
export const statx = (dirfd: number, path: string, flags: number, buffer: Buffer): number =>
  result(bind.statx(dirfd, first(path), flags, STATX_MASK, buffer));
/** Basic fields, birth time and mount id. */
const STATX_MASK = 0x7ff | 0x800 | 0x1000;
/** Byte offsets in `struct statx`. */
export const STATX = {
  mask: 0,
  blksize: 4,
  attributes: 8,
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  size: 40,
  blocks: 48,
  atime: 64,
  btime: 80,
  ctime: 96,
  mtime: 112,
  rdevMajor: 128,
  rdevMinor: 132,
  devMajor: 136,
  devMinor: 140,
  mntId: 144,
  size_: 256,
} as const;
