// renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE, and flags that are none.

import { lstat } from '../calls/attributes.ts';
import { pread, pwrite } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { link, mkdir, RENAME, rename, rmdir, symlink } from '../calls/names.ts';
import { O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

/** Two directories, one file in each. */
function two(directory: string): void {
  for (const name of ['one', 'two']) {
    mkdir(`${directory}/${name}`);
    writeFile(`${directory}/${name}/file`, name);
  }
}

export const renameFlagsCases: Cases = {
  'RENAME_NOREPLACE takes a free name': {
    prepare: two,
    run: (directory) => {
      rename(`${directory}/one/file`, `${directory}/two/other`, RENAME.NOREPLACE);
      rename(`${directory}/one`, `${directory}/three`, RENAME.NOREPLACE);
      equal(readdir(directory).sort(), ['three', 'two']);
      equal(readFile(`${directory}/two/other`), 'one');
    },
  },
  'RENAME_NOREPLACE takes a name that was removed before': {
    prepare: (directory) => {
      two(directory);
      mkdir(`${directory}/gone`);
    },
    run: (directory) => {
      rmdir(`${directory}/gone`);
      rename(`${directory}/one`, `${directory}/gone`, RENAME.NOREPLACE);
      equal(readdir(`${directory}/gone`), ['file']);
    },
  },
  'EEXIST with RENAME_NOREPLACE for a dangling link, for another name of it, and for itself': {
    prepare: (directory) => {
      two(directory);
      symlink('absent', `${directory}/dangling`);
    },
    run: (directory) => {
      const source = `${directory}/one/file`;
      link(source, `${directory}/one/second`);
      for (const name of ['dangling', 'one/second', 'one/file', 'two'])
        refuses('EEXIST', () => rename(source, `${directory}/${name}`, RENAME.NOREPLACE));
      equal(readdir(`${directory}/one`).sort(), ['file', 'second']);
    },
  },
  'ENOENT with RENAME_EXCHANGE where either is missing': {
    prepare: two,
    run: (directory) => {
      refuses('ENOENT', () => rename(`${directory}/one`, `${directory}/absent`, RENAME.EXCHANGE));
      refuses('ENOENT', () => rename(`${directory}/absent`, `${directory}/one`, RENAME.EXCHANGE));
      equal(readdir(directory).sort(), ['one', 'two']);
    },
  },
  'EINVAL with RENAME_EXCHANGE of a directory and what is in it': {
    prepare: two,
    run: (directory) => {
      refuses('EINVAL', () => rename(`${directory}/one`, `${directory}/one/file`, RENAME.EXCHANGE));
      refuses(['EINVAL', 'ENOTEMPTY'], () => rename(`${directory}/one/file`, `${directory}/one`, RENAME.EXCHANGE));
      equal(readdir(`${directory}/one`), ['file']);
    },
  },
  'EINVAL for flags that exclude each other, or are none': {
    prepare: two,
    run: (directory) => {
      const [one, two] = [`${directory}/one/file`, `${directory}/two/file`];
      for (const flags of [
        RENAME.NOREPLACE | RENAME.EXCHANGE,
        RENAME.WHITEOUT | RENAME.EXCHANGE,
        RENAME.NOREPLACE | RENAME.EXCHANGE | RENAME.WHITEOUT,
        8,
        0x8000_0000,
      ])
        refuses('EINVAL', () => rename(one, two, flags));
      equal([readFile(one), readFile(two)], ['one', 'two']);
    },
  },
  'RENAME_EXCHANGE of directories takes along what is in them': {
    prepare: two,
    run: (directory) => {
      writeFile(`${directory}/one/made`, 'made');
      rename(`${directory}/one`, `${directory}/two`, RENAME.EXCHANGE);
      equal(readdir(`${directory}/two`).sort(), ['file', 'made']);
      equal(readdir(`${directory}/one`), ['file']);
      equal([readFile(`${directory}/one/file`), readFile(`${directory}/two/file`)], ['two', 'one']);
      writeFile(`${directory}/one/file`, 'changed');
      rename(`${directory}/one`, `${directory}/two`, RENAME.EXCHANGE);
      equal([readFile(`${directory}/one/file`), readFile(`${directory}/two/file`)], ['one', 'changed']);
      equal(readdir(`${directory}/one`).sort(), ['file', 'made']);
    },
  },
  'RENAME_EXCHANGE across directories and depths': {
    prepare: (directory) => {
      two(directory);
      mkdir(`${directory}/one/deep`);
      writeFile(`${directory}/one/deep/inner`, 'inner');
    },
    run: (directory) => {
      rename(`${directory}/one/deep`, `${directory}/two/file`, RENAME.EXCHANGE);
      equal(readFile(`${directory}/one/deep`), 'two');
      equal(readFile(`${directory}/two/file/inner`), 'inner');
      rename(`${directory}/two/file/inner`, `${directory}/one`, RENAME.EXCHANGE);
      equal(readFile(`${directory}/one`), 'inner');
      equal(readdir(`${directory}/two/file/inner`).sort(), ['deep', 'file']);
    },
  },
  'RENAME_EXCHANGE while both are open: descriptors stay with their files': {
    prepare: two,
    run: (directory) => {
      const [one, two] = [`${directory}/one/file`, `${directory}/two/file`];
      withFile(one, O.RDWR, (first) =>
        withFile(two, O.RDWR, (second) => {
          rename(one, two, RENAME.EXCHANGE);
          pwrite(first, 'ONE', 0);
          pwrite(second, 'TWO', 0);
          equal([readFile(one), readFile(two)], ['TWO', 'ONE']);
          equal([pread(first, 10, 0).toString('latin1'), pread(second, 10, 0).toString('latin1')], ['ONE', 'TWO']);
        }),
      );
    },
  },
  'RENAME_EXCHANGE with itself, and with another name of itself, changes nothing': {
    prepare: two,
    run: (directory) => {
      const source = `${directory}/one/file`;
      link(source, `${directory}/one/second`);
      const { ino } = lstat(source);
      rename(source, source, RENAME.EXCHANGE);
      rename(source, `${directory}/one/second`, RENAME.EXCHANGE);
      equal([lstat(source).ino, lstat(`${directory}/one/second`).ino], [ino, ino]);
      equal(lstat(source).nlink, 2);
    },
  },
};
