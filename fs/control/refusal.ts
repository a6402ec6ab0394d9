// Why a control file said no: the error number for the caller, and a sentence for whoever reads the result.
import { ERRNO, type Errno, type ErrnoName, errno } from '../errno.ts';

/** Thrown by a source or a command. The writer gets `errno`; `reason` is what reading `approve` or `reject` shows. */
export class Refusal {
  readonly errno: Errno;
  readonly reason: string;
  constructor(name: ErrnoName, reason: string) {
    this.errno = errno(ERRNO[name]);
    this.reason = reason;
  }
}

/** A failure that crossed a thread, as a refusal. A word that is no errno name is a state that moved on: ESTALE for conflicts. */
export function refusalOf(failure: { readonly code: string; readonly message: string }): Refusal {
  if (failure.code in ERRNO) return new Refusal(failure.code as ErrnoName, failure.message);
  return new Refusal(failure.code === 'conflict' ? 'ESTALE' : 'EINVAL', failure.message);
}
