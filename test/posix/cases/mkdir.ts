// mkdir(2): new directories.

import { unprivileged } from '../caller.ts';
import { lstat, umask } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { mkdir, rmdir, S } from '../calls/names.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { writeFile } from '../files.ts';

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
  'EACCES below a directory without write permission': {
    prepare: (directory) => void mkdir(`${directory}/locked`, 0o555),
    run: (directory) => unprivileged(() => refuses('EACCES', () => mkdir(`${directory}/locked/new`))),
  },
};
