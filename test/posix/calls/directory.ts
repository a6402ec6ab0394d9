// Directory streams as the kernel gives them, with their cookies.
import { SEEK } from './data.ts';
import { bind } from './libc.ts';
import { close, O, open } from './open.ts';

/** One record of getdents64(2): `cookie` is the place after it, for lseek. */
export interface Dirent {
  readonly name: string;
  readonly ino: bigint;
  readonly cookie: bigint;
  readonly type: number;
}
const libcGetdents = bind('int64_t getdents64(int fd, void *buffer, size_t size)');
/** What one getdents64 gave; empty at the end. */
export function getdents(fd: number, sizeBytes = 32_768): Dirent[] {
  const b = Buffer.alloc(sizeBytes);
  const end = libcGetdents(fd, b, sizeBytes);
  const entries: Dirent[] = [];
  for (let at = 0; at < end; at += b.readUInt16LE(at + 16)) {
    entries.push({
      ino: b.readBigUInt64LE(at),
      cookie: b.readBigInt64LE(at + 8),
      type: b.readUInt8(at + 18),
      name: b.toString('latin1', at + 19, b.indexOf(0, at + 19)),
    });
  }
  return entries;
}
const libcLseekDirectory = bind('int64_t lseek64(int fd, int64_t offset, int whence)');
/** seekdir: a cookie may be larger than a safe integer. */
export const seekdir = (fd: number, cookie: bigint): number => libcLseekDirectory(fd, cookie, SEEK.SET);
/** Every name but `.` and `..`, in the order given. */
export function readdir(path: string): string[] {
  const fd = open(path, O.RDONLY | O.DIRECTORY);
  const names: string[] = [];
  for (let entries = getdents(fd); entries.length > 0; entries = getdents(fd)) {
    names.push(...entries.map(({ name }) => name));
  }
  close(fd);
  return names.filter((name) => name !== '.' && name !== '..');
}
