// Bytes from descriptor to descriptor inside the kernel.
import { bind } from './libc.ts';
import { O } from './open.ts';

const libcCopyFileRange = bind(
  'int64_t copy_file_range(int fd_in, void *off_in, int fd_out, void *off_out, size_t len, unsigned int flags)',
);
const libcSendfile = bind('int64_t sendfile64(int out, int in, void *offset, size_t count)');
const libcSplice = bind('int64_t splice(int in, void *off_in, int out, void *off_out, size_t len, unsigned int flags)');
const libcPipe2 = bind('int pipe2(void *pair, int flags)');
/** Offsets as numbers; null means the file's own position, which then moves. */
const offsetBytes = (offset: number | null): Buffer | null => {
  if (offset === null) return null;
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(offset));
  return bytes;
};
export const copyFileRange = (
  from: number,
  fromOffset: number | null,
  to: number,
  toOffset: number | null,
  length: number,
  flags = 0,
): number => libcCopyFileRange(from, offsetBytes(fromOffset), to, offsetBytes(toOffset), length, flags);
/** `offset` as a bigint is a bare address. */
export const sendfile = (to: number, from: number, offset: number | bigint | null, count: number): number =>
  libcSendfile(to, from, typeof offset === 'bigint' ? offset : offsetBytes(offset), count);
export const splice = (
  from: number,
  fromOffset: number | null,
  to: number,
  toOffset: number | null,
  length: number,
  flags = 0,
): number => libcSplice(from, offsetBytes(fromOffset), to, offsetBytes(toOffset), length, flags);
export const SPLICE = { MOVE: 1, NONBLOCK: 2, MORE: 4 } as const;
export const tee: (from: number, to: number, length: number, flags: number) => number = bind(
  'int64_t tee(int in, int out, size_t len, unsigned int flags)',
);
/** [read end, write end] */
export function pipe(flags = 0): readonly [number, number] {
  const pair = Buffer.alloc(8);
  libcPipe2(pair, O.CLOEXEC | flags);
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}
