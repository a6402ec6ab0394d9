// Files beyond what 32 bits count: sizes, offsets, holes and mappings past 4 GiB; and many bytes at once.
import { createHash } from 'node:crypto';
import { fstat, stat } from '../calls/attributes.ts';
import { ftruncate, lseek, pread, pwrite, SEEK, truncate, write } from '../calls/data.ts';
import { MAP, mmap, munmap, PROT } from '../calls/memory.ts';
import { O } from '../calls/open.ts';
import { copyFileRange } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, holds } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';

const MIB = 1 << 20;
const GIB = 2 ** 30;
const FAR = 5 * GIB;
const BLOCKS_MAX = 1_024;

/** Bytes at both ends of 5 GiB, nothing between. */
function makeLarge(directory: string): void {
  writeFile(`${directory}/large`, 'start');
  withFile(`${directory}/large`, O.WRONLY, (fd) => void pwrite(fd, 'far away', FAR));
}

export const largeFilesCases: Cases = {
  'a write at 5 GiB': {
    prepare: (directory) => writeFile(`${directory}/file`, 'start'),
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(pwrite(fd, 'far away', FAR), 8);
        equal(fstat(fd).sizeBytes, FAR + 8, 'size');
        equal(pread(fd, 20, FAR - 2).toString('latin1'), '\0\0far away');
        equal(pread(fd, 5, 4 * GIB).toString('latin1'), '\0\0\0\0\0');
        equal(lseek(fd, 0, SEEK.END), FAR + 8);
        write(fd, '!');
        equal(lseek(fd, 1000 * MIB, SEEK.DATA) > 4 * GIB, true, 'data beyond 4 GiB');
        holds(stat(`${directory}/file`).blocks < BLOCKS_MAX, 'sparse');
      }),
  },
  'a first write to a file of 5 GiB copies no holes': {
    prepare: makeLarge,
    run: (directory) =>
      withFile(`${directory}/large`, O.RDWR, (fd) => {
        equal(fstat(fd).sizeBytes, FAR + 8, 'size');
        pwrite(fd, 'S', 0);
        equal(pread(fd, 8, FAR).toString('latin1'), 'far away');
        equal(pread(fd, 6, 0).toString('latin1'), 'Start\0');
        equal(fstat(fd).sizeBytes, FAR + 8, 'size after the write');
        holds(stat(`${directory}/large`).blocks < BLOCKS_MAX, 'sparse');
      }),
  },
  'mapped past 4 GiB': {
    prepare: makeLarge,
    run: (directory) =>
      withFile(`${directory}/large`, O.RDWR, (fd) => {
        const mapping = mmap(fd, 4_096, PROT.READ | PROT.WRITE, MAP.SHARED, FAR);
        equal(mapping.memory.toString('latin1', 0, 8), 'far away');
        mapping.memory.write('FAR', 0, 'latin1');
        equal(pread(fd, 8, FAR).toString('latin1'), 'FAR away');
        munmap(mapping);
      }),
  },
  'copied past 4 GiB, and cut back': {
    prepare: makeLarge,
    run: (directory) => {
      withFile(`${directory}/large`, O.RDWR, (fd) => {
        equal(copyFileRange(fd, FAR, fd, FAR + 4_096, 8), 8);
        equal(pread(fd, 8, FAR + 4_096).toString('latin1'), 'far away');
        ftruncate(fd, FAR + 3);
        equal(pread(fd, 20, FAR).toString('latin1'), 'far');
      });
      truncate(`${directory}/large`, 3);
      equal(stat(`${directory}/large`).sizeBytes, 3, 'size');
      truncate(`${directory}/large`, FAR + 3);
      withFile(`${directory}/large`, O.RDONLY, (fd) => equal(pread(fd, 20, FAR).toString('latin1'), '\0\0\0'));
    },
  },
  '256 MiB written, copied and read back are the same': {
    dear: true,
    run: (directory) => {
      const digestOf = (path: string) =>
        withFile(path, O.RDONLY, (fd) => {
          const hash = createHash('sha256');
          for (let at = 0; at < 256; at++) hash.update(pread(fd, MIB, at * MIB));
          return hash.digest('hex');
        });
      const wanted = createHash('sha256');
      withFile(`${directory}/first`, O.CREAT | O.RDWR, (fd) => {
        const bytes = Buffer.alloc(MIB);
        for (let at = 0; at < 256; at++) {
          for (let index = 0; index < MIB; index += 512) bytes.writeUInt32LE((at * MIB + index) >>> 0, index);
          wanted.update(bytes);
          for (let done = 0; done < MIB; ) done += write(fd, bytes.subarray(done));
        }
        withFile(`${directory}/second`, O.CREAT | O.RDWR, (to) => {
          for (let at = 0; at < 256 * MIB; ) at += copyFileRange(fd, at, to, at, 256 * MIB - at);
        });
      });
      const digest = wanted.digest('hex');
      equal(digestOf(`${directory}/first`), digest, 'written');
      equal(digestOf(`${directory}/second`), digest, 'copied');
    },
  },
};
