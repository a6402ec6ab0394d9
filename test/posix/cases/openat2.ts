// openat2(2): how far a path may lead.
import { readdirSync } from 'node:fs';
import { fstat, stat, umask } from '../calls/attributes.ts';
import { read, write } from '../calls/data.ts';
import { AT_FDCWD, SystemError } from '../calls/libc.ts';
import { mkdir, S, symlink } from '../calls/names.ts';
import { close, O, open, openat2, RESOLVE } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const TRIES_MAX = 1000;
/** `sub/file`, and links that stay below `sub`, climb above it, start at the root, and end in a process's directory. */
function treePrepared(directory: string): void {
  mkdir(`${directory}/sub`);
  writeFile(`${directory}/sub/file`, 'below');
  writeFile(`${directory}/above`, 'above');
  symlink('file', `${directory}/sub/inside`);
  symlink('../above', `${directory}/sub/climbs`);
  symlink('/file', `${directory}/sub/absolute`);
}
const below = (directory: string, act: (base: number) => void) =>
  withFile(`${directory}/sub`, O.PATH | O.DIRECTORY, act);
/** A rename or mount anywhere in the system may make it EAGAIN: then it is tried again, as the manual says. */
function within(base: number, path: string, flags: number, mode: number, resolve: number): number {
  for (let tries = 1; ; tries += 1) {
    try {
      return openat2(base, path, flags, mode, resolve);
    } catch (error) {
      if (tries === TRIES_MAX || !(error instanceof SystemError && error.code === 'EAGAIN')) throw error;
    }
  }
}
const contentOf = (fd: number): string => {
  const bytes = read(fd, 100).toString('latin1');
  close(fd);
  return bytes;
};

