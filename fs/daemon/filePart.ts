// Reads a part of a file that others append to.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export const PART_BYTES_MAX = 4 * 1024 * 1024;

/** At most `lengthBytes` from `offset` on, as a byte string; empty where there is no file. */
export function readPart(
  file: string,
  offset: number,
  lengthBytes: number,
): { readonly text: string; readonly sizeBytes: number } {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { text: '', sizeBytes: 0 };
    throw error;
  }
  try {
    const sizeBytes = fstatSync(fd).size;
    const wanted = Math.max(0, Math.min(lengthBytes, PART_BYTES_MAX, sizeBytes - offset));
    const part = Buffer.alloc(wanted);
    const count = readSync(fd, part, 0, wanted, offset);
    return { text: part.toString('latin1', 0, count), sizeBytes };
  } finally {
    closeSync(fd);
  }
}
