// The one error of the kernel process's own: what a caller is told, with a code that crosses thread and socket.
import { Refusal } from '../control/refusal.ts';
import { Errno } from '../errno.ts';
import { StoreFailure } from '../store/failure.ts';
import type { Failure } from './protocol.ts';

export class RequestError extends Error {
  readonly code: string;
  readonly problems: readonly string[] | undefined;
  /** @param code an errno name, or a word of FAILURE_WORDS */
  constructor(code: string, message: string, options: { cause?: unknown; problems?: readonly string[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RequestError';
    this.code = code;
    this.problems = options.problems;
  }
}

const STORE_CODES = { corrupt: 'EIO', locked: 'EBUSY', format: 'version', unsafe: 'EPERM' } as const;

/** What was thrown, as data. Unknown things become `defect`: their text is for the log, the caller gets the message. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof RequestError) {
    const failure = { code: thrown.code, message: thrown.message };
    return thrown.problems === undefined ? failure : { ...failure, problems: thrown.problems };
  }
  if (thrown instanceof Refusal) return { code: thrown.errno.name, message: thrown.reason };
  if (thrown instanceof StoreFailure) return { code: STORE_CODES[thrown.code], message: thrown.message };
  if (thrown instanceof Errno) return { code: thrown.name, message: thrown.name };
  if (thrown instanceof Error) {
    const code = (thrown as NodeJS.ErrnoException).code;
    const known = typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
    return { code: known ? code : 'defect', message: thrown.message };
  }
  return { code: 'defect', message: String(thrown) };
}

/** Throws what another side reported. */
export function raise(failure: Failure): never {
  throw new RequestError(failure.code, failure.message, failure.problems ? { problems: failure.problems } : {});
}
