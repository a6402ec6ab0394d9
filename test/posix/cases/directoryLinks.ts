// Link counts of directories: 2 and one for each directory in it, or 1 throughout where a file system does not count.

import { lstat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { mkdir, RENAME, rename, rmdir, symlink, unlink } from '../calls/names.ts';
import type { Case, Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { writeFile } from '../files.ts';

/** `one` holds `a`, `b` and a file, `two` holds `c` with `inner` in it. */
function prepare(directory: string): void {
  for (const name of ['one', 'one/a', 'one/b', 'two', 'two/c', 'two/c/inner']) mkdir(`${directory}/${name}`);
  writeFile(`${directory}/one/file`);
}

/** The count is right for what is listed in it. */
function check(path: string): void {
  const isDirectory = (name: string) => (lstat(`${path}/${name}`).mode & 0o170000) === 0o040000;
  const expected = 2 + readdir(path).filter(isDirectory).length;
  const { nlink } = lstat(path);
  if (nlink !== 1) equal(nlink, expected, `links of ${path}`);
}

function story(act: (directory: string) => void): Case {
  return {
    prepare,
    run: (directory) => {
      for (const name of ['one', 'two']) check(`${directory}/${name}`);
      act(directory);
      for (const name of readdir(directory)) check(`${directory}/${name}`);
      check(directory);
    },
  };
}

export const directoryLinksCases: Cases = {
  'a directory made or removed counts': story((at) => {
    mkdir(`${at}/one/new`);
    check(`${at}/one`);
    mkdir(`${at}/one/new/inner`);
    check(`${at}/one/new`);
    rmdir(`${at}/one/a`);
    check(`${at}/one`);
    rmdir(`${at}/one/new/inner`);
    rmdir(`${at}/one/new`);
  }),
  'files and links do not count': story((at) => {
    writeFile(`${at}/one/new`);
    symlink('a', `${at}/one/link`);
    unlink(`${at}/one/file`);
  }),
  'a directory that moves counts where it is': story((at) => {
    rename(`${at}/one/a`, `${at}/two/a`);
    check(`${at}/one`);
    rename(`${at}/two/c`, `${at}/one/c`);
    check(`${at}/one/c`);
  }),
  'a rename in one directory changes nothing': story((at) => void rename(`${at}/one/a`, `${at}/one/renamed`)),
  'a replaced directory counts no more': story((at) => {
    rename(`${at}/one/a`, `${at}/one/b`);
    check(`${at}/one`);
    rename(`${at}/two/c`, `${at}/one/b`);
    check(`${at}/one/b`);
  }),
  'an exchange counts on both sides': story((at) => {
    rename(`${at}/one/file`, `${at}/two/c`, RENAME.EXCHANGE);
    check(`${at}/one/file`);
    rename(`${at}/one/a`, `${at}/two/c`, RENAME.EXCHANGE);
    check(`${at}/one`);
    rename(`${at}/one/b`, `${at}/two/c`, RENAME.EXCHANGE);
  }),
  'a refused call changes nothing': story((at) => {
    refuses('EEXIST', () => mkdir(`${at}/one/a`));
    refuses('ENOTEMPTY', () => rmdir(`${at}/two/c`));
    refuses('EINVAL', () => rename(`${at}/two`, `${at}/two/c/two`));
  }),
  'two hundred directories count, and none is left when they have gone': story((at) => {
    for (let number = 0; number < 200; number++) mkdir(`${at}/one/${number}`);
    check(`${at}/one`);
    for (let number = 0; number < 200; number++) rmdir(`${at}/one/${number}`);
  }),
};
