// unlink(2): a name goes; what it led to lives while it has another, or is open.

import { chmod, fstat, lstat, utimens } from '../calls/attributes.ts';
import { ftruncate, lseek, pread, pwrite, read, SEEK } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { AT_FDCWD } from '../calls/libc.ts';
import { bindSocket, mkdir, mknod, rename, rmdir, S, symlink, unlink, unlinkat } from '../calls/names.ts';
import { close, O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const file = (directory: string) => writeFile(`${directory}/file`, 'bytes');

export const unlinkCases: Cases = {
  'a file is gone by every way to it': {
    prepare: file,
    run: (directory) => {
      unlink(`${directory}/file`);
      refuses('ENOENT', () => lstat(`${directory}/file`));
      refuses('ENOENT', () => unlink(`${directory}/file`));
      refuses('ENOENT', () => readFile(`${directory}/file`));
      equal(readdir(directory), []);
    },
  },
  'a link goes, not what it leads to': {
    prepare: (directory) => {
      file(directory);
      mkdir(`${directory}/sub`);
      for (const target of ['file', 'sub', 'absent']) symlink(target, `${directory}/to ${target}`);
    },
    run: (directory) => {
      for (const target of ['file', 'sub', 'absent']) unlink(`${directory}/to ${target}`);
      equal(readdir(directory).sort(), ['file', 'sub']);
      equal(readFile(`${directory}/file`), 'bytes');
    },
  },
  'special files go': {
    prepare: (directory) => {
      mknod(`${directory}/fifo`, S.IFIFO | 0o644);
      process.chdir(directory);
      close(bindSocket('socket'));
      process.chdir('/');
    },
    run: (directory) => {
      unlink(`${directory}/fifo`);
      unlink(`${directory}/socket`);
      equal(readdir(directory), []);
    },
  },
  'a file without permissions goes: the directory decides': {
    prepare: file,
    run: (directory) => {
      chmod(`${directory}/file`, 0);
      unlink(`${directory}/file`);
      equal(readdir(directory), []);
    },
  },
  'EISDIR for a directory, in each form of its name': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      for (const name of ['sub', 'sub/', 'sub/.', 'sub/..', '.'])
        refuses('EISDIR', () => unlink(`${directory}/${name}`));
      equal(readdir(directory), ['sub']);
    },
  },
  'ENOTDIR for a file or link with a trailing slash': {
    prepare: (directory) => {
      file(directory);
      mkdir(`${directory}/sub`);
      symlink('sub', `${directory}/link`);
    },
    run: (directory) => {
      refuses('ENOTDIR', () => unlink(`${directory}/file/`));
      refuses('ENOTDIR', () => unlink(`${directory}/link/`));
      refuses('ENOENT', () => unlink(`${directory}/absent/`));
      equal(readdir(directory).sort(), ['file', 'link', 'sub']);
    },
  },
  'EINVAL for a flag that is none': {
    prepare: file,
    run: (directory) => refuses('EINVAL', () => unlinkat(AT_FDCWD, `${directory}/file`, 0x1)),
  },
  'starts at the descriptor of a directory': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`);
    },
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        unlinkat(fd, 'file', 0);
        equal(readdir(`${directory}/sub`), []);
      }),
  },
  'a file that is open is read, written, cut and measured on': {
    prepare: file,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const before = fstat(fd).ino;
        unlink(`${directory}/file`);
        equal(fstat(fd).nlink, 0);
        equal(fstat(fd).ino, before);
        equal(pread(fd, 10, 0).toString('latin1'), 'bytes');
        pwrite(fd, 'BYTES!', 0);
        equal(pread(fd, 10, 0).toString('latin1'), 'BYTES!');
        ftruncate(fd, 3);
        equal(fstat(fd).sizeBytes, 3);
        refuses('ENOENT', () => lstat(`${directory}/file`));
        equal(readdir(directory), []);
      }),
  },
  'a file that is open for reading is read on': {
    prepare: file,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        equal(read(fd, 2).toString('latin1'), 'by');
        unlink(`${directory}/file`);
        equal(read(fd, 10).toString('latin1'), 'tes');
        lseek(fd, 0, SEEK.SET);
        equal(read(fd, 10).toString('latin1'), 'bytes');
      }),
  },
  'a file that is only named by a descriptor has no link left, and keeps its size': {
    prepare: file,
    run: (directory) =>
      withFile(`${directory}/file`, O.PATH, (fd) => {
        const before = fstat(fd);
        unlink(`${directory}/file`);
        const { nlink, ino, sizeBytes } = fstat(fd);
        equal([nlink, ino, sizeBytes], [0, before.ino, 5]);
        equal(readFile(`/proc/self/fd/${fd}`), 'bytes');
      }),
  },
  'mode and times of a file without a name change through its descriptor': {
    prepare: file,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        unlink(`${directory}/file`);
        chmod(`/proc/self/fd/${fd}`, 0o600);
        utimens(`/proc/self/fd/${fd}`, { sec: 1_000, nsec: 0 }, { sec: 2_000, nsec: 0 });
        equal(fstat(fd).mode & 0o7777, 0o600);
        equal(fstat(fd).mtime, 2_000_000_000_000n);
        equal(readdir(directory), []);
      }),
  },
  'the same name made anew is another file, apart from the open one': {
    prepare: file,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        unlink(`${directory}/file`);
        writeFile(`${directory}/file`, 'new');
        pwrite(fd, 'old', 0);
        equal(readFile(`${directory}/file`), 'new');
        equal(pread(fd, 10, 0).toString('latin1'), 'oldes');
        equal(fstat(fd).nlink, 0);
        equal(lstat(`${directory}/file`).nlink, 1);
      }),
  },
  'two descriptors of a file without a name see one file': {
    prepare: file,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (one) =>
        withFile(`${directory}/file`, O.RDONLY, (two) => {
          unlink(`${directory}/file`);
          pwrite(one, 'BYTES', 0);
          equal(pread(two, 10, 0).toString('latin1'), 'BYTES');
          withFile(`/proc/self/fd/${one}`, O.RDONLY, (three) => equal(pread(three, 10, 0).toString('latin1'), 'BYTES'));
        }),
      ),
  },
  'a file made, renamed and removed leaves nothing': (directory) => {
    writeFile(`${directory}/one`, 'bytes');
    rename(`${directory}/one`, `${directory}/two`);
    unlink(`${directory}/two`);
    equal(readdir(directory), []);
    writeFile(`${directory}/one`);
    equal(readFile(`${directory}/one`), '');
  },
  'a directory is empty once its last file has gone': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      for (let at = 0; at < 20; at++) writeFile(`${directory}/sub/${at}`);
    },
    run: (directory) => {
      for (const name of readdir(`${directory}/sub`)) unlink(`${directory}/sub/${name}`);
      equal(readdir(`${directory}/sub`), []);
      rmdir(`${directory}/sub`);
    },
  },
};
