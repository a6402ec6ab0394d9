// Mappings of files.
import koffi from 'koffi';
import { libc, SystemError } from './libc.ts';

const libcMmap = libc.func(
  'intptr_t mmap64(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const libcMunmap = libc.func('int munmap(intptr_t address, size_t length)');
const libcMsync = libc.func('int msync(intptr_t address, size_t length, int flags)');
const libcMlock = libc.func('int mlock(intptr_t address, size_t length)');
const libcMremap = libc.func('intptr_t mremap(intptr_t address, size_t from, size_t to, int flags)');
const libcMprotect = libc.func('int mprotect(intptr_t address, size_t length, int protection)');

export const PROT = { NONE: 0, READ: 1, WRITE: 2, EXEC: 4 } as const;
export const MAP = {
  SHARED: 1,
  PRIVATE: 2,
  SHARED_VALIDATE: 3,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  LOCKED: 0x2000,
  POPULATE: 0x8000,
  SYNC: 0x80000,
  FIXED_NOREPLACE: 0x100000,
} as const;
export const PAGE_BYTES = 4096;
export const MREMAP = { MAYMOVE: 1, FIXED: 2, DONTUNMAP: 4 } as const;
export const MS = { ASYNC: 1, INVALIDATE: 2, SYNC: 4 } as const;
/** A mapping: `memory` is the pages themselves. */
export interface Mapping {
  readonly memory: Buffer;
  readonly address: bigint;
}
/** `at`: where it is to lie (MAP.FIXED), else where the kernel likes. */
export function mmap(
  fd: number,
  length: number,
  protection: number,
  flags: number,
  offset = 0,
  at: bigint | null = null,
): Mapping {
  const address = BigInt(libcMmap(at, length, protection, flags, fd, offset));
  if (address === -1n) throw new SystemError('mmap', koffi.errno());
  return { memory: Buffer.from(koffi.view(address, length)), address };
}
/** The mapping with another size, which may lie elsewhere: the old one must not be touched again. */
export function mremap({ address, memory }: Mapping, length: number, flags: number): Mapping {
  const moved = BigInt(libcMremap(address, memory.length, length, flags));
  if (moved === -1n) throw new SystemError('mremap', koffi.errno());
  return { memory: Buffer.from(koffi.view(moved, length)), address: moved };
}
const must = (call: string, result: number): void => {
  if (result < 0) throw new SystemError(call, koffi.errno());
};
export const munmap = ({ address, memory }: Mapping): void => must('munmap', libcMunmap(address, memory.length));
export const msync = ({ address, memory }: Mapping, flags: number): void =>
  must('msync', libcMsync(address, memory.length, flags));
export const mprotect = ({ address, memory }: Mapping, protection: number): void =>
  must('mprotect', libcMprotect(address, memory.length, protection));
export const mlock = ({ address, memory }: Mapping): void => must('mlock', libcMlock(address, memory.length));
