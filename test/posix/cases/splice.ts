// sendfile(2), splice(2), tee(2): bytes of files through pipes and back, without a copy in memory.
import { fstat } from '../calls/attributes.ts';
import { lseek, pread, pwrite, read, SEEK, write } from '../calls/data.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { BAD_FD, close, O, open } from '../calls/open.ts';
import { pipe, SPLICE, sendfile, splice, tee } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const PIPE_BYTES = 65_536;

function prepareTwo(directory: string): void {
  writeFile(`${directory}/from`, 'abcdefghij');
  writeFile(`${directory}/to`, '0123456789');
}

function between(directory: string, act: (from: number, to: number) => void, flags = 0): void {
  withFile(`${directory}/from`, O.RDONLY, (from) => withFile(`${directory}/to`, O.RDWR | flags, (to) => act(from, to)));
}

function withPipe(act: (reader: number, writer: number) => void, flags = 0): void {
  const [reader, writer] = pipe(flags);
  try {
    act(reader, writer);
  } finally {
    close(reader);
    close(writer);
  }
}

export const sendfileCases: Cases = {
  'from file to file moves the target and leaves the source where an offset is given': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) => {
        lseek(to, 2, SEEK.SET);
        equal(sendfile(to, from, 3, 4), 4);
        equal(lseek(from, 0, SEEK.CUR), 0, 'position of the source');
        equal(lseek(to, 0, SEEK.CUR), 6, 'position of the target');
      });
      equal(readFile(`${directory}/to`), '01defg6789');
    },
  },
  'without an offset both positions move': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        equal(sendfile(to, from, null, 3), 3);
        equal(sendfile(to, from, null, 100), 7);
        equal(sendfile(to, from, null, 100), 0, 'at the end');
        equal(pread(to, 20, 0).toString('latin1'), 'abcdefghij');
      }),
  },
  'into a pipe': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from) =>
        withPipe((reader, writer) => {
          equal(sendfile(writer, from, 2, 5), 5);
          equal(read(reader, 100).toString('latin1'), 'cdefg');
        }),
      ),
  },
  'a megabyte, as it was just written': {
    prepare: (directory) => writeFile(`${directory}/from`, 'x'.repeat(1 << 20)),
    run: (directory) => {
      withFile(`${directory}/from`, O.RDWR, (from) => {
        pwrite(from, 'new', 500_000);
        const to = open(`${directory}/copy`, O.CREAT | O.RDWR);
        for (let left = 1 << 20; left > 0; ) left -= sendfile(to, from, null, left);
        equal(pread(to, 5, 499_999).toString('latin1'), 'xnewx');
        equal(fstat(to).sizeBytes, 1 << 20, 'size');
        close(to);
      });
    },
  },
  'EAGAIN where a pipe is full and must not wait': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from) =>
        withPipe((_reader, writer) => {
          write(writer, 'x'.repeat(PIPE_BYTES));
          refuses('EAGAIN', () => sendfile(writer, from, 0, 5));
        }, O.NONBLOCK),
      ),
  },
  'EBADF the wrong way round': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        refuses('EBADF', () => sendfile(from, to, 0, 1));
        refuses('EBADF', () => sendfile(to, BAD_FD, 0, 1));
        refuses('EBADF', () => sendfile(BAD_FD, from, 0, 1));
      }),
  },
  'EINVAL for an appending target and a negative offset': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) => refuses('EINVAL', () => sendfile(to, from, -1, 1)));
      between(directory, (from, to) => refuses('EINVAL', () => sendfile(to, from, 0, 1)), O.APPEND);
      equal(readFile(`${directory}/to`), '0123456789');
    },
  },
  'ESPIPE for an offset in a pipe': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (_from, to) => withPipe((reader) => refuses('ESPIPE', () => sendfile(to, reader, 1, 1)))),
  },
  'EFAULT for an offset outside the memory': {
    prepare: prepareTwo,
    run: (directory) => between(directory, (from, to) => refuses('EFAULT', () => sendfileBadOffset(to, from))),
  },
  'EFBIG beyond the limit of the process': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) => {
        lseek(to, 4_096, SEEK.SET);
        withLimit(RLIMIT.FSIZE, 4_096, () => refuses('EFBIG', () => sendfile(to, from, 0, 5)));
        equal(fstat(to).sizeBytes, 10, 'size');
      }),
  },
};

const sendfileBadOffset = (to: number, from: number): number => sendfile(to, from, 1n, 1);

