// write(2), pwrite(2), close(2): bytes to where one stands.
import { startActor } from '../actor.ts';
import { as, STRANGER } from '../caller.ts';
import { chmod, fstat, stat, utimens } from '../calls/attributes.ts';
import { ftruncate, lseek, pread, pwrite, read, SEEK, write } from '../calls/data.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { S } from '../calls/names.ts';
import { close, dup, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const MIB = 1024 * 1024;
const LONG_AGO = { sec: 1_000_000_000, nsec: 0 };
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');

export const writeCases: Cases = {
  'puts bytes where it stands and moves on': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(write(fd, 'CO'), 2);
        equal(lseek(fd, 0, SEEK.CUR), 2);
        equal(read(fd, 2).toString(), 'nt');
        equal(write(fd, 'ENTS'), 4);
        equal(pread(fd, 20, 0).toString(), 'COntENTS');
        equal(fstat(fd).sizeBytes, 8);
      }),
  },
  'pwrite leaves the position alone': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(pwrite(fd, 'TENT', 3), 4);
        equal(lseek(fd, 0, SEEK.CUR), 0);
        refuses('EINVAL', () => pwrite(fd, 'x', -1));
        equal(pread(fd, 20, 0).toString(), 'conTENT');
      }),
  },
  'beyond the end leaves zeros between': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        lseek(fd, 10_000, SEEK.SET);
        equal(fstat(fd).sizeBytes, 7, 'size before');
        write(fd, 'end');
        equal(fstat(fd).sizeBytes, 10_003);
        equal(pread(fd, 9_993, 7), Buffer.alloc(9_993));
        equal(pread(fd, 9, 0).toString('latin1'), 'content\0\0');
      }),
  },
  'no bytes change nothing': {
    prepare: filePrepared,
    run: (directory) => {
      utimens(`${directory}/file`, LONG_AGO, LONG_AGO);
      withFile(`${directory}/file`, O.WRONLY, (fd) => {
        equal(write(fd, ''), 0);
        equal(pwrite(fd, '', 100), 0);
      });
      const { sizeBytes, mtime } = stat(`${directory}/file`);
      equal([sizeBytes, mtime], [7, 1_000_000_000_000_000_000n]);
    },
  },
  'large and odd pieces arrive whole': {
    prepare: (directory) => writeFile(`${directory}/file`, Buffer.alloc(2 * MIB, 'o')),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const piece = Buffer.from(Array.from({ length: 3 * MIB + 5 }, (_, at) => (at * 13) % 251));
        equal(pwrite(fd, piece, 4_095), piece.length);
        equal(fstat(fd).sizeBytes, piece.length + 4_095);
        equal(pread(fd, piece.length, 4_095), piece);
        equal(pread(fd, 4_095, 0).toString(), 'o'.repeat(4_095));
      }),
  },
  'the first write keeps every other byte of the file': {
    prepare: (directory) => writeFile(`${directory}/file`, Buffer.alloc(MIB, 'o')),
    run: (directory) => {
      const reader = open(`${directory}/file`, O.RDONLY);
      equal(pread(reader, 3, 500_000).toString(), 'ooo');
      withFile(`${directory}/file`, O.WRONLY, (fd) => void pwrite(fd, 'new', 500_000));
      equal(pread(reader, 5, 499_999).toString(), 'onewo', 'through the older descriptor');
      close(reader);
      const content = readFile(`${directory}/file`);
      equal(content.length, MIB);
      equal(content.replaceAll('o', ''), 'new');
    },
  },
  'moves mtime and ctime, seen at once by every descriptor': {
    prepare: filePrepared,
    run: (directory) => {
      utimens(`${directory}/file`, LONG_AGO, LONG_AGO);
      const reader = open(`${directory}/file`, O.RDONLY);
      const before = fstat(reader);
      withFile(`${directory}/file`, O.WRONLY, (fd) => {
        write(fd, 'X');
        const during = fstat(reader);
        holds(during.mtime > before.mtime, 'mtime moved');
        holds(during.ctime >= before.ctime, 'ctime moved');
        equal(fstat(fd).mtime, during.mtime);
      });
      equal(stat(`${directory}/file`).mtime, fstat(reader).mtime, 'after close');
      close(reader);
    },
  },
  'by who has no privilege ends the set-id bits': {
    prepare: (directory) => {
      writeFile(`${directory}/file`, 'content');
      chmod(`${directory}/file`, 0o6777);
    },
    root: true,
    run: (directory) => {
      as(STRANGER, () => withFile(`${directory}/file`, O.WRONLY, (fd) => void write(fd, 'X')));
      equal(stat(`${directory}/file`).mode, S.IFREG | 0o777);
    },
  },
  'EFBIG past the limit of file size, after what fits': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        withLimit(RLIMIT.FSIZE, 10, () => {
          equal(pwrite(fd, 'TENTS-AND', 3), 7, 'what fits');
          refuses('EFBIG', () => pwrite(fd, 'x', 10));
          refuses('EFBIG', () => ftruncate(fd, 11));
        }),
      );
      equal(readFile(`${directory}/file`), 'conTENTS-A');
    },
  },
  'EFBIG at an offset that no file reaches': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.WRONLY, (fd) => refuses('EFBIG', () => pwrite(fd, 'x', 2 ** 62)));
      equal(stat(`${directory}/file`).sizeBytes, 7);
    },
  },
  'EBADF where it is not open for writing': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('EBADF', () => write(fd, 'x'));
        refuses('EBADF', () => pwrite(fd, 'x', 0));
      });
      withFile(directory, O.RDONLY, (fd) => refuses('EBADF', () => write(fd, 'x')));
      refuses('EBADF', () => write(999_999, 'x'));
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'close: EBADF for what is closed already': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      equal(close(fd), 0);
      refuses('EBADF', () => close(fd));
      refuses('EBADF', () => close(-1));
    },
  },
  'close: a copy keeps the file open, and what was written stays': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      const copy = dup(fd);
      write(fd, 'ONE');
      close(fd);
      equal(readFile(`${directory}/file`), 'ONEtent');
      write(copy, 'TWO');
      equal(pread(copy, 20, 0).toString(), 'ONETWOt');
      close(copy);
      equal(readFile(`${directory}/file`), 'ONETWOt');
    },
  },
  'close: the end of a process closes what it wrote': {
    prepare: filePrepared,
    run: async (directory) => {
      const actor = await startActor();
      const fd = await actor.call('open', `${directory}/file`, O.RDWR, 0);
      await actor.call('write', fd, 'KILLED!');
      await actor.end();
      equal(readFile(`${directory}/file`), 'KILLED!');
      withFile(`${directory}/file`, O.WRONLY | O.TRUNC, (other) => void write(other, 'next'));
      equal(readFile(`${directory}/file`), 'next');
    },
  },
};
