// What cases claim. Each throws an error whose text says what came instead.
import assert from 'node:assert/strict';
import { SystemError } from './calls/libc.ts';

/** The call fails with this error (`ENOENT`), or one of these. */
export function refuses(code: string | readonly string[], call: () => unknown): void {
  const wanted = typeof code === 'string' ? [code] : code;
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (wanted.includes(error.code)) return;
    throw new Error(`wanted ${wanted.join(' or ')}: ${error.message}`, { cause: error });
  }
  throw new Error(`wanted ${wanted.join(' or ')}, but the call succeeded with ${String(result)}`);
}

export function equal<T>(actual: T, expected: T, what = 'value'): void {
  if (Buffer.isBuffer(actual) && Buffer.isBuffer(expected) && actual.equals(expected)) return;
  try {
    assert.deepEqual(actual, expected);
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`);
  }
}

export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`does not hold: ${what}`);
}
