// mknod(2), mkfifo(3): pipes, sockets, plain files and devices by name.

import { as, isRoot, OTHER } from '../caller.ts';
import { chmod, chown, fstat, lstat, umask } from '../calls/attributes.ts';
import { read, write } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { bindSocket, makedev, mkdir, mknod, rename, S, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const NULL_DEVICE = makedev(1, 3);
const FULL_DEVICE = makedev(1, 7);

export const mknodCases: Cases = {
  'makes each kind with the mode less the mask': (directory) => {
    umask(0o027);
    for (const [name, type] of Object.entries({ pipe: S.IFIFO, socket: S.IFSOCK, file: S.IFREG })) {
      mknod(`${directory}/${name}`, type | 0o666);
      const { mode, nlink, sizeBytes, rdev } = lstat(`${directory}/${name}`);
      equal([mode, nlink, sizeBytes, rdev], [type | 0o640, 1, 0, 0], name);
    }
    equal(readdir(directory).sort(), ['file', 'pipe', 'socket']);
  },
  'a mode without a type makes a plain file': (directory) => {
    mknod(`${directory}/file`, 0o644);
    equal(lstat(`${directory}/file`).mode, S.IFREG | 0o644);
    writeFile(`${directory}/file`, 'bytes');
    equal(readFile(`${directory}/file`), 'bytes');
  },
  'EPERM for a directory, EINVAL for a link or a type that is none': (directory) => {
    refuses('EPERM', () => mknod(`${directory}/new`, S.IFDIR | 0o755));
    refuses('EINVAL', () => mknod(`${directory}/new`, S.IFLNK | 0o777));
    refuses('EINVAL', () => mknod(`${directory}/new`, 0o030000 | 0o644));
    equal(readdir(directory), []);
  },
  'a pipe carries bytes from who writes to who reads': {
    prepare: (directory) => void mknod(`${directory}/before`, S.IFIFO | 0o644),
    run: (directory) => {
      mknod(`${directory}/made`, S.IFIFO | 0o644);
      for (const name of ['before', 'made']) {
        const reader = open(`${directory}/${name}`, O.RDONLY | O.NONBLOCK);
        const writer = open(`${directory}/${name}`, O.WRONLY);
        write(writer, 'through');
        equal(read(reader, 100).toString('latin1'), 'through', name);
        equal(fstat(writer).ino, lstat(`${directory}/${name}`).ino);
        close(writer);
        equal(read(reader, 100).length, 0);
        close(reader);
      }
    },
  },
  'ENXIO for a writer that may not wait at a pipe without a reader': {
    prepare: (directory) => void mknod(`${directory}/pipe`, S.IFIFO | 0o644),
    run: (directory) => refuses('ENXIO', () => open(`${directory}/pipe`, O.WRONLY | O.NONBLOCK)),
  },
  'a pipe keeps what was written while it moves and loses its name': {
    prepare: (directory) => void mknod(`${directory}/pipe`, S.IFIFO | 0o644),
    run: (directory) =>
      withFile(`${directory}/pipe`, O.RDWR, (fd) => {
        write(fd, 'kept');
        rename(`${directory}/pipe`, `${directory}/moved`);
        chmod(`${directory}/moved`, 0o600);
        withFile(`${directory}/moved`, O.RDONLY | O.NONBLOCK, (reader) =>
          equal(read(reader, 2).toString('latin1'), 'ke'),
        );
        unlink(`${directory}/moved`);
        equal(read(fd, 100).toString('latin1'), 'pt');
        equal(fstat(fd).nlink, 0);
      }),
  },
  'ENXIO for an open of a socket, EADDRINUSE for a second one at its name': {
    prepare: (directory) => {
      process.chdir(directory);
      close(bindSocket('bound'));
      process.chdir('/');
    },
    run: (directory) => {
      mknod(`${directory}/made`, S.IFSOCK | 0o755);
      for (const name of ['bound', 'made']) refuses('ENXIO', () => open(`${directory}/${name}`, O.RDWR));
      process.chdir(directory);
      refuses('EADDRINUSE', () => bindSocket('bound'));
      unlink('bound');
      close(bindSocket('bound'));
      process.chdir('/');
      equal(lstat(`${directory}/bound`).mode & S.IFMT, S.IFSOCK);
    },
  },
  'EEXIST with a trailing slash where something is, else ENOENT': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      symlink('absent', `${directory}/dangling`);
    },
    run: (directory) => {
      refuses('EEXIST', () => mknod(`${directory}/sub/`, S.IFIFO | 0o644));
      refuses('EEXIST', () => mknod(`${directory}/dangling/`, S.IFIFO | 0o644));
      refuses('ENOENT', () => mknod(`${directory}/new/`, S.IFIFO | 0o644));
    },
  },
  'EPERM for a device made by who is not privileged': (directory) => {
    const attempt = () => {
      refuses('EPERM', () => mknod(`${directory}/null`, S.IFCHR | 0o666, NULL_DEVICE));
      refuses('EPERM', () => mknod(`${directory}/disk`, S.IFBLK | 0o666, makedev(8, 0)));
    };
    if (isRoot()) {
      chmod(directory, 0o777);
      as(OTHER, attempt);
    } else attempt();
    equal(readdir(directory), []);
  },
  'a device made by root is that device, wherever it moves': {
    root: true,
    prepare: (directory) => {
      mknod(`${directory}/null`, S.IFCHR | 0o666, NULL_DEVICE);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      mknod(`${directory}/full`, S.IFCHR | 0o666, FULL_DEVICE);
      equal(lstat(`${directory}/null`).rdev, NULL_DEVICE);
      equal(lstat(`${directory}/full`).rdev, FULL_DEVICE);
      withFile(`${directory}/null`, O.RDWR, (fd) => {
        equal(write(fd, 'gone'), 4);
        equal(read(fd, 10).length, 0);
      });
      withFile(`${directory}/full`, O.RDWR, (fd) => refuses('ENOSPC', () => write(fd, 'no room')));
      rename(`${directory}/null`, `${directory}/sub/null`);
      chmod(`${directory}/sub/null`, 0o600);
      equal(lstat(`${directory}/sub/null`).rdev, NULL_DEVICE);
      withFile(`${directory}/sub/null`, O.WRONLY, (fd) => equal(write(fd, 'gone'), 4));
    },
  },
  'device numbers keep all their bits': {
    root: true,
    prepare: (directory) => {
      mknod(`${directory}/before`, S.IFBLK | 0o600, makedev(259, 70_000));
    },
    run: (directory) => {
      mknod(`${directory}/made`, S.IFBLK | 0o600, makedev(259, 70_000));
      for (const name of ['before', 'made']) equal(lstat(`${directory}/${name}`).rdev, makedev(259, 70_000), name);
      chmod(`${directory}/before`, 0o640);
      equal(lstat(`${directory}/before`).rdev, makedev(259, 70_000));
    },
  },
  'what is made belongs to the caller, or to the group of a directory that hands it on': {
    root: true,
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      chown(`${directory}/sub`, 0, 64_003);
      chmod(`${directory}/sub`, 0o2777);
    },
    run: (directory) => {
      chmod(directory, 0o777);
      as(OTHER, () => {
        mknod(`${directory}/pipe`, S.IFIFO | 0o644);
        mknod(`${directory}/sub/pipe`, S.IFIFO | 0o644);
      });
      equal([lstat(`${directory}/pipe`).uid, lstat(`${directory}/pipe`).gid], [OTHER.uid, OTHER.gid]);
      equal([lstat(`${directory}/sub/pipe`).uid, lstat(`${directory}/sub/pipe`).gid], [OTHER.uid, 64_003]);
    },
  },
};
