// Directories that move with all that is in them, changed before, between and after.

import { fstat, lstat } from '../calls/attributes.ts';
import { pread, pwrite } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { mkdir, RENAME, rename, rmdir, symlink, unlink } from '../calls/names.ts';
import { O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

/** `top` holds `file`, `gone`, and `sub` with `inner` and `deep/leaf` in it. */
function tree(directory: string): void {
  mkdir(`${directory}/top`);
  writeFile(`${directory}/top/file`, 'file');
  writeFile(`${directory}/top/gone`, 'gone');
  mkdir(`${directory}/top/sub`);
  writeFile(`${directory}/top/sub/inner`, 'inner');
  mkdir(`${directory}/top/sub/deep`);
  writeFile(`${directory}/top/sub/deep/leaf`, 'leaf');
}
function change(top: string): void {
  writeFile(`${top}/file`, 'changed');
  unlink(`${top}/gone`);
  writeFile(`${top}/sub/new`, 'new');
  rename(`${top}/sub/inner`, `${top}/sub/deep/inner`);
}
function checkChanged(top: string): void {
  equal(readdir(top).sort(), ['file', 'sub']);
  equal(readdir(`${top}/sub`).sort(), ['deep', 'new']);
  equal(readdir(`${top}/sub/deep`).sort(), ['inner', 'leaf']);
  equal(readFile(`${top}/file`), 'changed');
  equal(readFile(`${top}/sub/new`), 'new');
  equal(readFile(`${top}/sub/deep/inner`), 'inner');
  equal(readFile(`${top}/sub/deep/leaf`), 'leaf');
}

export const renameTreesCases: Cases = {
  'what was changed in it goes along': {
    prepare: tree,
    run: (directory) => {
      change(`${directory}/top`);
      rename(`${directory}/top`, `${directory}/moved`);
      checkChanged(`${directory}/moved`);
      equal(readdir(directory), ['moved']);
    },
  },
  'what is changed after it has moved is changed': {
    prepare: tree,
    run: (directory) => {
      rename(`${directory}/top`, `${directory}/moved`);
      change(`${directory}/moved`);
      checkChanged(`${directory}/moved`);
      refuses('ENOENT', () => lstat(`${directory}/top/file`));
    },
  },
  'there and back it is what it was, with its changes': {
    prepare: tree,
    run: (directory) => {
      const { ino } = lstat(`${directory}/top`);
      rename(`${directory}/top`, `${directory}/moved`);
      change(`${directory}/moved`);
      rename(`${directory}/moved`, `${directory}/top`);
      checkChanged(`${directory}/top`);
      equal(lstat(`${directory}/top`).ino, ino);
      equal(readdir(directory), ['top']);
    },
  },
  'the numbers of all that is in it stay': {
    prepare: tree,
    run: (directory) => {
      const names = ['', '/file', '/sub', '/sub/inner', '/sub/deep', '/sub/deep/leaf'];
      const numbers = (top: string) => names.map((name) => lstat(`${directory}/${top}${name}`).ino);
      const before = numbers('top');
      rename(`${directory}/top`, `${directory}/moved`);
      equal(numbers('moved'), before);
      writeFile(`${directory}/moved/sub/deep/leaf`, 'changed');
      rename(`${directory}/moved/sub`, `${directory}/sub`);
      rename(`${directory}/sub`, `${directory}/moved/sub`);
      equal(numbers('moved'), before);
    },
  },
  'over an empty directory, which had something before': {
    prepare: (directory) => {
      tree(directory);
      mkdir(`${directory}/empty`);
      mkdir(`${directory}/full`);
      writeFile(`${directory}/full/file`, 'of the other');
    },
    run: (directory) => {
      refuses('ENOTEMPTY', () => rename(`${directory}/top`, `${directory}/full`));
      unlink(`${directory}/full/file`);
      rename(`${directory}/top`, `${directory}/full`);
      equal(readdir(`${directory}/full`).sort(), ['file', 'gone', 'sub']);
      equal(readFile(`${directory}/full/file`), 'file');
      rename(`${directory}/full`, `${directory}/empty`);
      equal(readFile(`${directory}/empty/sub/inner`), 'inner');
      equal(readdir(directory), ['empty']);
    },
  },
  'an inner directory moves up, and its old parent into it': {
    prepare: tree,
    run: (directory) => {
      rename(`${directory}/top/sub/deep`, `${directory}/deep`);
      rename(`${directory}/top`, `${directory}/deep/top`);
      equal(readFile(`${directory}/deep/top/sub/inner`), 'inner');
      equal(readFile(`${directory}/deep/leaf`), 'leaf');
      equal(readdir(`${directory}/deep/top/sub`), ['inner']);
      refuses('EINVAL', () => rename(`${directory}/deep`, `${directory}/deep/top/sub/deep`));
      equal(readdir(directory), ['deep']);
    },
  },
  'two directories change places through a third name': {
    prepare: (directory) => {
      tree(directory);
      mkdir(`${directory}/other`);
      writeFile(`${directory}/other/file`, 'other');
    },
    run: (directory) => {
      rename(`${directory}/top`, `${directory}/between`);
      rename(`${directory}/other`, `${directory}/top`);
      rename(`${directory}/between`, `${directory}/other`);
      equal([readFile(`${directory}/top/file`), readFile(`${directory}/other/file`)], ['other', 'file']);
      equal(readFile(`${directory}/other/sub/deep/leaf`), 'leaf');
      rename(`${directory}/top`, `${directory}/other/sub`, RENAME.EXCHANGE);
      equal(readFile(`${directory}/top/deep/leaf`), 'leaf');
      equal(readFile(`${directory}/other/sub/file`), 'other');
    },
  },
  'files in it stay open while it moves and loses its name': {
    prepare: tree,
    run: (directory) =>
      withFile(`${directory}/top/sub/inner`, O.RDWR, (fd) => {
        rename(`${directory}/top`, `${directory}/moved`);
        pwrite(fd, 'INNER', 0);
        equal(readFile(`${directory}/moved/sub/inner`), 'INNER');
        unlink(`${directory}/moved/sub/inner`);
        unlink(`${directory}/moved/sub/deep/leaf`);
        rmdir(`${directory}/moved/sub/deep`);
        rmdir(`${directory}/moved/sub`);
        equal(pread(fd, 10, 0).toString('latin1'), 'INNER');
        equal(fstat(fd).nlink, 0);
        equal(readdir(`${directory}/moved`).sort(), ['file', 'gone']);
      }),
  },
  'links across it follow their words': {
    prepare: (directory) => {
      tree(directory);
      symlink('top/file', `${directory}/in`);
      symlink('../outside', `${directory}/top/out`);
      writeFile(`${directory}/outside`, 'outside');
    },
    run: (directory) => {
      rename(`${directory}/top`, `${directory}/moved`);
      refuses('ENOENT', () => readFile(`${directory}/in`));
      equal(readFile(`${directory}/moved/out`), 'outside');
      mkdir(`${directory}/below`);
      rename(`${directory}/moved`, `${directory}/below/top`);
      refuses('ENOENT', () => readFile(`${directory}/below/top/out`));
      rename(`${directory}/below/top`, `${directory}/top`);
      equal(readFile(`${directory}/in`), 'file');
    },
  },
  'twenty times from place to place, with a change each time': {
    prepare: tree,
    run: (directory) => {
      let at = `${directory}/top`;
      for (let round = 0; round < 20; round++) {
        const next = `${directory}/place ${round}`;
        rename(at, next);
        at = next;
        writeFile(`${at}/sub/deep/round ${round}`, `${round}`);
        if (round > 0) unlink(`${at}/sub/deep/round ${round - 1}`);
      }
      equal(readdir(`${at}/sub/deep`).sort(), ['leaf', 'round 19']);
      equal(readFile(`${at}/sub/inner`), 'inner');
      equal(readdir(directory), ['place 19']);
    },
  },
};
