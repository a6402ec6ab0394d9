// flock, record locks, open file description locks.
import { bind } from './libc.ts';

const libcFcntlNumber = bind('int fcntl(int fd, int command, int64_t argument)');
const libcFcntlBuffer = bind('int fcntl(int fd, int command, void *argument)');
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;
export const flock: (fd: number, operation: number) => number = bind('int flock(int fd, int operation)');
export const F = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  GETLK: 5,
  SETLK: 6,
  SETLKW: 7,
  OFD_GETLK: 36,
  OFD_SETLK: 37,
  OFD_SETLKW: 38,
  SETLEASE: 1024,
  GETLEASE: 1025,
  NOTIFY: 1026,
  DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031,
  GETPIPE_SZ: 1032,
  ADD_SEALS: 1033,
  GET_SEALS: 1034,
  SETSIG: 10,
  SETOWN: 8,
  GETOWN: 9,
  GET_RW_HINT: 1035,
  SET_RW_HINT: 1036,
} as const;
export const fcntl = (fd: number, command: number, argument = 0): number => libcFcntlNumber(fd, command, argument);
/** The argument as memory, or as a bare address. */
export const fcntlAddress = (fd: number, command: number, argument: Buffer | bigint): number =>
  libcFcntlBuffer(fd, command, argument);
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
export interface FileLock {
  readonly type: number;
  readonly start: number;
  /** 0 is to the end, however far it grows. */
  readonly length: number;
  readonly pid: number;
}
/** A record lock command; gives the lock as the kernel left it (what stands in the way, for the GETLK commands). */
export function fcntlLock(fd: number, command: number, type: number, start = 0, length = 0): FileLock {
  const lock = Buffer.alloc(32);
  lock.writeInt16LE(type, 0);
  lock.writeBigInt64LE(BigInt(start), 8);
  lock.writeBigInt64LE(BigInt(length), 16);
  libcFcntlBuffer(fd, command, lock);
  return {
    type: lock.readInt16LE(0),
    start: Number(lock.readBigInt64LE(8)),
    length: Number(lock.readBigInt64LE(16)),
    pid: lock.readInt32LE(24),
  };
}
