// Whole files in one line, for what a case starts from and what it finds.
import { fstat } from './calls/attributes.ts';
import { pread, pwrite } from './calls/data.ts';
import { close, O, open } from './calls/open.ts';

/** Makes the file, or empties it; `mode` counts less the mask where it is new. */
export function writeFile(path: string, content: string | Buffer = '', mode = 0o644): void {
  withFile(path, O.CREAT | O.TRUNC | O.WRONLY, (fd) => void pwrite(fd, content, 0), mode);
}

export const readFile = (path: string): string =>
  withFile(path, O.RDONLY, (fd) => pread(fd, fstat(fd).sizeBytes, 0).toString('latin1'));

/** Opens for the time of `act`. */
export function withFile<T>(path: string, flags: number, act: (fd: number) => T, mode = 0o644): T {
  const fd = open(path, flags, mode);
  try {
    return act(fd);
  } finally {
    close(fd);
  }
}
