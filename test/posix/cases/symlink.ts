// symlink(2), readlink(2): links say what they were told, and lead where that is.

import { as, OTHER } from '../caller.ts';
import { chmod, fstat, lchown, lstat, stat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { AT_FDCWD } from '../calls/libc.ts';
import { mkdir, mknod, readlink, readlinkat, rename, S, symlink, symlinkat, unlink } from '../calls/names.ts';
import { O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const TARGET_BYTES_MAX = 4095;
/** Links that one path may lead through. */
const LINKS_MAX = 40;

export const symlinkCases: Cases = {
  'a link says what it was told: size, type and mode': {
    prepare: (directory) => void symlink('some/target', `${directory}/before`),
    run: (directory) => {
      symlink('some/target', `${directory}/made`);
      for (const name of ['before', 'made']) {
        equal(readlink(`${directory}/${name}`), 'some/target', name);
        const { mode, sizeBytes, nlink } = lstat(`${directory}/${name}`);
        equal([mode, sizeBytes, nlink], [S.IFLNK | 0o777, 11, 1], name);
      }
    },
  },
  'targets of every length up to 4095 bytes are kept': {
    prepare: (directory) => {
      for (const length of [1, 59, 60, 61, 255, 256, 1023, 4094, TARGET_BYTES_MAX])
        symlink('t'.repeat(length), `${directory}/${length}`);
    },
    run: (directory) => {
      for (const name of readdir(directory)) {
        equal(readlink(`${directory}/${name}`), 't'.repeat(Number(name)), name);
        symlink('u'.repeat(Number(name)), `${directory}/${name} made`);
        equal(readlink(`${directory}/${name} made`), 'u'.repeat(Number(name)), name);
        equal(lstat(`${directory}/${name} made`).sizeBytes, Number(name));
      }
    },
  },
  'ENAMETOOLONG for a target of 4096 bytes': (directory) =>
    refuses('ENAMETOOLONG', () => symlink('t'.repeat(TARGET_BYTES_MAX + 1), `${directory}/link`)),
  'ENOENT for an empty target': (directory) => refuses('ENOENT', () => symlink('', `${directory}/link`)),
  'EFAULT for an address at which no target is': (directory) =>
    refuses('EFAULT', () => symlinkat(1n, AT_FDCWD, `${directory}/link`)),
  'targets are bytes: whatever they are, they come back': {
    prepare: (directory) => void symlink('\n\xff\xc0\xaf \x01', `${directory}/before`),
    run: (directory) => {
      equal(readlink(`${directory}/before`), '\n\xff\xc0\xaf \x01');
      const every = Array.from({ length: 255 }, (_, byte) => String.fromCharCode(byte + 1)).join('');
      symlink(every, `${directory}/every`);
      equal(readlink(`${directory}/every`), every);
    },
  },
  'a link is followed as the last component and on the way': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`, 'bytes');
      symlink('sub', `${directory}/way`);
      symlink('way/file', `${directory}/last`);
    },
    run: (directory) => {
      equal(readFile(`${directory}/last`), 'bytes');
      equal(stat(`${directory}/last`).ino, stat(`${directory}/sub/file`).ino);
      equal(readdir(`${directory}/way`), ['file']);
      symlink('../way/./file', `${directory}/sub/back`);
      equal(readFile(`${directory}/way/back`), 'bytes');
    },
  },
  'an absolute target is found from the root': {
    prepare: (directory) => {
      symlink('/dev/null', `${directory}/device`);
      symlink('/', `${directory}/root`);
    },
    run: (directory) => {
      equal(stat(`${directory}/device`).mode & S.IFMT, S.IFCHR);
      equal(stat(`${directory}/root`).ino, stat('/').ino);
      writeFile(`${directory}/file`, 'bytes');
      symlink(`${directory}/file`, `${directory}/absolute`);
      equal(readFile(`${directory}/absolute`), 'bytes');
    },
  },
  'a dangling link is there, but leads nowhere until its target is made': {
    prepare: (directory) => void symlink('absent', `${directory}/link`),
    run: (directory) => {
      refuses('ENOENT', () => stat(`${directory}/link`));
      equal(readdir(directory), ['link']);
      writeFile(`${directory}/link`, 'bytes');
      equal(readFile(`${directory}/absent`), 'bytes');
      equal(readdir(directory).sort(), ['absent', 'link']);
      unlink(`${directory}/absent`);
      refuses('ENOENT', () => stat(`${directory}/link`));
    },
  },
  'ELOOP for a link to itself, a circle, and more than 40 links': {
    prepare: (directory) => {
      symlink('itself', `${directory}/itself`);
      symlink('pong', `${directory}/ping`);
      symlink('ping', `${directory}/pong`);
      writeFile(`${directory}/0`, 'bytes');
      for (let at = 1; at <= LINKS_MAX + 1; at++) symlink(`${at - 1}`, `${directory}/${at}`);
    },
    run: (directory) => {
      for (const name of ['itself', 'ping']) {
        refuses('ELOOP', () => stat(`${directory}/${name}`));
        refuses('ELOOP', () => open(`${directory}/${name}`, O.RDONLY));
        equal(lstat(`${directory}/${name}`).mode & S.IFMT, S.IFLNK);
      }
      equal(readFile(`${directory}/${LINKS_MAX}`), 'bytes');
      refuses('ELOOP', () => stat(`${directory}/${LINKS_MAX + 1}`));
      refuses('ELOOP', () => open(`${directory}/1`, O.RDONLY | O.NOFOLLOW));
    },
  },
  'a link made anew leads elsewhere at once': {
    prepare: (directory) => {
      writeFile(`${directory}/one`, 'one');
      writeFile(`${directory}/two`, 'two');
      symlink('one', `${directory}/link`);
    },
    run: (directory) => {
      equal(readFile(`${directory}/link`), 'one');
      unlink(`${directory}/link`);
      symlink('two', `${directory}/link`);
      equal(readFile(`${directory}/link`), 'two');
      symlink('one', `${directory}/next`);
      rename(`${directory}/next`, `${directory}/link`);
      equal(readFile(`${directory}/link`), 'one');
      equal(readlink(`${directory}/link`), 'one');
    },
  },
  'a moved link leads from its new place': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/file`, 'above');
      writeFile(`${directory}/sub/file`, 'below');
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      rename(`${directory}/link`, `${directory}/sub/link`);
      equal(readFile(`${directory}/sub/link`), 'below');
      equal(readlink(`${directory}/sub/link`), 'file');
    },
  },
  'the owner of a link changes, its target and mode do not': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      lchown(`${directory}/link`, OTHER.uid, OTHER.gid);
      const { uid, gid, mode } = lstat(`${directory}/link`);
      equal([uid, gid, mode], [OTHER.uid, OTHER.gid, S.IFLNK | 0o777]);
      equal([lstat(`${directory}/file`).uid, readlink(`${directory}/link`)], [0, 'file']);
    },
  },
  'a link belongs to who made it': {
    root: true,
    run: (directory) => {
      chmod(directory, 0o777);
      as(OTHER, () => symlink('target', `${directory}/link`));
      equal([lstat(`${directory}/link`).uid, lstat(`${directory}/link`).gid], [OTHER.uid, OTHER.gid]);
    },
  },
  'ENOENT for a name with a trailing slash, EEXIST where it is taken': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      refuses('ENOENT', () => symlink('target', `${directory}/link/`));
      refuses('EEXIST', () => symlink('target', `${directory}/sub/`));
    },
  },
  'ENOENT in a directory that was removed': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        rename(`${directory}/sub`, `${directory}/moved`);
        symlinkat('target', fd, 'link');
        equal(readdir(`${directory}/moved`), ['link']);
        unlink(`${directory}/moved/link`);
        mkdir(`${directory}/other`);
        rename(`${directory}/other`, `${directory}/moved`);
        refuses('ENOENT', () => symlinkat('target', fd, 'link'));
      }),
  },
};

