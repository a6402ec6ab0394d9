// open(2) of what is no regular file: fifos, sockets, devices, directories.
import { startActor } from '../actor.ts';
import { chmod, stat } from '../calls/attributes.ts';
import { read, write } from '../calls/data.ts';
import { bindSocket, makedev, mknod, rename, S, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';

const PIPE_BYTES_MAX = 1024 * 1024;
const fifoPrepared = (directory: string) => void mknod(`${directory}/fifo`, S.IFIFO | 0o644);

export const openKindsCases: Cases = {
  'a fifo carries bytes from writer to reader': {
    prepare: fifoPrepared,
    run: (directory) => {
      const reader = open(`${directory}/fifo`, O.RDONLY | O.NONBLOCK);
      equal(read(reader, 10).length, 0, 'no writer');
      const writer = open(`${directory}/fifo`, O.WRONLY | O.NONBLOCK);
      refuses('EAGAIN', () => read(reader, 10));
      equal(write(writer, 'through'), 7);
      equal(read(reader, 10).toString(), 'through');
      close(writer);
      equal(read(reader, 10).length, 0, 'the writer is gone');
      close(reader);
      equal(stat(`${directory}/fifo`).sizeBytes, 0);
    },
  },
  'ENXIO for a fifo opened for writing at once, and nobody reads': {
    prepare: fifoPrepared,
    run: (directory) => refuses('ENXIO', () => open(`${directory}/fifo`, O.WRONLY | O.NONBLOCK)),
  },
  'a fifo opened for both waits for nobody': {
    prepare: fifoPrepared,
    run: (directory) => {
      const fd = open(`${directory}/fifo`, O.RDWR);
      equal(write(fd, 'self'), 4);
      equal(read(fd, 10).toString(), 'self');
      close(fd);
    },
  },
  'a fifo opened for reading waits for a writer in another process': {
    prepare: fifoPrepared,
    run: async (directory) => {
      const actor = await startActor();
      try {
        const opened = actor.call('open', `${directory}/fifo`, O.RDONLY, 0);
        // Either order is right: the later of both lets the other go on.
        const writer = open(`${directory}/fifo`, O.WRONLY);
        const reader = await opened;
        write(writer, 'meet');
        equal((await actor.call('read', reader, 10)).toString(), 'meet');
        close(writer);
      } finally {
        await actor.end();
      }
    },
  },
  'a fifo that moves stays one pipe': {
    prepare: fifoPrepared,
    run: (directory) => {
      const reader = open(`${directory}/fifo`, O.RDONLY | O.NONBLOCK);
      chmod(`${directory}/fifo`, 0o600);
      rename(`${directory}/fifo`, `${directory}/moved`);
      const writer = open(`${directory}/moved`, O.WRONLY | O.NONBLOCK);
      write(writer, 'same');
      equal(read(reader, 10).toString(), 'same');
      unlink(`${directory}/moved`);
      write(writer, 'still');
      equal(read(reader, 10).toString(), 'still');
      close(writer);
      close(reader);
    },
  },
  'EPIPE for a fifo that nobody reads any more': {
    prepare: fifoPrepared,
    run: (directory) => {
      const reader = open(`${directory}/fifo`, O.RDONLY | O.NONBLOCK);
      const writer = open(`${directory}/fifo`, O.WRONLY);
      close(reader);
      refuses('EPIPE', () => write(writer, 'x'));
      close(writer);
    },
  },
  'EAGAIN for a fifo that is full': {
    prepare: fifoPrepared,
    run: (directory) => {
      const fd = open(`${directory}/fifo`, O.RDWR | O.NONBLOCK);
      let written = 0;
      refuses('EAGAIN', () => {
        while (written <= PIPE_BYTES_MAX) written += write(fd, Buffer.alloc(4096));
      });
      holds(written > 0, 'something fitted');
      close(fd);
    },
  },
  'O_TRUNC and O_CREAT leave a fifo a fifo': {
    prepare: fifoPrepared,
    run: (directory) => {
      close(open(`${directory}/fifo`, O.CREAT | O.TRUNC | O.RDWR));
      equal(stat(`${directory}/fifo`).mode & S.IFMT, S.IFIFO);
    },
  },
  'ENXIO for a socket': {
    prepare: (directory) => void close(bindSocket(`${directory}/socket`)),
    run: (directory) => {
      refuses('ENXIO', () => open(`${directory}/socket`, O.RDONLY));
      refuses('ENXIO', () => open(`${directory}/socket`, O.CREAT | O.RDWR));
      equal(stat(`${directory}/socket`).mode & S.IFMT, S.IFSOCK);
    },
  },
  'a device opens as what its numbers say': {
    root: true,
    prepare: (directory) => {
      mknod(`${directory}/null`, S.IFCHR | 0o666, makedev(1, 3));
      mknod(`${directory}/zero`, S.IFCHR | 0o666, makedev(1, 5));
    },
    run: (directory) => {
      const sink = open(`${directory}/null`, O.RDWR | O.TRUNC);
      equal(write(sink, 'gone'), 4);
      equal(read(sink, 4).length, 0);
      close(sink);
      const zero = open(`${directory}/zero`, O.RDONLY);
      equal([...read(zero, 4)], [0, 0, 0, 0]);
      close(zero);
      equal(stat(`${directory}/zero`).rdev, makedev(1, 5));
    },
  },
  'ENXIO for a device that does not exist': {
    root: true,
    prepare: (directory) => void mknod(`${directory}/none`, S.IFCHR | 0o666, makedev(1, 200)),
    run: (directory) => refuses('ENXIO', () => open(`${directory}/none`, O.RDONLY)),
  },
};
