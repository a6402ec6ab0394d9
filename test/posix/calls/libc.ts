// System calls for the cases, as libc has them: a failed call throws a `SystemError`, so that a case reads like a story.
//
// Paths are byte strings (one character a byte), relative ones start at the working directory. Buffers of a mapping
// (`mmap`) are the memory itself: after `munmap` they must not be touched.
import { constants } from 'node:os';
import koffi from 'koffi';

/** The C library of this process. */
export const libc = koffi.load(null);
const nameOfErrno = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Two names, one number: the manual pages say EAGAIN and EOPNOTSUPP.
nameOfErrno.set(constants.errno.EAGAIN, 'EAGAIN');
nameOfErrno.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
// Node has no name for it.
nameOfErrno.set(80, 'ELIBBAD');

/** A system call that failed; `code` is the error's name (`ENOENT`). */
export class SystemError extends Error {
  readonly code: string;
  constructor(call: string, errno: number) {
    const code = nameOfErrno.get(errno) ?? `errno ${errno}`;
    super(`${call}: ${code}`);
    this.code = code;
  }
}

export const cstring = (text: string): Buffer => Buffer.from(`${text}\0`, 'latin1');

/** A path, or an address at which there is none. */
export type Path = string | bigint;
type Argument = number | bigint | string | Buffer | null;

/**
 * A libc function as one that throws. `declaration` is its C prototype; strings are handed over as NUL-terminated bytes.
 */
export function bind(declaration: string): (...values: Argument[]) => number {
  const native = libc.func(declaration);
  const name = /(\w+)\(/.exec(declaration)?.[1] ?? declaration;
  return (...values) => {
    const result = Number(native(...values.map((value) => (typeof value === 'string' ? cstring(value) : value))));
    if (result < 0) throw new SystemError(name, koffi.errno());
    return result;
  };
}

export const bytesOf = (data: string | Buffer): Buffer =>
  typeof data === 'string' ? Buffer.from(data, 'latin1') : data;

export const AT_FDCWD = -100;
export const AT = {
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  EACCESS: 0x200,
  SYMLINK_FOLLOW: 0x400,
  EMPTY_PATH: 0x1000,
} as const;
