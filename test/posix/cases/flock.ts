// flock(2): locks of open file descriptions.
import { startActor } from '../actor.ts';
import { fstat } from '../calls/attributes.ts';
import { pread, pwrite, truncate } from '../calls/data.ts';
import { F, F_WRLCK, fcntlLock, flock, LOCK } from '../calls/locks.ts';
import { link, mkdir, rename, unlink } from '../calls/names.ts';
import { BAD_FD, close, dup, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { isBlocked } from '../waiting.ts';

const TRY_EX = LOCK.EX | LOCK.NB;
const TRY_SH = LOCK.SH | LOCK.NB;
const withContent = (directory: string) => writeFile(`${directory}/file`, 'content');

/** Two descriptors of the file, opened apart. */
function withTwo(directory: string, act: (one: number, two: number) => void, flags: number = O.RDWR): void {
  withFile(`${directory}/file`, flags, (one) => withFile(`${directory}/file`, flags, (two) => act(one, two)));
}

export const flockCases: Cases = {
  'an exclusive lock keeps out the others, a shared one only exclusive ones': {
    prepare: withContent,
    run: (directory) =>
      withTwo(directory, (one, two) => {
        flock(one, LOCK.EX);
        refuses('EAGAIN', () => flock(two, TRY_EX));
        refuses('EAGAIN', () => flock(two, TRY_SH));
        flock(one, LOCK.UN);
        flock(one, LOCK.SH);
        flock(two, TRY_SH);
        refuses('EAGAIN', () => flock(two, TRY_EX));
      }),
  },
  'on a descriptor for reading, of a file nobody may write': {
    prepare: (directory) => writeFile(`${directory}/file`, 'content', 0o444),
    run: (directory) =>
      withTwo(
        directory,
        (one, two) => {
          flock(one, LOCK.EX);
          refuses('EAGAIN', () => flock(two, TRY_SH));
        },
        O.RDONLY,
      ),
  },
  'on a directory': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) =>
      withFile(`${directory}/sub`, O.RDONLY, (one) =>
        withFile(`${directory}/sub`, O.RDONLY, (two) => {
          flock(one, LOCK.EX);
          refuses('EAGAIN', () => flock(two, TRY_EX));
        }),
      ),
  },
  'a lock changes its kind by another call': {
    prepare: withContent,
    run: (directory) =>
      withTwo(directory, (one, two) => {
        flock(one, LOCK.SH);
        flock(one, TRY_EX);
        refuses('EAGAIN', () => flock(two, TRY_SH));
        flock(one, LOCK.SH);
        flock(two, TRY_SH);
        refuses('EAGAIN', () => flock(one, TRY_EX));
      }),
  },
  'a duplicate holds the same lock, until the last is closed': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (other) => {
        const one = open(`${directory}/file`, O.RDWR);
        flock(one, LOCK.EX);
        const twin = dup(one);
        flock(twin, TRY_EX);
        close(one);
        refuses('EAGAIN', () => flock(other, TRY_EX));
        close(twin);
        flock(other, TRY_EX);
      }),
  },
  'unlocking by a duplicate unlocks': {
    prepare: withContent,
    run: (directory) =>
      withTwo(directory, (one, two) => {
        const twin = dup(one);
        flock(one, LOCK.EX);
        flock(twin, LOCK.UN);
        close(twin);
        flock(two, TRY_EX);
      }),
  },
  'keeps out another process until that one ends': {
    prepare: withContent,
    run: async (directory) => {
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.RDONLY);
      await actor.call('flock', theirs, LOCK.EX);
      const mine = open(`${directory}/file`, O.RDWR);
      refuses('EAGAIN', () => flock(mine, TRY_EX));
      await actor.end();
      flock(mine, TRY_EX);
      close(mine);
    },
  },
  'a waiting process goes on when the lock is free': {
    prepare: withContent,
    run: async (directory) => {
      const mine = open(`${directory}/file`, O.RDWR);
      flock(mine, LOCK.EX);
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.RDWR);
      const waiting = actor.call('flock', theirs, LOCK.EX);
      await isBlocked(actor.pid);
      flock(mine, LOCK.UN);
      await waiting;
      refuses('EAGAIN', () => flock(mine, TRY_SH));
      await actor.end();
      close(mine);
    },
  },
  'a lock taken before the first write of another process goes on holding': {
    prepare: withContent,
    run: async (directory) => {
      const mine = open(`${directory}/file`, O.RDONLY);
      flock(mine, LOCK.EX);
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.RDWR);
      equal(await actor.call('flock', theirs, TRY_EX).catch(codeOf), 'EAGAIN', 'before');
      await actor.call('pwrite', theirs, 'written', 0);
      equal(await actor.call('flock', theirs, TRY_EX).catch(codeOf), 'EAGAIN', 'after');
      const again = await actor.call('open', `${directory}/file`, O.RDWR);
      equal(await actor.call('flock', again, TRY_SH).catch(codeOf), 'EAGAIN', 'opened after');
      flock(mine, LOCK.UN);
      await actor.call('flock', again, TRY_EX);
      equal(pread(mine, 10, 0).toString('latin1'), 'written');
      await actor.end();
      close(mine);
    },
  },
  'holds through writes, cuts, a rename and an unlink': {
    prepare: withContent,
    run: (directory) => {
      const one = open(`${directory}/file`, O.RDWR);
      const two = open(`${directory}/file`, O.RDWR);
      flock(one, LOCK.EX);
      pwrite(one, 'C', 0);
      truncate(`${directory}/file`, 3);
      rename(`${directory}/file`, `${directory}/renamed`);
      refuses('EAGAIN', () => flock(two, TRY_EX));
      withFile(`${directory}/renamed`, O.RDONLY, (three) => refuses('EAGAIN', () => flock(three, TRY_SH)));
      unlink(`${directory}/renamed`);
      refuses('EAGAIN', () => flock(two, TRY_EX));
      equal(fstat(two).sizeBytes, 3, 'size');
      writeFile(`${directory}/file`, 'another');
      withFile(`${directory}/file`, O.RDWR, (fresh) => equal(flock(fresh, TRY_EX), 0));
      close(one);
      close(two);
    },
  },
  'two names of one file have one lock': {
    prepare: (directory) => {
      withContent(directory);
      link(`${directory}/file`, `${directory}/other`);
    },
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (one) =>
        withFile(`${directory}/other`, O.RDWR, (two) => {
          flock(one, LOCK.EX);
          refuses('EAGAIN', () => flock(two, TRY_EX));
        }),
      ),
  },
  'and a record lock have nothing to do with each other': {
    prepare: withContent,
    run: async (directory) => {
      const mine = open(`${directory}/file`, O.RDWR);
      flock(mine, LOCK.EX);
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.RDWR);
      await actor.call('fcntlLock', theirs, F.SETLK, F_WRLCK, 0, 0);
      equal(await actor.call('flock', theirs, TRY_EX).catch(codeOf), 'EAGAIN');
      refuses('EAGAIN', () => fcntlLock(mine, F.SETLK, F_WRLCK, 0, 0));
      await actor.end();
      close(mine);
    },
  },
  'EBADF for what is no open file': {
    prepare: withContent,
    run: (directory) => {
      refuses('EBADF', () => flock(BAD_FD, LOCK.SH));
      withFile(`${directory}/file`, O.PATH, (fd) => refuses('EBADF', () => flock(fd, LOCK.SH)));
    },
  },
  'EINVAL for no operation': {
    prepare: withContent,
    run: (directory) => withFile(`${directory}/file`, O.RDWR, (fd) => refuses('EINVAL', () => flock(fd, 0x40))),
  },
};

const codeOf = (error: { readonly code?: string }): string | undefined => error.code;
