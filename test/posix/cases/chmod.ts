// chmod(2), fchmod, fchmodat: permission bits.
import { as, STRANGER, unprivileged } from '../caller.ts';
import { chmod, chown, fchmod, fchmodat, fstat, lstat, stat } from '../calls/attributes.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { link, mkdir, mknod, rename, S, symlink, unlink } from '../calls/names.ts';
import { BAD_FD, close, O, open, openat } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { pathErrorCases } from '../pathErrors.ts';

const bits = (path: string) => lstat(path).mode & 0o7777;

export const chmodCases: Cases = {
  'sets the permission bits of a file and keeps its content': {
    prepare: (directory) => writeFile(`${directory}/file`, 'content'),
    run: (directory) => {
      for (const mode of [0o600, 0o444, 0o755, 0o000, 0o644]) {
        chmod(`${directory}/file`, mode);
        equal(lstat(`${directory}/file`).mode, S.IFREG | mode);
      }
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'sets the bits of a directory, a fifo and a socket': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o600);
      mknod(`${directory}/socket`, S.IFSOCK | 0o600);
    },
    run: (directory) => {
      for (const name of ['sub', 'fifo', 'socket']) {
        chmod(`${directory}/${name}`, 0o751);
        equal(bits(`${directory}/${name}`), 0o751, name);
      }
    },
  },
  'the sticky bit of a directory and the set-id bits of a file stay': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/file`);
    },
    run: (directory) => {
      chmod(`${directory}/sub`, 0o1777);
      chmod(`${directory}/file`, 0o6755);
      equal(bits(`${directory}/sub`), 0o1777);
      equal(bits(`${directory}/file`), 0o6755);
      rename(`${directory}/file`, `${directory}/renamed`);
      equal(bits(`${directory}/renamed`), 0o6755);
    },
  },
  'follows a symbolic link, whose own mode is 0777': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      chmod(`${directory}/link`, 0o640);
      equal(bits(`${directory}/file`), 0o640);
      equal(bits(`${directory}/link`), 0o777);
    },
  },
  'by descriptor, of a read-only one too, and through another name': {
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      link(`${directory}/file`, `${directory}/other`);
    },
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        fchmod(fd, 0o611);
        equal(fstat(fd).mode & 0o7777, 0o611);
      });
      equal(bits(`${directory}/other`), 0o611);
    },
  },
  'by descriptor after the name is gone': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        unlink(`${directory}/file`);
        fchmod(fd, 0o600);
        equal(fstat(fd).mode & 0o7777, 0o600);
      }),
  },
  'relative to a directory descriptor': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) =>
      withFile(directory, O.RDONLY | O.DIRECTORY, (dirfd) => {
        fchmodat(dirfd, 'file', 0o601, 0);
        equal(bits(`${directory}/file`), 0o601);
      }),
  },
  'takes effect for the next open, not for descriptors there are': {
    prepare: (directory) => writeFile(`${directory}/file`, 'content', 0o666),
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      chmod(`${directory}/file`, 0);
      unprivileged(() => refuses('EACCES', () => open(`${directory}/file`, O.RDONLY)));
      equal(fstat(fd).sizeBytes, 7);
      close(fd);
    },
  },
  'setgid goes where the caller is not in the group of the file': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      chown(`${directory}/file`, STRANGER.uid, STRANGER.gid + 100);
    },
    run: (directory) => {
      as(STRANGER, () => chmod(`${directory}/file`, 0o2755));
      equal(bits(`${directory}/file`), 0o755);
      as({ ...STRANGER, groups: [STRANGER.gid + 100] }, () => chmod(`${directory}/file`, 0o2755));
      equal(bits(`${directory}/file`), 0o2755);
    },
  },
  'EPERM for one who does not own the file': {
    root: true,
    prepare: (directory) => writeFile(`${directory}/file`, '', 0o666),
    run: (directory) => as(STRANGER, () => refuses('EPERM', () => chmod(`${directory}/file`, 0o600))),
  },
  'EBADF for a descriptor that is none, or opened by O_PATH': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => {
      refuses('EBADF', () => fchmod(BAD_FD, 0o600));
      refuses('EBADF', () => fchmodat(BAD_FD, 'file', 0o600, 0));
      withFile(`${directory}/file`, O.PATH, (fd) => refuses('EBADF', () => fchmod(fd, 0o600)));
    },
  },
  'ENOTDIR relative to a file': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => fchmodat(fd, 'name', 0o600, 0))),
  },
  'EINVAL for an unknown flag': {
    prepare: (directory) => writeFile(`${directory}/file`),
    run: (directory) => refuses('EINVAL', () => fchmodat(AT_FDCWD, `${directory}/file`, 0o600, 0x8000)),
  },
  'EOPNOTSUPP for a symbolic link itself': {
    prepare: (directory) => void symlink('file', `${directory}/link`),
    run: (directory) =>
      refuses('EOPNOTSUPP', () => fchmodat(AT_FDCWD, `${directory}/link`, 0o600, AT.SYMLINK_NOFOLLOW)),
  },
  'a file made with a mode keeps it, whatever the descriptor may do': (directory) => {
    const fd = openat(AT_FDCWD, `${directory}/file`, O.CREAT | O.RDWR, 0o400);
    equal(fstat(fd).mode & 0o7777, 0o400);
    close(fd);
    equal(stat(`${directory}/file`).mode, S.IFREG | 0o400);
  },
  ...pathErrorCases((path) => chmod(path, 0o600)),
};
