// msync(2), mremap(2): mapped pages made durable, and mappings of another size.
import { ftruncate, pread, pwrite } from '../calls/data.ts';
import {
  MAP,
  type Mapping,
  MREMAP,
  MS,
  mlock,
  mmap,
  mremap,
  msync,
  munmap,
  PAGE_BYTES,
  PROT,
} from '../calls/memory.ts';
import { O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const RW = PROT.READ | PROT.WRITE;
const withPages = (directory: string) => writeFile(`${directory}/file`, 'a'.repeat(2 * PAGE_BYTES));
const textOf = ({ memory }: Mapping, at: number, length: number) => memory.toString('latin1', at, at + length);
/** `mapping` as if it began elsewhere: nothing of it is read. */
const at = ({ memory, address }: Mapping, offset: number, length = memory.length): Mapping => ({
  address: address + BigInt(offset),
  memory: memory.subarray(0, length),
});

export const msyncCases: Cases = {
  'stores are in the file after each kind of msync': {
    prepare: withPages,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, 2 * PAGE_BYTES, RW, MAP.SHARED);
        for (const [index, flags] of [
          MS.SYNC,
          MS.ASYNC,
          MS.SYNC | MS.INVALIDATE,
          MS.ASYNC | MS.INVALIDATE,
          0,
        ].entries()) {
          mapping.memory.write(String(index), index, 'latin1');
          equal(msync(mapping, flags), undefined);
          equal(pread(fd, 1, index).toString('latin1'), String(index));
        }
        munmap(mapping);
      });
      equal(readFile(`${directory}/file`).slice(0, 6), '01234a');
    },
  },
  'of part of a mapping, and of one made for reading': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, 2 * PAGE_BYTES, RW, MAP.SHARED);
        mapping.memory.write('second', PAGE_BYTES, 'latin1');
        msync(at(mapping, PAGE_BYTES, PAGE_BYTES), MS.SYNC);
        const reader = mmap(fd, PAGE_BYTES, PROT.READ, MAP.PRIVATE, PAGE_BYTES);
        msync(reader, MS.SYNC);
        equal(textOf(reader, 0, 7), 'seconda');
        munmap(reader);
        munmap(mapping);
      }),
  },
  'EBUSY to invalidate what is locked in memory': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
        mlock(mapping);
        refuses('EBUSY', () => msync(mapping, MS.SYNC | MS.INVALIDATE));
        munmap(mapping);
      }),
  },
  'EINVAL for an odd address, both kinds at once and unknown flags': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
        refuses('EINVAL', () => msync(at(mapping, 1), MS.SYNC));
        refuses('EINVAL', () => msync(mapping, MS.SYNC | MS.ASYNC));
        refuses('EINVAL', () => msync(mapping, 0x40));
        munmap(mapping);
      }),
  },
  'ENOMEM where nothing is mapped': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
        const nothing = { ...mapping, address: 0x1000n };
        munmap(mapping);
        refuses('ENOMEM', () => msync(nothing, MS.SYNC));
      }),
  },
};

export const mremapCases: Cases = {
  'a grown mapping shows what the file has there': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        pwrite(fd, 'second', PAGE_BYTES);
        const small = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
        small.memory.write('first', 0, 'latin1');
        const large = mremap(small, 2 * PAGE_BYTES, MREMAP.MAYMOVE);
        equal(textOf(large, 0, 6), 'firsta');
        equal(textOf(large, PAGE_BYTES, 6), 'second');
        large.memory.write('stored', PAGE_BYTES, 'latin1');
        equal(pread(fd, 6, PAGE_BYTES).toString('latin1'), 'stored');
        munmap(large);
      }),
  },
  'a shrunk mapping keeps its first pages': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const large = mmap(fd, 2 * PAGE_BYTES, RW, MAP.SHARED);
        const small = mremap(large, PAGE_BYTES, 0);
        equal(small.address, large.address, 'address');
        small.memory.write('stored', 0, 'latin1');
        equal(pread(fd, 7, 0).toString('latin1'), 'storeda');
        munmap(small);
      }),
  },
  'follows a file that grows, as databases do': {
    prepare: withPages,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        let mapping = mmap(fd, 2 * PAGE_BYTES, RW, MAP.SHARED);
        for (const pages of [4, 8, 16]) {
          ftruncate(fd, pages * PAGE_BYTES);
          mapping = mremap(mapping, pages * PAGE_BYTES, MREMAP.MAYMOVE);
          mapping.memory.write(`page ${pages}`, (pages - 1) * PAGE_BYTES, 'latin1');
        }
        msync(mapping, MS.SYNC);
        munmap(mapping);
      });
      const text = readFile(`${directory}/file`);
      for (const pages of [4, 8, 16])
        equal(text.slice((pages - 1) * PAGE_BYTES).slice(0, 6), `page ${pages}`.slice(0, 6));
    },
  },
  'EFAULT where nothing is mapped': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
        refuses('EFAULT', () => mremap({ ...mapping, address: 0x1000n }, 2 * PAGE_BYTES, MREMAP.MAYMOVE));
        munmap(mapping);
      }),
  },
  'EFAULT across two mappings': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const both = mmap(fd, 2 * PAGE_BYTES, RW, MAP.SHARED);
        mmap(fd, PAGE_BYTES, PROT.READ, MAP.PRIVATE | MAP.FIXED, 0, both.address + BigInt(PAGE_BYTES));
        refuses('EFAULT', () => mremap(both, 4 * PAGE_BYTES, MREMAP.MAYMOVE));
        munmap(both);
      }),
  },
  'EINVAL for an odd address, no length and unknown flags': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const mapping = mmap(fd, PAGE_BYTES, RW, MAP.SHARED);
        refuses('EINVAL', () => mremap(at(mapping, 1), 2 * PAGE_BYTES, MREMAP.MAYMOVE));
        refuses('EINVAL', () => mremap(mapping, 0, MREMAP.MAYMOVE));
        refuses('EINVAL', () => mremap(mapping, PAGE_BYTES, 0x80));
        munmap(mapping);
      }),
  },
  'ENOMEM where it cannot grow in place': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const both = mmap(fd, 2 * PAGE_BYTES, RW, MAP.SHARED);
        refuses('ENOMEM', () => mremap(at(both, 0, PAGE_BYTES), 2 * PAGE_BYTES, 0));
        munmap(both);
      }),
  },
};
