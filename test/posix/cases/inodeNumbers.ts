// st_ino and st_dev: one object, one number, whatever is done to it.
import { chmod, chown, fstat, lstat, stat } from '../calls/attributes.ts';
import { pwrite, truncate } from '../calls/data.ts';
import { getdents } from '../calls/directory.ts';
import { mkdir, RENAME, rename, symlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import { setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, holds } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { oneOfEachKind } from './openErrors.ts';

const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');
const numbers = (path: string) => {
  const { ino, dev } = lstat(path);
  return { ino, dev };
};
const change = (path: string) => withFile(path, O.WRONLY, (fd) => void pwrite(fd, 'X', 0));

export const inodeNumbersCases: Cases = {
  'stay over every change of content and attributes': {
    prepare: filePrepared,
    run: (directory) => {
      const path = `${directory}/file`;
      const before = numbers(path);
      const acts: Readonly<Record<string, () => unknown>> = {
        chmod: () => chmod(path, 0o600),
        chown: () => chown(path, -1, process.getgid!()),
        setxattr: () => setxattr(path, 'user.note', 'x'),
        write: () => change(path),
        truncate: () => truncate(path, 3),
        O_TRUNC: () => close(open(path, O.WRONLY | O.TRUNC)),
      };
      for (const [name, act] of Object.entries(acts)) {
        act();
        equal(numbers(path), before, name);
      }
    },
  },
  'are the same through a descriptor that was open before the change': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      const { ino, dev } = fstat(fd);
      change(`${directory}/file`);
      equal(numbers(`${directory}/file`), { ino, dev });
      equal(fstat(fd).ino, ino);
      close(fd);
      equal(numbers(`${directory}/file`), { ino, dev }, 'after close');
    },
  },
  'stay over renames, before and after a change': {
    prepare: (directory) => {
      filePrepared(directory);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      const before = numbers(`${directory}/file`);
      rename(`${directory}/file`, `${directory}/sub/moved`);
      equal(numbers(`${directory}/sub/moved`), before, 'moved');
      change(`${directory}/sub/moved`);
      equal(numbers(`${directory}/sub/moved`), before, 'changed');
      const above = numbers(`${directory}/sub`);
      rename(`${directory}/sub`, `${directory}/other`);
      equal(numbers(`${directory}/other`), above, 'the directory');
      equal(numbers(`${directory}/other/moved`), before, 'below it');
    },
  },
  'change places when names are exchanged': {
    prepare: (directory) => {
      writeFile(`${directory}/one`, 'one');
      mkdir(`${directory}/two`);
    },
    run: (directory) => {
      const one = numbers(`${directory}/one`);
      const two = numbers(`${directory}/two`);
      rename(`${directory}/one`, `${directory}/two`, RENAME.EXCHANGE);
      equal(numbers(`${directory}/two`), one);
      equal(numbers(`${directory}/one`), two);
    },
  },
  'stay for every kind of object that is renamed and chowned': {
    prepare: (directory) => void oneOfEachKind(directory),
    run: (directory) => {
      for (const name of oneOfEachKindNames) {
        const before = numbers(`${directory}/${name}`);
        rename(`${directory}/${name}`, `${directory}/moved`);
        equal(numbers(`${directory}/moved`), before, name);
        if (name !== 'link' && name !== 'dangling') chmod(`${directory}/moved`, 0o700);
        equal(numbers(`${directory}/moved`), before, `${name} with another mode`);
        rename(`${directory}/moved`, `${directory}/${name}`);
      }
    },
  },
  'differ for all that is there at once': {
    prepare: (directory) => {
      for (let at = 0; at < 20; at += 1) writeFile(`${directory}/old${at}`);
    },
    run: (directory) => {
      for (let at = 0; at < 20; at += 1) writeFile(`${directory}/new${at}`);
      for (let at = 0; at < 10; at += 1) change(`${directory}/old${at}`);
      const seen = new Set<bigint>();
      for (const kind of ['old', 'new'])
        for (let at = 0; at < 20; at += 1) seen.add(stat(`${directory}/${kind}${at}`).ino);
      equal(seen.size, 40);
      equal(stat(`${directory}/new0`).dev, stat(directory).dev, 'one device');
    },
  },
  'are what the directory lists': {
    prepare: (directory) => {
      oneOfEachKind(directory);
      mkdir(`${directory}/directory/inner`);
    },
    run: (directory) => {
      writeFile(`${directory}/new`);
      change(`${directory}/regular`);
      symlink('x', `${directory}/directory/l`);
      for (const path of [directory, `${directory}/directory`]) {
        withFile(path, O.RDONLY | O.DIRECTORY, (fd) => {
          for (const { name, ino, type } of getdents(fd)) {
            const seen = lstat(`${path}/${name}`);
            equal(ino, seen.ino, name);
            equal(type, (seen.mode >> 12) & 15, `type of ${name}`);
          }
        });
      }
    },
  },
  'of . and .. are those of the directories': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      equal(numbers(`${directory}/sub/.`), numbers(`${directory}/sub`));
      equal(numbers(`${directory}/sub/..`), numbers(directory));
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => {
        const entries = new Map(getdents(fd).map(({ name, ino }) => [name, ino]));
        equal(entries.get('.'), stat(`${directory}/sub`).ino);
        equal(entries.get('..'), stat(directory).ino);
      });
    },
  },
  'stay while nobody has the object open, however often it is looked up': {
    prepare: filePrepared,
    run: (directory) => {
      const before = numbers(`${directory}/file`);
      for (let at = 0; at < 20; at += 1) {
        readFile(`${directory}/file`);
        if (at === 10) change(`${directory}/file`);
        equal(numbers(`${directory}/file`), before);
      }
      holds(before.ino > 0n, 'there is one');
    },
  },
};
const oneOfEachKindNames = ['regular', 'directory', 'link', 'dangling', 'fifo', 'socket'];