export const openat2Cases: Cases = {
  'opens as openat does, with the mode less the mask': {
    prepare: treePrepared,
    run: (directory) => {
      umask(0o027);
      const fd = openat2(AT_FDCWD, `${directory}/new`, O.CREAT | O.EXCL | O.RDWR, 0o666, 0);
      equal(fstat(fd).mode, S.IFREG | 0o640);
      write(fd, 'new');
      close(fd);
      equal(readFile(`${directory}/new`), 'new');
      below(directory, (base) => equal(contentOf(openat2(base, 'inside', O.RDONLY, 0, 0)), 'below'));
    },
  },
  'RESOLVE_BENEATH stays below the base': {
    prepare: treePrepared,
    run: (directory) =>
      below(directory, (base) => {
        equal(contentOf(within(base, 'inside', O.RDONLY, 0, RESOLVE.BENEATH)), 'below');
        refuses('EXDEV', () => within(base, '../above', O.RDONLY, 0, RESOLVE.BENEATH));
        refuses('EXDEV', () => within(base, 'climbs', O.RDONLY, 0, RESOLVE.BENEATH));
        refuses('EXDEV', () => within(base, 'absolute', O.RDONLY, 0, RESOLVE.BENEATH));
        refuses('EXDEV', () => within(base, `${directory}/sub/file`, O.RDONLY, 0, RESOLVE.BENEATH));
      }),
  },
  'RESOLVE_IN_ROOT takes the base for the root': {
    prepare: treePrepared,
    run: (directory) =>
      below(directory, (base) => {
        equal(contentOf(within(base, 'absolute', O.RDONLY, 0, RESOLVE.IN_ROOT)), 'below');
        equal(contentOf(within(base, '../../file', O.RDONLY, 0, RESOLVE.IN_ROOT)), 'below');
        refuses('ENOENT', () => within(base, 'climbs', O.RDONLY, 0, RESOLVE.IN_ROOT));
        close(within(base, '/made', O.CREAT | O.WRONLY, 0o644, RESOLVE.IN_ROOT));
        equal(stat(`${directory}/sub/made`).sizeBytes, 0);
      }),
  },
  'EXDEV with RESOLVE_NO_XDEV where another file system begins': {
    prepare: treePrepared,
    run: (directory) => {
      refuses('EXDEV', () => openat2(AT_FDCWD, '/proc/self/status', O.RDONLY, 0, RESOLVE.NO_XDEV));
      below(directory, (base) => {
        equal(contentOf(openat2(base, '../sub/inside', O.RDONLY, 0, RESOLVE.NO_XDEV)), 'below');
      });
    },
  },
  'ELOOP with RESOLVE_NO_SYMLINKS for any link on the way': {
    prepare: treePrepared,
    run: (directory) => {
      symlink('sub', `${directory}/way`);
      refuses('ELOOP', () => openat2(AT_FDCWD, `${directory}/sub/inside`, O.RDONLY, 0, RESOLVE.NO_SYMLINKS));
      refuses('ELOOP', () => openat2(AT_FDCWD, `${directory}/way/file`, O.RDONLY, 0, RESOLVE.NO_SYMLINKS));
      close(openat2(AT_FDCWD, `${directory}/sub/file`, O.RDONLY, 0, RESOLVE.NO_SYMLINKS));
    },
  },
  'ELOOP with RESOLVE_NO_MAGICLINKS for a link of /proc alone': {
    prepare: treePrepared,
    run: (directory) =>
      below(directory, (base) => {
        const magic = `/proc/self/fd/${base}/file`;
        refuses('ELOOP', () => openat2(AT_FDCWD, magic, O.RDONLY, 0, RESOLVE.NO_MAGICLINKS));
        equal(contentOf(openat2(AT_FDCWD, magic, O.RDONLY, 0, 0)), 'below');
        close(openat2(AT_FDCWD, `${directory}/sub/inside`, O.RDONLY, 0, RESOLVE.NO_MAGICLINKS));
      }),
  },
  'RESOLVE_CACHED opens what is known, or says EAGAIN': {
    prepare: treePrepared,
    run: (directory) => {
      for (let tries = 0; tries < 3; tries += 1) {
        try {
          equal(contentOf(openat2(AT_FDCWD, `${directory}/sub/file`, O.RDONLY, 0, RESOLVE.CACHED)), 'below');
        } catch (error) {
          if (!(error instanceof SystemError && error.code === 'EAGAIN')) throw error;
        }
        close(open(`${directory}/sub/file`, O.RDONLY));
      }
      refuses('EAGAIN', () => openat2(AT_FDCWD, `${directory}/new`, O.CREAT | O.WRONLY, 0o644, RESOLVE.CACHED));
      equal(readdirSync(directory).sort(), ['above', 'sub']);
    },
  },
  'EINVAL for flags and ways of resolving that do not exist': (directory) => {
    refuses('EINVAL', () => openat2(AT_FDCWD, directory, 1n << 40n, 0, 0));
    refuses('EINVAL', () => openat2(AT_FDCWD, directory, O.RDONLY, 0, 1 << 30));
    refuses('EINVAL', () => openat2(AT_FDCWD, directory, O.RDONLY, 0, RESOLVE.BENEATH | RESOLVE.IN_ROOT));
    refuses('EINVAL', () => openat2(AT_FDCWD, `${directory}/new`, O.CREAT | O.WRONLY, 0o200000, 0));
  },
  'EINVAL for a mode without anything to make': (directory) =>
    refuses('EINVAL', () => openat2(AT_FDCWD, directory, O.RDONLY, 0o644, 0)),
  'EINVAL for a structure that is too small': (directory) =>
    refuses('EINVAL', () => openat2(AT_FDCWD, directory, O.RDONLY, 0, 0, { sizeBytes: 16 })),
  'E2BIG for more than this system knows, not for more zeros': (directory) => {
    refuses('E2BIG', () => openat2(AT_FDCWD, directory, O.RDONLY, 0, 0, { sizeBytes: 64, padding: 1 }));
    const fd = openat2(AT_FDCWD, directory, O.RDONLY, 0, 0, { sizeBytes: 64 });
    holds(fd >= 0, 'it opens');
    close(fd);
  },
};
