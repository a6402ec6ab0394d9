// open(2): status flags, and how reads and writes follow them.
import { startActor } from '../actor.ts';
import { fstat, stat, utimens } from '../calls/attributes.ts';
import { alignedBuffer, lseek, pread, preadInto, pwrite, read, SEEK, write } from '../calls/data.ts';
import { SystemError } from '../calls/libc.ts';
import { F, fcntl } from '../calls/locks.ts';
import { close, dup, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const BLOCK_BYTES = 4096;
const LINES_EACH = 50;
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');

export const openFlagsCases: Cases = {
  'O_APPEND writes at the end wherever the position is': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR | O.APPEND);
      equal(read(fd, 3).toString(), 'con');
      write(fd, '-one');
      equal(lseek(fd, 0, SEEK.CUR), 11, 'position');
      withFile(`${directory}/file`, O.WRONLY | O.APPEND, (other) => void write(other, '-two'));
      lseek(fd, 0, SEEK.SET);
      write(fd, '-three');
      close(fd);
      equal(readFile(`${directory}/file`), 'content-one-two-three');
    },
  },
  'O_APPEND takes pwrite to the end, too': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.WRONLY | O.APPEND, (fd) => {
        equal(pwrite(fd, '-end', 1), 4);
        equal(lseek(fd, 0, SEEK.CUR), 0, 'position');
      });
      equal(readFile(`${directory}/file`), 'content-end');
    },
  },
  'two processes that append lose nothing of each other': async (directory) => {
    const actors = [await startActor(), await startActor()];
    try {
      const write = async (actor: (typeof actors)[number], letter: string) => {
        const fd = await actor.call('open', `${directory}/log`, O.CREAT | O.WRONLY | O.APPEND, 0o644);
        for (let line = 0; line < LINES_EACH; line += 1) await actor.call('write', fd, `${letter.repeat(99)}\n`);
        await actor.call('close', fd);
      };
      await Promise.all(actors.map((actor, at) => write(actor, 'ab'[at]!)));
    } finally {
      await Promise.all(actors.map((actor) => actor.end()));
    }
    const lines = readFile(`${directory}/log`).split('\n').slice(0, -1);
    equal(lines.filter((line) => line === 'a'.repeat(99)).length, LINES_EACH);
    equal(lines.filter((line) => line === 'b'.repeat(99)).length, LINES_EACH);
    equal(lines.length, 2 * LINES_EACH);
  },
  'F_SETFL switches O_APPEND and O_NONBLOCK, never the access mode': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.WRONLY);
      fcntl(fd, F.SETFL, O.APPEND | O.NONBLOCK | O.RDWR);
      equal(fcntl(fd, F.GETFL) & (3 | O.APPEND | O.NONBLOCK), O.WRONLY | O.APPEND | O.NONBLOCK);
      write(fd, '-end');
      fcntl(fd, F.SETFL, 0);
      pwrite(fd, 'CON', 0);
      close(fd);
      equal(readFile(`${directory}/file`), 'CONtent-end');
    },
  },
  'O_DIRECT and the page cache see the same bytes': {
    prepare: (directory) => writeFile(`${directory}/file`, 'a'.repeat(3 * BLOCK_BYTES)),
    run: (directory) => {
      const cached = open(`${directory}/file`, O.RDWR);
      equal(pread(cached, 4, BLOCK_BYTES).toString(), 'aaaa');
      const direct = open(`${directory}/file`, O.RDWR | O.DIRECT);
      const block = alignedBuffer(BLOCK_BYTES).fill('d');
      equal(pwrite(direct, block, BLOCK_BYTES), BLOCK_BYTES);
      equal(pread(cached, 6, BLOCK_BYTES - 3).toString(), 'aaaddd', 'cached after direct');
      pwrite(cached, 'cccc', 2 * BLOCK_BYTES);
      equal(preadInto(direct, block, 2 * BLOCK_BYTES), BLOCK_BYTES);
      equal(block.toString('latin1', 0, 6), 'ccccaa', 'direct after cached');
      equal(preadInto(direct, block, 3 * BLOCK_BYTES), 0, 'the end');
      close(direct);
      close(cached);
    },
  },
  'O_DIRECT on a new file writes it': (directory) => {
    const fd = open(`${directory}/new`, O.CREAT | O.RDWR | O.DIRECT);
    equal(write(fd, alignedBuffer(BLOCK_BYTES).fill('n')), BLOCK_BYTES);
    equal(fstat(fd).sizeBytes, BLOCK_BYTES);
    close(fd);
    equal(readFile(`${directory}/new`), 'n'.repeat(BLOCK_BYTES));
  },
  'O_DIRECT that is not aligned is EINVAL, or done rightly': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR | O.DIRECT);
      const read = orEinval(() => preadInto(fd, alignedBuffer(8).subarray(1, 4), 1));
      const written = orEinval(() => pwrite(fd, alignedBuffer(8).fill('w').subarray(1, 4), 1));
      close(fd);
      holds(read === 'EINVAL' || read === 3, `read gave ${read}`);
      holds(written === 'EINVAL' || written === 3, `write gave ${written}`);
      equal(readFile(`${directory}/file`), written === 3 ? 'cwwwent' : 'content');
    },
  },
  'O_SYNC and O_DSYNC write what is read at once': {
    prepare: filePrepared,
    run: (directory) => {
      for (const flag of [O.SYNC, O.DSYNC]) {
        const fd = open(`${directory}/file`, O.RDWR | flag);
        equal(fcntl(fd, F.GETFL) & flag, flag);
        equal(pwrite(fd, 'synced ', 0), 7);
        equal(readFile(`${directory}/file`), 'synced ');
        close(fd);
      }
    },
  },
  'O_NONBLOCK, O_NOCTTY and O_ASYNC change nothing for a file': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR | O.NONBLOCK | O.NOCTTY | O.ASYNC);
      equal(read(fd, 20).toString(), 'content');
      equal(read(fd, 20).length, 0);
      equal(write(fd, '-end'), 4);
      close(fd);
      equal(readFile(`${directory}/file`), 'content-end');
    },
  },
  'O_NOATIME reads without moving the access time': {
    prepare: filePrepared,
    run: (directory) => {
      const old = { sec: 1_000_000_000, nsec: 5 };
      utimens(`${directory}/file`, old, old);
      withFile(`${directory}/file`, O.RDONLY | O.NOATIME, (fd) => equal(read(fd, 20).toString(), 'content'));
      equal(stat(`${directory}/file`).atime, 1_000_000_000_000_000_005n);
    },
  },
  'O_CLOEXEC marks the descriptor, not its copies': {
    prepare: filePrepared,
    run: (directory) => {
      const marked = open(`${directory}/file`, O.RDONLY | O.CLOEXEC);
      const plain = open(`${directory}/file`, O.RDONLY);
      const copy = dup(marked);
      equal(
        [marked, plain, copy].map((fd) => fcntl(fd, F.GETFD)),
        [1, 0, 0],
      );
      for (const fd of [marked, plain, copy]) close(fd);
    },
  },
  'O_DIRECTORY opens a directory, and only for reading its names': {
    run: (directory) => {
      const fd = open(directory, O.RDONLY | O.DIRECTORY);
      equal(fstat(fd).ino, stat(directory).ino);
      refuses('EISDIR', () => read(fd, 1));
      refuses('EBADF', () => write(fd, 'x'));
      close(fd);
      refuses('EISDIR', () => open(directory, O.RDWR | O.DIRECTORY));
    },
  },
  'the access mode 3 gives neither read nor write': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, 3);
      refuses('EBADF', () => read(fd, 1));
      refuses('EBADF', () => write(fd, 'x'));
      equal(fstat(fd).sizeBytes, 7);
      close(fd);
    },
  },
};

function orEinval(act: () => number): number | 'EINVAL' {
  try {
    return act();
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EINVAL') return 'EINVAL';
    throw error;
  }
}
