// Mappings of files.
import koffi from 'koffi';
import { libc, SystemError } from './libc.ts';

const libcMmap = libc.func(
  'intptr_t mmap64(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const libcMunmap = libc.func('int munmap(intptr_t address, size_t length)');
const libcMsync = libc.func('int msync(intptr_t address, size_t length, int flags)');
const libcMprotect = libc.func('int mprotect(intptr_t address, size_t length, int protection)');

export const PROT = { NONE: 0, READ: 1, WRITE: 2, EXEC: 4 } as const;
export const MAP = { SHARED: 1, PRIVATE: 2, SHARED_VALIDATE: 3, POPULATE: 0x8000 } as const;
export const MS = { ASYNC: 1, INVALIDATE: 2, SYNC: 4 } as const;
/** A mapping: `memory` is the pages themselves. */
export interface Mapping {
  readonly memory: Buffer;
  readonly address: bigint;
}
export function mmap(fd: number, length: number, protection: number, flags: number, offset = 0): Mapping {
  const address = BigInt(libcMmap(null, length, protection, flags, fd, offset));
  if (address === -1n) throw new SystemError('mmap', koffi.errno());
  return { memory: Buffer.from(koffi.view(address, length)), address };
}
const must = (call: string, result: number): void => {
  if (result < 0) throw new SystemError(call, koffi.errno());
};
export const munmap = ({ address, memory }: Mapping): void => must('munmap', libcMunmap(address, memory.length));
export const msync = ({ address, memory }: Mapping, flags: number): void =>
  must('msync', libcMsync(address, memory.length, flags));
export const mprotect = ({ address, memory }: Mapping, protection: number): void =>
  must('mprotect', libcMprotect(address, memory.length, protection));
