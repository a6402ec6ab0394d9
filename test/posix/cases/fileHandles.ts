// name_to_handle_at(2), open_by_handle_at(2): names of objects that outlive every path.
import { as, STRANGER, unprivileged } from '../caller.ts';
import { fstat, stat } from '../calls/attributes.ts';
import { read } from '../calls/data.ts';
import { HANDLE_BYTES_MAX, madeUpHandle, nameToHandleAt, openByHandleAt } from '../calls/handles.ts';
import { AT, AT_FDCWD, SystemError } from '../calls/libc.ts';
import { rename, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';

const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');
/** The handle, or null where the file system has none: then it says so of everything. */
function handleOf(dirfd: number, path: string, flags = 0): Buffer | null {
  try {
    return nameToHandleAt(dirfd, path, flags);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EOPNOTSUPP') return null;
    throw error;
  }
}

export const fileHandlesCases: Cases = {
  'a handle opens its object wherever that has moved, or there are no handles': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      const handle = handleOf(AT_FDCWD, `${directory}/file`);
      rename(`${directory}/file`, `${directory}/moved`);
      withFile(directory, O.RDONLY, (base) => {
        if (handle === null) return refuses('ESTALE', () => openByHandleAt(base, madeUpHandle(8), O.RDONLY));
        const fd = openByHandleAt(base, handle, O.RDONLY);
        equal(read(fd, 20).toString(), 'content');
        equal(fstat(fd).ino, stat(`${directory}/moved`).ino);
        close(fd);
      });
    },
  },
  'every kind of object has a handle, or none has': {
    prepare: (directory) => {
      filePrepared(directory);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      const fd = open(`${directory}/file`, O.PATH);
      const handles = [
        handleOf(AT_FDCWD, `${directory}/file`),
        handleOf(AT_FDCWD, directory),
        handleOf(AT_FDCWD, `${directory}/link`),
        handleOf(fd, '', AT.EMPTY_PATH),
      ];
      equal(new Set(handles.map((handle) => handle === null)).size, 1, 'of one kind');
      if (handles[0] !== null) equal(handles[3], handles[0], 'by descriptor');
      close(fd);
    },
  },
  'ESTALE for a handle of nothing': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      const handle = handleOf(AT_FDCWD, `${directory}/file`) ?? madeUpHandle(8);
      unlink(`${directory}/file`);
      withFile(directory, O.RDONLY, (base) => {
        refuses('ESTALE', () => openByHandleAt(base, handle, O.RDONLY));
        refuses('ESTALE', () => openByHandleAt(base, madeUpHandle(8), O.RDONLY));
      });
    },
  },
  'ELOOP for a handle of a link, or there are no handles': {
    root: true,
    prepare: (directory) => symlink('absent', `${directory}/link`),
    run: (directory) => {
      const handle = handleOf(AT_FDCWD, `${directory}/link`);
      if (handle === null) return refuses('EOPNOTSUPP', () => nameToHandleAt(AT_FDCWD, `${directory}/link`));
      withFile(directory, O.RDONLY, (base) => {
        refuses('ELOOP', () => openByHandleAt(base, handle, O.RDONLY));
        close(openByHandleAt(base, handle, O.PATH));
      });
    },
  },
  'EPERM without the privilege to go by handles': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(directory, O.RDONLY, (base) =>
        unprivileged(() => refuses('EPERM', () => openByHandleAt(base, madeUpHandle(8), O.RDONLY))),
      ),
  },
  'EOVERFLOW where there is too little room, or there are no handles': {
    prepare: filePrepared,
    run: (directory) => refuses(['EOVERFLOW', 'EOPNOTSUPP'], () => nameToHandleAt(AT_FDCWD, `${directory}/file`, 0, 0)),
  },
  'EINVAL for flags and sizes that do not exist': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      refuses('EINVAL', () => nameToHandleAt(AT_FDCWD, `${directory}/file`, 0x4000_0000));
      refuses(['EINVAL', 'EOPNOTSUPP'], () => nameToHandleAt(AT_FDCWD, `${directory}/file`, 0, HANDLE_BYTES_MAX + 1));
      withFile(directory, O.RDONLY, (base) => {
        refuses('EINVAL', () => openByHandleAt(base, madeUpHandle(HANDLE_BYTES_MAX + 1), O.RDONLY));
        refuses('EINVAL', () => openByHandleAt(base, madeUpHandle(0), O.RDONLY));
      });
    },
  },
  'EBADF from no descriptor': {
    root: true,
    run: () => {
      refuses('EBADF', () => nameToHandleAt(999_999, 'x'));
      refuses('EBADF', () => openByHandleAt(999_999, madeUpHandle(8), O.RDONLY));
    },
  },
  'ENOENT and ENOTDIR of the way there': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('ENOENT', () => nameToHandleAt(AT_FDCWD, `${directory}/absent`));
      refuses('ENOENT', () => nameToHandleAt(AT_FDCWD, ''));
      refuses('ENOTDIR', () => nameToHandleAt(AT_FDCWD, `${directory}/file/x`));
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => nameToHandleAt(fd, 'x')));
    },
  },
  'a stranger gets the same answer as root': {
    root: true,
    prepare: filePrepared,
    run: (directory) => {
      const own = handleOf(AT_FDCWD, `${directory}/file`);
      const others = as(STRANGER, () => handleOf(AT_FDCWD, `${directory}/file`));
      holds((own === null) === (others === null), 'both or none');
    },
  },
};
