// Bytes of files: reads, writes, positions, sizes, space, durability.
import koffi from 'koffi';
import { bind, bytesOf, libc } from './libc.ts';

const libcPreadv2 = bind('int64_t preadv64v2(int fd, const void *iov, int count, int64_t offset, int flags)');
const libcPwritev2 = bind('int64_t pwritev64v2(int fd, const void *iov, int count, int64_t offset, int flags)');
const libcRead = bind('int64_t read(int fd, void *buffer, size_t count)');
const libcPread = bind('int64_t pread64(int fd, void *buffer, size_t count, int64_t offset)');
const libcWrite = bind('int64_t write(int fd, const void *buffer, size_t count)');
const libcPwrite = bind('int64_t pwrite64(int fd, const void *buffer, size_t count, int64_t offset)');
/** The bytes that one read gave, empty at the end. */
export function read(fd: number, countBytes: number): Buffer {
  const buffer = Buffer.alloc(countBytes);
  return buffer.subarray(0, libcRead(fd, buffer, countBytes));
}
export function pread(fd: number, countBytes: number, offset: number): Buffer {
  const buffer = Buffer.alloc(countBytes);
  return buffer.subarray(0, libcPread(fd, buffer, countBytes, offset));
}
/** Reads into memory of the caller's: for O_DIRECT, which wants it aligned (`alignedBuffer`). */
export const preadInto = (fd: number, buffer: Buffer, offset: number): number =>
  libcPread(fd, buffer, buffer.length, offset);
export const write = (fd: number, data: string | Buffer): number => libcWrite(fd, bytesOf(data), data.length);
export const pwrite = (fd: number, data: string | Buffer, offset: number): number =>
  libcPwrite(fd, bytesOf(data), data.length, offset);
export const RWF = { HIPRI: 1, DSYNC: 2, SYNC: 4, NOWAIT: 8, APPEND: 16 } as const;
/** One vector each; `flags` is RWF; offset -1 is the file's own position. */
export const preadv2 = (fd: number, buffer: Buffer, offset: number, flags: number): number =>
  libcPreadv2(fd, vectorOf(buffer), 1, offset, flags);
export const pwritev2 = (fd: number, buffer: Buffer, offset: number, flags: number): number =>
  libcPwritev2(fd, vectorOf(buffer), 1, offset, flags);
const libcReadv = bind('int64_t readv(int fd, const void *iov, int count)');
const libcWritev = bind('int64_t writev(int fd, const void *iov, int count)');
/** `count` is how many vectors the system is told of. */
export const readv = (fd: number, buffers: readonly Buffer[], count = buffers.length): number =>
  libcReadv(fd, vectorOf(...buffers), count);
export const writev = (fd: number, buffers: readonly Buffer[], count = buffers.length): number =>
  libcWritev(fd, vectorOf(...buffers), count);
/** Vectors whose lengths are not what is there: for calls that must fail. */
export function writevOfLengths(fd: number, lengths: readonly bigint[]): number {
  const vector = vectorOf(...lengths.map(() => Buffer.alloc(8)));
  lengths.forEach((length, at) => {
    vector.writeBigUInt64LE(length, at * 16 + 8);
  });
  return libcWritev(fd, vector, lengths.length);
}
function vectorOf(...buffers: readonly Buffer[]): Buffer {
  const vector = Buffer.alloc(buffers.length * 16);
  buffers.forEach((buffer, at) => {
    vector.writeBigUInt64LE(buffer.length === 0 ? 0n : BigInt(koffi.address(buffer)), at * 16);
    vector.writeBigUInt64LE(BigInt(buffer.length), at * 16 + 8);
  });
  return vector;
}
/** A buffer whose memory starts at a multiple of 4 096. */
export function alignedBuffer(sizeBytes: number): Buffer {
  const wide = Buffer.alloc(sizeBytes + 4096);
  const address = Number(BigInt(koffi.address(wide)) % 4096n);
  return wide.subarray((4096 - address) % 4096).subarray(0, sizeBytes);
}

export const SEEK = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const;
export const lseek: (fd: number, offset: number, whence: number) => number = bind(
  'int64_t lseek64(int fd, int64_t offset, int whence)',
);
export const truncate: (path: string, sizeBytes: number) => number = bind(
  'int truncate64(const void *path, int64_t length)',
);
export const ftruncate: (fd: number, sizeBytes: number) => number = bind('int ftruncate64(int fd, int64_t length)');
/** `mode` is FALLOC. */
export const fallocate: (fd: number, mode: number, offset: number, length: number) => number = bind(
  'int fallocate64(int fd, int mode, int64_t offset, int64_t length)',
);
export const FALLOC = {
  KEEP_SIZE: 1,
  PUNCH_HOLE: 2,
  COLLAPSE_RANGE: 8,
  ZERO_RANGE: 16,
  INSERT_RANGE: 32,
  UNSHARE_RANGE: 64,
} as const;
/** Gives the error's number as the function does, 0 for success: it does not set errno. */
export const posixFallocate = (fd: number, offset: number, length: number): number =>
  libc.func('int posix_fallocate64(int fd, int64_t offset, int64_t length)')(fd, offset, length) as number;
export const fsync: (fd: number) => number = bind('int fsync(int fd)');
export const fdatasync: (fd: number) => number = bind('int fdatasync(int fd)');
export const sync = (): void => void libcSync();
const libcSync = libc.func('void sync(void)');
export const syncfs: (fd: number) => number = bind('int syncfs(int fd)');
