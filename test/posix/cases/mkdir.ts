// mkdir(2): new directories.

import { as, OTHER, unprivileged } from '../caller.ts';
import { chmod, chown, lstat, stat, umask } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { mkdir, mkdirat, rmdir, S, symlink, unlink } from '../calls/names.ts';
import { O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';

export const mkdirCases: Cases = {
  'makes an empty directory with the mode less the mask': (directory) => {
    umask(0o027);
    mkdir(`${directory}/new`, 0o777);
    equal(lstat(`${directory}/new`).mode, S.IFDIR | 0o750, 'mode');
    equal(readdir(`${directory}/new`), []);
  },
  'EEXIST for every kind of thing there': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      refuses('EEXIST', () => mkdir(`${directory}/file`));
      refuses('EEXIST', () => mkdir(`${directory}/sub`));
    },
  },
  'is empty where a full directory was removed': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mkdir(`${directory}/sub/inner`);
    },
    run: (directory) => {
      rmdir(`${directory}/sub/inner`);
      rmdir(`${directory}/sub`);
      mkdir(`${directory}/sub`);
      equal(readdir(`${directory}/sub`), []);
    },
  },
  'is empty where a file was removed': {
    prepare: (directory) => writeFile(`${directory}/name`, 'bytes'),
    run: (directory) => {
      unlink(`${directory}/name`);
      mkdir(`${directory}/name`);
      equal(lstat(`${directory}/name`).mode & S.IFMT, S.IFDIR);
      equal(readdir(`${directory}/name`), []);
    },
  },
  'belongs to the caller': {
    root: true,
    run: (directory) => {
      chmod(directory, 0o777);
      as(OTHER, () => mkdir(`${directory}/new`));
      const { uid, gid } = lstat(`${directory}/new`);
      equal([uid, gid], [OTHER.uid, OTHER.gid]);
    },
  },
  'takes group and set-group bit from a directory that has it': {
    root: true,
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      chown(`${directory}/sub`, 0, 64_003);
      chmod(`${directory}/sub`, 0o2777);
    },
    run: (directory) => {
      as(OTHER, () => mkdir(`${directory}/sub/new`, 0o755));
      const { mode, uid, gid } = lstat(`${directory}/sub/new`);
      equal([mode, uid, gid], [S.IFDIR | 0o2755, OTHER.uid, 64_003]);
      mkdir(`${directory}/sub/new/inner`);
      equal(lstat(`${directory}/sub/new/inner`).gid, 64_003);
    },
  },
  'the sticky bit of the mode is kept': (directory) => {
    umask(0);
    mkdir(`${directory}/new`, 0o1777);
    equal(lstat(`${directory}/new`).mode, S.IFDIR | 0o1777);
  },
  'a mode of 0 shuts out whoever is not privileged': (directory) => {
    mkdir(`${directory}/new`, 0);
    unprivileged(() => refuses('EACCES', () => stat(`${directory}/new/name`)));
    equal(lstat(`${directory}/new`).mode, S.IFDIR);
  },
  'a trailing slash, or several, is no part of the name': (directory) => {
    mkdir(`${directory}/one/`);
    mkdir(`${directory}/two///`);
    equal(readdir(directory).sort(), ['one', 'two']);
  },
  'EEXIST with a trailing slash for a link, dangling or not': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      symlink('sub', `${directory}/link`);
      symlink('absent', `${directory}/dangling`);
      writeFile(`${directory}/file`);
    },
    run: (directory) => {
      for (const name of ['link/', 'dangling/', 'file/', 'sub/'])
        refuses('EEXIST', () => mkdir(`${directory}/${name}`));
      equal(readdir(directory).sort(), ['dangling', 'file', 'link', 'sub']);
    },
  },
  'below a link to a directory it is made in that directory': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      symlink('sub', `${directory}/link`);
    },
    run: (directory) => {
      mkdir(`${directory}/link/new`);
      equal(readdir(`${directory}/sub`), ['new']);
    },
  },
  'starts at the descriptor of a directory': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        mkdirat(fd, 'new', 0o755);
        mkdirat(fd, '../beside', 0o755);
        equal(readdir(`${directory}/sub`), ['new']);
        equal(readdir(directory).sort(), ['beside', 'sub']);
      }),
  },
  'EACCES below a directory without write permission': {
    prepare: (directory) => void mkdir(`${directory}/locked`, 0o555),
    run: (directory) => {
      unprivileged(() => refuses('EACCES', () => mkdir(`${directory}/locked/new`)));
      equal(readdir(`${directory}/locked`), []);
    },
  },
};
