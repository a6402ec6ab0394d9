// EIO is for damage and broken invariants alone: each one is counted by its cause, and a line in the log.
import { Damage, ERRNO, Errno, errno, IO_CAUSES, type IoCause } from '../errno.ts';

/** Lines about one cause that are written, each; later ones at powers of two only: some repeat by the thousand. */
const LOGGED = 100;

/** A process or a disk at its limit is no defect, also where Node says so by an exception. */
const LIMITS: ReadonlySet<number> = new Set([
  ERRNO.EMFILE,
  ERRNO.ENFILE,
  ERRNO.ENOMEM,
  ERRNO.ENOSPC,
  ERRNO.EDQUOT,
  ERRNO.EFBIG,
  ERRNO.EROFS,
]);

export class IoErrors {
  readonly counts: Record<IoCause, number>;
  private readonly log: (message: string) => void;
  private readonly counted: (cause: IoCause) => void;

  constructor(log: (message: string) => void, counted: (cause: IoCause) => void = () => undefined) {
    this.log = log;
    this.counted = counted;
    this.counts = Object.fromEntries(IO_CAUSES.map((cause) => [cause, 0])) as Record<IoCause, number>;
  }

  /** Counts one answer of EIO. */
  add(cause: IoCause, doing: string, what: string): void {
    const count = ++this.counts[cause];
    this.counted(cause);
    if (count > LOGGED && (count & (count - 1)) !== 0) return;
    this.log(`EIO ${count} (${cause}): ${doing}: ${what}`);
  }
}

/** What was thrown, as the error it is: an Errno, or undefined for a defect. */
export function errnoOf(thrown: unknown): Errno | undefined {
  if (thrown instanceof Errno) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const number = -((thrown as NodeJS.ErrnoException).errno ?? 0);
  return LIMITS.has(number) ? errno(number) : undefined;
}

/** The cause that an EIO came with, and the words for it: without one it is what the host's device said. */
export function causeOf(thrown: Errno): { readonly cause: IoCause; readonly what: string } {
  if (thrown instanceof Damage) return { cause: thrown.cause, what: thrown.detail };
  return { cause: 'device', what: 'a system call failed with EIO' };
}

/** A defect's stack, or whatever was thrown. */
export const textOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
