// The times that calls on names move: those of the directories they change, and ctime of what is linked or unlinked.

import { type Attributes, fstat, lstat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { link, mkdir, mknod, RENAME, readlink, rename, rmdir, S, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Case, Cases } from '../case.ts';
import { holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { afterTick } from '../tick.ts';

/** `one` and `two` hold `file` and `sub` each. */
function prepare(directory: string): void {
  for (const place of ['one', 'two']) {
    mkdir(`${directory}/${place}`);
    writeFile(`${directory}/${place}/file`);
    mkdir(`${directory}/${place}/sub`);
  }
}

type Moved = 'both' | 'ctime' | 'none';
const isLater = (after: Attributes, before: Attributes): Moved => {
  if (after.mtime > before.mtime && after.ctime > before.ctime) return 'both';
  if (after.mtime === before.mtime && after.ctime > before.ctime) return 'ctime';
  return after.mtime === before.mtime && after.ctime === before.ctime ? 'none' : ('other' as Moved);
};

/** Does `act` and compares the times of the paths named. */
function story(act: (directory: string) => void, expected: Readonly<Record<string, Moved>>): Case {
  return {
    prepare,
    run: (directory) => {
      const paths = Object.keys(expected);
      const before = paths.map((path) => lstat(`${directory}/${path}`));
      afterTick(directory);
      act(directory);
      for (const [at, path] of paths.entries()) {
        const moved = isLater(lstat(`${directory}/${path}`), before[at]!);
        holds(moved === expected[path], `${expected[path]} of ${path} moved, not ${moved}`);
      }
    },
  };
}
const quietly = { one: 'none', 'one/file': 'none', 'one/sub': 'none' } as const;

export const nameTimesCases: Cases = {
  'a file made moves both times of its directory': story((at) => writeFile(`${at}/one/new`), {
    ...quietly,
    one: 'both',
    two: 'none',
  }),
  'a directory made moves both times of its directory': story((at) => void mkdir(`${at}/one/new`), {
    ...quietly,
    one: 'both',
  }),
  'a link made moves both times of its directory': story((at) => void symlink('target', `${at}/one/new`), {
    ...quietly,
    one: 'both',
  }),
  'a pipe made moves both times of its directory': story((at) => void mknod(`${at}/one/new`, S.IFIFO | 0o644), {
    ...quietly,
    one: 'both',
  }),
  'a second name moves both times of its directory and ctime of the file': story(
    (at) => void link(`${at}/one/file`, `${at}/two/new`),
    { one: 'none', 'one/file': 'ctime', two: 'both' },
  ),
  'a name that goes moves both times of its directory': story((at) => void unlink(`${at}/one/file`), {
    one: 'both',
    'one/sub': 'none',
  }),
  'ctime of a file that lost one of two names moves': {
    prepare,
    run: (directory) => {
      link(`${directory}/one/file`, `${directory}/two/new`);
      const before = lstat(`${directory}/two/new`);
      afterTick(directory);
      unlink(`${directory}/one/file`);
      holds(isLater(lstat(`${directory}/two/new`), before) === 'ctime', 'ctime alone moved');
    },
  },
  'a directory removed moves both times of the one above': story((at) => void rmdir(`${at}/one/sub`), {
    one: 'both',
    'one/file': 'none',
  }),
  'a rename moves both times of its directory': story((at) => void rename(`${at}/one/file`, `${at}/one/new`), {
    one: 'both',
    'one/sub': 'none',
  }),
  'a rename to another directory moves both times of both': story(
    (at) => void rename(`${at}/one/sub`, `${at}/two/new`),
    { one: 'both', 'one/file': 'none', two: 'both', 'two/file': 'none' },
  ),
  'a replacing rename moves both times of both directories': story(
    (at) => void rename(`${at}/one/file`, `${at}/two/file`),
    { one: 'both', two: 'both', 'two/sub': 'none' },
  ),
  'an exchange moves both times of both directories': story(
    (at) => void rename(`${at}/one/file`, `${at}/two/sub`, RENAME.EXCHANGE),
    { one: 'both', two: 'both' },
  ),
  'a refused call moves nothing': story((at) => {
    refuses('EEXIST', () => mkdir(`${at}/one/file`));
    refuses('ENOTEMPTY', () => rmdir(`${at}/one`));
    refuses('EISDIR', () => unlink(`${at}/one/sub`));
    refuses('EISDIR', () => rename(`${at}/one/file`, `${at}/one/sub`));
    refuses('ENOENT', () => rename(`${at}/one/absent`, `${at}/one/new`));
    refuses('EEXIST', () => link(`${at}/one/file`, `${at}/one/sub`));
  }, quietly),
  'a look moves neither mtime nor ctime': story((at) => {
    readdir(`${at}/one`);
    close(open(`${at}/one/file`, O.RDONLY));
    refuses('EINVAL', () => readlink(`${at}/one/file`));
    refuses('ENOENT', () => lstat(`${at}/one/absent`));
  }, quietly),
  'a renamed file keeps its mtime, its ctime moves': {
    prepare,
    run: (directory) => {
      const before = lstat(`${directory}/one/file`);
      afterTick(directory);
      rename(`${directory}/one/file`, `${directory}/two/new`);
      holds(isLater(lstat(`${directory}/two/new`), before) === 'ctime', 'ctime alone moved');
    },
  },
  'ctime of a file that lost its last name moves, and of one that was replaced': {
    prepare,
    run: (directory) =>
      withFile(`${directory}/one/file`, O.RDONLY, (one) =>
        withFile(`${directory}/two/file`, O.RDONLY, (two) => {
          const before = [fstat(one), fstat(two)] as const;
          afterTick(directory);
          unlink(`${directory}/one/file`);
          writeFile(`${directory}/one/new`);
          rename(`${directory}/one/new`, `${directory}/two/file`);
          holds(isLater(fstat(one), before[0]) === 'ctime', 'ctime of the unlinked file moved');
          holds(isLater(fstat(two), before[1]) === 'ctime', 'ctime of the replaced file moved');
        }),
      ),
  },
  'what is made has all its times from now': {
    prepare,
    run: (directory) => {
      const before = lstat(`${directory}/one`).ctime;
      afterTick(directory);
      writeFile(`${directory}/one/new`);
      mkdir(`${directory}/one/directory`);
      for (const name of ['new', 'directory']) {
        const { atime, mtime, ctime } = lstat(`${directory}/one/${name}`);
        holds(atime > before && mtime > before && ctime > before, `times of ${name} are later`);
      }
    },
  },
};
