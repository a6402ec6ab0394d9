// read(2), pread(2): bytes from where one stands.

import { startActor } from '../actor.ts';
import { fstat } from '../calls/attributes.ts';
import { ftruncate, lseek, pread, pwrite, read, SEEK, write } from '../calls/data.ts';
import { rename, unlink } from '../calls/names.ts';
import { close, dup, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';

const MIB = 1024 * 1024;
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');
const pattern = (sizeBytes: number): Buffer =>
  Buffer.from(Array.from({ length: sizeBytes }, (_, at) => (at * 7) % 251));

export const readCases: Cases = {
  'gives what is there, moves on, and ends with nothing': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        equal(read(fd, 4).toString(), 'cont');
        equal(lseek(fd, 0, SEEK.CUR), 4);
        equal(read(fd, 100).toString(), 'ent');
        equal(read(fd, 100).length, 0);
        lseek(fd, 1000, SEEK.SET);
        equal(read(fd, 100).length, 0, 'beyond the end');
        equal(lseek(fd, 0, SEEK.CUR), 1000);
      }),
  },
  'pread leaves the position alone': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        equal(pread(fd, 3, 4).toString(), 'ent');
        equal(pread(fd, 3, 7).length, 0);
        equal(pread(fd, 3, 2 ** 40).length, 0);
        equal(lseek(fd, 0, SEEK.CUR), 0);
        refuses('EINVAL', () => pread(fd, 1, -1));
      }),
  },
  'no bytes asked, none given': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        equal(read(fd, 0).length, 0);
        equal(lseek(fd, 0, SEEK.CUR), 0);
      }),
  },
  'large and odd pieces of a large file': {
    prepare: (directory) => writeFile(`${directory}/file`, pattern(3 * MIB + 17)),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        const wanted = pattern(3 * MIB + 17);
        equal(read(fd, 2 * MIB + 3), wanted.subarray(0, 2 * MIB + 3), 'first piece');
        equal(read(fd, 2 * MIB), wanted.subarray(2 * MIB + 3), 'second piece');
        equal(pread(fd, 9, MIB - 5), wanted.subarray(MIB - 5, MIB + 4), 'across a boundary');
      }),
  },
  'holes read as zeros': {
    prepare: (directory) =>
      withFile(`${directory}/file`, O.CREAT | O.WRONLY, (fd) => {
        pwrite(fd, 'a', 0);
        pwrite(fd, 'z', 200_000);
      }),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(pread(fd, 199_999, 1), Buffer.alloc(199_999));
        pwrite(fd, 'm', 100_000);
        equal(pread(fd, 3, 99_999).toString('latin1'), '\0m\0');
        equal(pread(fd, 10, 200_000).toString(), 'z');
      }),
  },
  'sees at once what another descriptor wrote or cut': {
    prepare: filePrepared,
    run: (directory) => {
      const reader = open(`${directory}/file`, O.RDONLY);
      equal(read(reader, 7).toString(), 'content');
      equal(read(reader, 7).length, 0);
      const writer = open(`${directory}/file`, O.WRONLY | O.APPEND);
      write(writer, ' grown');
      equal(read(reader, 20).toString(), ' grown');
      pwrite(writer, '!', 0);
      ftruncate(writer, 3);
      equal(pread(reader, 20, 0).toString(), 'con');
      equal(read(reader, 20).length, 0);
      close(writer);
      close(reader);
    },
  },
  'sees at once what another process wrote': {
    prepare: filePrepared,
    run: async (directory) => {
      const actor = await startActor();
      const reader = open(`${directory}/file`, O.RDONLY);
      try {
        equal(pread(reader, 20, 0).toString(), 'content');
        const writer = await actor.call('open', `${directory}/file`, O.RDWR, 0);
        await actor.call('pwrite', writer, 'CONTENT', 0);
        equal(pread(reader, 20, 0).toString(), 'CONTENT');
        await actor.call('pwrite', writer, '!', 7);
        equal(pread(reader, 20, 0).toString(), 'CONTENT!');
      } finally {
        await actor.end();
      }
      equal(pread(reader, 20, 0).toString(), 'CONTENT!', 'after its end');
      close(reader);
    },
  },
  'copies of a descriptor share one position': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      const copy = dup(fd);
      equal(read(fd, 3).toString(), 'con');
      equal(read(copy, 10).toString(), 'tent');
      close(fd);
      equal(lseek(copy, 0, SEEK.CUR), 7);
      close(copy);
    },
  },
  'goes on while the name moves and goes': {
    prepare: (directory) => writeFile(`${directory}/file`, pattern(MIB)),
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      const wanted = pattern(MIB);
      equal(read(fd, 1000), wanted.subarray(0, 1000));
      rename(`${directory}/file`, `${directory}/moved`);
      equal(read(fd, 100_000), wanted.subarray(1000, 101_000));
      unlink(`${directory}/moved`);
      equal(read(fd, MIB), wanted.subarray(101_000));
      close(fd);
    },
  },
  'EISDIR for a directory': (directory) =>
    withFile(directory, O.RDONLY, (fd) => {
      refuses('EISDIR', () => read(fd, 10));
      refuses('EISDIR', () => pread(fd, 10, 0));
    }),
  'EBADF where it is not open for reading': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.WRONLY, (fd) => {
        refuses('EBADF', () => read(fd, 1));
        refuses('EBADF', () => pread(fd, 1, 0));
        equal(fstat(fd).sizeBytes, 7);
      });
      refuses('EBADF', () => read(999_999, 1));
    },
  },
};
