// utimensat(2), futimens(3): times given by the caller.
import { as, STRANGER } from '../caller.ts';
import {
  chmod,
  fstat,
  futimens,
  lstat,
  stat,
  type Timespec,
  UTIME_NOW,
  UTIME_OMIT,
  utimens,
  utimensat,
} from '../calls/attributes.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { mkdir, mknod, S, symlink, unlink } from '../calls/names.ts';
import { BAD_FD, O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { pathErrorCases } from '../pathErrors.ts';
import { afterTick } from '../tick.ts';

const A: Timespec = { sec: 1_000_000_000, nsec: 123_456_789 };
const M: Timespec = { sec: 1_100_000_000, nsec: 987_654_321 };
const inNs = ({ sec, nsec }: Timespec): bigint => BigInt(sec) * 1_000_000_000n + BigInt(nsec);
const withOneFile = { prepare: (directory: string) => writeFile(`${directory}/file`, 'content') };

export const utimensatCases: Cases = {
  'a time past all that is kept is the last that is kept': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      const never: Timespec = { sec: 2 ** 55, nsec: 0 };
      for (const path of [`${directory}/file`, `${directory}/sub`]) {
        utimens(path, never, never);
        holds(stat(path).mtime > inNs(M) && stat(path).mtime <= inNs(never), 'mtime is far off');
      }
    },
  },
  'sets both times to the nanosecond': {
    ...withOneFile,
    run: (directory) => {
      utimens(`${directory}/file`, A, M);
      equal([stat(`${directory}/file`).atime, stat(`${directory}/file`).mtime], [inNs(A), inNs(M)]);
    },
  },
  'on a directory, a fifo, and a symbolic link itself': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o600);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      for (const name of ['sub', 'fifo', 'link']) {
        utimens(`${directory}/${name}`, A, M, AT.SYMLINK_NOFOLLOW);
        const { atime, mtime } = lstat(`${directory}/${name}`);
        equal([atime, mtime], [inNs(A), inNs(M)], name);
      }
    },
  },
  'follows a link by default': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      const before = lstat(`${directory}/link`).mtime;
      utimens(`${directory}/link`, A, M);
      equal(stat(`${directory}/file`).mtime, inNs(M));
      equal(lstat(`${directory}/link`).mtime, before);
    },
  },
  'UTIME_OMIT leaves a time as it is': {
    ...withOneFile,
    run: (directory) => {
      utimens(`${directory}/file`, A, M);
      utimens(`${directory}/file`, UTIME_OMIT, { sec: 5, nsec: 6 });
      equal([stat(`${directory}/file`).atime, stat(`${directory}/file`).mtime], [inNs(A), inNs({ sec: 5, nsec: 6 })]);
      utimens(`${directory}/file`, { sec: 7, nsec: 8 }, UTIME_OMIT);
      equal(
        [stat(`${directory}/file`).atime, stat(`${directory}/file`).mtime],
        [inNs({ sec: 7, nsec: 8 }), inNs({ sec: 5, nsec: 6 })],
      );
    },
  },
  'both UTIME_OMIT change nothing, not even the ctime': {
    ...withOneFile,
    run: (directory) => {
      const before = stat(`${directory}/file`);
      afterTick(directory);
      utimens(`${directory}/file`, UTIME_OMIT, UTIME_OMIT);
      equal(stat(`${directory}/file`).ctime, before.ctime);
    },
  },
  'UTIME_NOW and no times set the present': {
    ...withOneFile,
    run: (directory) => {
      for (const times of [[UTIME_NOW, UTIME_NOW] as const, null]) {
        utimens(`${directory}/file`, A, M);
        const before = afterTick(directory);
        utimensat(AT_FDCWD, `${directory}/file`, times);
        const after = afterTick(directory);
        const { atime, mtime } = stat(`${directory}/file`);
        holds(atime >= before && atime <= after, 'atime is the present');
        holds(mtime >= before && mtime <= after, 'mtime is the present');
      }
    },
  },
  'one time the present, the other given': {
    ...withOneFile,
    run: (directory) => {
      const before = afterTick(directory);
      utimens(`${directory}/file`, UTIME_NOW, M);
      holds(stat(`${directory}/file`).atime >= before, 'atime is the present');
      equal(stat(`${directory}/file`).mtime, inNs(M));
    },
  },
  'times before 1970 and after 2038': {
    ...withOneFile,
    run: (directory) => {
      const early = { sec: -1_000_000, nsec: 5 };
      const late = { sec: 5_000_000_000, nsec: 999_999_999 };
      utimens(`${directory}/file`, early, late);
      equal([stat(`${directory}/file`).atime, stat(`${directory}/file`).mtime], [inNs(early), inNs(late)]);
    },
  },
  'sets the ctime to the present': {
    ...withOneFile,
    run: (directory) => {
      const before = afterTick(directory);
      utimens(`${directory}/file`, A, M);
      holds(stat(`${directory}/file`).ctime >= before, 'ctime moved');
    },
  },
  'by descriptor, read-only or with no name left': {
    ...withOneFile,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        futimens(fd, A, M);
        equal(stat(`${directory}/file`).mtime, inNs(M));
        unlink(`${directory}/file`);
        futimens(fd, A, A);
        equal(fstat(fd).mtime, inNs(A));
      }),
  },
  'relative to a directory descriptor': {
    ...withOneFile,
    run: (directory) =>
      withFile(directory, O.RDONLY | O.DIRECTORY, (dirfd) => {
        utimensat(dirfd, 'file', [A, M]);
        equal(stat(`${directory}/file`).mtime, inNs(M));
      }),
  },
  'one with write permission may set the present only': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      chmod(`${directory}/file`, 0o666);
    },
    run: (directory) =>
      as(STRANGER, () => {
        utimensat(AT_FDCWD, `${directory}/file`, null);
        utimens(`${directory}/file`, UTIME_NOW, UTIME_NOW);
        refuses('EPERM', () => utimens(`${directory}/file`, A, M));
        refuses('EPERM', () => utimens(`${directory}/file`, UTIME_NOW, UTIME_OMIT));
      }),
  },
  'EACCES: the present, by one who may not write': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/file`, '', 0o644),
    run: (directory) => as(STRANGER, () => refuses('EACCES', () => utimensat(AT_FDCWD, `${directory}/file`, null))),
  },
  'EBADF for a descriptor that is none': () => {
    refuses('EBADF', () => futimens(BAD_FD, A, M));
    refuses('EBADF', () => utimensat(BAD_FD, 'file', [A, M]));
  },
  'EINVAL for an unknown flag, and for nanoseconds out of range': {
    ...withOneFile,
    run: (directory) => {
      refuses('EINVAL', () => utimens(`${directory}/file`, A, M, 0x8000));
      refuses('EINVAL', () => utimens(`${directory}/file`, { sec: 1, nsec: 1_000_000_000 }, M));
      refuses('EINVAL', () => utimens(`${directory}/file`, A, { sec: 1, nsec: -1 }));
    },
  },
  'EINVAL for no path with AT_SYMLINK_NOFOLLOW': {
    ...withOneFile,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) =>
        refuses('EINVAL', () => utimensat(fd, null, [A, M], AT.SYMLINK_NOFOLLOW)),
      ),
  },
  'ENOTDIR relative to a file': {
    ...withOneFile,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => utimensat(fd, 'name', [A, M]))),
  },
  ...pathErrorCases((path) => utimens(path, A, M)),
};
