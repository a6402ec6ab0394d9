// open(2) with O_TMPFILE: a file without a name, until it gets one.
import { as, STRANGER, unprivileged } from '../caller.ts';
import { chmod, chown, fstat, stat, umask } from '../calls/attributes.ts';
import { ftruncate, pread, pwrite, write } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { linkat, mkdir, rename, S, unlink } from '../calls/names.ts';
import { close, O, open, openat } from '../calls/open.ts';
import { getxattr, setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, writeFile } from '../files.ts';

const tmpfile = (directory: string, flags: number = O.RDWR, mode = 0o644) => open(directory, O.TMPFILE | flags, mode);
const name = (fd: number, path: string) => linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, path, AT.SYMLINK_FOLLOW);

export const openTmpfileCases: Cases = {
  'O_TMPFILE: a file without links that no directory lists': (directory) => {
    umask(0o027);
    const fd = tmpfile(directory, O.RDWR, 0o666);
    const made = fstat(fd);
    equal([made.mode, made.nlink, made.sizeBytes], [S.IFREG | 0o640, 0, 0]);
    equal([made.uid, made.gid], [process.getuid!(), process.getgid!()], 'owner');
    equal(readdir(directory), []);
    close(fd);
  },
  'O_TMPFILE: holds what is written until it closes': (directory) => {
    const fd = tmpfile(directory);
    equal(write(fd, 'content'), 7);
    pwrite(fd, 'far', 100_000);
    equal(fstat(fd).sizeBytes, 100_003);
    equal(pread(fd, 7, 0).toString(), 'content');
    ftruncate(fd, 3);
    equal(pread(fd, 7, 0).toString(), 'con');
    close(fd);
    equal(readdir(directory), []);
  },
  'O_TMPFILE: linkat gives it a name, and it goes on': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      const fd = tmpfile(`${directory}/sub`);
      write(fd, 'content');
      name(fd, `${directory}/sub/named`);
      equal(fstat(fd).nlink, 1);
      equal(stat(`${directory}/sub/named`).ino, fstat(fd).ino);
      equal(readFile(`${directory}/sub/named`), 'content');
      pwrite(fd, 'CON', 0);
      equal(readFile(`${directory}/sub/named`), 'CONtent');
      close(fd);
      equal(readFile(`${directory}/sub/named`), 'CONtent');
      equal(readdir(`${directory}/sub`), ['named']);
      unlink(`${directory}/sub/named`);
      equal(readdir(`${directory}/sub`), []);
    },
  },
  'O_TMPFILE: AT_EMPTY_PATH gives it a name': {
    root: true,
    run: (directory) => {
      const fd = tmpfile(directory);
      write(fd, 'content');
      linkat(fd, '', AT_FDCWD, `${directory}/named`, AT.EMPTY_PATH);
      close(fd);
      equal(readFile(`${directory}/named`), 'content');
    },
  },
  'O_TMPFILE: EEXIST where the name is taken': {
    prepare: (directory) => writeFile(`${directory}/file`, 'there'),
    run: (directory) => {
      const fd = tmpfile(directory);
      refuses('EEXIST', () => name(fd, `${directory}/file`));
      name(fd, `${directory}/new`);
      rename(`${directory}/new`, `${directory}/file`);
      close(fd);
      equal(readFile(`${directory}/file`), '');
      equal(readdir(directory), ['file']);
    },
  },
  'O_TMPFILE with O_EXCL: never gets a name': (directory) => {
    const fd = tmpfile(directory, O.RDWR | O.EXCL);
    refuses('ENOENT', () => name(fd, `${directory}/named`));
    write(fd, 'x');
    close(fd);
    equal(readdir(directory), []);
  },
  'O_TMPFILE: O_WRONLY does not read': (directory) => {
    const fd = tmpfile(directory, O.WRONLY);
    write(fd, 'x');
    refuses('EBADF', () => pread(fd, 1, 0));
    close(fd);
  },
  'O_TMPFILE: keeps mode and attributes when it is named': (directory) => {
    const fd = tmpfile(directory, O.RDWR, 0o600);
    setxattr(fd, 'user.note', 'kept');
    write(fd, 'x');
    name(fd, `${directory}/named`);
    close(fd);
    equal(stat(`${directory}/named`).mode, S.IFREG | 0o600);
    equal(getxattr(`${directory}/named`, 'user.note').toString(), 'kept');
  },
  'O_TMPFILE: ENOENT, ENOTDIR and EACCES of the directory': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      mkdir(`${directory}/locked`);
    },
    run: (directory) => {
      refuses('ENOENT', () => tmpfile(`${directory}/absent`));
      refuses('ENOTDIR', () => tmpfile(`${directory}/file`));
      chmod(`${directory}/locked`, 0o555);
      unprivileged(() => refuses('EACCES', () => tmpfile(`${directory}/locked`)));
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'O_TMPFILE: opened again through /proc/self/fd': (directory) => {
    const fd = tmpfile(directory);
    write(fd, 'content');
    const again = open(`/proc/self/fd/${fd}`, O.RDONLY);
    close(fd);
    equal(pread(again, 20, 0).toString(), 'content');
    close(again);
  },
  'O_TMPFILE: from the directory of openat, beside others': (directory) => {
    const base = open(directory, O.RDONLY | O.DIRECTORY);
    const fds = [0, 1, 2].map(() => openat(base, '.', O.TMPFILE | O.RDWR));
    fds.forEach((fd, at) => {
      write(fd, `number ${at}`);
    });
    equal(
      fds.map((fd) => pread(fd, 20, 0).toString()),
      ['number 0', 'number 1', 'number 2'],
    );
    equal(new Set(fds.map((fd) => fstat(fd).ino)).size, 3, 'inode numbers');
    for (const fd of [...fds, base]) close(fd);
  },
  'O_TMPFILE: a set-group-id directory gives its group': {
    root: true,
    run: (directory) => {
      mkdir(`${directory}/shared`);
      chown(`${directory}/shared`, -1, STRANGER.gid);
      chmod(`${directory}/shared`, 0o2777);
      const fd = tmpfile(`${directory}/shared`);
      equal(fstat(fd).gid, STRANGER.gid);
      name(fd, `${directory}/named`);
      close(fd);
      equal(stat(`${directory}/named`).gid, STRANGER.gid);
    },
  },
  'O_TMPFILE: a stranger may make one where the directory is open to all': {
    root: true,
    run: (directory) => {
      mkdir(`${directory}/open`);
      chmod(`${directory}/open`, 0o777);
      as(STRANGER, () => {
        const fd = tmpfile(`${directory}/open`);
        equal([fstat(fd).uid, fstat(fd).gid], [STRANGER.uid, STRANGER.gid]);
        name(fd, `${directory}/open/named`);
        close(fd);
      });
      equal(stat(`${directory}/open/named`).uid, STRANGER.uid);
    },
  },
};
