// Files without a name that somebody has open: they live as before until the last descriptor closes.
import { startActor } from '../actor.ts';
import { fchmod, fstat, futimens, stat } from '../calls/attributes.ts';
import { fsync, ftruncate, lseek, pread, pwrite, read, SEEK, write } from '../calls/data.ts';
import { getdents, readdir } from '../calls/directory.ts';
import { AT, AT_FDCWD } from '../calls/libc.ts';
import { MAP, MS, mmap, msync, munmap, PROT } from '../calls/memory.ts';
import { linkat, mkdir, rename, rmdir, S, unlink } from '../calls/names.ts';
import { close, dup, O, open } from '../calls/open.ts';
import { getxattr, setxattr } from '../calls/xattr.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, writeFile } from '../files.ts';
import { afterTick } from '../tick.ts';

const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');
/** The file open with its name gone. */
function opened(directory: string, flags: number = O.RDWR): number {
  const fd = open(`${directory}/file`, flags);
  unlink(`${directory}/file`);
  return fd;
}

export const unlinkedCases: Cases = {
  'reads and writes as before': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = opened(directory);
      equal(pread(fd, 20, 0).toString(), 'content');
      equal(write(fd, 'CON'), 3);
      pwrite(fd, 'far', 50_000);
      equal(pread(fd, 7, 0).toString(), 'CONtent');
      equal(fstat(fd).sizeBytes, 50_003);
      equal(lseek(fd, -3, SEEK.END), 50_000);
      equal(read(fd, 10).toString(), 'far');
      fsync(fd);
      close(fd);
      refuses('ENOENT', () => stat(`${directory}/file`));
      equal(readdir(directory), []);
    },
  },
  'has no links and the same number, mode and size': {
    prepare: filePrepared,
    run: (directory) => {
      const before = stat(`${directory}/file`);
      afterTick(directory);
      const fd = opened(directory, O.RDONLY);
      const after = fstat(fd);
      equal([after.ino, after.mode, after.sizeBytes, after.nlink], [before.ino, before.mode, before.sizeBytes, 0]);
      equal(after.mtime, before.mtime, 'mtime');
      holds(after.ctime > before.ctime, 'ctime moved');
      close(fd);
    },
  },
  'changes its size, mode, times and attributes': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = opened(directory);
      ftruncate(fd, 3);
      equal(pread(fd, 20, 0).toString(), 'con');
      ftruncate(fd, 5);
      equal(pread(fd, 20, 0).toString('latin1'), 'con\0\0');
      fchmod(fd, 0o600);
      futimens(fd, { sec: 1_000_000_000, nsec: 1 }, { sec: 1_000_000_001, nsec: 2 });
      setxattr(fd, 'user.note', 'kept');
      equal(getxattr(fd, 'user.note').toString(), 'kept');
      const { mode, mtime, nlink } = fstat(fd);
      equal([mode, mtime, nlink], [S.IFREG | 0o600, 1_000_000_001_000_000_002n, 0]);
      close(fd);
    },
  },
  'is one file for a second descriptor and for a copy': {
    prepare: filePrepared,
    run: (directory) => {
      const second = open(`${directory}/file`, O.RDONLY);
      const fd = opened(directory);
      const copy = dup(fd);
      write(fd, 'ONE');
      equal(pread(second, 20, 0).toString(), 'ONEtent');
      close(fd);
      write(copy, 'TWO');
      close(copy);
      equal(pread(second, 20, 0).toString(), 'ONETWOt', 'the last one');
      equal(fstat(second).nlink, 0);
      close(second);
    },
  },
  'opens again through /proc/self/fd': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = opened(directory, O.RDONLY);
      const again = open(`/proc/self/fd/${fd}`, O.RDWR);
      equal(fstat(again).ino, fstat(fd).ino);
      write(again, 'AGAIN');
      equal(pread(fd, 20, 0).toString(), 'AGAINnt');
      close(open(`/proc/self/fd/${fd}`, O.WRONLY | O.TRUNC));
      equal(fstat(fd).sizeBytes, 0);
      close(again);
      close(fd);
    },
  },
  'gets no name again through /proc/self/fd': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = opened(directory);
      refuses('ENOENT', () =>
        linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, `${directory}/again`, AT.SYMLINK_FOLLOW),
      );
      close(fd);
      equal(readdir(directory), []);
    },
  },
  'is another file than the new one of its name': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = opened(directory);
      writeFile(`${directory}/file`, 'the new one');
      holds(stat(`${directory}/file`).ino !== fstat(fd).ino, 'another number');
      write(fd, 'OLD');
      equal(readFile(`${directory}/file`), 'the new one');
      equal(pread(fd, 20, 0).toString(), 'OLDtent');
      unlink(`${directory}/file`);
      equal(pread(fd, 20, 0).toString(), 'OLDtent');
      close(fd);
    },
  },
  'changes nothing of the new one of its name': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = opened(directory);
      writeFile(`${directory}/file`, 'the new one');
      setxattr(`${directory}/file`, 'user.note', 'new');
      const before = stat(`${directory}/file`);
      fchmod(fd, 0o600);
      futimens(fd, { sec: 1_000_000_000, nsec: 1 }, { sec: 1_000_000_001, nsec: 2 });
      setxattr(fd, 'user.note', 'old');
      ftruncate(fd, 2);
      equal([fstat(fd).mode, fstat(fd).sizeBytes], [S.IFREG | 0o600, 2]);
      equal(getxattr(fd, 'user.note').toString(), 'old');
      equal(getxattr(`${directory}/file`, 'user.note').toString(), 'new');
      close(fd);
      equal(stat(`${directory}/file`), before);
    },
  },
  'a directory that was removed keeps what is set on it to itself': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      const fd = open(`${directory}/sub`, O.RDONLY | O.DIRECTORY);
      rmdir(`${directory}/sub`);
      mkdir(`${directory}/sub`);
      fchmod(fd, 0o700);
      equal(stat(`${directory}/sub`).mode, S.IFDIR | 0o755, 'the new one');
      equal([fstat(fd).mode, fstat(fd).nlink], [S.IFDIR | 0o700, 0], 'the old one');
      close(fd);
    },
  },
  'the same holds for a file that was replaced by rename': {
    prepare: (directory) => {
      filePrepared(directory);
      writeFile(`${directory}/other`, 'other');
    },
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      rename(`${directory}/other`, `${directory}/file`);
      equal(fstat(fd).nlink, 0);
      write(fd, 'OLD');
      equal(pread(fd, 20, 0).toString(), 'OLDtent');
      equal(readFile(`${directory}/file`), 'other');
      close(fd);
      equal(readFile(`${directory}/file`), 'other');
    },
  },
  'stays open when its directory is removed, too': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      writeFile(`${directory}/sub/file`, 'content');
    },
    run: (directory) => {
      const fd = open(`${directory}/sub/file`, O.RDWR);
      unlink(`${directory}/sub/file`);
      rmdir(`${directory}/sub`);
      write(fd, 'STILL');
      equal(pread(fd, 20, 0).toString(), 'STILLnt');
      mkdir(`${directory}/sub`);
      equal(readdir(`${directory}/sub`), []);
      close(fd);
    },
  },
  'a mapping outlives both name and descriptor': {
    prepare: filePrepared,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      const second = open(`${directory}/file`, O.RDONLY);
      const mapping = mmap(fd, 7, PROT.READ | PROT.WRITE, MAP.SHARED);
      unlink(`${directory}/file`);
      close(fd);
      mapping.memory.write('MAP', 'latin1');
      msync(mapping, MS.SYNC);
      equal(pread(second, 20, 0).toString(), 'MAPtent');
      munmap(mapping);
      close(second);
    },
  },
  'a process goes on with what another removed': {
    prepare: filePrepared,
    run: async (directory) => {
      const actor = await startActor();
      try {
        const fd = await actor.call('open', `${directory}/file`, O.RDWR, 0);
        unlink(`${directory}/file`);
        writeFile(`${directory}/file`, 'another');
        await actor.call('write', fd, 'THERE');
        equal((await actor.call('pread', fd, 20, 0)).toString(), 'THEREnt');
        equal((await actor.call('fstat', fd)).nlink, 0);
      } finally {
        await actor.end();
      }
      equal(readFile(`${directory}/file`), 'another');
    },
  },
  'a directory that was removed lists nothing and takes nothing new': {
    prepare: (directory) => void mkdir(`${directory}/sub`),
    run: (directory) => {
      const fd = open(`${directory}/sub`, O.RDONLY | O.DIRECTORY);
      rmdir(`${directory}/sub`);
      equal(fstat(fd).nlink, 0);
      refuses('ENOENT', () => getdents(fd));
      refuses('ENOENT', () => open(`/proc/self/fd/${fd}/new`, O.CREAT | O.WRONLY));
      refuses('ENOENT', () => mkdir(`/proc/self/fd/${fd}/new`));
      close(fd);
    },
  },
};
