// lseek(2): positions, and where data and holes are.
import { startActor } from '../actor.ts';
import { stat } from '../calls/attributes.ts';
import { FALLOC, fallocate, ftruncate, lseek, pread, pwrite, read, SEEK, truncate, write } from '../calls/data.ts';
import { mkdir, mknod, S } from '../calls/names.ts';
import { BAD_FD, close, dup, O, open } from '../calls/open.ts';
import { pipe } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const MIB = 1 << 20;
const withContent = (directory: string) => writeFile(`${directory}/file`, 'content');

/** Data in the first block and from 2 MiB on, a hole between and another up to 4 MiB. */
function makeSparse(directory: string): void {
  writeFile(`${directory}/sparse`);
  withFile(`${directory}/sparse`, O.WRONLY, (fd) => {
    pwrite(fd, 'first', 0);
    pwrite(fd, 'second', 2 * MIB);
    ftruncate(fd, 4 * MIB);
  });
}

/** Every run of data as [start, end]: each byte outside reads as zero. */
function dataOf(fd: number, size: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < size; ) {
    let data: number;
    try {
      data = lseek(fd, at, SEEK.DATA);
    } catch {
      break;
    }
    at = lseek(fd, data, SEEK.HOLE);
    runs.push([data, at]);
  }
  return runs;
}

const isSparse = (fd: number) => {
  const runs = dataOf(fd, 4 * MIB);
  equal(runs.length, 2, 'runs of data');
  holds(runs[0]![0] === 0 && runs[0]![1] <= MIB, 'the first is at the start');
  holds(runs[1]![0] <= 2 * MIB && runs[1]![0] > MIB && runs[1]![1] < 3 * MIB, 'the second is in the middle');
};

