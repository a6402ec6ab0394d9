// fsync(2), fdatasync(2), sync(2), syncfs(2): what can be made durable, and what says so.
import { startActor } from '../actor.ts';
import { fstat } from '../calls/attributes.ts';
import { fdatasync, fsync, pread, pwrite, sync, syncfs } from '../calls/data.ts';
import { mkdir, mknod, rename, S, unlink } from '../calls/names.ts';
import { BAD_FD, close, O, open } from '../calls/open.ts';
import { pipe } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const SYNCS = [fsync, fdatasync, syncfs];
const withContent = (directory: string) => writeFile(`${directory}/file`, 'content');

export const fsyncCases: Cases = {
  'a written file, again and again': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        for (const [at, flush] of SYNCS.entries()) {
          pwrite(fd, String(at), at);
          equal(flush(fd), 0);
        }
        equal(pread(fd, 10, 0).toString('latin1'), '012tent');
      }),
  },
  'a file open for reading, whoever wrote': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        for (const flush of SYNCS) equal(flush(fd), 0);
        withFile(`${directory}/file`, O.WRONLY, (writer) => {
          pwrite(writer, 'X', 0);
          for (const flush of SYNCS) equal(flush(fd), 0);
        });
        equal(pread(fd, 10, 0).toString('latin1'), 'Xontent');
      }),
  },
  'a new file and its directory': (directory) => {
    writeFile(`${directory}/new`, 'content');
    rename(`${directory}/new`, `${directory}/renamed`);
    withFile(`${directory}/renamed`, O.RDONLY, (fd) => equal(fsync(fd), 0));
    withFile(directory, O.RDONLY | O.DIRECTORY, (fd) => {
      for (const flush of SYNCS) equal(flush(fd), 0);
    });
    equal(readFile(`${directory}/renamed`), 'content');
  },
  'a directory that was there before': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`);
    },
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY, (fd) => {
        unlink(`${directory}/sub/file`);
        for (const flush of SYNCS) equal(flush(fd), 0);
      }),
  },
  'an unlinked file': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        unlink(`${directory}/file`);
        pwrite(fd, 'X', 0);
        for (const flush of SYNCS) equal(flush(fd), 0);
        equal(fstat(fd).nlink, 0, 'links');
      }),
  },
  'sync returns with everything written': (directory) => {
    writeFile(`${directory}/new`, 'content');
    sync();
    equal(readFile(`${directory}/new`), 'content');
  },
  'what another process wrote': {
    prepare: withContent,
    run: async (directory) => {
      const actor = await startActor();
      const fd = await actor.call('open', `${directory}/file`, O.WRONLY);
      await actor.call('pwrite', fd, 'X', 0);
      withFile(`${directory}/file`, O.RDONLY, (reader) => equal(fsync(reader), 0));
      await actor.call('fsync', fd);
      await actor.end();
      equal(readFile(`${directory}/file`), 'Xontent');
    },
  },
  'O_SYNC, O_DSYNC and RWF_DSYNC writes': {
    prepare: withContent,
    run: (directory) => {
      for (const [at, flag] of [O.SYNC, O.DSYNC].entries())
        withFile(`${directory}/file`, O.WRONLY | flag, (fd) => void pwrite(fd, String(at), at));
      equal(readFile(`${directory}/file`), '01ntent');
    },
  },
  'EINVAL for a pipe and a fifo': {
    prepare: (directory) => void mknod(`${directory}/fifo`, S.IFIFO | 0o600),
    run: (directory) => {
      const [reader, writer] = pipe();
      refuses('EINVAL', () => fsync(reader));
      refuses('EINVAL', () => fdatasync(writer));
      close(reader);
      close(writer);
      withFile(`${directory}/fifo`, O.RDONLY | O.NONBLOCK, (fd) => refuses('EINVAL', () => fsync(fd)));
    },
  },
  'EBADF for what is no open file': {
    prepare: withContent,
    run: (directory) => {
      for (const flush of SYNCS) {
        refuses('EBADF', () => flush(BAD_FD));
        withFile(`${directory}/file`, O.PATH, (fd) => refuses('EBADF', () => flush(fd)));
      }
      const fd = open(`${directory}/file`, O.RDONLY);
      close(fd);
      refuses('EBADF', () => fsync(fd));
    },
  },
};
