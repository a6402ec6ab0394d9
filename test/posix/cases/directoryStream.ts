// getdents(2), telldir(3), seekdir(3): a directory is read once through, whatever happens to it meanwhile.

import { fstat, lstat, stat } from '../calls/attributes.ts';
import { lseek, SEEK } from '../calls/data.ts';
import { type Dirent, getdents, readdir, seekdir } from '../calls/directory.ts';
import { bind } from '../calls/libc.ts';
import { bindSocket, link, mkdir, mknod, rename, rmdir, S, symlink, unlink } from '../calls/names.ts';
import { close, dup, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';

/** Together they take several buffers, the small ones a few each. */
const MANY = 150;
const SMALL_BYTES = 1024;
const MANY_AT_ONCE = 5_000;
const getdentsAt: (fd: number, address: bigint, sizeBytes: number) => number = bind(
  'int64_t getdents64(int fd, void *buffer, size_t size)',
);

const inDirectory = <T>(path: string, act: (fd: number) => T): T => withFile(path, O.RDONLY | O.DIRECTORY, act);
const numbered = (at: number) => `${at} ${'.'.repeat(230)}`;
const fill = (path: string, count = MANY) => {
  for (let at = 0; at < count; at++) mknod(`${path}/${numbered(at)}`, S.IFIFO | 0o644);
};
/** What is left to read, each time as much as `sizeBytes` hold. */
function rest(fd: number, sizeBytes?: number): Dirent[] {
  const entries: Dirent[] = [];
  for (let some = getdents(fd, sizeBytes); some.length > 0; some = getdents(fd, sizeBytes)) entries.push(...some);
  return entries;
}
const namesOf = (entries: readonly Dirent[]) => entries.map(({ name }) => name).filter((name) => !/^\.\.?$/.test(name));

/** One of each kind: `file`, `sub`, `link`, `pipe`, `socket`, and a second name. */
function kinds(directory: string, prefix: string): void {
  writeFile(`${directory}/${prefix}file`);
  mkdir(`${directory}/${prefix}sub`);
  symlink('file', `${directory}/${prefix}link`);
  mknod(`${directory}/${prefix}pipe`, S.IFIFO | 0o644);
  link(`${directory}/${prefix}file`, `${directory}/${prefix}second`);
  process.chdir(directory);
  close(bindSocket(`${prefix}socket`));
  process.chdir('/');
}

export const directoryStreamCases: Cases = {
  'each entry has the number and type that stat gives, `.` and `..` too': {
    prepare: (directory) => {
      mkdir(`${directory}/all`);
      kinds(`${directory}/all`, 'before ');
      writeFile(`${directory}/moved in`);
    },
    run: (directory) => {
      const all = `${directory}/all`;
      kinds(all, 'made ');
      rename(`${directory}/moved in`, `${all}/moved in`);
      writeFile(`${all}/before file`, 'changed');
      rename(`${all}/before sub`, `${all}/renamed sub`);
      const entries = inDirectory(all, (fd) => rest(fd));
      equal(entries.length, 15);
      for (const { name, ino, type } of entries) {
        const { ino: number, mode } = lstat(`${all}/${name}`);
        equal([ino, type], [number, (mode & S.IFMT) >> 12], name);
      }
    },
  },
  '`..` is the directory above after a move': {
    prepare: (directory) => {
      mkdir(`${directory}/one`);
      mkdir(`${directory}/two`);
      mkdir(`${directory}/one/sub`);
    },
    run: (directory) => {
      rename(`${directory}/one/sub`, `${directory}/two/sub`);
      const above = inDirectory(`${directory}/two/sub`, (fd) => getdents(fd)).find(({ name }) => name === '..');
      equal(above?.ino, lstat(`${directory}/two`).ino);
      equal(stat(`${directory}/two/sub/..`).ino, lstat(`${directory}/two`).ino);
    },
  },
  'a big directory is read whole, with a buffer of any size': {
    prepare: (directory) => fill(directory),
    run: (directory) => {
      writeFile(`${directory}/made`);
      const names = [...Array.from({ length: MANY }, (_, at) => numbered(at)), 'made'].sort();
      for (const sizeBytes of [SMALL_BYTES, 4096, 32_768, 1 << 20])
        equal(inDirectory(directory, (fd) => namesOf(rest(fd, sizeBytes))).sort(), names, `${sizeBytes}`);
    },
  },
  'a buffer that holds one entry gives one at a time, one that holds none is EINVAL': {
    prepare: (directory) => {
      for (let at = 0; at < 5; at++) writeFile(`${directory}/f${at}`);
    },
    run: (directory) =>
      inDirectory(directory, (fd) => {
        refuses('EINVAL', () => getdents(fd, 16));
        const first = getdents(fd, 24);
        equal(first.length, 1);
        equal(namesOf([...first, ...rest(fd, 24)]).sort(), ['f0', 'f1', 'f2', 'f3', 'f4']);
      }),
  },
  'EFAULT for memory that is not there, and nothing is skipped': {
    prepare: (directory) => fill(directory, 3),
    run: (directory) =>
      inDirectory(directory, (fd) => {
        refuses('EFAULT', () => getdentsAt(fd, 1n, 32_768));
        equal(namesOf(rest(fd)).length, 3);
      }),
  },
  'EBADF for a descriptor that is closed, or names a directory only': (directory) => {
    const fd = open(directory, O.RDONLY | O.DIRECTORY);
    close(fd);
    refuses('EBADF', () => getdents(fd));
    refuses('EBADF', () => seekdir(fd, 0n));
    withFile(directory, O.PATH, (path) => refuses('EBADF', () => getdents(path)));
  },
  'ENOTDIR for a file': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => getdents(fd))),
  },
  'what is there throughout is seen exactly once while others come and go': {
    prepare: (directory) => fill(directory),
    run: (directory) =>
      inDirectory(directory, (fd) => {
        const seen: string[] = [];
        let at = 0;
        for (let some = getdents(fd, SMALL_BYTES); some.length > 0; some = getdents(fd, SMALL_BYTES), at++) {
          seen.push(...namesOf(some));
          writeFile(`${directory}/came ${at}`);
          if (at % 3 === 0) unlink(`${directory}/came ${at}`);
          // The even ones go, from the end.
          if (at < MANY / 4) unlink(`${directory}/${numbered(MANY - 2 - 2 * at)}`);
        }
        const stable = seen.filter((name) => /^\d+ /.test(name) && Number(name.split(' ')[0]) % 2 === 1);
        equal(stable.length, MANY / 2, 'stable names seen');
        equal(new Set(seen).size, seen.length, 'names seen once');
      }),
  },
  'everything can be removed while it is listed, as `rm -r` does': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      fill(`${directory}/sub`);
    },
    run: (directory) => {
      inDirectory(`${directory}/sub`, (fd) => {
        for (let some = getdents(fd, SMALL_BYTES); some.length > 0; some = getdents(fd, SMALL_BYTES))
          for (const name of namesOf(some)) unlink(`${directory}/sub/${name}`);
      });
      equal(readdir(`${directory}/sub`), []);
      rmdir(`${directory}/sub`);
    },
  },
  'a cookie leads back to its place, after other opens and reads of the directory': {
    prepare: (directory) => fill(directory),
    run: (directory) =>
      inDirectory(directory, (fd) => {
        const entries = rest(fd, SMALL_BYTES);
        for (const at of [0, 1, 7, 50, MANY - 3, MANY]) {
          readdir(directory);
          seekdir(fd, entries[at]?.cookie ?? 0n);
          equal(namesOf(rest(fd)), namesOf(entries.slice(at + 1)), `after entry ${at}`);
        }
      }),
  },
  'a cookie leads back while entries come and go': {
    prepare: (directory) => fill(directory),
    run: (directory) =>
      inDirectory(directory, (fd) => {
        const entries = rest(fd, SMALL_BYTES);
        const [place, after] = [entries[80], entries.slice(81)];
        const gone = namesOf(entries.slice(20, 50));
        for (const name of gone) unlink(`${directory}/${name}`);
        for (let at = 0; at < 20; at++) writeFile(`${directory}/came ${at}`);
        seekdir(fd, place?.cookie ?? 0n);
        const seen = namesOf(rest(fd)).filter((name) => !name.startsWith('came '));
        equal(seen, namesOf(after));
      }),
  },
  'telldir is the cookie of what was read last': {
    prepare: (directory) => fill(directory),
    run: (directory) =>
      inDirectory(directory, (fd) => {
        const some = getdents(fd, SMALL_BYTES);
        const place = lseek(fd, 0, SEEK.CUR);
        equal(BigInt(place), BigInt(Number(some.at(-1)?.cookie)));
        const next = namesOf(getdents(fd, SMALL_BYTES));
        seekdir(fd, some.at(-1)?.cookie ?? 0n);
        equal(namesOf(getdents(fd, SMALL_BYTES)), next);
      }),
  },
  'rewinddir sees what came and what went': {
    prepare: (directory) => fill(directory, 10),
    run: (directory) =>
      inDirectory(directory, (fd) => {
        equal(namesOf(rest(fd)).length, 10);
        writeFile(`${directory}/made`);
        unlink(`${directory}/${numbered(3)}`);
        equal(namesOf(rest(fd)), []);
        lseek(fd, 0, SEEK.SET);
        const names = namesOf(rest(fd));
        equal([names.length, names.includes('made'), names.includes(numbered(3))], [10, true, false]);
      }),
  },
  'two descriptors read each for itself, duplicates go on together': {
    prepare: (directory) => fill(directory, 100),
    run: (directory) =>
      inDirectory(directory, (one) =>
        inDirectory(directory, (two) => {
          const first = getdents(one, SMALL_BYTES);
          equal(getdents(two, SMALL_BYTES).length, first.length);
          const copy = dup(one);
          const [next, last] = [getdents(copy, SMALL_BYTES), rest(one)];
          equal(new Set(namesOf([...first, ...next, ...last])).size, 100);
          equal(namesOf([...first, ...next, ...last]).length, 100);
          close(copy);
        }),
      ),
  },
  'a directory that moves is read on': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      fill(`${directory}/sub`, 100);
    },
    run: (directory) =>
      inDirectory(`${directory}/sub`, (fd) => {
        const first = getdents(fd, SMALL_BYTES);
        rename(`${directory}/sub`, `${directory}/moved`);
        equal(namesOf([...first, ...rest(fd)]).length, 100);
        equal(fstat(fd).ino, lstat(`${directory}/moved`).ino);
      }),
  },
  'ENOENT in the middle of a directory that was removed': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      fill(`${directory}/sub`, 100);
    },
    run: (directory) =>
      inDirectory(`${directory}/sub`, (fd) => {
        getdents(fd, SMALL_BYTES);
        for (const name of readdir(`${directory}/sub`)) unlink(`${directory}/sub/${name}`);
        rmdir(`${directory}/sub`);
        refuses('ENOENT', () => getdents(fd, SMALL_BYTES));
        lseek(fd, 0, SEEK.SET);
        refuses('ENOENT', () => getdents(fd, SMALL_BYTES));
      }),
  },
  'five thousand entries: made, listed, found and removed': {
    dear: true,
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      for (let at = 0; at < MANY_AT_ONCE; at++) mknod(`${directory}/sub/${at}`, S.IFIFO | 0o644);
    },
    run: (directory) => {
      const sub = `${directory}/sub`;
      holds(readdir(sub).length === MANY_AT_ONCE, 'all are listed');
      refuses('EEXIST', () => mknod(`${sub}/${MANY_AT_ONCE - 1}`, S.IFIFO | 0o644));
      refuses('ENOENT', () => lstat(`${sub}/${MANY_AT_ONCE}`));
      for (let at = 0; at < MANY_AT_ONCE; at += 100) unlink(`${sub}/${at}`);
      mknod(`${sub}/new`, S.IFIFO | 0o644);
      const names = new Set(readdir(sub));
      equal([names.size, names.has('100'), names.has('101')], [(MANY_AT_ONCE * 99) / 100 + 1, false, true]);
      refuses('ENOTEMPTY', () => rmdir(sub));
    },
  },
};
