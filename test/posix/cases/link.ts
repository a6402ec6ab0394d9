// link(2): a second name for a file.

import { as, OTHER, STRANGER, unprivileged } from '../caller.ts';
import { chmod, fstat, lstat } from '../calls/attributes.ts';
import { pread, pwrite } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { bindSocket, link, linkat, mkdir, mknod, readlink, rename, rmdir, S, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const empty = (fd: number, to: string) => linkat(fd, '', AT_FDCWD, to, AT.EMPTY_PATH);
const byDescriptor = (fd: number, to: string) =>
  linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, to, AT.SYMLINK_FOLLOW);

export const linkCases: Cases = {
  'both names are one file: number, link count, bytes and mode': {
    prepare: (directory) => writeFile(`${directory}/old`, 'bytes'),
    run: (directory) => {
      const before = lstat(`${directory}/old`);
      link(`${directory}/old`, `${directory}/new`);
      equal(lstat(`${directory}/old`).ino, before.ino, 'number');
      equal(lstat(`${directory}/new`).ino, before.ino, 'number of the new name');
      equal(lstat(`${directory}/old`).nlink, 2, 'links');
      equal(lstat(`${directory}/new`).nlink, 2, 'links of the new name');
      chmod(`${directory}/new`, 0o600);
      equal(lstat(`${directory}/old`).mode & 0o7777, 0o600, 'mode');
      equal(readFile(`${directory}/new`), 'bytes');
    },
  },
  'what is written through one name is read through the other': {
    prepare: (directory) => writeFile(`${directory}/old`, 'before'),
    run: (directory) => {
      link(`${directory}/old`, `${directory}/new`);
      writeFile(`${directory}/new`, 'after');
      equal(readFile(`${directory}/old`), 'after');
      writeFile(`${directory}/old`, 'and back');
      equal(readFile(`${directory}/new`), 'and back');
    },
  },
  'names in several directories count': {
    prepare: (directory) => {
      writeFile(`${directory}/old`);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      link(`${directory}/old`, `${directory}/sub/new`);
      link(`${directory}/sub/new`, `${directory}/sub/newer`);
      equal(lstat(`${directory}/old`).nlink, 3);
      equal(readdir(`${directory}/sub`).sort(), ['new', 'newer']);
      unlink(`${directory}/old`);
      equal(lstat(`${directory}/sub/newer`).nlink, 2);
    },
  },
  'a symbolic link is linked itself, unless it is to be followed': {
    prepare: (directory) => {
      writeFile(`${directory}/file`, 'bytes');
      symlink('file', `${directory}/symbolic`);
    },
    run: (directory) => {
      link(`${directory}/symbolic`, `${directory}/new`);
      equal(readlink(`${directory}/new`), 'file');
      equal(lstat(`${directory}/new`).ino, lstat(`${directory}/symbolic`).ino);
      equal(lstat(`${directory}/symbolic`).nlink, 2);
      linkat(AT_FDCWD, `${directory}/symbolic`, AT_FDCWD, `${directory}/followed`, AT.SYMLINK_FOLLOW);
      equal(lstat(`${directory}/followed`).ino, lstat(`${directory}/file`).ino);
    },
  },
  'a dangling symbolic link is linked, but not followed': {
    prepare: (directory) => void symlink('absent', `${directory}/symbolic`),
    run: (directory) => {
      link(`${directory}/symbolic`, `${directory}/new`);
      equal(readlink(`${directory}/new`), 'absent');
      refuses('ENOENT', () =>
        linkat(AT_FDCWD, `${directory}/symbolic`, AT_FDCWD, `${directory}/followed`, AT.SYMLINK_FOLLOW),
      );
    },
  },
  'special files have second names, too': {
    prepare: (directory) => {
      mknod(`${directory}/fifo`, S.IFIFO | 0o644);
      process.chdir(directory);
      close(bindSocket('socket'));
      process.chdir('/');
    },
    run: (directory) => {
      for (const name of ['fifo', 'socket']) {
        link(`${directory}/${name}`, `${directory}/${name}2`);
        equal(lstat(`${directory}/${name}2`).ino, lstat(`${directory}/${name}`).ino, name);
        equal(lstat(`${directory}/${name}2`).mode, lstat(`${directory}/${name}`).mode, name);
      }
    },
  },
  'AT_EMPTY_PATH names the file of a descriptor': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/old`, 'bytes'),
    run: (directory) => {
      withFile(`${directory}/old`, O.RDONLY, (fd) => empty(fd, `${directory}/new`));
      equal(readFile(`${directory}/new`), 'bytes');
      equal(lstat(`${directory}/old`).nlink, 2);
      withFile(`${directory}/new`, O.PATH, (fd) => empty(fd, `${directory}/newer`));
      equal(lstat(`${directory}/old`).nlink, 3);
    },
  },
  'EPERM by AT_EMPTY_PATH for a directory': {
    root: true,
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) =>
        refuses('EPERM', () => empty(fd, `${directory}/new`)),
      ),
  },
  'ENOENT by AT_EMPTY_PATH for who did not open the file and may not search everywhere': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/old`, '', 0o666);
      mkdir(`${directory}/open`);
    },
    run: (directory) => {
      chmod(`${directory}/open`, 0o777);
      withFile(`${directory}/old`, O.RDONLY, (fd) =>
        as(STRANGER, () => refuses('ENOENT', () => empty(fd, `${directory}/open/new`))),
      );
    },
  },
  '/proc/self/fd names the file of a descriptor': {
    prepare: (directory) => writeFile(`${directory}/old`, 'bytes'),
    run: (directory) => {
      withFile(`${directory}/old`, O.RDONLY, (fd) => byDescriptor(fd, `${directory}/new`));
      equal(lstat(`${directory}/new`).ino, lstat(`${directory}/old`).ino);
      equal(readFile(`${directory}/new`), 'bytes');
    },
  },
  'ENOENT for a file that was removed': {
    prepare: (directory) => writeFile(`${directory}/old`),
    run: (directory) =>
      withFile(`${directory}/old`, O.RDONLY, (fd) => {
        unlink(`${directory}/old`);
        refuses('ENOENT', () => byDescriptor(fd, `${directory}/new`));
      }),
  },
  'ENOENT from or to a directory that was removed': {
    prepare: (directory) => {
      writeFile(`${directory}/old`);
      mkdir(`${directory}/sub`);
    },
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        rmdir(`${directory}/sub`);
        refuses('ENOENT', () => linkat(AT_FDCWD, `${directory}/old`, fd, 'new', 0));
        refuses('ENOENT', () => linkat(fd, 'old', AT_FDCWD, `${directory}/new`, 0));
      }),
  },
  'EPERM for a directory': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => refuses('EPERM', () => link(`${directory}/sub`, `${directory}/new`)),
  },
  'EPERM for another’s file that may not be written': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/old`);
      mkdir(`${directory}/open`);
    },
    run: (directory) => {
      const setting = withFile('/proc/sys/fs/protected_hardlinks', O.RDONLY, (fd) => pread(fd, 1, 0).toString());
      chmod(`${directory}/open`, 0o777);
      as(OTHER, () => {
        if (setting === '1') refuses('EPERM', () => link(`${directory}/old`, `${directory}/open/new`));
        else link(`${directory}/old`, `${directory}/open/unprotected`);
      });
      const before = lstat(`${directory}/old`).nlink;
      chmod(`${directory}/old`, 0o666);
      as(OTHER, () => link(`${directory}/old`, `${directory}/open/new`));
      equal(lstat(`${directory}/old`).nlink, before + 1);
    },
  },
  'EINVAL for a flag that is none': {
    prepare: (directory) => writeFile(`${directory}/old`),
    run: (directory) =>
      refuses('EINVAL', () => linkat(AT_FDCWD, `${directory}/old`, AT_FDCWD, `${directory}/new`, 0x8000)),
  },
  'EXDEV onto another file system, and nothing is made': {
    prepare: (directory) => writeFile(`${directory}/old`),
    run: (directory) => {
      refuses('EXDEV', () => link(`${directory}/old`, '/dev/shm/agentsh-new'));
      equal(lstat(`${directory}/old`).nlink, 1);
    },
  },
  'EACCES into a directory without write permission': {
    prepare: (directory) => {
      writeFile(`${directory}/old`);
      mkdir(`${directory}/locked`, 0o555);
    },
    run: (directory) => {
      chmod(`${directory}/old`, 0o666);
      unprivileged(() => refuses('EACCES', () => link(`${directory}/old`, `${directory}/locked/new`)));
    },
  },
  'a name that a rename replaced is one link less': {
    prepare: (directory) => {
      writeFile(`${directory}/old`);
      writeFile(`${directory}/other`, 'other');
    },
    run: (directory) => {
      link(`${directory}/old`, `${directory}/new`);
      rename(`${directory}/other`, `${directory}/new`);
      equal(lstat(`${directory}/old`).nlink, 1);
      equal(readFile(`${directory}/new`), 'other');
    },
  },
  'a file made without a name gets one': (directory) => {
    const fd = open(directory, O.TMPFILE | O.RDWR, 0o644);
    pwrite(fd, 'bytes', 0);
    equal(fstat(fd).nlink, 0);
    byDescriptor(fd, `${directory}/new`);
    equal(fstat(fd).nlink, 1);
    close(fd);
    equal(readFile(`${directory}/new`), 'bytes');
  },
  'ENOENT for a file made without a name that shall have none': (directory) =>
    withFile(directory, O.TMPFILE | O.RDWR | O.EXCL, (fd) =>
      refuses('ENOENT', () => byDescriptor(fd, `${directory}/new`)),
    ),
};
