// copy_file_range(2): bytes from file to file.
import { as, STRANGER } from '../caller.ts';
import { chmod, fstat, stat } from '../calls/attributes.ts';
import { ftruncate, lseek, pread, pwrite, SEEK } from '../calls/data.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { mkdir, unlink } from '../calls/names.ts';
import { BAD_FD, close, O, open } from '../calls/open.ts';
import { copyFileRange, pipe } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { afterTick } from '../tick.ts';

const MIB = 1 << 20;
/** The largest `size_t`, which no number holds. */
const LENGTH_MAX = (2n ** 64n - 1n) as unknown as number;

function prepareTwo(directory: string): void {
  writeFile(`${directory}/from`, 'abcdefghij');
  writeFile(`${directory}/to`, '0123456789');
}

/** Opens `from` for reading and `to` for writing. */
function between(directory: string, act: (from: number, to: number) => void, flags = 0): void {
  withFile(`${directory}/from`, O.RDONLY, (from) => withFile(`${directory}/to`, O.RDWR | flags, (to) => act(from, to)));
}

/** As copy tools do: until nothing comes. */
function copyAll(from: number, to: number, length: number): void {
  for (let done = 0; done < length; ) {
    const count = copyFileRange(from, done, to, done, length - done);
    if (count === 0) throw new Error(`nothing more after ${done} of ${length}`);
    done += count;
  }
}

