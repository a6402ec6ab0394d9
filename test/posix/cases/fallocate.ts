// fallocate(2), posix_fallocate(3): space made, zeroed, punched, cut out and put in.
import { constants } from 'node:os';
import { as, STRANGER } from '../caller.ts';
import { chmod, fstat, stat } from '../calls/attributes.ts';
import { FALLOC, fallocate, lseek, posixFallocate, pread, pwrite, SEEK } from '../calls/data.ts';
import { SystemError } from '../calls/libc.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { mkdir, mknod, S, unlink } from '../calls/names.ts';
import { BAD_FD, close, O, open } from '../calls/open.ts';
import { pipe } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { afterTick } from '../tick.ts';

const BLOCK = 4_096;
const PUNCH = FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE;
const four = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(BLOCK));
const withFour = (directory: string) => writeFile(`${directory}/file`, four.join(''));
const zeros = (count: number) => '\0'.repeat(count);
const ofFile = (directory: string, act: (fd: number) => void) => withFile(`${directory}/file`, O.RDWR, act);

/** A file system may leave an operation out, and says so; false then. */
function supported(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EOPNOTSUPP') return false;
    throw error;
  }
}

export const fallocateCases: Cases = {
  'grows a file and keeps its bytes': {
    prepare: (directory) => writeFile(`${directory}/file`, 'content'),
    run: (directory) => {
      ofFile(directory, (fd) => void fallocate(fd, 0, 3, 20_000));
      equal(stat(`${directory}/file`).sizeBytes, 20_003, 'size');
      equal(readFile(`${directory}/file`), `content${zeros(19_996)}`);
      holds(stat(`${directory}/file`).blocks >= 40, 'the space is there');
    },
  },
  'inside a file changes nothing': {
    prepare: withFour,
    run: (directory) => {
      ofFile(directory, (fd) => void fallocate(fd, 0, 100, 5_000));
      equal(readFile(`${directory}/file`), four.join(''));
    },
  },
  'KEEP_SIZE takes space beyond the end, there while the file is open': {
    prepare: (directory) => writeFile(`${directory}/file`, 'content'),
    run: (directory) => {
      ofFile(directory, (fd) => {
        fallocate(fd, FALLOC.KEEP_SIZE, 0, 65_536);
        holds(fstat(fd).blocks >= 128, 'the space is there');
      });
      equal(readFile(`${directory}/file`), 'content');
    },
  },
  'PUNCH_HOLE clears exactly its range and gives blocks back': {
    prepare: withFour,
    run: (directory) => {
      const before = stat(`${directory}/file`).blocks;
      ofFile(directory, (fd) => {
        equal(pread(fd, 1, BLOCK).toString('latin1'), 'b');
        fallocate(fd, PUNCH, BLOCK - 10, BLOCK * 2 + 20);
        equal(pread(fd, 1, BLOCK).toString('latin1'), '\0', 'by the same descriptor');
      });
      const kept = BLOCK - 10;
      equal(readFile(`${directory}/file`), 'a'.repeat(kept) + zeros(BLOCK * 2 + 20) + 'd'.repeat(kept));
      holds(stat(`${directory}/file`).blocks < before, 'blocks come back');
    },
  },
  'PUNCH_HOLE beyond the end changes nothing': {
    prepare: withFour,
    run: (directory) => {
      ofFile(directory, (fd) => void fallocate(fd, PUNCH, BLOCK * 8, BLOCK));
      equal(readFile(`${directory}/file`), four.join(''));
    },
  },
  'ZERO_RANGE clears, and grows unless the size is kept': {
    prepare: withFour,
    run: (directory) => {
      ofFile(directory, (fd) => {
        fallocate(fd, FALLOC.ZERO_RANGE | FALLOC.KEEP_SIZE, BLOCK * 3 + 96, BLOCK * 4);
        equal(fstat(fd).sizeBytes, BLOCK * 4, 'size kept');
        fallocate(fd, FALLOC.ZERO_RANGE, 10, 20);
        fallocate(fd, FALLOC.ZERO_RANGE, BLOCK * 4, BLOCK);
      });
      const text = `${'a'.repeat(10)}${zeros(20)}${'a'.repeat(BLOCK - 30)}${four[1]}${four[2]}${'d'.repeat(96)}`;
      equal(readFile(`${directory}/file`), text + zeros(BLOCK * 5 - text.length));
    },
  },
  'COLLAPSE_RANGE cuts a range out, or is not supported': {
    prepare: withFour,
    run: (directory) => {
      let done = false;
      ofFile(directory, (fd) => {
        done = supported(() => fallocate(fd, FALLOC.COLLAPSE_RANGE, BLOCK, BLOCK));
      });
      equal(readFile(`${directory}/file`), done ? `${four[0]}${four[2]}${four[3]}` : four.join(''));
    },
  },
  'INSERT_RANGE puts a hole in, or is not supported': {
    prepare: withFour,
    run: (directory) => {
      let done = false;
      ofFile(directory, (fd) => {
        done = supported(() => fallocate(fd, FALLOC.INSERT_RANGE, BLOCK, BLOCK));
      });
      const text = done ? `${four[0]}${zeros(BLOCK)}${four.slice(1).join('')}` : four.join('');
      equal(readFile(`${directory}/file`), text);
    },
  },
  'UNSHARE_RANGE keeps the bytes, or is not supported': {
    prepare: withFour,
    run: (directory) => {
      ofFile(directory, (fd) => void supported(() => fallocate(fd, FALLOC.UNSHARE_RANGE, 0, BLOCK)));
      equal(readFile(`${directory}/file`), four.join(''));
    },
  },
  'COLLAPSE_RANGE and INSERT_RANGE refuse what they cannot do': {
    prepare: withFour,
    run: (directory) => {
      ofFile(directory, (fd) => {
        for (const mode of [FALLOC.COLLAPSE_RANGE, FALLOC.INSERT_RANGE]) {
          refuses(['EINVAL', 'EOPNOTSUPP'], () => fallocate(fd, mode, 10, BLOCK));
          refuses(['EINVAL', 'EOPNOTSUPP'], () => fallocate(fd, mode, 0, 10));
          refuses(['EINVAL', 'EOPNOTSUPP'], () => fallocate(fd, mode | FALLOC.KEEP_SIZE, 0, BLOCK));
          refuses(['EINVAL', 'EOPNOTSUPP'], () => fallocate(fd, mode, BLOCK * 4, BLOCK));
        }
        refuses(['EINVAL', 'EOPNOTSUPP'], () => fallocate(fd, FALLOC.COLLAPSE_RANGE, BLOCK * 2, BLOCK * 2));
      });
      equal(readFile(`${directory}/file`), four.join(''));
    },
  },
  'moves the times of data and inode': {
    prepare: withFour,
    run: (directory) => {
      for (const [mode, offset] of [
        [0, BLOCK * 4],
        [PUNCH, 0],
        [FALLOC.ZERO_RANGE, BLOCK],
      ] as const) {
        const tick = afterTick(directory);
        ofFile(directory, (fd) => void fallocate(fd, mode, offset, BLOCK));
        const { mtime, ctime } = stat(`${directory}/file`);
        holds(mtime >= tick && ctime >= tick, `times move with mode ${mode}`);
      }
    },
  },
  'set-id bits go when somebody else takes space': {
    root: true,
    prepare: (directory) => {
      withFour(directory);
      chmod(`${directory}/file`, 0o6777);
    },
    run: (directory) => {
      as(STRANGER, () => ofFile(directory, (fd) => void fallocate(fd, 0, 0, BLOCK * 8)));
      equal(stat(`${directory}/file`).mode & 0o7777, 0o777);
    },
  },
  'of an unlinked file': {
    prepare: withFour,
    run: (directory) =>
      ofFile(directory, (fd) => {
        unlink(`${directory}/file`);
        fallocate(fd, 0, 0, BLOCK * 8);
        equal(fstat(fd).sizeBytes, BLOCK * 8, 'size');
        equal(pread(fd, 1, BLOCK).toString('latin1'), 'b');
      }),
  },
  'a hole is filled with data': {
    prepare: (directory) => writeFile(`${directory}/file`, ''),
    run: (directory) =>
      ofFile(directory, (fd) => {
        pwrite(fd, 'end', BLOCK * 100);
        holds(fstat(fd).blocks < 64, 'sparse');
        fallocate(fd, 0, 0, BLOCK * 100);
        holds(fstat(fd).blocks >= 800, 'the space is there');
        equal(lseek(fd, 0, SEEK.END), BLOCK * 100 + 3);
      }),
  },
  'EFBIG beyond the limit of the process': {
    prepare: withFour,
    run: (directory) =>
      ofFile(directory, (fd) =>
        withLimit(RLIMIT.FSIZE, BLOCK * 8, () => {
          refuses('EFBIG', () => fallocate(fd, 0, 0, BLOCK * 8 + 1));
          fallocate(fd, 0, 0, BLOCK * 8);
          equal(posixFallocate(fd, BLOCK, BLOCK * 8), constants.errno.EFBIG);
        }),
      ),
  },
  'EFBIG for more than a file can be': {
    prepare: withFour,
    run: (directory) =>
      ofFile(directory, (fd) => {
        refuses('EFBIG', () => fallocate(fd, FALLOC.KEEP_SIZE, Number.MAX_SAFE_INTEGER - BLOCK, BLOCK));
        refuses(['EFBIG', 'EOPNOTSUPP', 'EINVAL'], () =>
          fallocate(fd, FALLOC.INSERT_RANGE, BLOCK, Number.MAX_SAFE_INTEGER - BLOCK + 1),
        );
      }),
  },
  'EINVAL for a negative offset and a length of nothing': {
    prepare: withFour,
    run: (directory) =>
      ofFile(directory, (fd) => {
        refuses('EINVAL', () => fallocate(fd, 0, -1, BLOCK));
        refuses('EINVAL', () => fallocate(fd, 0, 0, 0));
        refuses('EINVAL', () => fallocate(fd, 0, 0, -BLOCK));
        equal(posixFallocate(fd, -1, BLOCK), constants.errno.EINVAL);
        equal(posixFallocate(fd, 0, 0), constants.errno.EINVAL);
      }),
  },
  'EOPNOTSUPP for modes that nobody knows': {
    prepare: withFour,
    run: (directory) =>
      ofFile(directory, (fd) => {
        refuses('EOPNOTSUPP', () => fallocate(fd, FALLOC.PUNCH_HOLE, 0, BLOCK));
        refuses('EOPNOTSUPP', () => fallocate(fd, PUNCH | FALLOC.ZERO_RANGE, 0, BLOCK));
        refuses('EOPNOTSUPP', () => fallocate(fd, 0x8000, 0, BLOCK));
      }),
  },
  'EBADF unless open for writing': {
    prepare: withFour,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('EBADF', () => fallocate(fd, 0, 0, BLOCK));
        equal(posixFallocate(fd, 0, BLOCK), constants.errno.EBADF);
      });
      refuses('EBADF', () => fallocate(BAD_FD, 0, 0, BLOCK));
      equal(posixFallocate(BAD_FD, 0, BLOCK), constants.errno.EBADF);
    },
  },
  'ESPIPE for a pipe and a fifo': {
    prepare: (directory) => void mknod(`${directory}/fifo`, S.IFIFO | 0o600),
    run: (directory) => {
      const [reader, writer] = pipe();
      refuses('ESPIPE', () => fallocate(writer, 0, 0, BLOCK));
      equal(posixFallocate(writer, 0, BLOCK), constants.errno.ESPIPE);
      close(reader);
      close(writer);
      withFile(`${directory}/fifo`, O.RDWR, (fd) => refuses('ESPIPE', () => fallocate(fd, 0, 0, BLOCK)));
    },
  },
  'ENODEV for a device': () => {
    const fd = open('/dev/null', O.WRONLY);
    refuses('ENODEV', () => fallocate(fd, 0, 0, BLOCK));
    equal(posixFallocate(fd, 0, BLOCK), constants.errno.ENODEV);
    close(fd);
  },
  'EBADF for a directory, which cannot be open for writing': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY, (fd) => refuses('EBADF', () => fallocate(fd, 0, 0, BLOCK))),
  },
  'posix_fallocate makes the file as large as asked, never smaller': {
    prepare: (directory) => writeFile(`${directory}/file`, 'content'),
    run: (directory) => {
      ofFile(directory, (fd) => {
        equal(posixFallocate(fd, 100, 9_900), 0);
        equal(posixFallocate(fd, 0, 10), 0);
      });
      equal(readFile(`${directory}/file`), `content${zeros(9_993)}`);
    },
  },
};