export const readlinkCases: Cases = {
  'gives as many bytes as there is room for, without a NUL': {
    prepare: (directory) => void symlink('target', `${directory}/link`),
    run: (directory) => {
      equal(readlink(`${directory}/link`, 3), 'tar');
      equal(readlink(`${directory}/link`, 6), 'target');
      equal(readlink(`${directory}/link`, 7), 'target');
    },
  },
  'EINVAL for no room': {
    prepare: (directory) => void symlink('target', `${directory}/link`),
    run: (directory) => refuses('EINVAL', () => readlink(`${directory}/link`, 0)),
  },
  'EINVAL for what is no link': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      mkdir(`${directory}/sub`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o644);
      symlink('sub', `${directory}/link`);
    },
    run: (directory) => {
      for (const name of ['file', 'sub', 'fifo', 'link/', '.', 'sub/..'])
        refuses('EINVAL', () => readlink(`${directory}/${name}`));
    },
  },
  'reads the link that a descriptor names, for an empty path': {
    prepare: (directory) => {
      symlink('target', `${directory}/link`);
      writeFile(`${directory}/file`);
    },
    run: (directory) => {
      withFile(`${directory}/link`, O.PATH | O.NOFOLLOW, (fd) => {
        equal(readlinkat(fd, ''), 'target');
        equal(fstat(fd).mode & S.IFMT, S.IFLNK);
      });
      withFile(`${directory}/file`, O.PATH, (fd) => refuses('ENOENT', () => readlinkat(fd, '')));
    },
  },
  'reads a link that was removed, by its descriptor': {
    prepare: (directory) => void symlink('target', `${directory}/link`),
    run: (directory) =>
      withFile(`${directory}/link`, O.PATH | O.NOFOLLOW, (fd) => {
        unlink(`${directory}/link`);
        equal(readlinkat(fd, ''), 'target');
        equal(fstat(fd).nlink, 0);
      }),
  },
  'needs no permission of the link, only of the way': {
    root: true,
    prepare: (directory) => void symlink('target', `${directory}/link`),
    run: (directory) => {
      lchown(`${directory}/link`, 0, 0);
      as(OTHER, () => equal(readlink(`${directory}/link`), 'target'));
    },
  },
};
