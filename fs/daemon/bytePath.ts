// Paths as byte strings (latin1, one character a byte), and the way to Node's own functions and back.
import { realpathSync } from 'node:fs';

/** For Node's file functions. */
export const native = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');
/** A Node string (UTF-8) as a byte string. */
export const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');
/** A byte string as a Node string; bytes that are no UTF-8 are lost. */
export const textOf = (bytes: string): string => native(bytes).toString();

/** For messages: readable where it is UTF-8, quoted where it holds control characters. */
export function shown(bytes: string): string {
  const text = textOf(bytes);
  return /\p{C}/u.test(text) ? JSON.stringify(text) : text;
}

/** Throws what realpath(3) does. */
export const realPath = (bytes: string): string => realpathSync.native(native(bytes), 'buffer').toString('latin1');

export function realOrSame(bytes: string): string {
  try {
    return realPath(bytes);
  } catch {
    return bytes;
  }
}
