// rename(2): a name moves, and what it replaces goes in the same moment.

import { as, OTHER, STRANGER } from '../caller.ts';
import { chmod, chown, fstat, lstat, stat } from '../calls/attributes.ts';
import { pread, pwrite } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { AT_FDCWD } from '../calls/libc.ts';
import { link, mkdir, mknod, readlink, rename, renameat2, S, symlink } from '../calls/names.ts';
import { O, openat } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const file = (directory: string) => writeFile(`${directory}/old`, 'bytes');

export const renameCases: Cases = {
  'the file is the same one under its new name': {
    prepare: file,
    run: (directory) => {
      const before = lstat(`${directory}/old`);
      rename(`${directory}/old`, `${directory}/new`);
      const { ino, mode, mtime, nlink } = lstat(`${directory}/new`);
      equal([ino, mode, mtime, nlink], [before.ino, before.mode, before.mtime, 1]);
      equal(readFile(`${directory}/new`), 'bytes');
      refuses('ENOENT', () => lstat(`${directory}/old`));
      equal(readdir(directory), ['new']);
    },
  },
  'a file moves into another directory and back': {
    prepare: (directory) => {
      file(directory);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      const before = lstat(`${directory}/old`).ino;
      rename(`${directory}/old`, `${directory}/sub/new`);
      equal([readdir(directory), readdir(`${directory}/sub`)], [['sub'], ['new']]);
      equal(readFile(`${directory}/sub/new`), 'bytes');
      rename(`${directory}/sub/new`, `${directory}/old`);
      equal(lstat(`${directory}/old`).ino, before);
      equal([readdir(directory).sort(), readdir(`${directory}/sub`)], [['old', 'sub'], []]);
      equal(readFile(`${directory}/old`), 'bytes');
    },
  },
  'a file is written through a descriptor and by its new name after it has moved': {
    prepare: file,
    run: (directory) =>
      withFile(`${directory}/old`, O.RDWR, (fd) => {
        pwrite(fd, 'B', 0);
        rename(`${directory}/old`, `${directory}/new`);
        pwrite(fd, 'Y', 1);
        equal(readFile(`${directory}/new`), 'BYtes');
        withFile(`${directory}/new`, O.WRONLY, (other) => void pwrite(other, 'T', 2));
        equal(pread(fd, 10, 0).toString('latin1'), 'BYTes');
        equal(fstat(fd).ino, lstat(`${directory}/new`).ino);
        equal(readdir(directory), ['new']);
      }),
  },
  'a replaced file lives while it is open': {
    prepare: (directory) => {
      file(directory);
      writeFile(`${directory}/new`, 'replaced');
    },
    run: (directory) =>
      withFile(`${directory}/new`, O.RDWR, (fd) => {
        rename(`${directory}/old`, `${directory}/new`);
        equal(fstat(fd).nlink, 0);
        equal(pread(fd, 10, 0).toString('latin1'), 'replaced');
        pwrite(fd, 'REP', 0);
        equal(pread(fd, 10, 0).toString('latin1'), 'REPlaced');
        equal(readFile(`${directory}/new`), 'bytes');
        equal(readdir(directory), ['new']);
      }),
  },
  'a replaced file that is only named by a descriptor has no link left': {
    prepare: (directory) => {
      file(directory);
      writeFile(`${directory}/new`, 'replaced');
    },
    run: (directory) =>
      withFile(`${directory}/new`, O.PATH, (fd) => {
        rename(`${directory}/old`, `${directory}/new`);
        equal(fstat(fd).nlink, 0);
        equal(fstat(fd).sizeBytes, 8);
      }),
  },
  'an empty directory that is replaced lives while it is open, without a link': {
    prepare: (directory) => {
      mkdir(`${directory}/old`);
      writeFile(`${directory}/old/file`);
      mkdir(`${directory}/new`);
    },
    run: (directory) =>
      withFile(`${directory}/new`, O.RDONLY | O.DIRECTORY, (fd) => {
        rename(`${directory}/old`, `${directory}/new`);
        equal(fstat(fd).nlink, 0);
        refuses('ENOENT', () => openat(fd, 'file', O.RDONLY));
        refuses('ENOENT', () => openat(fd, 'other', O.CREAT | O.WRONLY));
        equal(readdir(`${directory}/new`), ['file']);
      }),
  },
  'onto itself nothing happens, whatever it is': {
    prepare: (directory) => {
      file(directory);
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/inner`);
      symlink('absent', `${directory}/link`);
    },
    run: (directory) => {
      const before = readdir(directory).sort();
      for (const name of ['old', 'sub', 'link']) {
        const { ino, ctime, mtime } = lstat(`${directory}/${name}`);
        rename(`${directory}/${name}`, `${directory}/${name}`);
        const after = lstat(`${directory}/${name}`);
        equal([after.ino, after.ctime, after.mtime], [ino, ctime, mtime], name);
      }
      equal(readdir(directory).sort(), before);
      equal(readdir(`${directory}/sub`), ['inner']);
    },
  },
  'onto another name of the same file nothing happens: both stay': {
    prepare: file,
    run: (directory) => {
      link(`${directory}/old`, `${directory}/new`);
      rename(`${directory}/old`, `${directory}/new`);
      equal(readdir(directory).sort(), ['new', 'old']);
      equal(lstat(`${directory}/old`).nlink, 2);
    },
  },
  'a link moves as it is, not what it leads to': {
    prepare: (directory) => {
      file(directory);
      symlink('old', `${directory}/link`);
    },
    run: (directory) => {
      rename(`${directory}/link`, `${directory}/moved`);
      equal(readlink(`${directory}/moved`), 'old');
      writeFile(`${directory}/other`, 'other');
      rename(`${directory}/other`, `${directory}/moved`);
      equal(readFile(`${directory}/moved`), 'other');
      equal(readFile(`${directory}/old`), 'bytes');
    },
  },
  'special files move': {
    prepare: (directory) => {
      mknod(`${directory}/fifo`, S.IFIFO | 0o640);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      rename(`${directory}/fifo`, `${directory}/sub/fifo`);
      equal(lstat(`${directory}/sub/fifo`).mode, S.IFIFO | 0o640);
      equal(readdir(directory), ['sub']);
    },
  },
  'EINVAL into its own subtree': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mkdir(`${directory}/sub/inner`);
    },
    run: (directory) => {
      refuses('EINVAL', () => rename(`${directory}/sub`, `${directory}/sub/new`));
      refuses('EINVAL', () => rename(`${directory}/sub`, `${directory}/sub/inner/new`));
      refuses('EINVAL', () => rename(`${directory}/sub`, `${directory}/sub/inner`));
      equal(readdir(`${directory}/sub`), ['inner']);
    },
  },
  'ENOTEMPTY onto a directory above it': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mkdir(`${directory}/sub/inner`);
    },
    run: (directory) => {
      refuses('ENOTEMPTY', () => rename(`${directory}/sub/inner`, `${directory}/sub`));
      equal(readdir(`${directory}/sub`), ['inner']);
    },
  },
  'EBUSY from or to a name that ends in `.` or `..`': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mkdir(`${directory}/other`);
    },
    run: (directory) => {
      for (const name of ['sub/.', 'sub/..', '.', 'sub/./']) {
        refuses('EBUSY', () => rename(`${directory}/${name}`, `${directory}/new`));
        refuses('EBUSY', () => rename(`${directory}/other`, `${directory}/${name}`));
      }
      equal(readdir(directory).sort(), ['other', 'sub']);
    },
  },
  'a directory takes trailing slashes on both names': {
    prepare: (directory) => void mkdir(`${directory}/old`),
    run: (directory) => {
      rename(`${directory}/old/`, `${directory}/new//`);
      equal(readdir(directory), ['new']);
    },
  },
  'ENOTDIR for a trailing slash on what is no directory, or on its new name': {
    prepare: (directory) => {
      file(directory);
      mkdir(`${directory}/sub`);
      symlink('sub', `${directory}/link`);
    },
    run: (directory) => {
      refuses('ENOTDIR', () => rename(`${directory}/old/`, `${directory}/new`));
      refuses('ENOTDIR', () => rename(`${directory}/old`, `${directory}/new/`));
      refuses('ENOTDIR', () => rename(`${directory}/link/`, `${directory}/new`));
      refuses('ENOTDIR', () => rename(`${directory}/sub`, `${directory}/link/`));
      equal(readdir(directory).sort(), ['link', 'old', 'sub']);
    },
  },
  'EXDEV onto another file system, and everything stays': {
    prepare: file,
    run: (directory) => {
      refuses('EXDEV', () => rename(`${directory}/old`, '/dev/shm/agentsh-new'));
      refuses('EXDEV', () => rename('/dev/shm', `${directory}/new`));
      equal(readFile(`${directory}/old`), 'bytes');
    },
  },
  'starts at the descriptors of directories': {
    prepare: (directory) => {
      mkdir(`${directory}/one`);
      mkdir(`${directory}/two`);
      writeFile(`${directory}/one/old`, 'bytes');
    },
    run: (directory) =>
      withFile(`${directory}/one`, O.RDONLY | O.DIRECTORY, (one) =>
        withFile(`${directory}/two`, O.PATH | O.DIRECTORY, (two) => {
          renameat2(one, 'old', two, 'new', 0);
          equal(readFile(`${directory}/two/new`), 'bytes');
          refuses('ENOENT', () => renameat2(one, 'old', AT_FDCWD, `${directory}/new`, 0));
        }),
      ),
  },
  'the working directory moves along': {
    prepare: (directory) => {
      mkdir(`${directory}/old`);
      writeFile(`${directory}/old/file`, 'bytes');
    },
    run: (directory) => {
      process.chdir(`${directory}/old`);
      const { ino } = stat('.');
      rename(`${directory}/old`, `${directory}/new`);
      equal(stat('.').ino, ino);
      equal(readFile('file'), 'bytes');
      writeFile('other');
      equal(readlink('/proc/self/cwd'), `${directory}/new`);
      equal(readdir(`${directory}/new`).sort(), ['file', 'other']);
      process.chdir('/');
    },
  },
  'EACCES for a directory of another’s that may not be written: its `..` would change': {
    root: true,
    prepare: (directory) => {
      mkdir(`${directory}/one`);
      mkdir(`${directory}/two`);
      mkdir(`${directory}/one/sub`);
    },
    run: (directory) => {
      chmod(`${directory}/one`, 0o777);
      chmod(`${directory}/two`, 0o777);
      as(STRANGER, () => {
        refuses('EACCES', () => rename(`${directory}/one/sub`, `${directory}/two/sub`));
        rename(`${directory}/one/sub`, `${directory}/one/renamed`);
      });
      equal(readdir(`${directory}/one`), ['renamed']);
    },
  },
  'owner and mode go with the file': {
    root: true,
    prepare: (directory) => {
      file(directory);
      chown(`${directory}/old`, OTHER.uid, OTHER.gid);
      chmod(`${directory}/old`, 0o640);
    },
    run: (directory) => {
      chmod(directory, 0o777);
      as(STRANGER, () => rename(`${directory}/old`, `${directory}/new`));
      const { uid, gid, mode } = lstat(`${directory}/new`);
      equal([uid, gid, mode], [OTHER.uid, OTHER.gid, S.IFREG | 0o640]);
    },
  },
  'a save through a temporary file: the name is never absent and has old or new bytes': {
    prepare: file,
    run: (directory) => {
      for (let round = 0; round < 20; round++) {
        writeFile(`${directory}/old.tmp`, `round ${round}`);
        const before = lstat(`${directory}/old.tmp`).ino;
        rename(`${directory}/old.tmp`, `${directory}/old`);
        equal(readFile(`${directory}/old`), `round ${round}`);
        holds(lstat(`${directory}/old`).ino === before, 'the number is that of the temporary file');
      }
      equal(readdir(directory), ['old']);
    },
  },
};
