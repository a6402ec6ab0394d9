// chown(2), fchown, lchown, fchownat: owner and group, and what happens to set-id bits.
import { as, OTHER, STRANGER } from '../caller.ts';
import { chmod, chown, fchown, fchownat, fstat, lchown, lstat, stat } from '../calls/attributes.ts';
import { ftruncate, pwrite, truncate } from '../calls/data.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { link, mkdir, mknod, S, symlink } from '../calls/names.ts';
import { BAD_FD, O } from '../calls/open.ts';
import type { Case, Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { pathErrorCases } from '../pathErrors.ts';

const ids = (path: string) => {
  const { uid, gid } = lstat(path);
  return [uid, gid];
};
const bits = (path: string) => lstat(path).mode & 0o7777;

/** A file of STRANGER's with set-id bits, then what he does to it, then the bits that are left. */
const setIdCase = (before: number, act: (path: string) => unknown, after: number): Case => ({
  root: true,
  prepare: (directory) => {
    writeFile(`${directory}/file`, 'content');
    chown(`${directory}/file`, STRANGER.uid, STRANGER.gid);
    chmod(`${directory}/file`, before);
    chmod(directory, 0o777);
  },
  run: (directory) => {
    // Again, through the mount: on the host set-id bits may not be shown.
    chmod(`${directory}/file`, before);
    equal(bits(`${directory}/file`), before, 'before');
    as(STRANGER, () => act(`${directory}/file`));
    equal(bits(`${directory}/file`), after, 'after');
  },
});

/** Owned by STRANGER, in a group that he is not in, with the bit that hands the group on. */
function prepareSetgidDirectory(directory: string): void {
  mkdir(`${directory}/sub`);
  chown(`${directory}/sub`, STRANGER.uid, OTHER.gid);
  chmod(`${directory}/sub`, 0o2777);
}

export const chownCases: Cases = {
  'changes owner and group of every kind of file': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`, 'content');
      mkdir(`${directory}/sub`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o600);
    },
    run: (directory) => {
      for (const name of ['file', 'sub', 'fifo']) {
        chown(`${directory}/${name}`, STRANGER.uid, OTHER.gid);
        equal(ids(`${directory}/${name}`), [STRANGER.uid, OTHER.gid], name);
      }
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  '-1 leaves an id as it is': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => {
      chown(`${directory}/file`, STRANGER.uid, -1);
      equal(ids(`${directory}/file`), [STRANGER.uid, 0]);
      chown(`${directory}/file`, -1, OTHER.gid);
      equal(ids(`${directory}/file`), [STRANGER.uid, OTHER.gid]);
      chown(`${directory}/file`, -1, -1);
      equal(ids(`${directory}/file`), [STRANGER.uid, OTHER.gid]);
    },
  },
  'an owner may give his own ids': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => {
      const { uid, gid } = stat(`${directory}/file`);
      chown(`${directory}/file`, uid, gid);
      equal(ids(`${directory}/file`), [uid, gid]);
    },
  },
  'an owner may give a group that he is in': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      chown(`${directory}/file`, STRANGER.uid, STRANGER.gid);
    },
    run: (directory) => {
      as({ ...STRANGER, groups: [OTHER.gid] }, () => chown(`${directory}/file`, -1, OTHER.gid));
      equal(ids(`${directory}/file`), [STRANGER.uid, OTHER.gid]);
    },
  },
  'follows a symbolic link; lchown does not': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      chown(`${directory}/link`, STRANGER.uid, STRANGER.gid);
      lchown(`${directory}/link`, OTHER.uid, OTHER.gid);
      equal(ids(`${directory}/file`), [STRANGER.uid, STRANGER.gid]);
      equal(ids(`${directory}/link`), [OTHER.uid, OTHER.gid]);
    },
  },
  'by descriptor, and through another name': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      link(`${directory}/file`, `${directory}/other`);
    },
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        fchown(fd, STRANGER.uid, STRANGER.gid);
        equal(fstat(fd).uid, STRANGER.uid);
      });
      equal(ids(`${directory}/other`), [STRANGER.uid, STRANGER.gid]);
    },
  },
  'by an empty path, of a descriptor opened by O_PATH': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => {
      withFile(`${directory}/file`, O.PATH, (fd) => fchownat(fd, '', STRANGER.uid, -1, AT.EMPTY_PATH));
      equal(ids(`${directory}/file`), [STRANGER.uid, 0]);
    },
  },
  'set-id bits go when an owner gives his file another group': setIdCase(
    0o6755,
    (path) => chown(path, -1, STRANGER.gid),
    0o755,
  ),
  'set-id bits of a file nobody may execute: setgid stays': setIdCase(
    0o6644,
    (path) => chown(path, -1, STRANGER.gid),
    0o2644,
  ),
  'a write clears set-id bits': setIdCase(
    0o6777,
    (path) => withFile(path, O.WRONLY, (fd) => pwrite(fd, 'x', 0)),
    0o777,
  ),
  'a write keeps setgid where the group may not execute': setIdCase(
    0o2666,
    (path) => withFile(path, O.WRONLY, (fd) => pwrite(fd, 'x', 0)),
    0o2666,
  ),
  'truncate clears set-id bits': setIdCase(0o6777, (path) => truncate(path, 3), 0o777),
  'ftruncate clears set-id bits': setIdCase(0o6777, (path) => withFile(path, O.RDWR, (fd) => ftruncate(fd, 3)), 0o777),
  'O_TRUNC clears set-id bits': setIdCase(0o6777, (path) => withFile(path, O.WRONLY | O.TRUNC, () => 0), 0o777),
  'chmod by the owner keeps the bits he gives': setIdCase(0o6755, (path) => chmod(path, 0o6711), 0o6711),
  'a read keeps set-id bits': setIdCase(0o6755, (path) => readFile(path), 0o6755),
  'set-id bits of a directory stay when it is given away': {
    root: true,
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      chmod(`${directory}/sub`, 0o6755);
      chown(`${directory}/sub`, STRANGER.uid, STRANGER.gid);
      equal(bits(`${directory}/sub`), 0o6755);
    },
  },
  'below a setgid directory things take its group, directories the bit too': {
    root: true,
    prepare: prepareSetgidDirectory,
    run: (directory) => {
      chmod(`${directory}/sub`, 0o2777);
      as(STRANGER, () => {
        writeFile(`${directory}/sub/file`);
        mkdir(`${directory}/sub/inner`);
        symlink('x', `${directory}/sub/link`);
        mknod(`${directory}/sub/fifo`, S.IFIFO | 0o644);
      });
      for (const name of ['file', 'inner', 'link', 'fifo']) {
        equal(ids(`${directory}/sub/${name}`), [STRANGER.uid, OTHER.gid], name);
      }
      equal(bits(`${directory}/sub/inner`), 0o2755);
      equal(bits(`${directory}/sub/file`), 0o644);
    },
  },
  'a setgid file made below a setgid directory by one outside the group loses the bit': {
    root: true,
    prepare: prepareSetgidDirectory,
    run: (directory) => {
      chmod(`${directory}/sub`, 0o2777);
      as(STRANGER, () => writeFile(`${directory}/sub/file`, '', 0o2775));
      equal(bits(`${directory}/sub/file`), 0o755);
    },
  },
  'new things belong to their maker': {
    root: true,
    prepare: (directory) => void chmod(directory, 0o777),
    run: (directory) => {
      as(STRANGER, () => {
        writeFile(`${directory}/file`);
        mkdir(`${directory}/sub`);
        symlink('x', `${directory}/link`);
      });
      for (const name of ['file', 'sub', 'link']) {
        equal(ids(`${directory}/${name}`), [STRANGER.uid, STRANGER.gid], name);
      }
    },
  },
  'EPERM: an owner gives his file away, or to a group he is not in': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      chown(`${directory}/file`, STRANGER.uid, STRANGER.gid);
    },
    run: (directory) =>
      as(STRANGER, () => {
        refuses('EPERM', () => chown(`${directory}/file`, OTHER.uid, -1));
        refuses('EPERM', () => chown(`${directory}/file`, -1, OTHER.gid));
        withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('EPERM', () => fchown(fd, OTHER.uid, -1)));
      }),
  },
  'EPERM: one who does not own the file': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/file`, '', 0o666),
    run: (directory) =>
      as(STRANGER, () => refuses('EPERM', () => chown(`${directory}/file`, STRANGER.uid, STRANGER.gid))),
  },
  'EBADF for a descriptor that is none, or opened by O_PATH': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => {
      refuses('EBADF', () => fchown(BAD_FD, -1, -1));
      refuses('EBADF', () => fchownat(BAD_FD, 'file', -1, -1, 0));
      withFile(`${directory}/file`, O.PATH, (fd) => refuses('EBADF', () => fchown(fd, -1, -1)));
    },
  },
  'ENOTDIR relative to a file': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => fchownat(fd, 'name', -1, -1, 0))),
  },
  'EINVAL for an unknown flag': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => refuses('EINVAL', () => fchownat(AT_FDCWD, `${directory}/file`, -1, -1, 0x8000)),
  },
  ...pathErrorCases((path) => chown(path, -1, -1)),
};
