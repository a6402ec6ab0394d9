// truncate(2), ftruncate(2): sizes, and the bytes that go and come with them.
import { startActor } from '../actor.ts';
import { as, STRANGER, unprivileged } from '../caller.ts';
import { chmod, chown, fstat, stat } from '../calls/attributes.ts';
import { ftruncate, lseek, pread, pwrite, read, SEEK, truncate, write } from '../calls/data.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { MAP, mmap, munmap, PROT } from '../calls/memory.ts';
import { link, mkdir, mknod, S, symlink, unlink } from '../calls/names.ts';
import { BAD_FD, close, O, open } from '../calls/open.ts';
import { pipe } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { pathErrorCases } from '../pathErrors.ts';
import { afterTick } from '../tick.ts';

const withContent = (content: string) => (directory: string) => writeFile(`${directory}/file`, content);

export const truncateCases: Cases = {
  ...pathErrorCases((path) => truncate(path, 0)),
  'growing fills with zeros': {
    prepare: withContent('abc'),
    run: (directory) => {
      truncate(`${directory}/file`, 10_000);
      equal(stat(`${directory}/file`).sizeBytes, 10_000, 'size');
      equal(readFile(`${directory}/file`), `abc${'\0'.repeat(9_997)}`);
    },
  },
  'growing by a descriptor leaves the position where it is': {
    prepare: withContent('abcdef'),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        read(fd, 2);
        ftruncate(fd, 8);
        equal(lseek(fd, 0, SEEK.CUR), 2, 'position');
        equal(read(fd, 100).toString('latin1'), 'cdef\0\0');
      }),
  },
  'a shrunk file that grows again shows zeros, not what was there': {
    prepare: withContent('a'.repeat(20_000)),
    run: (directory) => {
      for (const size of [4_500, 4_096, 17, 1]) {
        truncate(`${directory}/file`, size);
        truncate(`${directory}/file`, 20_000);
        equal(readFile(`${directory}/file`), 'a'.repeat(size) + '\0'.repeat(20_000 - size), `after ${size}`);
      }
    },
  },
  'to nothing and to its own size': {
    prepare: withContent('content'),
    run: (directory) => {
      truncate(`${directory}/file`, 7);
      equal(readFile(`${directory}/file`), 'content');
      truncate(`${directory}/file`, 0);
      equal(readFile(`${directory}/file`), '');
      equal(stat(`${directory}/file`).blocks, 0, 'blocks');
    },
  },
  'is seen at once by every descriptor and name': {
    prepare: (directory) => {
      writeFile(`${directory}/file`, 'content');
      link(`${directory}/file`, `${directory}/other`);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      const reader = open(`${directory}/file`, O.RDONLY);
      equal(pread(reader, 10, 0).toString('latin1'), 'content');
      truncate(`${directory}/link`, 3);
      equal(fstat(reader).sizeBytes, 3, 'size by descriptor');
      equal(pread(reader, 10, 0).toString('latin1'), 'con');
      equal(stat(`${directory}/other`).sizeBytes, 3, 'size by the other name');
      truncate(`${directory}/other`, 5);
      equal(readFile(`${directory}/file`), 'con\0\0');
      close(reader);
    },
  },
  'by another process is seen by an open descriptor': {
    prepare: withContent('content'),
    run: async (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      equal(pread(fd, 10, 0).toString('latin1'), 'content');
      const actor = await startActor();
      await actor.call('truncate', `${directory}/file`, 2);
      await actor.end();
      equal(fstat(fd).sizeBytes, 2, 'size');
      equal(pread(fd, 10, 0).toString('latin1'), 'co');
      close(fd);
    },
  },
  'a writer past the new end leaves a hole of zeros': {
    prepare: withContent('content'),
    run: (directory) => {
      const fd = open(`${directory}/file`, O.WRONLY);
      lseek(fd, 0, SEEK.END);
      truncate(`${directory}/file`, 2);
      write(fd, 'X');
      close(fd);
      equal(readFile(`${directory}/file`), 'co\0\0\0\0\0X');
    },
  },
  'an appending writer goes on at the new end': {
    prepare: withContent('content'),
    run: (directory) => {
      const fd = open(`${directory}/file`, O.WRONLY | O.APPEND);
      write(fd, '1');
      truncate(`${directory}/file`, 2);
      write(fd, '2');
      ftruncate(fd, 1);
      write(fd, '3');
      close(fd);
      equal(readFile(`${directory}/file`), 'c3');
    },
  },
  'a mapping shows zeros up to the end of the page': {
    prepare: withContent('a'.repeat(8_192)),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, 8_192, PROT.READ | PROT.WRITE, MAP.SHARED);
        equal(mapping.memory[8_191], 97);
        ftruncate(fd, 4_196);
        equal(mapping.memory.toString('latin1', 4_190, 8_192), 'a'.repeat(6) + '\0'.repeat(3_996));
        munmap(mapping);
      }),
  },
  'of an unlinked open file': {
    prepare: withContent('content'),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        unlink(`${directory}/file`);
        ftruncate(fd, 3);
        equal(pread(fd, 10, 0).toString('latin1'), 'con');
        equal(fstat(fd).sizeBytes, 3, 'size');
      }),
  },
  'a change of size moves the times of data and inode': {
    prepare: withContent('content'),
    run: (directory) => {
      const changes = {
        'a cut': () => truncate(`${directory}/file`, 3),
        'growth by a descriptor': () => withFile(`${directory}/file`, O.WRONLY, (fd) => ftruncate(fd, 9)),
        'the same size by a descriptor': () => withFile(`${directory}/file`, O.WRONLY, (fd) => ftruncate(fd, 9)),
      };
      for (const [name, change] of Object.entries(changes)) {
        const tick = afterTick(directory);
        change();
        const { mtime, ctime } = stat(`${directory}/file`);
        holds(mtime >= tick, `mtime moves with ${name} (${mtime - tick} ns)`);
        holds(ctime >= tick, `ctime moves with ${name} (${ctime - tick} ns)`);
      }
    },
  },
  'set-id bits go when somebody else changes the size': {
    root: true,
    prepare: (directory) => {
      for (const name of ['by-path', 'by-descriptor', 'by-root']) {
        writeFile(`${directory}/${name}`, 'content');
        chmod(`${directory}/${name}`, 0o6777);
      }
    },
    run: (directory) => {
      as(STRANGER, () => {
        truncate(`${directory}/by-path`, 3);
        withFile(`${directory}/by-descriptor`, O.WRONLY, (fd) => ftruncate(fd, 3));
      });
      equal(stat(`${directory}/by-path`).mode & 0o7777, 0o777);
      equal(stat(`${directory}/by-descriptor`).mode & 0o7777, 0o777);
    },
  },
  'set-id bits stay when root changes the size': {
    root: true,
    prepare: (directory) => {
      writeFile(`${directory}/file`, 'content');
      chown(`${directory}/file`, STRANGER.uid, STRANGER.gid);
      chmod(`${directory}/file`, 0o6755);
    },
    run: (directory) => {
      truncate(`${directory}/file`, 3);
      equal(stat(`${directory}/file`).mode & 0o7777, 0o6755);
      equal(stat(`${directory}/file`).uid, STRANGER.uid, 'owner');
    },
  },
  'EACCES without write permission': {
    prepare: (directory) => {
      writeFile(`${directory}/file`, 'content');
      chmod(`${directory}/file`, 0o444);
    },
    run: (directory) => {
      unprivileged(() => refuses('EACCES', () => truncate(`${directory}/file`, 1)));
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'a descriptor open for writing outlives the permission': {
    prepare: withContent('content'),
    run: (directory) =>
      withFile(`${directory}/file`, O.WRONLY, (fd) => {
        chmod(`${directory}/file`, 0o444);
        ftruncate(fd, 2);
        equal(fstat(fd).sizeBytes, 2, 'size');
      }),
  },
  'EINVAL for a negative size': {
    prepare: withContent('content'),
    run: (directory) => {
      refuses('EINVAL', () => truncate(`${directory}/file`, -1));
      withFile(`${directory}/file`, O.RDWR, (fd) => refuses('EINVAL', () => ftruncate(fd, -1)));
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'EFBIG for more than a file can be': {
    prepare: withContent('content'),
    run: (directory) => {
      refuses('EFBIG', () => truncate(`${directory}/file`, Number.MAX_SAFE_INTEGER));
      withFile(`${directory}/file`, O.RDWR, (fd) => refuses('EFBIG', () => ftruncate(fd, Number.MAX_SAFE_INTEGER)));
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'EFBIG beyond the limit of the process': {
    prepare: withContent('content'),
    run: (directory) =>
      withLimit(RLIMIT.FSIZE, 8_192, () => {
        refuses('EFBIG', () => truncate(`${directory}/file`, 8_193));
        withFile(`${directory}/file`, O.RDWR, (fd) => refuses('EFBIG', () => ftruncate(fd, 8_193)));
        truncate(`${directory}/file`, 8_192);
        equal(stat(`${directory}/file`).sizeBytes, 8_192, 'size');
      }),
  },
  'EISDIR for a directory': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      refuses('EISDIR', () => truncate(`${directory}/sub`, 0));
      withFile(`${directory}/sub`, O.RDONLY, (fd) => refuses('EINVAL', () => ftruncate(fd, 0)));
    },
  },
  'EINVAL for a fifo and a pipe': {
    prepare: (directory) => void mknod(`${directory}/fifo`, S.IFIFO | 0o644),
    run: (directory) => {
      refuses('EINVAL', () => truncate(`${directory}/fifo`, 0));
      const [reader, writer] = pipe();
      refuses('EINVAL', () => ftruncate(writer, 0));
      close(reader);
      close(writer);
    },
  },
  'ftruncate needs a descriptor open for writing': {
    prepare: withContent('content'),
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses(['EINVAL', 'EBADF'], () => ftruncate(fd, 1)));
      withFile(`${directory}/file`, O.PATH, (fd) => refuses('EBADF', () => ftruncate(fd, 1)));
      refuses('EBADF', () => ftruncate(BAD_FD, 1));
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'O_TRUNC and a write that follows': {
    prepare: withContent('content'),
    run: (directory) => {
      const reader = open(`${directory}/file`, O.RDONLY);
      const writer = open(`${directory}/file`, O.RDWR | O.TRUNC);
      equal(pread(reader, 10, 0).toString('latin1'), '');
      pwrite(writer, 'new', 2);
      equal(pread(reader, 10, 0).toString('latin1'), '\0\0new');
      close(reader);
      close(writer);
    },
  },
};