export const copyFileRangeCases: Cases = {
  'copies at given offsets and leaves the positions': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) => {
        equal(copyFileRange(from, 2, to, 4, 3), 3);
        equal(lseek(from, 0, SEEK.CUR), 0, 'position of the source');
        equal(lseek(to, 0, SEEK.CUR), 0, 'position of the target');
        equal(pread(to, 20, 0).toString('latin1'), '0123cde789');
      });
      equal(readFile(`${directory}/to`), '0123cde789');
      equal(readFile(`${directory}/from`), 'abcdefghij');
    },
  },
  'moves the positions where no offset is given': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        lseek(from, 3, SEEK.SET);
        lseek(to, 9, SEEK.SET);
        equal(copyFileRange(from, null, to, null, 4), 4);
        equal(lseek(from, 0, SEEK.CUR), 7, 'position of the source');
        equal(lseek(to, 0, SEEK.CUR), 13, 'position of the target');
        equal(pread(to, 20, 0).toString('latin1'), '012345678defg');
      }),
  },
  'stops at the end of the source': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        equal(copyFileRange(from, 8, to, 0, 100), 2);
        equal(copyFileRange(from, 10, to, 0, 100), 0);
        equal(copyFileRange(from, 5_000, to, 0, 100), 0);
        equal(pread(to, 20, 0).toString('latin1'), 'ij23456789');
      }),
  },
  'of nothing is nothing': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) => equal(copyFileRange(from, 0, to, 0, 0), 0));
      equal(readFile(`${directory}/to`), '0123456789');
    },
  },
  'beyond the end of the target leaves a hole of zeros': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) => equal(copyFileRange(from, 0, to, 15, 3), 3));
      equal(readFile(`${directory}/to`), '0123456789\0\0\0\0\0abc');
    },
  },
  'within one file, apart': {
    prepare: prepareTwo,
    run: (directory) => {
      withFile(`${directory}/from`, O.RDWR, (fd) => {
        equal(copyFileRange(fd, 0, fd, 5, 5), 5);
        equal(copyFileRange(fd, 1, fd, 10, 3), 3);
      });
      equal(readFile(`${directory}/from`), 'abcdeabcdebcd');
    },
  },
  'into a new file, and out of it': {
    prepare: prepareTwo,
    run: (directory) => {
      const fresh = open(`${directory}/fresh`, O.CREAT | O.RDWR);
      withFile(`${directory}/from`, O.RDONLY, (from) => equal(copyFileRange(from, 0, fresh, 0, 100), 10));
      withFile(`${directory}/to`, O.RDWR, (to) => equal(copyFileRange(fresh, 5, to, 0, 5), 5));
      close(fresh);
      equal(readFile(`${directory}/fresh`), 'abcdefghij');
      equal(readFile(`${directory}/to`), 'fghij56789');
    },
  },
  'from and to an unlinked file': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        unlink(`${directory}/from`);
        unlink(`${directory}/to`);
        equal(copyFileRange(from, 0, to, 0, 4), 4);
        equal(pread(to, 20, 0).toString('latin1'), 'abcd456789');
      }),
  },
  'sees what was just written, and is seen by readers': {
    prepare: prepareTwo,
    run: (directory) => {
      const writer = open(`${directory}/from`, O.RDWR);
      const reader = open(`${directory}/to`, O.RDONLY);
      equal(pread(reader, 3, 0).toString('latin1'), '012');
      pwrite(writer, 'XYZ', 0);
      between(directory, (from, to) => equal(copyFileRange(from, 0, to, 0, 5), 5));
      equal(pread(reader, 20, 0).toString('latin1'), 'XYZde56789');
      equal(fstat(reader).sizeBytes, 10, 'size');
      close(writer);
      close(reader);
    },
  },
  'across file systems gives the right bytes': {
    prepare: prepareTwo,
    run: (directory) => {
      // Between types of file systems it may be refused (EXDEV); programs then read and write.
      const outside = open('/dev/shm', O.TMPFILE | O.RDWR, 0o600);
      pwrite(outside, 'outside', 0);
      withFile(`${directory}/to`, O.RDWR, (to) => {
        try {
          equal(copyFileRange(outside, 0, to, 0, 7), 7);
          equal(pread(to, 20, 0).toString('latin1'), 'outside789');
        } catch (error) {
          if ((error as { code?: string }).code !== 'EXDEV') throw error;
          equal(pread(to, 20, 0).toString('latin1'), '0123456789');
        }
      });
      close(outside);
    },
  },
  'a sparse file of 64 MiB': {
    dear: true,
    prepare: (directory) => {
      writeFile(`${directory}/from`, 'start');
      withFile(`${directory}/from`, O.RDWR, (fd) => {
        pwrite(fd, Buffer.alloc(4 * MIB, 'x'), 30 * MIB);
        ftruncate(fd, 64 * MIB);
      });
      writeFile(`${directory}/to`);
    },
    run: (directory) =>
      between(directory, (from, to) => {
        copyAll(from, to, 64 * MIB);
        equal(fstat(to).sizeBytes, 64 * MIB, 'size');
        equal(pread(to, 5, 0).toString('latin1'), 'start');
        for (let at = 0; at < 64; at += 2)
          holds(pread(from, MIB, at * MIB).equals(pread(to, MIB, at * MIB)), `MiB ${at} is the same`);
      }),
  },
  'moves the times of the target': {
    prepare: prepareTwo,
    run: (directory) => {
      const tick = afterTick(directory);
      between(directory, (from, to) => void copyFileRange(from, 0, to, 0, 5));
      const { mtime, ctime } = stat(`${directory}/to`);
      holds(mtime >= tick && ctime >= tick, 'times move');
    },
  },
  'set-id bits of the target go when somebody else copies': {
    root: true,
    prepare: (directory) => {
      prepareTwo(directory);
      chmod(`${directory}/to`, 0o6777);
    },
    run: (directory) => {
      as(STRANGER, () => between(directory, (from, to) => void copyFileRange(from, 0, to, 0, 5)));
      equal(stat(`${directory}/to`).mode & 0o7777, 0o777);
    },
  },
  'EINVAL where the ranges overlap': {
    prepare: prepareTwo,
    run: (directory) => {
      withFile(`${directory}/from`, O.RDWR, (fd) => {
        refuses('EINVAL', () => copyFileRange(fd, 0, fd, 3, 5));
        withFile(`${directory}/from`, O.RDWR, (other) => refuses('EINVAL', () => copyFileRange(fd, 3, other, 0, 5)));
      });
      equal(readFile(`${directory}/from`), 'abcdefghij');
    },
  },
  'EINVAL for flags and for what is no file': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        refuses('EINVAL', () => copyFileRange(from, 0, to, 0, 1, 1));
        const [reader, writer] = pipe();
        refuses('EINVAL', () => copyFileRange(reader, null, to, 0, 1));
        refuses('EINVAL', () => copyFileRange(from, 0, writer, null, 1));
        close(reader);
        close(writer);
      }),
  },
  'EBADF for the wrong way round, append, and no file': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) => {
        refuses('EBADF', () => copyFileRange(to, 0, from, 0, 1));
        refuses('EBADF', () => copyFileRange(BAD_FD, 0, to, 0, 1));
        refuses('EBADF', () => copyFileRange(from, 0, BAD_FD, 0, 1));
        withFile(`${directory}/from`, O.WRONLY, (writer) => refuses('EBADF', () => copyFileRange(writer, 0, to, 0, 1)));
      });
      between(directory, (from, to) => refuses('EBADF', () => copyFileRange(from, 0, to, 0, 1)), O.APPEND);
      equal(readFile(`${directory}/to`), '0123456789');
    },
  },
  'EISDIR for a directory': {
    prepare: (directory) => {
      prepareTwo(directory);
      mkdir(`${directory}/sub`);
    },
    run: (directory) =>
      between(directory, (from, to) =>
        withFile(`${directory}/sub`, O.RDONLY, (sub) => {
          refuses('EISDIR', () => copyFileRange(sub, 0, to, 0, 1));
          refuses(['EISDIR', 'EBADF'], () => copyFileRange(from, 0, sub, 0, 1));
        }),
      ),
  },
  'EFBIG beyond the limit of the process and of any file': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        withLimit(RLIMIT.FSIZE, 4_096, () => {
          refuses('EFBIG', () => copyFileRange(from, 0, to, 4_096, 1));
          equal(copyFileRange(from, 0, to, 4_090, 10), 6, 'as much as the limit leaves');
        });
        refuses('EFBIG', () => copyFileRange(from, 0, to, Number.MAX_SAFE_INTEGER - 4_096, 1));
      }),
  },
  'EOVERFLOW for a range past the largest offset': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => refuses('EOVERFLOW', () => copyFileRange(from, 1, to, 0, LENGTH_MAX))),
  },
};
