// What stands between a call and a name: the same for every call that makes one, takes one away, or reads one.
import { unprivileged } from '../caller.ts';
import { chmod, lstat } from '../calls/attributes.ts';
import { AT, AT_FDCWD, type Path } from '../calls/libc.ts';
import {
  linkat,
  mkdir,
  mkdirat,
  mknodat,
  readlinkat,
  renameat2,
  S,
  symlink,
  symlinkat,
  unlinkat,
} from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Case, Cases } from '../case.ts';
import { refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';

const NAME_BYTES_MAX = 255;
/** PATH_MAX, with the final NUL. */
const PATH_BYTES_MAX = 4096;

interface Call {
  /** The call, on a name that is made by it or must be there. */
  readonly on: (dirfd: number, path: Path) => unknown;
  /** What must be there; null where the call makes it. */
  readonly there: 'file' | 'directory' | 'link' | null;
  /** Reads alone: a directory without write permission is no hindrance. */
  readonly reads?: true;
}

/** Where a call takes two names, one row each; `file` in the working directory is the other one. */
const CALLS: Readonly<Record<string, Call>> = {
  mkdir: { there: null, on: (dirfd, path) => mkdirat(dirfd, path, 0o755) },
  rmdir: { there: 'directory', on: (dirfd, path) => unlinkat(dirfd, path, AT.REMOVEDIR) },
  unlink: { there: 'file', on: (dirfd, path) => unlinkat(dirfd, path, 0) },
  'link of': { there: 'file', on: (dirfd, path) => linkat(dirfd, path, AT_FDCWD, 'new', 0), reads: true },
  'link to': { there: null, on: (dirfd, path) => linkat(AT_FDCWD, 'file', dirfd, path, 0) },
  symlink: { there: null, on: (dirfd, path) => symlinkat('target', dirfd, path) },
  readlink: { there: 'link', on: (dirfd, path) => readlinkat(dirfd, path), reads: true },
  'rename of': { there: 'file', on: (dirfd, path) => renameat2(dirfd, path, AT_FDCWD, 'new', 0) },
  'rename to': { there: null, on: (dirfd, path) => renameat2(AT_FDCWD, 'file', dirfd, path, 0) },
  mknod: { there: null, on: (dirfd, path) => mknodat(dirfd, path, S.IFREG | 0o644, 0) },
  mkfifo: { there: null, on: (dirfd, path) => mknodat(dirfd, path, S.IFIFO | 0o644, 0) },
};

/** The case's directory is the working directory, so that paths are short. */
const standing = (act: () => void) => (directory: string) => {
  process.chdir(directory);
  act();
  process.chdir('/');
};

function put(path: string, there: Call['there']): void {
  if (there === 'file') writeFile(path);
  else if (there === 'directory') mkdir(path);
  else if (there === 'link') symlink('target', path);
}

function locked(path: string, mode: number, act: () => void): void {
  chmod(path, mode);
  try {
    unprivileged(act);
  } finally {
    chmod(path, 0o755);
  }
}

/** By the words that follow a call's name; each makes a case of the call. */
const CONDITIONS: Readonly<Record<string, (call: Call) => Case | null>> = {
  'ENOENT where a directory is missing, where a link to it dangles, and for no name': ({ on }) => ({
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      symlink('absent', `${directory}/dangling`);
    },
    run: standing(() => {
      for (const path of ['absent/name', 'dangling/name', '']) refuses('ENOENT', () => on(AT_FDCWD, path));
    }),
  }),
  'ENOENT for a name that is not there': ({ on, there }) =>
    there === null ? null : { run: standing(() => refuses('ENOENT', () => on(AT_FDCWD, 'absent'))) },
  'ENOTDIR where a file is used as a directory': ({ on }) => ({
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      symlink('file', `${directory}/link`);
    },
    run: standing(() => {
      for (const path of ['file/name', 'link/name', 'file/./name']) refuses('ENOTDIR', () => on(AT_FDCWD, path));
    }),
  }),
  'ENOTDIR and EBADF from a descriptor that is no directory, or none': ({ on }) => ({
    prepare: (directory) => writeFile(`${directory}/file`),
    run: standing(() => {
      withFile('file', O.RDONLY, (fd) => refuses('ENOTDIR', () => on(fd, 'name')));
      const closed = open('file', O.RDONLY);
      close(closed);
      refuses('EBADF', () => on(closed, 'name'));
      refuses('EBADF', () => on(-1, 'name'));
    }),
  }),
  'ELOOP where links lead in a circle': ({ on }) => ({
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      symlink('loop', `${directory}/loop`);
      symlink('pong', `${directory}/ping`);
      symlink('ping', `${directory}/pong`);
    },
    run: standing(() => {
      for (const path of ['loop/name', 'ping/name']) refuses('ELOOP', () => on(AT_FDCWD, path));
    }),
  }),
  'ENAMETOOLONG for a name of 256 bytes and a path of 4096': ({ on }) => ({
    prepare: (directory) => writeFile(`${directory}/file`),
    run: standing(() => {
      const name = 'n'.repeat(NAME_BYTES_MAX + 1);
      for (const path of [name, `${name}/name`, './'.repeat(PATH_BYTES_MAX / 2 - 2).concat('name')])
        refuses('ENAMETOOLONG', () => on(AT_FDCWD, path));
    }),
  }),
  'works on a name of 255 bytes and a path of 4095': ({ on, there }) => ({
    prepare: (directory) => {
      writeFile(`${directory}/file`);
      put(`${directory}/${'n'.repeat(NAME_BYTES_MAX)}`, there);
      put(`${directory}/nam`, there);
    },
    run: standing(() => {
      on(AT_FDCWD, 'n'.repeat(NAME_BYTES_MAX));
      if (there === null) lstat('n'.repeat(NAME_BYTES_MAX));
      if (there !== null) renameAway();
      else writeFile('file');
      on(AT_FDCWD, './'.repeat(PATH_BYTES_MAX / 2 - 2).concat('nam'));
    }),
  }),
  'EFAULT for an address at which no path is': ({ on }) => ({
    prepare: (directory) => writeFile(`${directory}/file`),
    run: standing(() => refuses('EFAULT', () => on(AT_FDCWD, 1n))),
  }),
  'EACCES below a directory that may not be searched': ({ on, there }) => ({
    prepare: (directory) => {
      writeFile(`${directory}/file`, '', 0o666);
      mkdir(`${directory}/shut`);
      put(`${directory}/shut/name`, there);
    },
    run: (directory) => {
      chmod(`${directory}/file`, 0o666);
      standing(() => locked('shut', 0, () => refuses('EACCES', () => on(AT_FDCWD, 'shut/name'))))(directory);
    },
  }),
  'EACCES in a directory without write permission': ({ on, there, reads }) =>
    reads === true
      ? null
      : {
          prepare: (directory) => {
            mkdir(`${directory}/locked`);
            mkdir(`${directory}/open`);
            writeFile(`${directory}/open/file`);
            put(`${directory}/locked/name`, there);
          },
          run: (directory) => {
            chmod(`${directory}/open`, 0o777);
            chmod(`${directory}/open/file`, 0o666);
            standing(() => locked('../locked', 0o555, () => refuses('EACCES', () => on(AT_FDCWD, '../locked/name'))))(
              `${directory}/open`,
            );
          },
        },
  'EEXIST for every kind of thing there': ({ on, there }) =>
    there !== null || on === CALLS['rename to']?.on
      ? null
      : {
          prepare: (directory) => {
            writeFile(`${directory}/file`);
            mkdir(`${directory}/sub`);
            symlink('file', `${directory}/link`);
            symlink('absent', `${directory}/dangling`);
          },
          run: standing(() => {
            for (const path of ['file', 'sub', 'link', 'dangling', '.', '..', 'sub/.', 'sub/..', '/'])
              refuses('EEXIST', () => on(AT_FDCWD, path));
          }),
        },
};

/** So that a call that made `new` finds the name free again. */
function renameAway(): void {
  try {
    renameat2(AT_FDCWD, 'new', AT_FDCWD, 'newer', 0);
  } catch {
    // This one made none.
  }
}

export const nameErrorsCases: Cases = Object.fromEntries(
  Object.entries(CALLS).flatMap(([name, call]) =>
    Object.entries(CONDITIONS).flatMap(([condition, make]) => {
      const made = make(call);
      return made === null ? [] : [[`${name}: ${condition}`, made] as const];
    }),
  ),
);
