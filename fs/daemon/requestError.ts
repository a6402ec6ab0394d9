// The one error of the kernel process's own: what a caller is told, with a code that crosses thread and socket.
import { Errno } from '../errno.ts';
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

/** What was thrown, as data. Unknown things become `defect`: their text is for the log, the caller gets the message. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof RequestError) {
    const failure = { code: thrown.code, message: thrown.message };
    return thrown.problems === undefined ? failure : { ...failure, problems: thrown.problems };
  }
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
