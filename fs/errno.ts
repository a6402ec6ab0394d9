// The one kind of failure an inode operation has: a system error number.
// Instances are made once: throwing a shared object costs no stack trace (hot path).

/** Linux error numbers, as on every architecture Node runs on. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ESTALE: 116,
  EDQUOT: 122,
} as const;
export type ErrnoName = keyof typeof ERRNO;

const names = new Map<number, string>(Object.entries(ERRNO).map(([name, number]) => [number, name]));

/** A system error. `number` is positive. Not an `Error`: it carries no stack. */
export class Errno {
  readonly number: number;
  readonly name: string;
  constructor(number: number) {
    this.number = number;
    this.name = names.get(number) ?? `E${number}`;
  }
  toString(): string {
    return this.name;
  }
}

/**
 * Why an operation answers EIO, as `stats` counts it: what the store holds of a file, a row of the index, or the journal
 * is damaged; the host's own device failed; something that must hold did not.
 */
export const IO_CAUSES = ['content', 'row', 'journal', 'device', 'invariant'] as const;
export type IoCause = (typeof IO_CAUSES)[number];

/** EIO with its reason. Thrown for damage and broken invariants alone: anything else has an error number of its own. */
export class Damage extends Errno {
  readonly cause: IoCause;
  readonly detail: string;
  constructor(cause: IoCause, detail: string) {
    super(ERRNO.EIO);
    this.cause = cause;
    this.detail = detail;
  }
}

/** Throws EIO for a cause; `detail` is for the log. */
export function damaged(cause: IoCause, detail: string): never {
  throw new Damage(cause, detail);
}

const instances = new Map<number, Errno>();

/** The shared instance for an error number (positive or negated). */
export function errno(number: number): Errno {
  const positive = Math.abs(number);
  let instance = instances.get(positive);
  if (instance === undefined) {
    instance = new Errno(positive);
    instances.set(positive, instance);
  }
  return instance;
}

/** Throws the named error. */
export function fail(name: ErrnoName): never {
  throw errno(ERRNO[name]);
}

/** The result of a system call, or its error thrown. */
export function must(result: number): number {
  if (result < 0) throw errno(result);
  return result;
}
