// Descriptors, processes and kinds of access that meet in one file: each sees at once what the others did.
import { startActor } from '../actor.ts';
import { chmod, fstat, stat } from '../calls/attributes.ts';
import { alignedBuffer, fsync, ftruncate, lseek, pread, preadInto, pwrite, read, SEEK, write } from '../calls/data.ts';
import { readdir } from '../calls/directory.ts';
import { SystemError } from '../calls/libc.ts';
import { MAP, mmap, munmap, PROT } from '../calls/memory.ts';
import { link, rename, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const BLOCK = 4_096;
const withContent = (directory: string) => writeFile(`${directory}/file`, 'content');
const withBlocks = (directory: string) => writeFile(`${directory}/file`, 'a'.repeat(4 * BLOCK));

/** Opens without the page cache; null where the file system has no such access. */
function openDirect(path: string): number | null {
  try {
    return open(path, O.RDWR | O.DIRECT);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EINVAL') return null;
    throw error;
  }
}

function blockOf(letter: string): Buffer {
  const buffer = alignedBuffer(BLOCK);
  buffer.fill(letter);
  return buffer;
}

export const coherenceCases: Cases = {
  'a reader open since before the first write sees every write': {
    prepare: withContent,
    run: (directory) => {
      const reader = open(`${directory}/file`, O.RDONLY);
      equal(pread(reader, 20, 0).toString('latin1'), 'content');
      const writer = open(`${directory}/file`, O.WRONLY);
      equal(pread(reader, 20, 0).toString('latin1'), 'content', 'after the open');
      for (const text of ['Content', 'CONTENT', 'CONTENTS']) {
        pwrite(writer, text, 0);
        equal(pread(reader, 20, 0).toString('latin1'), text);
        equal(fstat(reader).sizeBytes, text.length, 'size');
      }
      close(writer);
      equal(pread(reader, 20, 0).toString('latin1'), 'CONTENTS', 'after the close');
      close(reader);
    },
  },
  'a reader follows a log that another process writes': {
    prepare: withContent,
    run: async (directory) => {
      const reader = open(`${directory}/file`, O.RDONLY);
      equal(read(reader, 100).toString('latin1'), 'content');
      equal(read(reader, 100).length, 0, 'at the end');
      const actor = await startActor();
      const fd = await actor.call('open', `${directory}/file`, O.WRONLY | O.APPEND);
      for (const line of ['one\n', 'two\n', 'three\n']) {
        await actor.call('write', fd, line);
        equal(read(reader, 100).toString('latin1'), line);
      }
      await actor.end();
      close(reader);
    },
  },
  'appending writers of two processes never write over each other': {
    prepare: withContent,
    run: async (directory) => {
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.WRONLY | O.APPEND);
      const mine = open(`${directory}/file`, O.WRONLY | O.APPEND);
      for (let round = 0; round < 5; round++) {
        write(mine, '<mine>');
        await actor.call('write', theirs, '<theirs>');
      }
      close(mine);
      await actor.end();
      equal(readFile(`${directory}/file`), `content${'<mine><theirs>'.repeat(5)}`);
    },
  },
  'an appending descriptor goes to the end wherever its position is': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR | O.APPEND, (fd) => {
        lseek(fd, 2, SEEK.SET);
        write(fd, '1');
        equal(lseek(fd, 0, SEEK.CUR), 8, 'position');
        withFile(`${directory}/file`, O.WRONLY, (other) => void pwrite(other, 'far', 20));
        write(fd, '2');
        equal(pread(fd, 100, 0).toString('latin1'), `content1${'\0'.repeat(12)}far2`);
      }),
  },
  'a write, an append and a cut through three descriptors': {
    prepare: withContent,
    run: (directory) => {
      const [writer, appender, cutter] = [O.WRONLY, O.WRONLY | O.APPEND, O.RDWR].map((flags) =>
        open(`${directory}/file`, flags),
      ) as [number, number, number];
      write(writer, 'CON');
      write(appender, '+');
      ftruncate(cutter, 5);
      write(writer, 'TEN');
      write(appender, '-');
      equal(pread(cutter, 100, 0).toString('latin1'), 'CONTEN-');
      for (const fd of [writer, appender, cutter]) close(fd);
      equal(stat(`${directory}/file`).sizeBytes, 7, 'size');
    },
  },
  'two names of one file show the same': {
    prepare: (directory) => {
      withContent(directory);
      link(`${directory}/file`, `${directory}/other`);
    },
    run: (directory) => {
      const reader = open(`${directory}/other`, O.RDONLY);
      withFile(`${directory}/file`, O.WRONLY, (fd) => void pwrite(fd, 'C', 0));
      equal(pread(reader, 20, 0).toString('latin1'), 'Content');
      equal(readFile(`${directory}/other`), 'Content');
      equal(stat(`${directory}/file`).ino, stat(`${directory}/other`).ino, 'inode');
      close(reader);
    },
  },
  'a descriptor follows its file through rename and replacement': {
    prepare: (directory) => {
      withContent(directory);
      writeFile(`${directory}/next`, 'next');
    },
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      rename(`${directory}/next`, `${directory}/file`);
      equal(pread(fd, 20, 0).toString('latin1'), 'content');
      pwrite(fd, 'X', 0);
      equal(pread(fd, 20, 0).toString('latin1'), 'Xontent');
      equal(readFile(`${directory}/file`), 'next');
      equal(fstat(fd).nlink, 0, 'links');
      fsync(fd);
      close(fd);
      equal(readFile(`${directory}/file`), 'next', 'after the close');
      rename(`${directory}/file`, `${directory}/renamed`);
      equal(readdir(directory), ['renamed']);
    },
  },
  'an unlinked file that is written and closed stays gone, whoever takes its name': {
    prepare: withContent,
    run: (directory) => {
      for (const text of ['', 'another']) {
        const fd = open(`${directory}/file`, O.RDWR);
        unlink(`${directory}/file`);
        if (text !== '') writeFile(`${directory}/file`, text);
        pwrite(fd, 'written', 0);
        chmod(`/proc/self/fd/${fd}`, 0o600);
        ftruncate(fd, 20);
        fsync(fd);
        equal(fstat(fd).sizeBytes, 20, 'size');
        equal(fstat(fd).mode & 0o777, 0o600, 'mode');
        close(fd);
        equal(readdir(directory), text === '' ? [] : ['file']);
        if (text === '') writeFile(`${directory}/file`, 'content');
      }
      equal(readFile(`${directory}/file`), 'another');
      equal(stat(`${directory}/file`).mode & 0o777, 0o644, 'mode of the other');
    },
  },
  'an unlinked file is read and written by all who have it open': {
    prepare: withContent,
    run: async (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.RDWR);
      unlink(`${directory}/file`);
      await actor.call('pwrite', theirs, 'theirs', 0);
      equal(pread(fd, 20, 0).toString('latin1'), 'theirst');
      pwrite(fd, 'mine', 0);
      equal(Buffer.from(await actor.call('pread', theirs, 20, 0)).toString('latin1'), 'minerst');
      await actor.end();
      close(fd);
    },
  },
  'times and size by another descriptor follow a write': {
    prepare: withContent,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (reader) =>
        withFile(`${directory}/file`, O.WRONLY, (writer) => {
          const before = fstat(reader);
          while (fstat(reader).mtime === before.mtime) pwrite(writer, 'longer than before', 0);
          const after = fstat(reader);
          equal(after.sizeBytes, 18, 'size');
          holds(after.ctime >= after.mtime, 'ctime moves with mtime');
          equal(after.ino, before.ino, 'inode');
        }),
      ),
  },
  'direct writes are seen by cached reads and mappings': {
    prepare: withBlocks,
    run: (directory) => {
      const direct = openDirect(`${directory}/file`);
      if (direct === null) return;
      withFile(`${directory}/file`, O.RDWR, (cached) => {
        equal(pread(cached, 3, BLOCK).toString('latin1'), 'aaa');
        const mapping = mmap(cached, 4 * BLOCK, PROT.READ, MAP.SHARED);
        equal(mapping.memory[2 * BLOCK], 97);
        equal(pwrite(direct, blockOf('d'), BLOCK), BLOCK);
        equal(pwrite(direct, blockOf('e'), 2 * BLOCK), BLOCK);
        equal(pread(cached, 3, 2 * BLOCK - 1).toString('latin1'), 'dee');
        equal(mapping.memory.toString('latin1', 2 * BLOCK - 1, 2 * BLOCK + 2), 'dee');
        munmap(mapping);
      });
      close(direct);
    },
  },
  'direct reads see cached writes and mapped stores': {
    prepare: withBlocks,
    run: (directory) => {
      const direct = openDirect(`${directory}/file`);
      if (direct === null) return;
      withFile(`${directory}/file`, O.RDWR, (cached) => {
        pwrite(cached, 'cached', 0);
        const buffer = alignedBuffer(BLOCK);
        equal(preadInto(direct, buffer, 0), BLOCK);
        equal(buffer.toString('latin1', 0, 7), 'cacheda');
        const mapping = mmap(cached, BLOCK, PROT.READ | PROT.WRITE, MAP.SHARED);
        mapping.memory.write('mapped', 0, 'latin1');
        equal(preadInto(direct, buffer, 0), BLOCK);
        equal(buffer.toString('latin1', 0, 7), 'mappeda');
        munmap(mapping);
      });
      close(direct);
    },
  },
};