export const lseekCases: Cases = {
  'from the start, the position and the end': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(lseek(fd, 3, SEEK.SET), 3);
        equal(read(fd, 1).toString('latin1'), 't');
        equal(lseek(fd, -2, SEEK.CUR), 2);
        equal(lseek(fd, -1, SEEK.END), 6);
        equal(lseek(fd, 0, SEEK.CUR), 6);
      }),
  },
  'beyond the end reads nothing and grows only by a write': {
    prepare: withContent,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(lseek(fd, 10_000, SEEK.SET), 10_000);
        equal(read(fd, 10).length, 0);
        equal(stat(`${directory}/file`).sizeBytes, 7, 'size');
        write(fd, 'X');
        equal(stat(`${directory}/file`).sizeBytes, 10_001, 'size after the write');
      });
      equal(readFile(`${directory}/file`), `content${'\0'.repeat(9_993)}X`);
    },
  },
  'a duplicate shares the position, another open does not': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        const twin = dup(fd);
        const other = open(`${directory}/file`, O.RDONLY);
        lseek(fd, 5, SEEK.SET);
        equal(lseek(twin, 0, SEEK.CUR), 5, 'the duplicate');
        equal(lseek(other, 0, SEEK.CUR), 0, 'the other');
        close(twin);
        close(other);
      }),
  },
  'SEEK_END knows how far another process has written': {
    prepare: withContent,
    run: async (directory) => {
      const fd = open(`${directory}/file`, O.RDONLY);
      equal(lseek(fd, 0, SEEK.END), 7);
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.WRONLY | O.APPEND);
      await actor.call('write', theirs, ' and more');
      equal(lseek(fd, 0, SEEK.END), 16, 'while it is open there');
      await actor.call('ftruncate', theirs, 4);
      equal(lseek(fd, 0, SEEK.END), 4, 'after it is cut');
      await actor.end();
      close(fd);
    },
  },
  'SEEK_DATA and SEEK_HOLE find the runs of a sparse file': {
    prepare: makeSparse,
    run: (directory) => withFile(`${directory}/sparse`, O.RDONLY, isSparse),
  },
  'holes stay holes through a first write': {
    prepare: makeSparse,
    run: (directory) =>
      withFile(`${directory}/sparse`, O.RDWR, (fd) => {
        pwrite(fd, 'F', 0);
        isSparse(fd);
        equal(pread(fd, 6, 2 * MIB).toString('latin1'), 'second');
        equal(pread(fd, 5, 0).toString('latin1'), 'First');
        holds(stat(`${directory}/sparse`).blocks < 64, 'few blocks');
      }),
  },
  'holes stay holes through a change of size': {
    prepare: makeSparse,
    run: (directory) => {
      truncate(`${directory}/sparse`, 8 * MIB);
      withFile(`${directory}/sparse`, O.RDONLY, isSparse);
      holds(stat(`${directory}/sparse`).blocks < 64, 'few blocks');
    },
  },
  'a punched range is a hole': {
    prepare: (directory) => writeFile(`${directory}/file`, 'x'.repeat(MIB)),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(lseek(fd, 0, SEEK.HOLE), MIB);
        fallocate(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, 256 * 1024, 256 * 1024);
        equal(lseek(fd, 0, SEEK.HOLE), 256 * 1024, 'hole');
        equal(lseek(fd, 256 * 1024, SEEK.DATA), 512 * 1024, 'data');
      }),
  },
  'the end of a file is a hole': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        equal(lseek(fd, 0, SEEK.DATA), 0);
        equal(lseek(fd, 3, SEEK.DATA), 3);
        equal(lseek(fd, 0, SEEK.HOLE), 7);
        equal(lseek(fd, 6, SEEK.HOLE), 7);
        equal(lseek(fd, 0, SEEK.CUR), 7, 'position');
      }),
  },
  'ENXIO at the end and in the last hole': {
    prepare: (directory) => {
      withContent(directory);
      makeSparse(directory);
      writeFile(`${directory}/empty`);
    },
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('ENXIO', () => lseek(fd, 7, SEEK.DATA));
        refuses('ENXIO', () => lseek(fd, 7, SEEK.HOLE));
        refuses('ENXIO', () => lseek(fd, 1000, SEEK.HOLE));
        refuses('ENXIO', () => lseek(fd, 2 ** 60, SEEK.DATA));
        refuses('ENXIO', () => lseek(fd, 2 ** 60, SEEK.HOLE));
      });
      withFile(`${directory}/sparse`, O.RDONLY, (fd) => refuses('ENXIO', () => lseek(fd, 3 * MIB, SEEK.DATA)));
      withFile(`${directory}/empty`, O.RDONLY, (fd) => refuses('ENXIO', () => lseek(fd, 0, SEEK.DATA)));
    },
  },
  'EINVAL for a position before the start or a whence of its own': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('EINVAL', () => lseek(fd, -1, SEEK.SET));
        refuses('EINVAL', () => lseek(fd, -8, SEEK.END));
        refuses('EINVAL', () => lseek(fd, 0, 99));
        equal(lseek(fd, 0, SEEK.CUR), 0, 'position');
      }),
  },
  'of a directory back to its start': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => withFile(`${directory}/sub`, O.RDONLY, (fd) => equal(lseek(fd, 0, SEEK.SET), 0)),
  },
  'ESPIPE for a pipe and a fifo': {
    prepare: (directory) => void mknod(`${directory}/fifo`, S.IFIFO | 0o600),
    run: (directory) => {
      const [reader, writer] = pipe();
      for (const whence of [SEEK.SET, SEEK.CUR, SEEK.END]) refuses('ESPIPE', () => lseek(reader, 0, whence));
      close(reader);
      close(writer);
      withFile(`${directory}/fifo`, O.RDWR, (fd) => refuses('ESPIPE', () => lseek(fd, 0, SEEK.SET)));
    },
  },
  'EBADF for what is no open file': {
    prepare: withContent,
    run: (directory) => {
      refuses('EBADF', () => lseek(BAD_FD, 0, SEEK.SET));
      withFile(`${directory}/file`, O.PATH, (fd) => refuses('EBADF', () => lseek(fd, 0, SEEK.SET)));
    },
  },
};
