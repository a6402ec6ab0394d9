// Backing files for passthrough: registers a descriptor with the connection and gets an id for OPEN's reply.
//
// Needs CAP_SYS_ADMIN in the initial user namespace. An id from a read-only descriptor is writable through an open
// that can write (the kernel does not check): never hand one out for such an open.
import { ioctl } from '../host/syscall.ts';
import type { Backing } from '../operations.ts';
import { BACKING_CLOSE, BACKING_OPEN } from './abi.ts';

/** The registry of the connection behind `deviceFd`. */
export function backingOf(deviceFd: number): Backing {
  /** `fuse_backing_map`: fd i32, flags u32, padding u64. */
  const map = Buffer.alloc(16);
  const id = Buffer.alloc(4);
  return {
    open(fd) {
      map.writeInt32LE(fd, 0);
      return ioctl(deviceFd, BACKING_OPEN, map);
    },
    close(backingId) {
      id.writeInt32LE(backingId, 0);
      ioctl(deviceFd, BACKING_CLOSE, id);
    },
  };
}
