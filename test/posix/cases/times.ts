// Which time stamps an operation moves, of which objects; all others stay.

import { type Attributes, chmod, chown, lstat } from '../calls/attributes.ts';
import { fallocate, ftruncate, pread, pwrite, truncate } from '../calls/data.ts';
import { getdents } from '../calls/directory.ts';
import { AT_FDCWD } from '../calls/libc.ts';
import { MAP, MS, mmap, msync, munmap, PROT } from '../calls/memory.ts';
import { link, linkat, mkdir, mknod, RENAME, readlink, rename, rmdir, S, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import { copyFileRange } from '../calls/transfer.ts';
import { removexattr, setxattr } from '../calls/xattr.ts';
import type { Case, Cases } from '../case.ts';
import { equal } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { afterTick } from '../tick.ts';

const STAMPS = ['atime', 'mtime', 'ctime'] as const;
type Stamp = (typeof STAMPS)[number];

/** The objects a story watches, relative to its directory, and the stamps that move. */
type Moves = Readonly<Record<string, readonly Stamp[]>>;
const MC: readonly Stamp[] = ['mtime', 'ctime'];
const C: readonly Stamp[] = ['ctime'];
const NONE: readonly Stamp[] = [];

const prepare = (directory: string) => {
  mkdir(`${directory}/d`);
  mkdir(`${directory}/e`);
  mkdir(`${directory}/d/sub`);
  writeFile(`${directory}/d/file`, 'content');
  writeFile(`${directory}/d/other`, 'other');
  symlink('file', `${directory}/d/link`);
};

/** `after` names what is looked at where the act moved an object away: new path by old. */
const story = (
  act: (directory: string) => unknown,
  moves: Moves,
  after: Readonly<Record<string, string>> = {},
): Case => ({
  prepare,
  run: (directory) => {
    const watched = Object.keys(moves);
    // Read once: what a first look may move has moved.
    for (const name of watched) lstat(`${directory}/${name}`);
    afterTick(directory);
    const before = watched.map((name) => lstat(`${directory}/${name}`));
    afterTick(directory);
    act(directory);
    watched.forEach((name, index) => {
      const now = lstat(`${directory}/${after[name] ?? name}`);
      equal(moved(before[index]!, now), moves[name]!, `moved of ${name}`);
    });
  },
});

const moved = (before: Attributes, now: Attributes): readonly Stamp[] =>
  STAMPS.filter((stamp) => now[stamp] > before[stamp]);

const change = (act: (fd: number) => unknown) => (directory: string) => withFile(`${directory}/d/file`, O.RDWR, act);

export const timesCases: Cases = {
  'open, fstat and close move nothing': story((directory) => close(open(`${directory}/d/file`, O.RDWR)), {
    'd/file': NONE,
    d: NONE,
  }),
  'creat of a new file: the parent': story((directory) => writeFile(`${directory}/d/new`), { d: MC, 'd/file': NONE }),
  'open with O_CREAT of a file there: nothing': story(
    (directory) => close(open(`${directory}/d/file`, O.CREAT | O.RDWR)),
    { d: NONE, 'd/file': NONE },
  ),
  'O_TRUNC: the file': story((directory) => writeFile(`${directory}/d/file`), { 'd/file': MC, d: NONE }),
  'O_TRUNC of an empty file: the file': story(
    (directory) => {
      truncate(`${directory}/d/file`, 0);
      afterTick(directory);
      close(open(`${directory}/d/file`, O.TRUNC | O.WRONLY));
    },
    { 'd/file': MC, d: NONE },
  ),
  'write: the file': story(
    change((fd) => pwrite(fd, 'x', 0)),
    { 'd/file': MC, d: NONE },
  ),
  'write of nothing: nothing': story(
    change((fd) => pwrite(fd, '', 0)),
    { 'd/file': NONE },
  ),
  'truncate to another size: the file': story((directory) => truncate(`${directory}/d/file`, 3), {
    'd/file': MC,
    d: NONE,
  }),
  'truncate to the same size: the file': story((directory) => truncate(`${directory}/d/file`, 7), { 'd/file': MC }),
  'ftruncate: the file': story(
    change((fd) => ftruncate(fd, 9)),
    { 'd/file': MC, d: NONE },
  ),
  'fallocate: the file': story(
    change((fd) => fallocate(fd, 0, 0, 10_000)),
    { 'd/file': MC, d: NONE },
  ),
  'copy_file_range: the target': story(
    (directory) =>
      withFile(`${directory}/d/other`, O.RDONLY, (from) => change((fd) => copyFileRange(from, 0, fd, 0, 3))(directory)),
    { 'd/file': MC, d: NONE },
  ),
  'a store into a shared mapping, then msync: the file': {
    prepare,
    run: (directory) => {
      const before = lstat(`${directory}/d/file`);
      afterTick(directory);
      withFile(`${directory}/d/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, 7, PROT.READ | PROT.WRITE, MAP.SHARED);
        mapping.memory[0] = 65;
        msync(mapping, MS.SYNC);
        munmap(mapping);
      });
      const now = lstat(`${directory}/d/file`);
      // A mapping may count as a read, too.
      equal([now.mtime > before.mtime, now.ctime > before.ctime], [true, true]);
    },
  },
  'chmod: the ctime': story((directory) => chmod(`${directory}/d/file`, 0o600), { 'd/file': C, d: NONE }),
  'chown: the ctime': story(
    (directory) => {
      const { uid, gid } = lstat(`${directory}/d/file`);
      chown(`${directory}/d/file`, uid, gid);
    },
    { 'd/file': C, d: NONE },
  ),
  'setxattr and removexattr: the ctime': story(
    (directory) => {
      setxattr(`${directory}/d/file`, 'user.name', 'value');
      removexattr(`${directory}/d/file`, 'user.name');
    },
    { 'd/file': C, d: NONE },
  ),
  'link: the ctime of the file, the new parent': story(
    (directory) => link(`${directory}/d/file`, `${directory}/e/linked`),
    { 'd/file': C, e: MC, d: NONE },
  ),
  'unlink: the parent': story(
    (directory) => unlink(`${directory}/d/file`),
    { d: MC, 'd/other': NONE },
    { 'd/file': '.' },
  ),
  'unlink of one of two names: the ctime of the file': story(
    (directory) => {
      link(`${directory}/d/file`, `${directory}/e/linked`);
      afterTick(directory);
      unlink(`${directory}/d/file`);
    },
    { d: MC, 'd/other': NONE },
  ),
  'symlink, mkdir, mknod: the parent': story(
    (directory) => {
      symlink('x', `${directory}/d/new`);
      mkdir(`${directory}/d/sub/inner`);
      mknod(`${directory}/e/fifo`, S.IFIFO | 0o600);
    },
    { d: MC, 'd/sub': MC, e: MC },
  ),
  'rmdir: the parent': story((directory) => rmdir(`${directory}/d/sub`), { d: MC, 'd/file': NONE }),
  'rename in a directory: the parent and the ctime of the file': story(
    (directory) => rename(`${directory}/d/file`, `${directory}/d/renamed`),
    { d: MC, 'd/file': C },
    { 'd/file': 'd/renamed' },
  ),
  'rename between directories: both parents': story(
    (directory) => rename(`${directory}/d/file`, `${directory}/e/renamed`),
    { d: MC, e: MC, 'd/file': C },
    { 'd/file': 'e/renamed' },
  ),
  'rename of a directory between directories: both parents': story(
    (directory) => rename(`${directory}/d/sub`, `${directory}/e/sub`),
    { d: MC, e: MC },
  ),
  'rename over a file: the parent': story((directory) => rename(`${directory}/d/file`, `${directory}/d/other`), {
    d: MC,
  }),
  'exchange: both parents and both files': story(
    (directory) => {
      rename(`${directory}/d/other`, `${directory}/e/other`);
      afterTick(directory);
      rename(`${directory}/d/file`, `${directory}/e/other`, RENAME.EXCHANGE);
    },
    { d: MC, e: MC, 'd/file': C },
    { 'd/file': 'e/other' },
  ),
  'a name given to a file of O_TMPFILE: the parent': story(
    (directory) =>
      withFile(`${directory}/d`, O.TMPFILE | O.RDWR, (fd) =>
        linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, `${directory}/e/named`, 0x400),
      ),
    { e: MC },
  ),
  'a refused call moves nothing': story(
    (directory) => {
      for (const act of [
        () => mkdir(`${directory}/d/sub`),
        () => unlink(`${directory}/d/absent`),
        () => rmdir(`${directory}/d`),
        () => link(`${directory}/d/file`, `${directory}/d/other`),
      ]) {
        try {
          act();
        } catch {
          // What it refuses with is told elsewhere.
        }
      }
    },
    { d: NONE, 'd/file': NONE, 'd/sub': NONE, 'd/other': NONE },
  ),
  'the birth time stays through writes, renames and modes': {
    prepare,
    run: (directory) => {
      const before = lstat(`${directory}/d/file`).btime;
      afterTick(directory);
      writeFile(`${directory}/d/file`, 'more');
      chmod(`${directory}/d/file`, 0o600);
      rename(`${directory}/d/file`, `${directory}/e/moved`);
      equal(lstat(`${directory}/e/moved`).btime, before);
    },
  },
  'reads of a file, a directory and a link move no mtime and no ctime': story(
    (directory) => {
      readFile(`${directory}/d/file`);
      readlink(`${directory}/d/link`);
      withFile(`${directory}/d`, O.RDONLY | O.DIRECTORY, (fd) => getdents(fd));
    },
    { 'd/other': NONE },
  ),
  'a read after a change moves the atime': {
    prepare,
    run: (directory) => {
      withFile(`${directory}/d/file`, O.RDWR, (fd) => pwrite(fd, 'changed', 0));
      const before = lstat(`${directory}/d/file`).atime;
      afterTick(directory);
      readFile(`${directory}/d/file`);
      const after = lstat(`${directory}/d/file`);
      equal([after.atime > before, after.mtime < after.atime], [true, true]);
    },
  },
  'a read through O_NOATIME moves no atime': {
    prepare,
    run: (directory) => {
      writeFile(`${directory}/d/file`, 'changed');
      const before = lstat(`${directory}/d/file`).atime;
      afterTick(directory);
      withFile(`${directory}/d/file`, O.RDONLY | O.NOATIME, (fd) => pread(fd, 7, 0));
      equal(lstat(`${directory}/d/file`).atime, before);
    },
  },
};
