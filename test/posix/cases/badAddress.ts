// EFAULT: paths and buffers that are no memory of the caller's.
import { stat } from '../calls/attributes.ts';
import { lseek, SEEK } from '../calls/data.ts';
import { AT_FDCWD, bind, cstring } from '../calls/libc.ts';
import { O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

/** In the first page, which is never mapped. */
const NOWHERE = 1n;
const PIECE_BYTES = 100_000;
const openat = bind('int openat64(int dirfd, const void *path, int flags, unsigned int mode)');
const creat = bind('int creat64(const void *path, unsigned int mode)');
const chdir = bind('int chdir(const void *path)');
const execve = bind('int execve(const void *path, const void *argv, const void *envp)');
const statx = bind('int statx(int dirfd, const void *path, int flags, unsigned int mask, void *buffer)');
const lstat = bind('int fstatat64(int dirfd, const void *path, void *buffer, int flags)');
const statfs = bind('int statfs64(const void *path, void *buffer)');
const fstatfs = bind('int fstatfs64(int fd, void *buffer)');
const faccessat = bind('int faccessat(int dirfd, const void *path, int mode, int flags)');
const read = bind('int64_t read(int fd, void *buffer, size_t count)');
const pread = bind('int64_t pread64(int fd, void *buffer, size_t count, int64_t offset)');
const write = bind('int64_t write(int fd, const void *buffer, size_t count)');
const pwrite = bind('int64_t pwrite64(int fd, const void *buffer, size_t count, int64_t offset)');
const readv = bind('int64_t readv(int fd, const void *iov, int count)');
const nameToHandleAt = bind('int name_to_handle_at(int dirfd, const void *path, void *handle, void *mount, int flags)');
const openByHandleAt = bind('int open_by_handle_at(int mount, void *handle, int flags)');
const filePrepared = (directory: string) => writeFile(`${directory}/file`, Buffer.alloc(PIECE_BYTES, 'c'));

export const badAddressCases: Cases = {
  'EFAULT for a path to open, to go to, or to run': () => {
    refuses('EFAULT', () => openat(AT_FDCWD, NOWHERE, O.RDONLY, 0));
    refuses('EFAULT', () => openat(AT_FDCWD, NOWHERE, O.CREAT | O.WRONLY, 0o644));
    refuses('EFAULT', () => creat(NOWHERE, 0o644));
    refuses('EFAULT', () => chdir(NOWHERE));
    refuses('EFAULT', () => execve(NOWHERE, Buffer.alloc(8), Buffer.alloc(8)));
    refuses('EFAULT', () => execve(cstring('/bin/true'), NOWHERE, Buffer.alloc(8)));
  },
  'EFAULT for a path to ask about, or the place of the answer': {
    prepare: filePrepared,
    run: (directory) => {
      const path = cstring(`${directory}/file`);
      refuses('EFAULT', () => lstat(AT_FDCWD, NOWHERE, Buffer.alloc(256), 0));
      refuses('EFAULT', () => lstat(AT_FDCWD, path, NOWHERE, 0));
      refuses('EFAULT', () => statx(AT_FDCWD, NOWHERE, 0, 0xfff, Buffer.alloc(256)));
      refuses('EFAULT', () => statx(AT_FDCWD, path, 0, 0xfff, NOWHERE));
      refuses('EFAULT', () => statfs(NOWHERE, Buffer.alloc(256)));
      refuses('EFAULT', () => statfs(path, NOWHERE));
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('EFAULT', () => fstatfs(fd, NOWHERE)));
      refuses('EFAULT', () => faccessat(AT_FDCWD, NOWHERE, 0, 0));
    },
  },
  'EFAULT for a handle, its path or its mount': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      const path = cstring(`${directory}/file`);
      const handle = Buffer.alloc(136);
      handle.writeUInt32LE(128, 0);
      refuses('EFAULT', () => nameToHandleAt(AT_FDCWD, NOWHERE, handle, Buffer.alloc(4), 0));
      // Where there are no handles, nothing is written anywhere.
      refuses(['EFAULT', 'EOPNOTSUPP'], () => nameToHandleAt(AT_FDCWD, path, NOWHERE, Buffer.alloc(4), 0));
      refuses(['EFAULT', 'EOPNOTSUPP'], () => nameToHandleAt(AT_FDCWD, path, handle, NOWHERE, 0));
      withFile(directory, O.RDONLY, (base) => refuses('EFAULT', () => openByHandleAt(base, NOWHERE, O.RDONLY)));
    },
  },
  'EFAULT for a buffer to read into, and the file stays as it is': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('EFAULT', () => read(fd, NOWHERE, PIECE_BYTES));
        refuses('EFAULT', () => pread(fd, NOWHERE, PIECE_BYTES, 10));
        refuses('EFAULT', () => readv(fd, NOWHERE, 1));
        equal(lseek(fd, 0, SEEK.CUR), 0, 'position');
      }),
  },
  'EFAULT for a buffer to write from, and the file stays as it is': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        refuses('EFAULT', () => write(fd, NOWHERE, PIECE_BYTES));
        refuses('EFAULT', () => pwrite(fd, NOWHERE, PIECE_BYTES, PIECE_BYTES));
      });
      equal(stat(`${directory}/file`).sizeBytes, PIECE_BYTES);
      equal(readFile(`${directory}/file`), 'c'.repeat(PIECE_BYTES));
    },
  },
};
