// fcntl(2): duplicates, flags, leases, and what it refuses.
import { startActor } from '../actor.ts';
import { pread, write } from '../calls/data.ts';
import { SystemError } from '../calls/libc.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { F, F_RDLCK, F_UNLCK, F_WRLCK, fcntl, fcntlAddress, fcntlLock } from '../calls/locks.ts';
import { mkdir } from '../calls/names.ts';
import { BAD_FD, close, O, open } from '../calls/open.ts';
import { pipe } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const FD_CLOEXEC = 1;
const DN_CREATE = 4;
const SEAL_GROW = 4;
const withContent = (directory: string) => writeFile(`${directory}/file`, 'content');

export const fcntlCases: Cases = {
  'F_DUPFD gives the first free number from one on, without close-on-exec': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY | O.CLOEXEC, (fd) => {
        const twin = fcntl(fd, F.DUPFD, 500);
        equal(twin, 500);
        equal(fcntl(fd, F.DUPFD, 500), 501);
        equal(fcntl(fd, F.GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        equal(fcntl(twin, F.GETFD) & FD_CLOEXEC, 0);
        equal(pread(twin, 10, 0).toString('latin1'), 'content');
        const closing = fcntl(fd, F.DUPFD_CLOEXEC, 500);
        equal(closing, 502);
        equal(fcntl(closing, F.GETFD), FD_CLOEXEC);
        for (const each of [500, 501, 502]) close(each);
      }),
  },
  'F_GETFL tells how it was opened, F_SETFL changes append': {
    prepare: withContent,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(fcntl(fd, F.GETFL) & 3, O.RDWR);
        fcntl(fd, F.SETFL, O.APPEND | O.NONBLOCK);
        equal(fcntl(fd, F.GETFL) & (O.APPEND | O.NONBLOCK), O.APPEND | O.NONBLOCK);
        write(fd, '!');
        fcntl(fd, F.SETFL, 0);
        equal(fcntl(fd, F.GETFL) & O.APPEND, 0);
      });
      equal(readFile(`${directory}/file`), 'content!');
    },
  },
  'F_SETFL ends appending at the end': {
    prepare: withContent,
    run: (directory) => {
      withFile(`${directory}/file`, O.WRONLY | O.APPEND, (fd) => {
        fcntl(fd, F.SETFL, 0);
        write(fd, 'C');
      });
      equal(readFile(`${directory}/file`), 'Content');
    },
  },
  'F_SETFD keeps a descriptor from a new program': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        fcntl(fd, F.SETFD, FD_CLOEXEC);
        equal(fcntl(fd, F.GETFD), FD_CLOEXEC);
        fcntl(fd, F.SETFD, 0);
        equal(fcntl(fd, F.GETFD), 0);
      }),
  },
  'a lease is given, or refused as the file system has none': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        equal(fcntl(fd, F.GETLEASE), F_UNLCK);
        try {
          fcntl(fd, F.SETLEASE, F_RDLCK);
        } catch (error) {
          if (!(error instanceof SystemError && ['EINVAL', 'EAGAIN'].includes(error.code))) throw error;
          return;
        }
        equal(fcntl(fd, F.GETLEASE), F_RDLCK);
        fcntl(fd, F.SETLEASE, F_UNLCK);
        equal(fcntl(fd, F.GETLEASE), F_UNLCK);
      }),
  },
  'a write lease is refused while another has the file open': {
    prepare: withContent,
    run: async (directory) => {
      const actor = await startActor();
      await actor.call('open', `${directory}/file`, O.RDONLY);
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        refuses(['EAGAIN', 'EINVAL'], () => fcntl(fd, F.SETLEASE, F_WRLCK)),
      );
      await actor.end();
    },
  },
  'a hint for the life of data is kept': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const hint = Buffer.alloc(8);
        fcntlAddress(fd, F.GET_RW_HINT, hint);
        hint.writeBigUInt64LE(2n);
        fcntlAddress(fd, F.SET_RW_HINT, hint);
        hint.writeBigUInt64LE(0n);
        fcntlAddress(fd, F.GET_RW_HINT, hint);
        equal(hint.readBigUInt64LE(), 2n);
        hint.writeBigUInt64LE(99n);
        refuses('EINVAL', () => fcntlAddress(fd, F.SET_RW_HINT, hint));
      }),
  },
  'F_NOTIFY watches a directory alone': {
    prepare: (directory) => {
      withContent(directory);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => fcntl(fd, F.NOTIFY, DN_CREATE)));
      withFile(`${directory}/sub`, O.RDONLY, (fd) => equal(fcntl(fd, F.NOTIFY, 0), 0));
    },
  },
  'EBADF for what is no open file': () => {
    for (const command of [F.GETFD, F.GETFL, F.DUPFD]) refuses('EBADF', () => fcntl(BAD_FD, command));
    refuses('EBADF', () => fcntlLock(BAD_FD, F.SETLK, F_RDLCK));
  },
  'EINVAL for an unknown command, a bad number and a bad signal': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        refuses('EINVAL', () => fcntl(fd, 0x7777));
        refuses('EINVAL', () => fcntl(fd, F.DUPFD, -1));
        withLimit(RLIMIT.NOFILE, 600, () => refuses('EINVAL', () => fcntl(fd, F.DUPFD, 600)));
        refuses('EINVAL', () => fcntl(fd, F.SETSIG, 1_000));
        refuses('EINVAL', () => fcntlLock(fd, F.SETLK, 77));
        refuses('EINVAL', () => fcntlLock(fd, F.SETLK, F_WRLCK, -1, 1));
      }),
  },
  'EINVAL for seals, which only memory files have': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        refuses('EINVAL', () => fcntl(fd, F.ADD_SEALS, SEAL_GROW));
        refuses('EINVAL', () => fcntl(fd, F.GET_SEALS));
        refuses('EINVAL', () => fcntl(fd, F.ADD_SEALS, 0x4000));
      }),
  },
  'EINVAL for a process number in an open file description lock': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const lock = Buffer.alloc(32);
        lock.writeInt32LE(process.pid, 24);
        for (const command of [F.OFD_SETLK, F.OFD_SETLKW, F.OFD_GETLK])
          refuses('EINVAL', () => fcntlAddress(fd, command, lock));
      }),
  },
  'EFAULT for a lock outside the memory': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        for (const command of [F.GETLK, F.SETLK, F.OFD_SETLK]) refuses('EFAULT', () => fcntlAddress(fd, command, 1n));
      }),
  },
  'EMFILE where no number is left': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        const last = fcntl(fd, F.DUPFD, 700);
        withLimit(RLIMIT.NOFILE, last + 1, () => refuses('EMFILE', () => fcntl(fd, F.DUPFD, last)));
        close(last);
      }),
  },
  'EBUSY for a pipe too small for what is in it': () => {
    const [reader, writer] = pipe();
    holds(fcntl(writer, F.GETPIPE_SZ) >= 65_536, 'size of a pipe');
    for (let filled = 0; filled < 65_536; ) filled += write(writer, 'x'.repeat(4_096));
    refuses('EBUSY', () => fcntl(writer, F.SETPIPE_SZ, 4_096));
    close(reader);
    close(writer);
  },
  'a descriptor by path alone has flags and duplicates, and nothing else': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.PATH, (fd) => {
        equal(fcntl(fd, F.GETFL) & O.PATH, O.PATH);
        close(fcntl(fd, F.DUPFD, 0));
        refuses('EBADF', () => fcntl(fd, F.SETFL, O.APPEND));
        refuses('EBADF', () => fcntlLock(fd, F.SETLK, F_RDLCK));
        refuses('EBADF', () => pread(fd, 1, 0));
        const again = open(`${directory}/file`, O.RDONLY);
        close(again);
      }),
  },
};