export const spliceCases: Cases = {
  'from a file into a pipe and from there into another': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) =>
        withPipe((reader, writer) => {
          equal(splice(from, 2, writer, null, 5), 5);
          equal(lseek(from, 0, SEEK.CUR), 0, 'position of the source');
          equal(splice(reader, null, to, 8, 5), 5);
          equal(lseek(to, 0, SEEK.CUR), 0, 'position of the target');
        }),
      );
      equal(readFile(`${directory}/to`), '01234567cdefg');
    },
  },
  'moves the positions where no offset is given': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) =>
        withPipe((reader, writer) => {
          for (const count of [3, 4, 3, 0]) {
            equal(splice(from, null, writer, null, 4 - Number(count === 3)), count);
            if (count > 0) equal(splice(reader, null, to, null, count), count);
          }
          equal(lseek(to, 0, SEEK.CUR), 10);
          equal(pread(to, 20, 0).toString('latin1'), 'abcdefghij');
        }),
      ),
  },
  'pages in a pipe do not change what the file says': {
    prepare: prepareTwo,
    run: (directory) =>
      withFile(`${directory}/from`, O.RDWR, (from) =>
        withPipe((reader, writer) => {
          write(writer, 'head');
          equal(splice(from, 0, writer, null, 10, SPLICE.MOVE | SPLICE.MORE), 10);
          equal(read(reader, 100).toString('latin1'), 'headabcdefghij');
          equal(pread(from, 20, 0).toString('latin1'), 'abcdefghij');
        }),
      ),
  },
  'many pages through a pipe, at an odd place': {
    prepare: (directory) => {
      writeFile(`${directory}/from`, Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251)));
      writeFile(`${directory}/to`, 'x');
    },
    run: (directory) =>
      between(directory, (from, to) =>
        withPipe((reader, writer) => {
          for (let at = 0; at < 300_000; ) {
            const filled = splice(from, at, writer, null, PIPE_BYTES);
            for (let left = filled; left > 0; ) left -= splice(reader, null, to, at + 1 + filled - left, left);
            at += filled;
          }
          equal(pread(to, 300_000, 1), pread(from, 300_000, 0), 'bytes');
        }),
      ),
  },
  'tee leaves the bytes for another': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) =>
        withPipe((reader, writer) =>
          withPipe((otherReader, otherWriter) => {
            splice(from, 0, writer, null, 10);
            equal(tee(reader, otherWriter, 10, 0), 10);
            equal(splice(otherReader, null, to, 0, 4), 4);
            equal(read(reader, 20).toString('latin1'), 'abcdefghij');
            equal(pread(to, 20, 0).toString('latin1'), 'abcd456789');
          }),
        ),
      ),
  },
  'EAGAIN where it would wait': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) =>
        withPipe((reader, writer) => {
          refuses('EAGAIN', () => splice(reader, null, to, 0, 1, SPLICE.NONBLOCK));
          for (let filled = 0; filled < PIPE_BYTES; ) filled += write(writer, 'x'.repeat(4_096));
          refuses('EAGAIN', () => splice(from, 0, writer, null, 1, SPLICE.NONBLOCK));
        }),
      ),
  },
  'EBADF the wrong way round': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) =>
        withPipe((reader, writer) => {
          write(writer, 'x');
          refuses('EBADF', () => splice(reader, null, from, 0, 1));
          refuses('EBADF', () => splice(to, 0, reader, null, 1));
          refuses('EBADF', () => splice(BAD_FD, null, writer, null, 1));
          withFile(`${directory}/to`, O.WRONLY, (fd) => refuses('EBADF', () => splice(fd, 0, writer, null, 1)));
        }),
      ),
  },
  'EINVAL for an appending target, without a pipe, and for one pipe': {
    prepare: prepareTwo,
    run: (directory) => {
      between(directory, (from, to) => {
        refuses('EINVAL', () => splice(from, 0, to, 0, 1));
        refuses('EINVAL', () => splice(from, 0, to, 0, 1, 0x80));
        withPipe((reader, writer) => {
          write(writer, 'x');
          refuses('EINVAL', () => splice(reader, null, writer, null, 1));
        });
      });
      between(
        directory,
        (_from, to) =>
          withPipe((reader, writer) => {
            write(writer, 'x');
            refuses('EINVAL', () => splice(reader, null, to, null, 1));
          }),
        O.APPEND,
      );
      equal(readFile(`${directory}/to`), '0123456789');
    },
  },
  'ESPIPE for an offset in a pipe': {
    prepare: prepareTwo,
    run: (directory) =>
      between(directory, (from, to) =>
        withPipe((reader, writer) => {
          refuses('ESPIPE', () => splice(from, 0, writer, 0, 1));
          refuses('ESPIPE', () => splice(reader, 0, to, 0, 1));
        }),
      ),
  },
};
