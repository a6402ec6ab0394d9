// Pairs of names that a file has before anything changes it: they stay pairs, whatever happens to one of them.

import { chmod, fstat, lstat, utimens } from '../calls/attributes.ts';
import { pread, pwrite, truncate } from '../calls/data.ts';
import { getdents, readdir } from '../calls/directory.ts';
import { link, mkdir, mknod, RENAME, readlink, rename, S, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import { getxattr, setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

/** `one` and `sub/two` are one file; `other` is another. */
function pair(directory: string): void {
  writeFile(`${directory}/one`, 'before');
  mkdir(`${directory}/sub`);
  link(`${directory}/one`, `${directory}/sub/two`);
  writeFile(`${directory}/other`, 'other');
}

/** Both names are there and say the same. */
function together(directory: string, content: string, links = 2): void {
  const [one, two] = [lstat(`${directory}/one`), lstat(`${directory}/sub/two`)];
  equal(readFile(`${directory}/one`), content, 'one');
  equal(readFile(`${directory}/sub/two`), content, 'two');
  equal(two.ino, one.ino, 'number');
  equal([one.nlink, two.nlink], [links, links], 'links');
  equal([two.mode, two.mtime, two.ctime, two.sizeBytes], [one.mode, one.mtime, one.ctime, one.sizeBytes], 'attributes');
}

export const linkLowerCases: Cases = {
  'are one file before any change': { prepare: pair, run: (directory) => together(directory, 'before') },
  'a write through the first is seen through the second': {
    prepare: pair,
    run: (directory) => {
      const before = lstat(`${directory}/one`).ino;
      writeFile(`${directory}/one`, 'after');
      together(directory, 'after');
      equal(lstat(`${directory}/one`).ino, before, 'number');
    },
  },
  'a write through the second is seen through the first, which nobody had looked at': {
    prepare: pair,
    run: (directory) => {
      writeFile(`${directory}/sub/two`, 'after');
      together(directory, 'after');
    },
  },
  'a write is seen by who has the other name open': {
    prepare: pair,
    run: (directory) =>
      withFile(`${directory}/sub/two`, O.RDONLY, (reader) => {
        equal(pread(reader, 100, 0).toString('latin1'), 'before');
        withFile(`${directory}/one`, O.WRONLY, (fd) => void pwrite(fd, 'AFTER', 0));
        equal(pread(reader, 100, 0).toString('latin1'), 'AFTERe');
        equal(fstat(reader).ino, lstat(`${directory}/one`).ino);
      }),
  },
  'two descriptors, one by each name, write to one file': {
    prepare: pair,
    run: (directory) => {
      const [one, two] = [open(`${directory}/one`, O.RDWR), open(`${directory}/sub/two`, O.RDWR)];
      pwrite(one, 'A', 0);
      pwrite(two, 'B', 1);
      equal(pread(one, 100, 0).toString('latin1'), 'ABfore');
      close(one);
      close(two);
      together(directory, 'ABfore');
    },
  },
  'a truncation by path is seen through both': {
    prepare: pair,
    run: (directory) => {
      truncate(`${directory}/sub/two`, 3);
      together(directory, 'bef');
    },
  },
  'mode, times and attributes are those of both': {
    prepare: pair,
    run: (directory) => {
      chmod(`${directory}/sub/two`, 0o640);
      utimens(`${directory}/one`, { sec: 1_000, nsec: 5 }, { sec: 2_000, nsec: 7 });
      setxattr(`${directory}/one`, 'user.name', 'value');
      together(directory, 'before');
      equal(lstat(`${directory}/one`).mode & 0o7777, 0o640);
      equal(lstat(`${directory}/sub/two`).mtime, 2_000_000_000_007n);
      equal(getxattr(`${directory}/sub/two`, 'user.name').toString('latin1'), 'value');
    },
  },
  'a listing gives both names the number that stat gives': {
    prepare: pair,
    run: (directory) => {
      const listed = () =>
        [directory, `${directory}/sub`].map((path) =>
          withFile(path, O.RDONLY | O.DIRECTORY, (fd) =>
            getdents(fd).find(({ name }) => name === 'one' || name === 'two'),
          ),
        );
      const number = lstat(`${directory}/one`).ino;
      equal(
        listed().map((each) => each?.ino),
        [number, number],
        'before',
      );
      writeFile(`${directory}/sub/two`, 'after');
      equal(
        listed().map((each) => each?.ino),
        [number, number],
        'after',
      );
    },
  },
  'written and then without its first name it has what was written': {
    prepare: pair,
    run: (directory) => {
      writeFile(`${directory}/one`, 'after');
      unlink(`${directory}/one`);
      equal(readFile(`${directory}/sub/two`), 'after');
      equal(lstat(`${directory}/sub/two`).nlink, 1);
    },
  },
  'a rename of one name onto the other does nothing': {
    prepare: pair,
    run: (directory) => {
      rename(`${directory}/one`, `${directory}/sub/two`);
      together(directory, 'before');
    },
  },
  'a renamed name still belongs to the pair': {
    prepare: pair,
    run: (directory) => {
      rename(`${directory}/one`, `${directory}/sub/three`);
      writeFile(`${directory}/sub/three`, 'after');
      equal(readFile(`${directory}/sub/two`), 'after');
      equal(lstat(`${directory}/sub/two`).nlink, 2);
      equal(lstat(`${directory}/sub/two`).ino, lstat(`${directory}/sub/three`).ino);
      equal(readdir(directory).sort(), ['other', 'sub']);
    },
  },
  'an exchange gives the place of one name to another file': {
    prepare: pair,
    run: (directory) => {
      rename(`${directory}/one`, `${directory}/other`, RENAME.EXCHANGE);
      equal(readFile(`${directory}/one`), 'other');
      writeFile(`${directory}/other`, 'after');
      equal(readFile(`${directory}/sub/two`), 'after');
      equal(lstat(`${directory}/sub/two`).nlink, 2);
    },
  },
  'without both names it lives while it is open': {
    prepare: pair,
    run: (directory) =>
      withFile(`${directory}/one`, O.RDWR, (fd) => {
        unlink(`${directory}/sub/two`);
        equal(fstat(fd).nlink, 1);
        unlink(`${directory}/one`);
        equal(fstat(fd).nlink, 0);
        pwrite(fd, 'AFTER', 0);
        equal(pread(fd, 100, 0).toString('latin1'), 'AFTERe');
        equal(readdir(directory).sort(), ['other', 'sub']);
      }),
  },
  'without its first name the file lives by its second': {
    prepare: pair,
    run: (directory) => {
      const before = lstat(`${directory}/one`).ino;
      unlink(`${directory}/one`);
      equal(lstat(`${directory}/sub/two`).nlink, 1);
      equal(lstat(`${directory}/sub/two`).ino, before);
      equal(readFile(`${directory}/sub/two`), 'before');
      writeFile(`${directory}/sub/two`, 'after');
      equal(readFile(`${directory}/sub/two`), 'after');
      equal(lstat(`${directory}/sub/two`).nlink, 1, 'after a write');
    },
  },
  'its first name made anew is another file': {
    prepare: pair,
    run: (directory) => {
      unlink(`${directory}/one`);
      writeFile(`${directory}/one`, 'new');
      equal(readFile(`${directory}/sub/two`), 'before');
      equal([lstat(`${directory}/one`).nlink, lstat(`${directory}/sub/two`).nlink], [1, 1]);
      equal(lstat(`${directory}/one`).ino === lstat(`${directory}/sub/two`).ino, false, 'one number');
    },
  },
  'a file that replaces one name leaves the other alone': {
    prepare: pair,
    run: (directory) => {
      rename(`${directory}/other`, `${directory}/sub/two`);
      equal(readFile(`${directory}/sub/two`), 'other');
      equal(readFile(`${directory}/one`), 'before');
      equal(lstat(`${directory}/one`).nlink, 1);
    },
  },
  'a save through a temporary file parts the names': {
    prepare: pair,
    run: (directory) => {
      writeFile(`${directory}/one.tmp`, 'saved');
      rename(`${directory}/one.tmp`, `${directory}/one`);
      equal(readFile(`${directory}/one`), 'saved');
      equal(readFile(`${directory}/sub/two`), 'before');
      equal([lstat(`${directory}/one`).nlink, lstat(`${directory}/sub/two`).nlink], [1, 1]);
    },
  },
  'symbolic links and special files are pairs, too': {
    prepare: (directory) => {
      symlink('target', `${directory}/symbolic`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o644);
      link(`${directory}/symbolic`, `${directory}/symbolic2`);
      link(`${directory}/fifo`, `${directory}/fifo2`);
    },
    run: (directory) => {
      chmod(`${directory}/fifo`, 0o600);
      equal(lstat(`${directory}/fifo2`).mode, S.IFIFO | 0o600);
      equal(lstat(`${directory}/fifo2`).ino, lstat(`${directory}/fifo`).ino);
      unlink(`${directory}/symbolic`);
      equal(readlink(`${directory}/symbolic2`), 'target');
      equal(lstat(`${directory}/symbolic2`).nlink, 1);
    },
  },
  'a renamed directory carries its name of the pair along': {
    prepare: pair,
    run: (directory) => {
      rename(`${directory}/sub`, `${directory}/moved`);
      writeFile(`${directory}/one`, 'after');
      equal(readFile(`${directory}/moved/two`), 'after');
      writeFile(`${directory}/moved/two`, 'and back');
      equal(readFile(`${directory}/one`), 'and back');
      equal(lstat(`${directory}/one`).nlink, 2);
    },
  },
};
