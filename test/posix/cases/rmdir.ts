// rmdir(2): empty directories go.

import { chmod, fstat, lstat, stat } from '../calls/attributes.ts';
import { getdents, readdir } from '../calls/directory.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import {
  link,
  mkdir,
  mkdirat,
  mknodat,
  mounted,
  RENAME,
  rename,
  rmdir,
  S,
  symlink,
  symlinkat,
  unlink,
  unlinkat,
} from '../calls/names.ts';
import { O, open, openat } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';

const sub = (directory: string) => void mkdir(`${directory}/sub`);

export const rmdirCases: Cases = {
  'an empty directory is gone': {
    prepare: sub,
    run: (directory) => {
      rmdir(`${directory}/sub`);
      refuses('ENOENT', () => lstat(`${directory}/sub`));
      refuses('ENOENT', () => rmdir(`${directory}/sub`));
      equal(readdir(directory), []);
    },
  },
  'ENOTEMPTY while anything is in it': {
    prepare: (directory) => {
      for (const name of ['file', 'directory', 'link', 'made']) mkdir(`${directory}/${name}`);
      writeFile(`${directory}/file/name`);
      mkdir(`${directory}/directory/name`);
      symlink('absent', `${directory}/link/name`);
    },
    run: (directory) => {
      writeFile(`${directory}/made/name`);
      for (const name of ['file', 'directory', 'link', 'made']) {
        refuses('ENOTEMPTY', () => rmdir(`${directory}/${name}`));
        equal(readdir(`${directory}/${name}`), ['name'], name);
      }
    },
  },
  'goes once what was in it has gone': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`);
      mkdir(`${directory}/sub/inner`);
    },
    run: (directory) => {
      rename(`${directory}/sub/file`, `${directory}/file`);
      refuses('ENOTEMPTY', () => rmdir(`${directory}/sub`));
      rmdir(`${directory}/sub/inner`);
      rmdir(`${directory}/sub`);
      equal(readdir(directory), ['file']);
    },
  },
  'EINVAL for a name that ends in `.`, ENOTEMPTY for `..`': {
    prepare: sub,
    run: (directory) => {
      refuses('EINVAL', () => rmdir(`${directory}/sub/.`));
      refuses('EINVAL', () => rmdir(`${directory}/sub/./`));
      refuses('ENOTEMPTY', () => rmdir(`${directory}/sub/..`));
      equal(readdir(directory), ['sub']);
    },
  },
  'ENOTDIR for what is no directory, slash or not': {
    prepare: (directory) => {
      sub(directory);
      writeFile(`${directory}/file`);
      symlink('sub', `${directory}/link`);
      symlink('absent', `${directory}/dangling`);
    },
    run: (directory) => {
      for (const name of ['file', 'link', 'dangling', 'file/', 'link/'])
        refuses('ENOTDIR', () => rmdir(`${directory}/${name}`));
      equal(readdir(directory).sort(), ['dangling', 'file', 'link', 'sub']);
    },
  },
  'a trailing slash is no hindrance': {
    prepare: sub,
    run: (directory) => {
      rmdir(`${directory}/sub//`);
      equal(readdir(directory), []);
    },
  },
  'EBUSY for a mount point, by every call that takes or replaces its name': {
    root: true,
    prepare: (directory) => {
      sub(directory);
      mkdir(`${directory}/other`);
    },
    run: (directory) => {
      const [point, other] = [`${directory}/sub`, `${directory}/other`];
      mounted(point, () => {
        refuses('EBUSY', () => rmdir(point));
        refuses('EISDIR', () => unlink(point));
        refuses('EBUSY', () => rename(point, `${directory}/new`));
        refuses('EBUSY', () => rename(other, point));
        refuses('EBUSY', () => rename(other, point, RENAME.EXCHANGE));
      });
      rmdir(point);
      equal(readdir(directory), ['other']);
    },
  },
  'EBUSY for the root directory': () => refuses(['EBUSY', 'EACCES'], () => rmdir('/')),
  'starts at the descriptor of a directory': {
    prepare: (directory) => {
      sub(directory);
      mkdir(`${directory}/sub/inner`);
    },
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        unlinkat(fd, 'inner', AT.REMOVEDIR);
        unlinkat(fd, '../sub', AT.REMOVEDIR);
        equal(readdir(directory), []);
      }),
  },
  'a directory that is open has no link left, and nothing can be found or made in it': {
    prepare: sub,
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        rmdir(`${directory}/sub`);
        equal(fstat(fd).nlink, 0);
        equal(fstat(fd).mode & S.IFMT, S.IFDIR);
        refuses('ENOENT', () => getdents(fd));
        refuses('ENOENT', () => openat(fd, 'name', O.RDONLY));
        refuses('ENOENT', () => openat(fd, 'name', O.CREAT | O.WRONLY));
        refuses('ENOENT', () => mkdirat(fd, 'name', 0o755));
        refuses('ENOENT', () => symlinkat('target', fd, 'name'));
        refuses('ENOENT', () => mknodat(fd, 'name', S.IFIFO | 0o644, 0));
        refuses(['ENOENT', 'EPERM'], () => openat(fd, '.', O.TMPFILE | O.RDWR));
      }),
  },
  'a directory that is only named by a descriptor has no link left, either': {
    prepare: sub,
    run: (directory) =>
      withFile(`${directory}/sub`, O.PATH | O.DIRECTORY, (fd) => {
        const before = fstat(fd);
        rmdir(`${directory}/sub`);
        equal(fstat(fd).nlink, 0);
        equal(fstat(fd).ino, before.ino);
        refuses('ENOENT', () => mkdirat(fd, 'name', 0o755));
      }),
  },
  'a directory that was filled, emptied and is open has no link left': {
    prepare: (directory) => {
      sub(directory);
      writeFile(`${directory}/sub/file`);
    },
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        mkdirat(fd, 'inner', 0o755);
        unlinkat(fd, 'file', 0);
        unlinkat(fd, 'inner', AT.REMOVEDIR);
        rmdir(`${directory}/sub`);
        equal(fstat(fd).nlink, 0);
        refuses('ENOENT', () => getdents(fd));
      }),
  },
  'the working directory may go: `.` is still it, `..` leads out of it, and nothing is made in it': {
    prepare: (directory) => {
      sub(directory);
      writeFile(`${directory}/file`);
    },
    run: (directory) => {
      process.chdir(`${directory}/sub`);
      const before = stat('.');
      rmdir(`${directory}/sub`);
      equal(stat('.').ino, before.ino);
      equal(stat('.').nlink, 0);
      refuses('ENOENT', () => mkdir('name'));
      refuses('ENOENT', () => open('name', O.CREAT | O.WRONLY));
      refuses('ENOENT', () => link(`${directory}/file`, 'name'));
      refuses('ENOENT', () => rename(`${directory}/file`, 'name'));
      refuses('ENOENT', () => readdir('.'));
      equal(stat('..').ino, stat(directory).ino);
      process.chdir('/');
    },
  },
  'a directory made anew under the name of an open one is another': {
    prepare: sub,
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        rmdir(`${directory}/sub`);
        mkdir(`${directory}/sub`);
        writeFile(`${directory}/sub/file`);
        refuses('ENOENT', () => openat(fd, 'file', O.RDONLY));
        equal(fstat(fd).nlink, 0);
        equal(readdir(`${directory}/sub`), ['file']);
      }),
  },
  'a removed directory still takes a mode': {
    prepare: sub,
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        rmdir(`${directory}/sub`);
        chmod(`/proc/self/fd/${fd}`, 0o700);
        equal(fstat(fd).mode, S.IFDIR | 0o700);
      }),
  },
  'EINVAL for a flag that is none': {
    prepare: sub,
    run: (directory) => refuses('EINVAL', () => unlinkat(AT_FDCWD, `${directory}/sub`, 0x8000)),
  },
};
