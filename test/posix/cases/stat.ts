// stat(2), lstat(2), fstat(2), statx(2): what an object says of itself.
import { unprivileged } from '../caller.ts';
import { chmod, fstat, lstat, STATX_ALL, stat, statx } from '../calls/attributes.ts';
import { pwrite, truncate } from '../calls/data.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { link, makedev, mkdir, mknod, rename, rmdir, S, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import { chdir } from '../calls/process.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { chain, longPath, oneOfEachKind } from './openErrors.ts';

const SECTOR_BYTES = 512;
const LINKS_MAX = 40;
const PATH_BYTES_MAX = 4095;
const STATX = { TYPE: 1, MODE: 2, SIZE: 0x200, BASIC: 0x7ff, BTIME: 0x800, RESERVED: 0x8000_0000 } as const;
const AT_STATX_FORCE_SYNC = 0x2000;
const AT_STATX_DONT_SYNC = 0x4000;
const ATTRIBUTE_MOUNT_ROOT = 0x2000n;
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content', 0o640);

export const statCases: Cases = {
  'tells the type of every kind of object': {
    prepare: (directory) => void oneOfEachKind(directory),
    run: (directory) => {
      const type = (name: string) => lstat(`${directory}/${name}`).mode & S.IFMT;
      equal(['regular', 'directory', 'link', 'dangling', 'fifo', 'socket'].map(type), [
        S.IFREG,
        S.IFDIR,
        S.IFLNK,
        S.IFLNK,
        S.IFIFO,
        S.IFSOCK,
      ]);
      equal(stat(`${directory}/link`).mode & S.IFMT, S.IFREG, 'followed');
    },
  },
  'tells the numbers of a device': {
    root: true,
    prepare: (directory) => {
      mknod(`${directory}/char`, S.IFCHR | 0o640, makedev(5, 1));
      mknod(`${directory}/block`, S.IFBLK | 0o600, makedev(7, 200));
    },
    run: (directory) => {
      equal([stat(`${directory}/char`).mode, stat(`${directory}/char`).rdev], [S.IFCHR | 0o640, makedev(5, 1)]);
      equal([stat(`${directory}/block`).mode, stat(`${directory}/block`).rdev], [S.IFBLK | 0o600, makedev(7, 200)]);
      chmod(`${directory}/char`, 0o600);
      equal(stat(`${directory}/char`).rdev, makedev(5, 1), 'after a change');
    },
  },
  'size and mode, owner and links of a file': {
    prepare: filePrepared,
    run: (directory) => {
      const { sizeBytes, mode, uid, gid, nlink, rdev } = stat(`${directory}/file`);
      equal([sizeBytes, mode, nlink, rdev], [7, S.IFREG | 0o640, 1, 0]);
      equal([uid, gid], [process.getuid!(), process.getgid!()]);
    },
  },
  'a link has the size of its target': {
    prepare: (directory) => symlink('some/where', `${directory}/link`),
    run: (directory) => {
      equal(lstat(`${directory}/link`).sizeBytes, 10);
      symlink('\xff'.repeat(200), `${directory}/other`);
      equal(lstat(`${directory}/other`).sizeBytes, 200);
    },
  },
  'blocks grow with what is written, not with holes': {
    prepare: (directory) => writeFile(`${directory}/full`, Buffer.alloc(100_000, 'x')),
    run: (directory) => {
      const full = stat(`${directory}/full`);
      holds(full.blocks * SECTOR_BYTES >= 100_000, `${full.blocks} blocks hold it`);
      holds(full.blocks * SECTOR_BYTES < 1_000_000, `${full.blocks} blocks are not too many`);
      withFile(`${directory}/sparse`, O.CREAT | O.WRONLY, (fd) => void pwrite(fd, 'x', 50_000_000));
      const sparse = stat(`${directory}/sparse`);
      holds(sparse.blocks * SECTOR_BYTES < 10_000_000, `${sparse.blocks} blocks for one byte`);
      writeFile(`${directory}/empty`);
      equal(stat(`${directory}/empty`).blocks, 0);
      holds(full.blksize >= 512 && (full.blksize & (full.blksize - 1)) === 0, `block size ${full.blksize}`);
    },
  },
  'blocks stay what they were when a file is changed in one byte': {
    prepare: (directory) => writeFile(`${directory}/file`, Buffer.alloc(100_000, 'x')),
    run: (directory) => {
      withFile(`${directory}/file`, O.WRONLY, (fd) => void pwrite(fd, 'y', 50_000));
      const { blocks, sizeBytes } = stat(`${directory}/file`);
      equal(sizeBytes, 100_000);
      holds(blocks * SECTOR_BYTES >= 100_000 && blocks * SECTOR_BYTES < 1_000_000, `${blocks} blocks`);
    },
  },
  'a directory counts the directories in it, or none': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mkdir(`${directory}/sub/one`);
      writeFile(`${directory}/sub/file`);
    },
    run: (directory) => {
      const before = stat(`${directory}/sub`).nlink;
      // A file system that does not count says 1.
      holds([1, 3].includes(before), `${before} links`);
      mkdir(`${directory}/sub/two`);
      equal(stat(`${directory}/sub`).nlink, before === 1 ? 1 : before + 1, 'one more');
      rmdir(`${directory}/sub/one`);
      rename(`${directory}/sub/two`, `${directory}/two`);
      equal(stat(`${directory}/sub`).nlink, before === 1 ? 1 : before - 1, 'two less');
    },
  },
  'fstat and stat tell the same': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(fstat(fd), stat(`${directory}/file`));
        pwrite(fd, 'more', 7);
        equal(fstat(fd), stat(`${directory}/file`), 'after a write');
      }),
  },
  'relative to a directory, to the working directory, and of a descriptor itself': {
    prepare: filePrepared,
    run: (directory) => {
      const { ino } = stat(`${directory}/file`);
      withFile(directory, O.PATH | O.DIRECTORY, (base) => {
        equal(statx(base, 'file').ino, ino);
        equal(statx(base, '', AT.EMPTY_PATH).ino, stat(directory).ino);
        equal(statx(-1, `${directory}/file`).ino, ino);
      });
      chdir(directory);
      equal(stat('file').ino, ino);
      equal(statx(AT_FDCWD, '', AT.EMPTY_PATH).ino, stat(directory).ino);
    },
  },
  'ENOENT for a name, a directory and a link to nothing': {
    prepare: (directory) => symlink('absent', `${directory}/link`),
    run: (directory) => {
      refuses('ENOENT', () => stat(`${directory}/absent`));
      refuses('ENOENT', () => stat(`${directory}/absent/x`));
      refuses('ENOENT', () => stat(`${directory}/link`));
      equal(lstat(`${directory}/link`).sizeBytes, 6);
    },
  },
  'ENOENT for an empty path without AT_EMPTY_PATH': (directory) => {
    refuses('ENOENT', () => stat(''));
    withFile(directory, O.RDONLY, (base) => refuses('ENOENT', () => statx(base, '')));
  },
  'ENOTDIR below a file, and from its descriptor': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('ENOTDIR', () => stat(`${directory}/file/x`));
      refuses('ENOTDIR', () => stat(`${directory}/file/`));
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => statx(fd, 'x')));
    },
  },
  'EBADF for no descriptor': () => {
    refuses('EBADF', () => fstat(999_999));
    refuses('EBADF', () => statx(999_999, 'x'));
  },
  'EACCES below a directory that may not be searched': {
    prepare: (directory) => {
      mkdir(`${directory}/locked`);
      writeFile(`${directory}/locked/file`, '', 0o777);
    },
    run: (directory) => {
      chmod(`${directory}/locked`, 0o666);
      unprivileged(() => {
        refuses('EACCES', () => stat(`${directory}/locked/file`));
        equal(stat(`${directory}/locked`).mode & 0o777, 0o666);
      });
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'needs no permission on the object itself': {
    prepare: filePrepared,
    run: (directory) => {
      chmod(`${directory}/file`, 0);
      unprivileged(() => equal(stat(`${directory}/file`).sizeBytes, 7));
    },
  },
  'ELOOP after more than 40 links': {
    prepare: (directory) => {
      filePrepared(directory);
      chain(directory, LINKS_MAX + 1, 'file');
    },
    run: (directory) => {
      refuses('ELOOP', () => stat(`${directory}/link1`));
      equal(stat(`${directory}/link2`).sizeBytes, 7);
      equal(lstat(`${directory}/link1`).sizeBytes, 5);
    },
  },
  'ENAMETOOLONG for a name or a path too long': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('ENAMETOOLONG', () => stat(`${directory}/${'n'.repeat(256)}`));
      refuses('ENAMETOOLONG', () => stat(longPath(directory, 'file', PATH_BYTES_MAX + 1)));
      equal(stat(longPath(directory, 'file', PATH_BYTES_MAX)).sizeBytes, 7);
    },
  },
  'EINVAL for flags and masks that do not exist': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('EINVAL', () => statx(AT_FDCWD, `${directory}/file`, 0x4000_0000));
      refuses('EINVAL', () => statx(AT_FDCWD, `${directory}/file`, AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC));
      refuses('EINVAL', () => statx(AT_FDCWD, `${directory}/file`, 0, STATX.RESERVED));
    },
  },
  'statx: gives at least what is asked for': {
    prepare: filePrepared,
    run: (directory) => {
      const path = `${directory}/file`;
      for (const mask of [0, STATX.SIZE, STATX.TYPE | STATX.MODE, STATX.BASIC, STATX_ALL]) {
        const basic = statx(AT_FDCWD, path, 0, mask);
        equal(basic.mask & mask & STATX.BASIC, mask & STATX.BASIC, `mask ${mask}`);
      }
      for (const flags of [0, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC])
        equal(statx(AT_FDCWD, path, flags, STATX.SIZE).sizeBytes, 7);
    },
  },
  'statx: attributes are told as far as they are known': {
    prepare: filePrepared,
    run: (directory) => {
      const { attributes, attributesKnown } = stat(`${directory}/file`);
      equal(attributes & ~attributesKnown, 0n, 'none that is not known');
      equal(attributes & ATTRIBUTE_MOUNT_ROOT, 0n, 'no mount begins here');
      equal(stat('/proc').attributes & ATTRIBUTE_MOUNT_ROOT, ATTRIBUTE_MOUNT_ROOT);
    },
  },
  'statx: every object has a birth time, or none has': {
    prepare: (directory) => void oneOfEachKind(directory),
    run: (directory) => {
      writeFile(`${directory}/new`);
      const births = ['regular', 'directory', 'link', 'fifo', 'socket', 'new'].map(
        (name) => lstat(`${directory}/${name}`).btime,
      );
      equal(new Set(births.map((birth) => birth === null)).size, 1);
    },
  },
  'statx: the birth time is not after now, nor after any change': {
    prepare: filePrepared,
    run: (directory) => {
      writeFile(`${directory}/new`);
      const now = BigInt(Date.now() + 1000) * 1_000_000n;
      for (const name of ['file', 'new']) {
        const { btime, ctime } = stat(`${directory}/${name}`);
        if (btime === null) continue;
        holds(btime <= now, `${name} born before now`);
        holds(btime <= ctime, `${name} born before its last change`);
        holds(btime > 1_600_000_000_000_000_000n, `${name} born in this age`);
      }
    },
  },
  'statx: the birth time stays over writes, renames and links': {
    prepare: filePrepared,
    run: (directory) => {
      const { btime } = stat(`${directory}/file`);
      chmod(`${directory}/file`, 0o600);
      equal(stat(`${directory}/file`).btime, btime, 'after chmod');
      withFile(`${directory}/file`, O.WRONLY, (fd) => void pwrite(fd, 'X', 0));
      equal(stat(`${directory}/file`).btime, btime, 'after a write');
      truncate(`${directory}/file`, 3);
      rename(`${directory}/file`, `${directory}/moved`);
      equal(stat(`${directory}/moved`).btime, btime, 'after rename');
      link(`${directory}/moved`, `${directory}/second`);
      unlink(`${directory}/moved`);
      equal(stat(`${directory}/second`).btime, btime, 'by another name');
    },
  },
  'statx: what takes the place of another has its own birth time': {
    prepare: filePrepared,
    run: (directory) => {
      const before = stat(`${directory}/file`);
      writeFile(`${directory}/new`);
      const born = stat(`${directory}/new`).btime;
      rename(`${directory}/new`, `${directory}/file`);
      equal(stat(`${directory}/file`).btime, born);
      if (born !== null && before.btime !== null) holds(born >= before.btime, 'it is younger');
    },
  },
  'an open file that was removed is still told of': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      unlink(`${directory}/file`);
      const { nlink, sizeBytes, mode } = fstat(fd);
      equal([nlink, sizeBytes, mode], [0, 7, S.IFREG | 0o640]);
      close(fd);
    },
  },
};
