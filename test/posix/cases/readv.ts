// readv(2), writev(2), preadv2(2), pwritev2(2): vectors and flags.
import { fstat } from '../calls/attributes.ts';
import { lseek, preadv2, pwritev2, RWF, read, readv, SEEK, writev, writevOfLengths } from '../calls/data.ts';
import { SystemError } from '../calls/libc.ts';
import { O } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';

const VECTORS_MAX = 1024;
const UNKNOWN_FLAG = 0x4000_0000;
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');
const bytes = (text: string) => Buffer.from(text, 'latin1');

export const readvCases: Cases = {
  'readv fills one buffer after the other': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDONLY, (fd) => {
        const buffers = [Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(10, '.')];
        equal(readv(fd, buffers), 7);
        equal(buffers.map(String), ['con', '', 'tent......']);
        equal(readv(fd, buffers), 0, 'the end');
      }),
  },
  'writev writes one buffer after the other': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.WRONLY, (fd) => {
        equal(writev(fd, [bytes('one'), bytes(''), bytes('-two-'), bytes('three')]), 13);
        equal(lseek(fd, 0, SEEK.CUR), 13);
      });
      equal(readFile(`${directory}/file`), 'one-two-three');
    },
  },
  'as many vectors as there may be': (directory) => {
    withFile(`${directory}/file`, O.CREAT | O.RDWR, (fd) => {
      equal(writev(fd, new Array(VECTORS_MAX).fill(bytes('ab'))), 2 * VECTORS_MAX);
    });
    equal(readFile(`${directory}/file`), 'ab'.repeat(VECTORS_MAX));
  },
  'no vectors are no bytes': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(readv(fd, []), 0);
        equal(writev(fd, []), 0);
        equal(fstat(fd).sizeBytes, 7);
      }),
  },
  'EINVAL for fewer vectors than none and more than 1024': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        refuses('EINVAL', () => readv(fd, [], -1));
        refuses('EINVAL', () => writev(fd, [], -1));
        refuses('EINVAL', () => writev(fd, new Array(VECTORS_MAX + 1).fill(bytes('x'))));
        refuses('EINVAL', () => readv(fd, new Array(VECTORS_MAX + 1).fill(Buffer.alloc(1))));
        equal(fstat(fd).sizeBytes, 7);
      }),
  },
  'EINVAL for a length beyond what can be counted': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) =>
        refuses('EINVAL', () => writevOfLengths(fd, [8n, 0xffff_ffff_ffff_fff0n])),
      ),
  },
  'preadv2 and pwritev2 take an offset, or with -1 the position': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const buffer = Buffer.alloc(4);
        equal(preadv2(fd, buffer, 3, 0), 4);
        equal(String(buffer), 'tent');
        equal(lseek(fd, 0, SEEK.CUR), 0);
        equal(preadv2(fd, buffer, -1, 0), 4);
        equal(String(buffer), 'cont');
        equal(lseek(fd, 0, SEEK.CUR), 4);
        equal(pwritev2(fd, bytes('ENT'), -1, 0), 3);
        equal(lseek(fd, 0, SEEK.CUR), 7);
        equal(pwritev2(fd, bytes('C'), 0, 0), 1);
        equal(readFile(`${directory}/file`), 'ContENT');
        refuses('EINVAL', () => preadv2(fd, buffer, -2, 0));
      }),
  },
  'RWF_APPEND writes at the end wherever the offset is': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        equal(pwritev2(fd, bytes('-end'), 1, RWF.APPEND), 4);
        equal(lseek(fd, 0, SEEK.CUR), 0, 'position');
        equal(read(fd, 20).toString(), 'content-end');
      }),
  },
  'RWF_SYNC, RWF_DSYNC and RWF_HIPRI write and read as ever': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const buffer = Buffer.alloc(7);
        equal(pwritev2(fd, bytes('S'), 0, RWF.SYNC), 1);
        equal(pwritev2(fd, bytes('D'), 1, RWF.DSYNC), 1);
        equal(pwritev2(fd, bytes('H'), 2, RWF.HIPRI), 1);
        equal(preadv2(fd, buffer, 0, RWF.HIPRI), 7);
        equal(String(buffer), 'SDHtent');
      }),
  },
  'RWF_NOWAIT gives the bytes, or EAGAIN, or says that it cannot': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        const buffer = Buffer.alloc(7);
        try {
          equal(preadv2(fd, buffer, 0, RWF.NOWAIT), 7);
          equal(String(buffer), 'content');
        } catch (error) {
          if (!(error instanceof SystemError)) throw error;
          holds(['EAGAIN', 'EOPNOTSUPP'].includes(error.code), `${error.code} is one of both`);
        }
        equal(preadv2(fd, buffer, 0, 0), 7);
      }),
  },
  'EOPNOTSUPP for a flag that does not exist': {
    prepare: filePrepared,
    run: (directory) =>
      withFile(`${directory}/file`, O.RDWR, (fd) => {
        refuses('EOPNOTSUPP', () => preadv2(fd, Buffer.alloc(1), 0, UNKNOWN_FLAG));
        refuses('EOPNOTSUPP', () => pwritev2(fd, bytes('x'), 0, UNKNOWN_FLAG));
      }),
  },
  'EBADF against the access mode': {
    prepare: filePrepared,
    run: (directory) => {
      withFile(`${directory}/file`, O.RDONLY, (fd) => refuses('EBADF', () => writev(fd, [bytes('x')])));
      withFile(`${directory}/file`, O.WRONLY, (fd) => refuses('EBADF', () => readv(fd, [Buffer.alloc(1)])));
    },
  },
};
