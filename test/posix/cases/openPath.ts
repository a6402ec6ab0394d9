// open(2) with O_PATH: a descriptor that names an object and does nothing to it.
import { isRoot, unprivileged } from '../caller.ts';
import { chmod, chown, fchmod, fchown, fstat, futimens, lstat, stat, statfs, UTIME_NOW } from '../calls/attributes.ts';
import { ftruncate, lseek, pread, read, SEEK, write } from '../calls/data.ts';
import { getdents } from '../calls/directory.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { F, fcntl } from '../calls/locks.ts';
import { MAP, mmap, PROT } from '../calls/memory.ts';
import { bindSocket, linkat, mkdir, mknod, readlinkat, rename, S, symlink, unlink } from '../calls/names.ts';
import { close, dup, O, open, openat } from '../calls/open.ts';
import { fchdir, getcwd } from '../calls/process.ts';
import { getxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, writeFile } from '../files.ts';

const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');

export const openPathCases: Cases = {
  'O_PATH: EBADF for whatever touches the object': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.PATH | O.RDWR);
      refuses('EBADF', () => read(fd, 1));
      refuses('EBADF', () => write(fd, 'x'));
      refuses('EBADF', () => pread(fd, 1, 0));
      refuses('EBADF', () => lseek(fd, 0, SEEK.CUR));
      refuses('EBADF', () => ftruncate(fd, 0));
      refuses('EBADF', () => fchmod(fd, 0o600));
      refuses('EBADF', () => fchown(fd, -1, -1));
      refuses('EBADF', () => futimens(fd, UTIME_NOW, UTIME_NOW));
      refuses('EBADF', () => mmap(fd, 4096, PROT.READ, MAP.PRIVATE));
      close(fd);
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'O_PATH: a directory gives no names, but is a base and a place to go': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`, 'below');
    },
    run: (directory) => {
      const fd = open(`${directory}/sub`, O.PATH | O.DIRECTORY);
      refuses('EBADF', () => getdents(fd));
      const file = openat(fd, 'file', O.RDONLY);
      equal(read(file, 10).toString(), 'below');
      close(file);
      close(openat(fd, 'made', O.CREAT | O.WRONLY));
      fchdir(fd);
      equal(getcwd(), `${directory}/sub`);
      equal(readFile('file'), 'below');
      close(fd);
    },
  },
  'O_PATH: stat, statfs, dup and the flags work': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.PATH | O.CLOEXEC);
      const { atime: _atime, ...seen } = fstat(fd);
      const { atime: _other, ...wanted } = stat(`${directory}/file`);
      equal(seen, wanted);
      equal(statfs(fd).type, statfs(`${directory}/file`).type);
      equal(fcntl(fd, F.GETFL) & O.PATH, O.PATH);
      equal(fcntl(fd, F.GETFD), 1);
      const copy = dup(fd);
      close(fd);
      equal(fstat(copy).ino, seen.ino);
      close(copy);
    },
  },
  'O_PATH: needs no permission on the object itself': {
    prepare: (directory) => writeFile(`${directory}/file`, 'secret', 0o600),
    run: (directory) => {
      chmod(`${directory}/file`, 0);
      unprivileged(() => {
        refuses('EACCES', () => open(`${directory}/file`, O.RDONLY));
        const fd = open(`${directory}/file`, O.PATH);
        equal(fstat(fd).sizeBytes, 6);
        refuses('EACCES', () => open(`/proc/self/fd/${fd}`, O.RDONLY));
        close(fd);
      });
    },
  },
  'O_PATH: opened again through /proc/self/fd it reads and writes': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.PATH);
      const again = open(`/proc/self/fd/${fd}`, O.RDWR);
      write(again, 'CON');
      equal(pread(again, 20, 0).toString(), 'CONtent');
      equal(fstat(again).ino, fstat(fd).ino);
      close(again);
      close(fd);
    },
  },
  'O_PATH with O_NOFOLLOW: names a link itself': {
    prepare: (directory) => {
      filePrepared(directory);
      symlink('file', `${directory}/link`);
      symlink('absent', `${directory}/dangling`);
    },
    run: (directory) => {
      for (const [name, target] of [
        ['link', 'file'],
        ['dangling', 'absent'],
      ] as const) {
        const fd = open(`${directory}/${name}`, O.PATH | O.NOFOLLOW);
        equal(fstat(fd).mode & S.IFMT, S.IFLNK, 'type');
        equal(fstat(fd).ino, lstat(`${directory}/${name}`).ino);
        equal(readlinkat(fd, ''), target);
        close(fd);
      }
      const followed = open(`${directory}/link`, O.PATH);
      equal(fstat(followed).mode & S.IFMT, S.IFREG, 'followed');
      close(followed);
      refuses('ENOENT', () => open(`${directory}/dangling`, O.PATH));
    },
  },
  'O_PATH: fifos and sockets are named without being opened': {
    prepare: (directory) => {
      mknod(`${directory}/fifo`, S.IFIFO | 0o644);
      close(bindSocket(`${directory}/socket`));
    },
    run: (directory) => {
      for (const [name, type] of [
        ['fifo', S.IFIFO],
        ['socket', S.IFSOCK],
      ] as const) {
        const fd = open(`${directory}/${name}`, O.PATH);
        equal(fstat(fd).mode & S.IFMT, type);
        close(fd);
      }
    },
  },
  'O_PATH: stays with the object when its name moves and goes': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.PATH);
      const { ino } = fstat(fd);
      rename(`${directory}/file`, `${directory}/moved`);
      writeFile(`${directory}/file`, 'another');
      equal(stat(`${directory}/moved`).ino, ino);
      equal(fstat(fd).nlink, 1);
      unlink(`${directory}/moved`);
      equal([fstat(fd).ino, fstat(fd).nlink, fstat(fd).sizeBytes], [ino, 0, 7]);
      const again = open(`/proc/self/fd/${fd}`, O.RDONLY);
      equal(read(again, 20).toString(), 'content');
      close(again);
      close(fd);
    },
  },
  'O_PATH: what was removed has no links, and opens again': {
    prepare: filePrepared,
    run: (directory) => {
      const before = stat(`${directory}/file`);
      const fd = open(`${directory}/file`, O.PATH);
      unlink(`${directory}/file`);
      writeFile(`${directory}/file`, 'another');
      const { ino, nlink, sizeBytes } = fstat(fd);
      equal([ino, nlink, sizeBytes], [before.ino, 0, 7]);
      const again = open(`/proc/self/fd/${fd}`, O.RDWR);
      equal(write(again, 'CON'), 3);
      equal(pread(again, 20, 0).toString(), 'CONtent');
      close(again);
      close(fd);
      equal(readFile(`${directory}/file`), 'another');
    },
  },
  'O_PATH: a name can be given through /proc/self/fd': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.PATH);
      linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, `${directory}/second`, AT.SYMLINK_FOLLOW);
      if (isRoot()) linkat(fd, '', AT_FDCWD, `${directory}/third`, AT.EMPTY_PATH);
      equal(stat(`${directory}/second`).ino, fstat(fd).ino);
      equal(fstat(fd).nlink, isRoot() ? 3 : 2);
      close(fd);
    },
  },
  'O_PATH: mode, owner and attributes are set through /proc/self/fd': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.PATH);
      chmod(`/proc/self/fd/${fd}`, 0o604);
      chown(`/proc/self/fd/${fd}`, -1, process.getgid!());
      equal(fstat(fd).mode, S.IFREG | 0o604);
      refuses('EBADF', () => getxattr(fd, 'user.absent'));
      close(fd);
    },
  },
  'O_PATH: EACCES, ENOENT and ENOTDIR of the way there': {
    prepare: (directory) => {
      filePrepared(directory);
      mkdir(`${directory}/locked`);
      writeFile(`${directory}/locked/file`);
    },
    run: (directory) => {
      refuses('ENOENT', () => open(`${directory}/absent`, O.PATH));
      refuses('ENOTDIR', () => open(`${directory}/file`, O.PATH | O.DIRECTORY));
      refuses('ENOTDIR', () => open(`${directory}/file/x`, O.PATH));
      chmod(`${directory}/locked`, 0o600);
      unprivileged(() => refuses('EACCES', () => open(`${directory}/locked/file`, O.PATH)));
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'O_PATH: O_CREAT and O_TRUNC mean nothing with it': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('ENOENT', () => open(`${directory}/absent`, O.PATH | O.CREAT));
      const fd = open(`${directory}/file`, O.PATH | O.TRUNC | O.WRONLY);
      holds(fstat(fd).sizeBytes === 7, 'it keeps its bytes');
      close(fd);
    },
  },
};
