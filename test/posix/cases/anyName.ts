// Names are bytes: all but `/` and NUL, up to 255 of them; and trees deeper than a path is long.

import { lstat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { AT } from '../calls/libc.ts';
import {
  link,
  mkdir,
  mkdirat,
  rename,
  renameat2,
  rmdir,
  symlink,
  symlinkat,
  unlink,
  unlinkat,
} from '../calls/names.ts';
import { close, O, open, openat } from '../calls/open.ts';
import type { Case, Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const EACH_BYTE = Array.from({ length: 255 }, (_, at) => String.fromCharCode(at + 1)).filter((byte) => byte !== '/');
/** All bytes, eight to a name. */
const BYTE_NAMES = Array.from({ length: 32 }, (_, at) => EACH_BYTE.slice(at * 8, at * 8 + 8).join(''));
const ODD_NAMES = [
  ' ',
  '-',
  '\n',
  '\xff',
  '-rf',
  '--',
  '...',
  '.hidden',
  '*',
  '~',
  '$(touch x)',
  'line\nbreak',
  'tab\there',
  'back\\slash',
  '\x1b[31mred',
  '\x7f',
  '\xff\xfe',
  '\xc0\xaf',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  'caf\xc3\xa9',
  'cafe\xcc\x81',
  'CASE',
  'case',
  '\xe2\x80\xae.txt',
  '\xff'.repeat(255),
  'n'.repeat(255),
  '.'.repeat(255),
];
/** Together longer than PATH_MAX. */
const LEVELS = 24;
const LEVEL = 'level'.repeat(40);
/** Below the bound on depth of a view. */
const LEVELS_MANY = 600;

/** Names are made by `put`, before or in the run, then found, listed, renamed and removed. */
function story(names: readonly string[], early: boolean): Case {
  const put = (directory: string) => {
    for (const [at, name] of names.entries()) writeFile(`${directory}/${name}`, `${at}`);
  };
  return {
    ...(early ? { prepare: put } : {}),
    run: (directory) => {
      if (!early) put(directory);
      const sorted = [...names].sort();
      equal(readdir(directory).sort(), sorted);
      for (const [at, name] of names.entries()) {
        const path = `${directory}/${name}`;
        equal(readFile(path), `${at}`, JSON.stringify(name));
        rename(path, `${directory}/between`);
        refuses('ENOENT', () => lstat(path));
        rename(`${directory}/between`, path);
        writeFile(path, `again ${at}`);
      }
      equal(readdir(directory).sort(), sorted);
      for (const [at, name] of names.entries()) equal(readFile(`${directory}/${name}`), `again ${at}`);
      for (const name of names) unlink(`${directory}/${name}`);
      equal(readdir(directory), []);
    },
  };
}

/** Walks down `levels` directories that `enter` names; gives the descriptor of the last. */
function descend(directory: string, levels: number, make: boolean): number {
  let fd = open(directory, O.RDONLY | O.DIRECTORY);
  for (let at = 0; at < levels; at++) {
    if (make) mkdirat(fd, LEVEL, 0o755);
    const next = openat(fd, LEVEL, O.RDONLY | O.DIRECTORY);
    close(fd);
    fd = next;
  }
  return fd;
}

/** Removes them again from below: nobody could by their path. */
function ascend(deepest: number, levels: number): void {
  let fd = deepest;
  for (let at = 0; at < levels; at++) {
    const above = openat(fd, '..', O.RDONLY | O.DIRECTORY);
    close(fd);
    unlinkat(above, LEVEL, AT.REMOVEDIR);
    fd = above;
  }
  close(fd);
}

export const anyNameCases: Cases = {
  'every byte is part of a name, there before': story(BYTE_NAMES, true),
  'every byte is part of a name, made anew': story(BYTE_NAMES, false),
  'all bytes at once are a name': story([EACH_BYTE.join(''), [...EACH_BYTE].reverse().join('')], false),
  'odd names are names like others, there before': story(ODD_NAMES, true),
  'odd names are names like others, made anew': story(ODD_NAMES, false),
  'odd names are those of directories, links and second names, too': {
    prepare: (directory) => {
      for (const name of ODD_NAMES) mkdir(`${directory}/${name}`);
    },
    run: (directory) => {
      for (const name of ODD_NAMES) {
        const inner = `${directory}/${name}/${name}`;
        symlink(name, inner);
        link(inner, `${directory}/${name}/second`);
        equal(readdir(`${directory}/${name}`).sort(), [name, 'second'].sort());
        unlink(inner);
        unlink(`${directory}/${name}/second`);
        rmdir(`${directory}/${name}`);
      }
      equal(readdir(directory), []);
    },
  },
  'upper and lower case, and two ways to write one letter, are different names': {
    prepare: (directory) => {
      writeFile(`${directory}/Name`, 'upper');
      writeFile(`${directory}/caf\xc3\xa9`, 'composed');
    },
    run: (directory) => {
      refuses('ENOENT', () => lstat(`${directory}/name`));
      refuses('ENOENT', () => lstat(`${directory}/cafe\xcc\x81`));
      writeFile(`${directory}/name`, 'lower');
      equal(readFile(`${directory}/Name`), 'upper');
      equal(readdir(directory).length, 3);
    },
  },
  'a tree deeper than PATH_MAX is walked, filled and emptied step by step': (directory) => {
    const fd = descend(directory, LEVELS, true);
    close(openat(fd, 'file', O.CREAT | O.WRONLY));
    symlinkat('file', fd, 'link');
    renameat2(fd, 'file', fd, 'renamed', 0);
    close(openat(fd, 'renamed', O.RDONLY));
    refuses('ENOENT', () => openat(fd, 'link', O.RDONLY));
    process.chdir(`/proc/self/fd/${fd}`);
    equal(readdir('.').sort(), ['link', 'renamed']);
    process.chdir('/');
    withFile(`/proc/self/fd/${fd}/renamed`, O.WRONLY, () => undefined);
    unlinkat(fd, 'link', 0);
    unlinkat(fd, 'renamed', 0);
    refuses('ENAMETOOLONG', () => lstat(`${directory}/${`${LEVEL}/`.repeat(LEVELS)}`));
    ascend(fd, LEVELS);
    equal(readdir(directory), []);
  },
  'a deep tree moves as one': (directory) => {
    mkdir(`${directory}/old`);
    const fd = descend(`${directory}/old`, LEVELS, true);
    close(openat(fd, 'file', O.CREAT | O.WRONLY));
    close(fd);
    rename(`${directory}/old`, `${directory}/new`);
    const deepest = descend(`${directory}/new`, LEVELS, false);
    unlinkat(deepest, 'file', 0);
    ascend(deepest, LEVELS);
    equal(readdir(`${directory}/new`), []);
  },
  'six hundred levels are walked down and up': {
    dear: true,
    run: (directory) => {
      const fd = descend(directory, LEVELS_MANY, true);
      close(openat(fd, 'file', O.CREAT | O.WRONLY));
      unlinkat(fd, 'file', 0);
      ascend(fd, LEVELS_MANY);
      equal(readdir(directory), []);
    },
  },
};
