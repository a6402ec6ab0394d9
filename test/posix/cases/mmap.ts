// mmap(2): files as memory, coherent with reads and writes.
import { pread, write } from '../calls/data.ts';
import { MAP, MS, mmap, msync, munmap, PROT } from '../calls/memory.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal } from '../expect.ts';

export const mmapCases: Cases = {
  'a shared mapping and a write see each other': {
    prepare: (directory) => {
      const fd = open(`${directory}/file`, O.CREAT | O.WRONLY);
      write(fd, 'a'.repeat(8192));
      close(fd);
    },
    run: (directory) => {
      const fd = open(`${directory}/file`, O.RDWR);
      const mapping = mmap(fd, 8192, PROT.READ | PROT.WRITE, MAP.SHARED);
      write(fd, 'written');
      equal(mapping.memory.toString('latin1', 0, 8), 'writtena');
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
};
