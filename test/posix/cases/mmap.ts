// mmap(2): files as memory, coherent with reads and writes.
import { startActor } from '../actor.ts';
import { fstat, stat } from '../calls/attributes.ts';
import { FALLOC, fallocate, ftruncate, pread, pwrite, truncate, write } from '../calls/data.ts';
import { MAP, type Mapping, MS, mmap, msync, munmap, PAGE_BYTES, PROT } from '../calls/memory.ts';
import { rename, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { afterTick } from '../tick.ts';

const STALE_MS_MAX = 20_000;
const RW = PROT.READ | PROT.WRITE;
export const withPages = (directory: string) => writeFile(`${directory}/file`, 'a'.repeat(2 * PAGE_BYTES));
const textOf = ({ memory }: Mapping, at: number, length: number) => memory.toString('latin1', at, at + length);

export function withMapping(
  fd: number,
  length: number,
  protection: number,
  flags: number,
  act: (mapping: Mapping) => void,
): void {
  const mapping = mmap(fd, length, protection, flags);
  try {
    act(mapping);
  } finally {
    munmap(mapping);
  }
}

export const mmapCases: Cases = {
  'a shared mapping and a write see each other': {
    prepare: withPages,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      const mapping = mmap(fd, 8192, RW, MAP.SHARED);
      write(fd, 'written');
      equal(textOf(mapping, 0, 8), 'writtena');
      mapping.memory.write('mapped', 4096, 'latin1');
      equal(pread(fd, 7, 4096).toString('latin1'), 'mappeda');
      msync(mapping, MS.SYNC);
      munmap(mapping);
      close(fd);
      const again = open(`${directory}/file`, O.RDONLY);
      equal(pread(again, 7, 4096).toString('latin1'), 'mappeda');
      close(again);
    },
  },
  'two mappings of two descriptors are one memory': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (first) =>
        withFile(`${directory}/file`, O.RDWR, (second) =>
          withMapping(first, PAGE_BYTES, RW, MAP.SHARED, (one) =>
            withMapping(second, PAGE_BYTES, RW, MAP.SHARED, (two) => {
              one.memory.write('one', 0, 'latin1');
              two.memory.write('two', 10, 'latin1');
              equal(textOf(two, 0, 3), 'one');
              equal(textOf(one, 10, 3), 'two');
              equal(pread(first, 13, 0).toString('latin1'), 'oneaaaaaaatwo');
            }),
          ),
        ),
      ),
  },
  'a read-only mapping made before the first write shows what is written through another descriptor': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (reader) =>
        withMapping(reader, PAGE_BYTES, PROT.READ, MAP.SHARED, (mapping) => {
          equal(textOf(mapping, 0, 3), 'aaa');
          withFile(`${directory}/file`, O.WRONLY, (writer) => void pwrite(writer, 'new', 0));
          equal(textOf(mapping, 0, 4), 'newa');
          withFile(`${directory}/file`, O.RDWR, (writer) => {
            pwrite(writer, 'again', 0);
            equal(textOf(mapping, 0, 6), 'againa');
          });
          equal(pread(reader, 6, 0).toString('latin1'), 'againa');
        }),
      ),
  },
  'a read-only mapping made before the first write shows what another process writes and maps': {
    prepare: withPages,
    run: async (directory) => {
      const reader = open(`${directory}/file`, O.RDONLY);
      const mapping = mmap(reader, PAGE_BYTES, PROT.READ, MAP.SHARED);
      equal(textOf(mapping, 0, 3), 'aaa');
      const actor = await startActor();
      const fd = await actor.call('open', `${directory}/file`, O.RDWR);
      await actor.call('pwrite', fd, 'new', 0);
      equal(textOf(mapping, 0, 4), 'newa', 'written');
      const id = await actor.call('mapFile', fd, PAGE_BYTES, RW, MAP.SHARED);
      await actor.call('mappedWrite', id, 10, 'mapped');
      equal(textOf(mapping, 10, 7), 'mappeda', 'mapped');
      equal(pread(reader, 7, 10).toString('latin1'), 'mappeda', 'read');
      await actor.end();
      equal(textOf(mapping, 10, 7), 'mappeda', 'after its end');
      munmap(mapping);
      close(reader);
    },
  },
  'two processes share what they map': {
    prepare: withPages,
    run: async (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      const mapping = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
      const actor = await startActor();
      const theirs = await actor.call('open', `${directory}/file`, O.RDWR);
      const id = await actor.call('mapFile', theirs, PAGE_BYTES, RW, MAP.SHARED);
      mapping.memory.write('mine', 0, 'latin1');
      equal(await actor.call('mappedRead', id, 0, 5), 'minea');
      await actor.call('mappedWrite', id, 4, 'theirs');
      equal(textOf(mapping, 0, 11), 'minetheirsa');
      await actor.end();
      munmap(mapping);
      close(fd);
      equal(readFile(`${directory}/file`).slice(0, 11), 'minetheirsa');
    },
  },
  'stores outlive the descriptor, the mapping and the name': {
    prepare: withPages,
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      const mapping = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
      close(fd);
      rename(`${directory}/file`, `${directory}/renamed`);
      mapping.memory.write('stored', 0, 'latin1');
      munmap(mapping);
      equal(readFile(`${directory}/renamed`).slice(0, 7), 'storeda');
    },
  },
  'of an unlinked file': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        withMapping(fd, PAGE_BYTES, RW, MAP.SHARED, (mapping) => {
          unlink(`${directory}/file`);
          mapping.memory.write('stored', 0, 'latin1');
          equal(pread(fd, 7, 0).toString('latin1'), 'storeda');
          writeFile(`${directory}/file`, 'another');
          equal(textOf(mapping, 0, 7), 'storeda');
        }),
      ),
  },
  'a private mapping keeps its stores to itself': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) =>
        withMapping(fd, PAGE_BYTES, RW, MAP.PRIVATE, (mapping) => {
          mapping.memory.write('private', 0, 'latin1');
          equal(pread(fd, 7, 0).toString('latin1'), 'aaaaaaa');
          withFile(`${directory}/file`, O.WRONLY, (writer) => void pwrite(writer, 'written', 0));
          equal(textOf(mapping, 0, 8), 'privatea');
        }),
      ),
  },
  'a private mapping that stored nothing shows what is written': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        withMapping(fd, 2 * PAGE_BYTES, PROT.READ, MAP.PRIVATE, (mapping) => {
          equal(textOf(mapping, PAGE_BYTES, 3), 'aaa');
          pwrite(fd, 'new', PAGE_BYTES);
          equal(textOf(mapping, PAGE_BYTES, 4), 'newa');
        }),
      ),
  },
  'shows growth by a write inside the mapped length': {
    prepare: (directory) => writeFile(`${directory}/file`, 'abc'),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        withMapping(fd, 2 * PAGE_BYTES, RW, MAP.SHARED, (mapping) => {
          equal(textOf(mapping, 0, 5), 'abc\0\0');
          pwrite(fd, 'xyz', 3);
          equal(textOf(mapping, 0, 8), 'abcxyz\0\0');
          ftruncate(fd, 2 * PAGE_BYTES);
          mapping.memory.write('far', PAGE_BYTES, 'latin1');
          equal(pread(fd, 3, PAGE_BYTES).toString('latin1'), 'far');
        }),
      ),
  },
  'stores beyond the end of the file in its last page are lost': {
    prepare: (directory) => writeFile(`${directory}/file`, 'abc'),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        withMapping(fd, PAGE_BYTES, RW, MAP.SHARED, (mapping) => {
          mapping.memory.write('beyond', 3, 'latin1');
          msync(mapping, MS.SYNC);
        });
        equal(fstat(fd).sizeBytes, 3, 'size');
        ftruncate(fd, 9);
        equal(pread(fd, 20, 0).toString('latin1'), 'abc\0\0\0\0\0\0');
      }),
  },
  'SIGBUS for a page beyond the end, after a cut too': {
    prepare: withPages,
    run: async (directory) => {
      for (const cut of [false, true]) {
        const actor = await startActor();
        const fd = await actor.call('open', `${directory}/file`, O.RDWR);
        const id = await actor.call('mapFile', fd, 4 * PAGE_BYTES, RW, MAP.SHARED);
        equal(await actor.call('mappedRead', id, 0, 1), 'a');
        if (cut) truncate(`${directory}/file`, 10);
        const at = cut ? PAGE_BYTES : 2 * PAGE_BYTES;
        const error = await actor.call('mappedRead', id, at, 1).catch(String);
        equal(error, 'Error: ended by SIGBUS', cut ? 'after a cut' : 'as it is');
        await actor.end();
      }
    },
  },
  'a punched range shows zeros': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        withMapping(fd, 2 * PAGE_BYTES, RW, MAP.SHARED, (mapping) => {
          mapping.memory.write('stored', 0, 'latin1');
          fallocate(fd, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE, 0, PAGE_BYTES);
          equal(textOf(mapping, 0, 6), '\0\0\0\0\0\0');
          equal(textOf(mapping, PAGE_BYTES, 3), 'aaa');
        }),
      ),
  },
  'at an offset of whole pages': {
    prepare: (directory) => writeFile(`${directory}/file`, 'a'.repeat(PAGE_BYTES) + 'b'.repeat(PAGE_BYTES)),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        const mapping = mmap(fd, PAGE_BYTES, PROT.READ, MAP.SHARED, PAGE_BYTES);
        equal(textOf(mapping, 0, 3), 'bbb');
        munmap(mapping);
      }),
  },
  'populated ahead, validated, and at an address of its own': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        withMapping(fd, PAGE_BYTES, RW, MAP.SHARED_VALIDATE | MAP.POPULATE, (mapping) => {
          equal(textOf(mapping, 0, 3), 'aaa');
          const fixed = mmap(fd, PAGE_BYTES, RW, MAP.SHARED | MAP.FIXED, PAGE_BYTES, mapping.address);
          equal(fixed.address, mapping.address, 'address');
          pwrite(fd, 'moved', PAGE_BYTES);
          equal(textOf(mapping, 0, 5), 'moved');
        });
      }),
  },
  'to run from': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) =>
        withMapping(fd, PAGE_BYTES, PROT.READ | PROT.EXEC, MAP.PRIVATE, (mapping) =>
          equal(textOf(mapping, 0, 3), 'aaa'),
        ),
      ),
  },
  'stores through an appending descriptor stay where they were made': {
    prepare: withPages,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDWR | O.APPEND, (fd) => {
        withMapping(fd, 2 * PAGE_BYTES, RW, MAP.SHARED, (mapping) => {
          mapping.memory.write('stored', 0, 'latin1');
          write(fd, 'end');
          mapping.memory.write('second', PAGE_BYTES, 'latin1');
          msync(mapping, MS.SYNC);
        });
      });
      const text = readFile(`${directory}/file`);
      equal(text.length, 2 * PAGE_BYTES + 3, 'size');
      equal(text.slice(0, 7), 'storeda');
      equal(text.slice(PAGE_BYTES, PAGE_BYTES + 7), 'seconda');
      equal(text.slice(2 * PAGE_BYTES), 'end');
    },
  },
  'a store moves the time of modification by the time of msync': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const tick = afterTick(directory);
        withMapping(fd, PAGE_BYTES, RW, MAP.SHARED, (mapping) => {
          mapping.memory.write('stored', 0, 'latin1');
          msync(mapping, MS.SYNC);
        });
        holds(stat(`${directory}/file`).mtime >= tick, 'mtime moves');
      }),
  },
  'a store moves the time of modification without msync, too': {
    dear: true,
    run: async (directory) => {
      withPages(directory);
      const tick = afterTick(directory);
      const before = stat(`${directory}/file`).mtime;
      holds(before < tick, 'written before');
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        withMapping(fd, PAGE_BYTES, RW, MAP.SHARED, ({ memory }) => {
          equal(fstat(fd).mtime, before, 'mtime before the store');
          memory.write('stored', 0, 'latin1');
        }),
      );
      // What was asked before the store may be answered again for a second, but not for a minute.
      const deadlineMs = Date.now() + STALE_MS_MAX;
      while (stat(`${directory}/file`).mtime === before && Date.now() < deadlineMs)
        await new Promise((resolve) => setTimeout(resolve, 100));
      holds(stat(`${directory}/file`).mtime > before, 'mtime moves');
    },
  },
};
