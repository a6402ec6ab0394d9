// mmap(2): what it refuses, and what a mapping keeps when permissions change.
import { unprivileged } from '../caller.ts';
import { chmod } from '../calls/attributes.ts';
import { pread } from '../calls/data.ts';
import { RLIMIT, withLimit } from '../calls/limits.ts';
import { MAP, mlock, mmap, mprotect, PAGE_BYTES, PROT } from '../calls/memory.ts';
import { mkdir, mknod, S } from '../calls/names.ts';
import { BAD_FD, close, O } from '../calls/open.ts';
import { pipe } from '../calls/transfer.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { withFile } from '../files.ts';
import { withMapping, withPages } from './mmap.ts';

const RW = PROT.READ | PROT.WRITE;

export const mmapErrorsCases: Cases = {
  'EACCES where the descriptor does not allow it': {
    prepare: withPages,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('EACCES', () => mmap(fd, PAGE_BYTES, RW, MAP.SHARED));
        withMapping(fd, PAGE_BYTES, PROT.READ, MAP.SHARED, (mapping) => refuses('EACCES', () => mprotect(mapping, RW)));
      });
      withFile(`${directory}/file`, O.WRONLY, (fd) => {
        refuses('EACCES', () => mmap(fd, PAGE_BYTES, PROT.READ, MAP.PRIVATE));
        refuses('EACCES', () => mmap(fd, PAGE_BYTES, PROT.WRITE, MAP.SHARED));
      });
    },
  },
  'a descriptor outlives the permission, and its mapping too': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        chmod(`${directory}/file`, 0o400);
        withMapping(fd, PAGE_BYTES, RW, MAP.SHARED, (mapping) => mapping.memory.write('stored', 0, 'latin1'));
        equal(pread(fd, 7, 0).toString('latin1'), 'storeda');
      }),
  },
  'ENODEV for a directory, EACCES or ENODEV for a pipe and a fifo': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o600);
    },
    run: (directory) => {
      withFile(`${directory}/sub`, O.RDONLY, (fd) => refuses('ENODEV', () => mmap(fd, 1, PROT.READ, MAP.PRIVATE)));
      withFile(`${directory}/fifo`, O.RDWR, (fd) =>
        refuses(['ENODEV', 'EACCES'], () => mmap(fd, 1, PROT.READ, MAP.PRIVATE)),
      );
      const [reader, writer] = pipe();
      refuses(['ENODEV', 'EACCES'], () => mmap(reader, 1, PROT.READ, MAP.PRIVATE));
      close(reader);
      close(writer);
    },
  },
  'EBADF for what is no open file': {
    prepare: withPages,
    run: (directory) => {
      refuses('EBADF', () => mmap(BAD_FD, 1, PROT.READ, MAP.SHARED));
      withFile(`${directory}/file`, O.PATH, (fd) => refuses('EBADF', () => mmap(fd, 1, PROT.READ, MAP.SHARED)));
    },
  },
  'EINVAL for no length, an odd offset and no kind of mapping': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        refuses('EINVAL', () => mmap(fd, 0, PROT.READ, MAP.SHARED));
        refuses('EINVAL', () => mmap(fd, PAGE_BYTES, PROT.READ, MAP.SHARED, 100));
        refuses('EINVAL', () => mmap(fd, PAGE_BYTES, PROT.READ, 0));
      }),
  },
  'EOPNOTSUPP for a synchronous mapping of pages that are no device': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        refuses('EOPNOTSUPP', () => mmap(fd, PAGE_BYTES, RW, MAP.SHARED_VALIDATE | MAP.SYNC)),
      ),
  },
  'EEXIST where something lies already': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) =>
        withMapping(fd, PAGE_BYTES, PROT.READ, MAP.SHARED, ({ address }) =>
          refuses('EEXIST', () => mmap(fd, PAGE_BYTES, PROT.READ, MAP.SHARED | MAP.FIXED_NOREPLACE, 0, address)),
        ),
      ),
  },
  'ENOMEM beyond the address space': {
    prepare: withPages,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        refuses('ENOMEM', () => mmap(fd, 2 ** 50, PROT.READ, MAP.SHARED));
        refuses('ENOMEM', () => mmap(fd, PAGE_BYTES, PROT.READ, MAP.SHARED | MAP.FIXED, 0, 2n ** 60n));
      }),
  },
  'EAGAIN to lock more than the process may': {
    prepare: withPages,
    // An ordinary user's limit: privileged processes have none.
    run: (directory) => {
      unprivileged(() =>
        withFile(`${directory}/file`, O.RDONLY, (fd) =>
          withLimit(RLIMIT.MEMLOCK, 0, () => {
            refuses(['EAGAIN', 'EPERM'], () => mmap(fd, PAGE_BYTES, PROT.READ, MAP.SHARED | MAP.LOCKED));
            withMapping(fd, PAGE_BYTES, PROT.READ, MAP.SHARED, (mapping) =>
              refuses(['ENOMEM', 'EPERM'], () => mlock(mapping)),
            );
          }),
        ),
      );
    },
  },
};
