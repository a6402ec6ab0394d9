// fcntl(2) record locks: ranges that belong to a process, or to an open file description.
import { type Actor, startActor } from '../actor.ts';
import { pread, pwrite } from '../calls/data.ts';
import { F, F_RDLCK, F_UNLCK, F_WRLCK, fcntlLock } from '../calls/locks.ts';
import { rename } from '../calls/names.ts';
import { close, dup, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { isBlocked } from '../waiting.ts';

const withContent = (directory: string) => writeFile(`${directory}/file`, 'c'.repeat(1_000));
const codeOf = (error: { readonly code?: string }): string | undefined => error.code;

/** A second process with the file open. */
async function withActor(
  path: string,
  act: (actor: Actor, fd: number) => Promise<void>,
  flags: number = O.RDWR,
): Promise<void> {
  const actor = await startActor();
  try {
    await act(actor, await actor.call('open', path, flags));
  } finally {
    await actor.end();
  }
}

/** What stands in the way of a write lock there: [type, start, length, pid], null where nothing does. */
function obstacle(fd: number, start: number, length: number): readonly number[] | null {
  const lock = fcntlLock(fd, F.GETLK, F_WRLCK, start, length);
  return lock.type === F_UNLCK ? null : [lock.type, lock.start, lock.length, lock.pid];
}

export const recordLocksCases: Cases = {
  'a write lock keeps out other processes, in its range alone': {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, async (actor, theirs) => {
        await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 10, 10);
        withFile(`${directory}/file`, O.RDWR, (fd) => {
          refuses('EAGAIN', () => fcntlLock(fd, F.SETLK, F_WRLCK, 0, 11));
          refuses('EAGAIN', () => fcntlLock(fd, F.SETLK, F_RDLCK, 19, 1));
          fcntlLock(fd, F.SETLK, F_WRLCK, 0, 10);
          fcntlLock(fd, F.SETLK, F_WRLCK, 20, 0);
        });
      }),
  },
  'read locks share, and keep out writers': {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, async (actor, theirs) => {
        await actor.call('fcntlLock', theirs, F.SETLK, F_RDLCK, 0, 100);
        withFile(`${directory}/file`, O.RDWR, (fd) => {
          fcntlLock(fd, F.SETLK, F_RDLCK, 50, 100);
          refuses('EAGAIN', () => fcntlLock(fd, F.SETLK, F_WRLCK, 50, 100));
        });
      }),
  },
  'F_GETLK names who holds what, and nobody where all is free': {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, async (actor, theirs) => {
        await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 10, 10);
        await actor.call('fcntlLock', theirs, F.SETLK, F_RDLCK, 100, 0);
        withFile(`${directory}/file`, O.RDWR, (fd) => {
          equal(obstacle(fd, 0, 15), [F_WRLCK, 10, 10, actor.pid]);
          equal(obstacle(fd, 50, 100), [F_RDLCK, 100, 0, actor.pid]);
          equal(obstacle(fd, 20, 80), null);
        });
      }),
  },
  'ranges split, join and change their kind': {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, async (actor, theirs) => {
        const lock = (type: number, start: number, length: number) =>
          actor.call('fcntlLock', theirs, F.SETLK, type, start, length);
        await withFileAsync(`${directory}/file`, async (fd) => {
          await lock(F_WRLCK, 0, 100);
          await lock(F_UNLCK, 40, 20);
          equal(obstacle(fd, 0, 0), [F_WRLCK, 0, 40, actor.pid], 'the first part');
          equal(obstacle(fd, 40, 0), [F_WRLCK, 60, 40, actor.pid], 'the second part');
          equal(obstacle(fd, 40, 20), null, 'between');
          await lock(F_WRLCK, 40, 20);
          equal(obstacle(fd, 0, 0), [F_WRLCK, 0, 100, actor.pid], 'joined');
          await lock(F_RDLCK, 0, 50);
          equal(obstacle(fd, 0, 10), [F_RDLCK, 0, 50, actor.pid], 'for reading');
          fcntlLock(fd, F.SETLK, F_RDLCK, 0, 50);
        });
      }),
  },
  'a lock belongs to the process: its own do not meet': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (one) =>
        withFile(`${directory}/file`, O.RDWR, (two) => {
          fcntlLock(one, F.SETLK, F_WRLCK, 0, 10);
          fcntlLock(two, F.SETLK, F_WRLCK, 5, 10);
          equal(obstacle(two, 0, 0), null);
        }),
      ),
  },
  "closing any descriptor of the file lets go of the process's locks": {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, async (actor, theirs) => {
        const fd = open(`${directory}/file`, O.RDWR);
        fcntlLock(fd, F.SETLK, F_WRLCK, 0, 10);
        equal(await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 0, 10).catch(codeOf), 'EAGAIN');
        withFile(`${directory}/file`, O.RDONLY, () => {});
        await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 0, 10);
        close(fd);
      }),
  },
  'closing a duplicate does so too': {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, async (actor, theirs) => {
        const fd = open(`${directory}/file`, O.RDWR);
        fcntlLock(fd, F.SETLK, F_WRLCK, 0, 10);
        close(dup(fd));
        await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 0, 10);
        close(fd);
      }),
  },
  'the end of a process lets go of its locks': {
    prepare: withContent,
    run: async (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      await withActor(`${directory}/file`, async (actor, theirs) => {
        await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 0, 0);
        refuses('EAGAIN', () => fcntlLock(fd, F.SETLK, F_RDLCK, 0, 1));
      });
      fcntlLock(fd, F.SETLK, F_WRLCK, 0, 0);
      close(fd);
    },
  },
  'F_SETLKW waits until the range is free': {
    prepare: withContent,
    run: async (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      fcntlLock(fd, F.SETLK, F_WRLCK, 0, 10);
      await withActor(`${directory}/file`, async (actor, theirs) => {
        const waiting = actor.call('fcntlLock', theirs, F.SETLKW, F_WRLCK, 5, 10);
        await isBlocked(actor.pid);
        fcntlLock(fd, F.SETLK, F_UNLCK, 0, 10);
        await waiting;
        equal(obstacle(fd, 0, 0), [F_WRLCK, 5, 10, actor.pid]);
      });
      close(fd);
    },
  },
  'EDEADLK where two processes wait for each other': {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, (one, first) =>
        withActor(`${directory}/file`, async (two, second) => {
          await one.call('fcntlLock', first, F.SETLK, F_WRLCK, 0, 10);
          await two.call('fcntlLock', second, F.SETLK, F_WRLCK, 10, 10);
          const waiting = one.call('fcntlLock', first, F.SETLKW, F_WRLCK, 10, 10);
          await isBlocked(one.pid);
          equal(await two.call('fcntlLock', second, F.SETLKW, F_WRLCK, 0, 10).catch(codeOf), 'EDEADLK');
          await two.call('fcntlLock', second, F.SETLK, F_UNLCK, 10, 10);
          await waiting;
        }),
      ),
  },
  'EBADF where the descriptor does not fit the kind': {
    prepare: withContent,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('EBADF', () => fcntlLock(fd, F.SETLK, F_WRLCK));
        refuses('EBADF', () => fcntlLock(fd, F.OFD_SETLK, F_WRLCK));
        fcntlLock(fd, F.SETLK, F_RDLCK);
      });
      withFile(`${directory}/file`, O.WRONLY, (fd) => refuses('EBADF', () => fcntlLock(fd, F.SETLK, F_RDLCK)));
    },
  },
  'a lock on a range taken before the first write goes on holding after it': {
    prepare: withContent,
    run: (directory) =>
      withActor(`${directory}/file`, async (actor, theirs) => {
        const fd = open(`${directory}/file`, O.RDONLY);
        fcntlLock(fd, F.SETLK, F_RDLCK, 0, 10);
        await actor.call('pwrite', theirs, 'written', 0);
        equal(await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 0, 10).catch(codeOf), 'EAGAIN');
        rename(`${directory}/file`, `${directory}/renamed`);
        equal(await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 9, 1).catch(codeOf), 'EAGAIN');
        fcntlLock(fd, F.SETLK, F_UNLCK, 0, 10);
        await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 0, 10);
        close(fd);
      }),
  },
  'two processes lock as a database does, over the first write': {
    prepare: withContent,
    run: (directory) =>
      // Readers share a byte, one reserves another, and becomes the writer when the readers have gone.
      withActor(`${directory}/file`, async (actor, theirs) => {
        const [pending, reserved, shared] = [500, 501, 502];
        const fd = open(`${directory}/file`, O.RDWR);
        fcntlLock(fd, F.SETLK, F_RDLCK, shared, 10);
        await actor.call('fcntlLock', theirs, F.SETLK, F_RDLCK, shared, 10);
        fcntlLock(fd, F.SETLK, F_WRLCK, reserved, 1);
        equal(await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, reserved, 1).catch(codeOf), 'EAGAIN');
        fcntlLock(fd, F.SETLK, F_WRLCK, pending, 1);
        refuses('EAGAIN', () => fcntlLock(fd, F.SETLK, F_WRLCK, shared, 10));
        equal(Buffer.from(await actor.call('pread', theirs, 3, 0)).toString('latin1'), 'ccc');
        await actor.call('fcntlLock', theirs, F.SETLK, F_UNLCK, shared, 10);
        fcntlLock(fd, F.SETLK, F_WRLCK, shared, 10);
        pwrite(fd, 'new', 0);
        equal(await actor.call('fcntlLock', theirs, F.SETLK, F_RDLCK, shared, 10).catch(codeOf), 'EAGAIN');
        fcntlLock(fd, F.SETLK, F_UNLCK, pending, 12);
        await actor.call('fcntlLock', theirs, F.SETLK, F_RDLCK, shared, 10);
        equal(Buffer.from(await actor.call('pread', theirs, 3, 0)).toString('latin1'), 'new');
        close(fd);
      }),
  },
  'open file description locks meet within one process': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (one) =>
        withFile(`${directory}/file`, O.RDWR, (two) => {
          fcntlLock(one, F.OFD_SETLK, F_WRLCK, 0, 10);
          refuses('EAGAIN', () => fcntlLock(two, F.OFD_SETLK, F_RDLCK, 9, 1));
          refuses('EAGAIN', () => fcntlLock(two, F.SETLK, F_WRLCK, 0, 1));
          const { type, start, length, pid } = fcntlLock(two, F.OFD_GETLK, F_WRLCK, 0, 0);
          equal([type, start, length, pid], [F_WRLCK, 0, 10, -1]);
          withFile(`${directory}/file`, O.RDONLY, () => {});
          refuses('EAGAIN', () => fcntlLock(two, F.OFD_SETLK, F_RDLCK, 9, 1));
          fcntlLock(one, F.OFD_SETLK, F_UNLCK, 0, 10);
          fcntlLock(two, F.OFD_SETLK, F_WRLCK, 0, 10);
        }),
      ),
  },
  'an open file description lock ends with its last descriptor': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (other) => {
        const fd = open(`${directory}/file`, O.RDWR);
        fcntlLock(fd, F.OFD_SETLK, F_WRLCK);
        const twin = dup(fd);
        close(fd);
        refuses('EAGAIN', () => fcntlLock(other, F.OFD_SETLK, F_RDLCK));
        close(twin);
        fcntlLock(other, F.OFD_SETLK, F_WRLCK);
        equal(pread(other, 1, 0).toString('latin1'), 'c');
      }),
  },
  'F_OFD_SETLKW waits for another process': {
    prepare: withContent,
    run: async (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      fcntlLock(fd, F.OFD_SETLK, F_WRLCK);
      await withActor(`${directory}/file`, async (actor, theirs) => {
        const waiting = actor.call('fcntlLock', theirs, F.OFD_SETLKW, F_RDLCK, 0, 0);
        await new Promise((resolve) => setTimeout(resolve, 1));
        fcntlLock(fd, F.OFD_SETLK, F_UNLCK);
        await waiting;
        refuses('EAGAIN', () => fcntlLock(fd, F.OFD_SETLK, F_WRLCK));
      });
      close(fd);
    },
  },
};

async function withFileAsync(path: string, act: (fd: number) => Promise<void>): Promise<void> {
  const fd = open(path, O.RDWR);
  try {
    await act(fd);
  } finally {
    close(fd);
  }
}
