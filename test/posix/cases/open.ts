// open(2), creat(2): what is made, what is emptied, and what a descriptor can do.
import { as, STRANGER, unprivileged } from '../caller.ts';
import { chmod, fstat, lstat, stat, umask, utimens } from '../calls/attributes.ts';
import { pread, read, write } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { F, fcntl } from '../calls/locks.ts';
import { link, mkdir, readlink, S, symlink, unlink } from '../calls/names.ts';
import { close, creat, O, open, openat } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const LONG_AGO = { sec: 1_000_000_000, nsec: 0 };
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content', 0o640);

export const openCases: Cases = {
  'O_CREAT makes an empty file of the caller with the mode less the mask': (directory) => {
    umask(0o027);
    close(open(`${directory}/new`, O.CREAT | O.WRONLY, 0o776));
    const made = lstat(`${directory}/new`);
    equal(made.mode, S.IFREG | 0o750, 'mode');
    equal([made.uid, made.gid], [process.getuid!(), process.getgid!()], 'owner');
    equal([made.sizeBytes, made.nlink], [0, 1], 'size and links');
    equal(readdir(directory), ['new']);
  },
  'O_CREAT of a file that is there opens it as it is': {
    prepare: filePrepared,
    run: (directory) => {
      const before = stat(`${directory}/file`);
      withFile(`${directory}/file`, O.CREAT | O.RDWR, (fd) => equal(read(fd, 20).toString(), 'content'), 0o777);
      const after = stat(`${directory}/file`);
      equal([after.ino, after.mode, after.sizeBytes], [before.ino, before.mode, before.sizeBytes]);
    },
  },
  'O_CREAT with O_EXCL makes a file that is not there': (directory) => {
    close(open(`${directory}/new`, O.CREAT | O.EXCL | O.RDWR));
    refuses('EEXIST', () => open(`${directory}/new`, O.CREAT | O.EXCL | O.RDWR));
  },
  'O_CREAT through a dangling link makes what it names': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      symlink('sub/target', `${directory}/link`);
    },
    run: (directory) => {
      writeFile(`${directory}/link`, 'through');
      equal(readFile(`${directory}/sub/target`), 'through');
      equal(readlink(`${directory}/link`), 'sub/target');
    },
  },
  'O_CREAT where a file was removed makes another one': {
    prepare: filePrepared,
    run: (directory) => {
      const before = withFile(`${directory}/file`, O.RDONLY, (fd) => {
        unlink(`${directory}/file`);
        close(open(`${directory}/file`, O.CREAT | O.EXCL | O.WRONLY));
        equal(pread(fd, 20, 0).toString(), 'content', 'the old one');
        return fstat(fd);
      });
      const after = stat(`${directory}/file`);
      holds(after.ino !== before.ino, 'another inode number');
      equal(after.sizeBytes, 0);
      holds(after.ctime >= before.ctime, 'it is younger');
    },
  },
  'a file made without permission to write is open for writing all the same': (directory) => {
    const fd = open(`${directory}/new`, O.CREAT | O.EXCL | O.RDWR, 0o400);
    equal(write(fd, 'kept'), 4);
    equal(pread(fd, 10, 0).toString(), 'kept');
    close(fd);
    equal(lstat(`${directory}/new`).mode, S.IFREG | 0o400, 'mode');
    equal(readFile(`${directory}/new`), 'kept');
  },
  'a file made without any permission is open all the same': {
    root: true,
    run: (directory) => {
      chmod(directory, 0o777);
      as(STRANGER, () => {
        const fd = open(`${directory}/new`, O.CREAT | O.EXCL | O.RDWR, 0);
        equal(write(fd, 'kept'), 4);
        equal(pread(fd, 10, 0).toString(), 'kept');
        close(fd);
        refuses('EACCES', () => open(`${directory}/new`, O.RDONLY));
      });
      equal(lstat(`${directory}/new`).mode, S.IFREG, 'mode');
    },
  },
  'creat opens for writing alone and empties what is there': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = creat(`${directory}/file`, 0o777);
      equal(fstat(fd).sizeBytes, 0);
      equal(fstat(fd).mode, S.IFREG | 0o640, 'mode');
      refuses('EBADF', () => read(fd, 1));
      equal(write(fd, 'new'), 3);
      close(fd);
      equal(readFile(`${directory}/file`), 'new');
      const made = creat(`${directory}/made`, 0o600);
      close(made);
      equal(stat(`${directory}/made`).mode, S.IFREG | 0o600, 'mode of the new one');
    },
  },
  'O_TRUNC empties the file for every descriptor and keeps what it is': {
    prepare: filePrepared,
    run: (directory) => {
      const before = stat(`${directory}/file`);
      const reader = open(`${directory}/file`, O.RDONLY);
      equal(read(reader, 3).toString(), 'con');
      close(open(`${directory}/file`, O.WRONLY | O.TRUNC));
      equal(fstat(reader).sizeBytes, 0);
      equal(read(reader, 3).length, 0, 'the end');
      close(reader);
      const after = stat(`${directory}/file`);
      equal([after.ino, after.mode, after.nlink], [before.ino, before.mode, before.nlink]);
    },
  },
  'O_TRUNC empties every name of a file': {
    prepare: (directory) => {
      filePrepared(directory);
      link(`${directory}/file`, `${directory}/other`);
    },
    run: (directory) => {
      close(open(`${directory}/file`, O.RDWR | O.TRUNC));
      equal(stat(`${directory}/other`).sizeBytes, 0);
      equal(stat(`${directory}/other`).ino, stat(`${directory}/file`).ino);
    },
  },
  'O_TRUNC of an empty file moves its times': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => {
      utimens(`${directory}/file`, LONG_AGO, LONG_AGO);
      close(open(`${directory}/file`, O.WRONLY | O.TRUNC));
      const { mtime, ctime } = stat(`${directory}/file`);
      holds(mtime > 1_500_000_000_000_000_000n, 'mtime moved');
      holds(ctime >= mtime, 'ctime moved');
    },
  },
  'O_TRUNC with O_RDONLY empties the file': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY | O.TRUNC);
      equal(fstat(fd).sizeBytes, 0);
      refuses('EBADF', () => write(fd, 'x'));
      close(fd);
      equal(readFile(`${directory}/file`), '');
    },
  },
  'O_CREAT with O_TRUNC: of a new file, then as an old one': (directory) => {
    writeFile(`${directory}/file`, 'long content');
    writeFile(`${directory}/file`, 'short');
    equal(readFile(`${directory}/file`), 'short');
  },
  'a new file moves the times of its directory, an old one does not': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/old`, 'old');
    },
    run: (directory) => {
      utimens(`${directory}/sub`, LONG_AGO, LONG_AGO);
      const before = stat(`${directory}/sub`);
      writeFile(`${directory}/sub/old`, 'changed');
      equal(stat(`${directory}/sub`).mtime, before.mtime, 'mtime with the old one');
      writeFile(`${directory}/sub/new`);
      const after = stat(`${directory}/sub`);
      holds(after.mtime > before.mtime, 'mtime moved');
      holds(after.ctime >= after.mtime, 'ctime moved');
    },
  },
  'a path is looked up from the directory of openat': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`, 'below');
    },
    run: (directory) => {
      const base = open(`${directory}/sub`, O.RDONLY | O.DIRECTORY);
      const fd = openat(base, 'file', O.RDONLY);
      equal(read(fd, 10).toString(), 'below');
      close(fd);
      close(openat(base, '../sub/./made', O.CREAT | O.WRONLY));
      equal(readdir(`${directory}/sub`).sort(), ['file', 'made']);
      close(openat(-1, `${directory}/sub/file`, O.RDONLY));
      close(base);
    },
  },
  'each open has a position and status flags of its own': {
    prepare: filePrepared,
    run: (directory) => {
      const first = open(`${directory}/file`, O.RDWR | O.APPEND);
      const second = open(`${directory}/file`, O.RDONLY);
      equal(read(first, 3).toString(), 'con');
      equal(read(second, 4).toString(), 'cont');
      equal(fcntl(first, F.GETFL) & 3, O.RDWR);
      equal(fcntl(first, F.GETFL) & O.APPEND, O.APPEND);
      equal(fcntl(second, F.GETFL) & (3 | O.APPEND), O.RDONLY);
      close(first);
      close(second);
    },
  },
  'the lowest free descriptor is given': (directory) => {
    writeFile(`${directory}/file`);
    const first = open(`${directory}/file`, O.RDONLY);
    close(first);
    const second = open(`${directory}/file`, O.RDONLY);
    equal(second, first);
    close(second);
  },
  'names are bytes of any kind but slash and NUL': (directory) => {
    const names = ['\xff\xfe\x80', ' ', '\n', '...', '-rf', 'a\\b', '\x01*?', 'C:', 'gr\xc3\xbc\xc3\x9fe'];
    for (const name of names) writeFile(`${directory}/${name}`, name);
    equal(readdir(directory).sort(), [...names].sort());
    for (const name of names) equal(readFile(`${directory}/${name}`), name);
  },
  'a descriptor stays good when the mode is taken away': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      chmod(`${directory}/file`, 0o400);
      equal(write(fd, 'CON'), 3);
      equal(pread(fd, 20, 0).toString(), 'CONtent');
      close(fd);
      equal(lstat(`${directory}/file`).mode, S.IFREG | 0o400, 'mode');
      unprivileged(() => refuses('EACCES', () => open(`${directory}/file`, O.WRONLY)));
    },
  },
};
