// Names that were removed and came back, as something else or as the same: nothing of what was there shines through.

import { lstat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { link, mkdir, mknod, readlink, rename, rmdir, S, symlink, unlink } from '../calls/names.ts';
import { O, open } from '../calls/open.ts';
import { listxattr, setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const KINDS: Readonly<Record<string, (path: string) => void>> = {
  file: (path) => writeFile(path, 'bytes'),
  directory: (path) => void mkdir(path),
  link: (path) => void symlink('target', path),
  pipe: (path) => void mknod(path, S.IFIFO | 0o644),
};
const TYPES: Readonly<Record<string, number>> = { file: S.IFREG, directory: S.IFDIR, link: S.IFLNK, pipe: S.IFIFO };
const remove = (path: string, kind: string) => (kind === 'directory' ? rmdir(path) : unlink(path));
const typeOf = (path: string) => lstat(path).mode & S.IFMT;

/** `top` holds `file`, `sub` with `inner` in it, and `empty`. */
function tree(directory: string): void {
  mkdir(`${directory}/top`);
  writeFile(`${directory}/top/file`, 'file');
  mkdir(`${directory}/top/sub`);
  writeFile(`${directory}/top/sub/inner`, 'inner');
  mkdir(`${directory}/top/empty`);
}
function removeTree(directory: string): void {
  unlink(`${directory}/top/file`);
  unlink(`${directory}/top/sub/inner`);
  rmdir(`${directory}/top/sub`);
  rmdir(`${directory}/top/empty`);
  rmdir(`${directory}/top`);
}

export const whiteoutsCases: Cases = {
  'every kind comes back as every kind, twice': {
    prepare: (directory) => {
      for (const [kind, make] of Object.entries(KINDS))
        for (const other of Object.keys(KINDS)) make(`${directory}/${kind} ${other}`);
    },
    run: (directory) => {
      for (const kind of Object.keys(KINDS)) {
        for (const [other, make] of Object.entries(KINDS)) {
          const path = `${directory}/${kind} ${other}`;
          remove(path, kind);
          refuses('ENOENT', () => lstat(path));
          make(path);
          equal(typeOf(path), TYPES[other], path);
          remove(path, other);
          refuses('ENOENT', () => lstat(path));
          KINDS[kind]?.(path);
          equal(typeOf(path), TYPES[kind], path);
        }
      }
      equal(readdir(directory).length, 16);
    },
  },
  'a file made anew has nothing of the one that was there': {
    prepare: (directory) => {
      writeFile(`${directory}/file`, 'long old bytes', 0o600);
      setxattr(`${directory}/file`, 'user.old', 'value');
    },
    run: (directory) => {
      const before = lstat(`${directory}/file`).ino;
      withFile(`${directory}/file`, O.RDONLY, () => {
        unlink(`${directory}/file`);
        writeFile(`${directory}/file`, 'new');
        const { ino, mode, sizeBytes } = lstat(`${directory}/file`);
        equal([ino === before, mode, sizeBytes], [false, S.IFREG | 0o644, 3]);
      });
      equal(readFile(`${directory}/file`), 'new');
      equal(
        listxattr(`${directory}/file`).filter((name) => name === 'user.old'),
        [],
      );
    },
  },
  'a removed name can be removed only once, and found by nothing': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      unlink(`${directory}/file`);
      rmdir(`${directory}/sub`);
      for (const name of ['file', 'sub']) {
        const path = `${directory}/${name}`;
        for (const act of [
          () => unlink(path),
          () => rmdir(path),
          () => rename(path, `${directory}/new`),
          () => link(path, `${directory}/new`),
          () => readlink(path),
          () => open(path, O.RDONLY),
          () => open(path, O.WRONLY | O.TRUNC),
        ])
          refuses('ENOENT', act);
      }
      equal(readdir(directory), []);
    },
  },
  'a directory of which everything was removed is empty and goes': {
    prepare: tree,
    run: (directory) => {
      removeTree(directory);
      equal(readdir(directory), []);
    },
  },
  'a tree made anew where one was holds only what is new': {
    prepare: tree,
    run: (directory) => {
      removeTree(directory);
      mkdir(`${directory}/top`);
      equal(readdir(`${directory}/top`), []);
      for (const name of ['file', 'sub', 'empty', 'sub/inner'])
        refuses('ENOENT', () => lstat(`${directory}/top/${name}`));
      mkdir(`${directory}/top/sub`);
      equal(readdir(`${directory}/top/sub`), []);
      writeFile(`${directory}/top/sub/inner`, 'new');
      equal(readFile(`${directory}/top/sub/inner`), 'new');
      equal(readdir(`${directory}/top`), ['sub']);
    },
  },
  'a tree that was moved away leaves a name for another': {
    prepare: tree,
    run: (directory) => {
      rename(`${directory}/top`, `${directory}/moved`);
      mkdir(`${directory}/top`);
      equal(readdir(`${directory}/top`), []);
      writeFile(`${directory}/top/file`, 'new');
      equal(readFile(`${directory}/moved/file`), 'file');
      equal(readFile(`${directory}/moved/sub/inner`), 'inner');
      rename(`${directory}/moved/sub`, `${directory}/top/sub`);
      equal(readdir(`${directory}/top`).sort(), ['file', 'sub']);
      equal(readFile(`${directory}/top/sub/inner`), 'inner');
      equal(readdir(`${directory}/moved`).sort(), ['empty', 'file']);
    },
  },
  'removed names stay away when their directory moves, and when it comes back': {
    prepare: tree,
    run: (directory) => {
      unlink(`${directory}/top/file`);
      unlink(`${directory}/top/sub/inner`);
      rename(`${directory}/top`, `${directory}/moved`);
      equal(readdir(`${directory}/moved`).sort(), ['empty', 'sub']);
      equal(readdir(`${directory}/moved/sub`), []);
      rename(`${directory}/moved`, `${directory}/top`);
      equal(readdir(`${directory}/top`).sort(), ['empty', 'sub']);
      equal(readdir(`${directory}/top/sub`), []);
      writeFile(`${directory}/top/file`, 'new');
      equal(readFile(`${directory}/top/file`), 'new');
    },
  },
  'a name that was moved away and removed elsewhere does not come back': {
    prepare: tree,
    run: (directory) => {
      rename(`${directory}/top/file`, `${directory}/moved`);
      unlink(`${directory}/moved`);
      equal(readdir(directory), ['top']);
      equal(readdir(`${directory}/top`).sort(), ['empty', 'sub']);
      rename(`${directory}/top/sub`, `${directory}/sub`);
      unlink(`${directory}/sub/inner`);
      rmdir(`${directory}/sub`);
      equal(readdir(`${directory}/top`), ['empty']);
    },
  },
  'a hundred rounds of making and removing one name': {
    prepare: (directory) => writeFile(`${directory}/name`, 'before'),
    run: (directory) => {
      for (let round = 0; round < 100; round++) {
        unlink(`${directory}/name`);
        equal(readdir(directory), []);
        writeFile(`${directory}/name`, `${round}`);
        equal(readFile(`${directory}/name`), `${round}`);
        equal(readdir(directory), ['name']);
      }
    },
  },
};
