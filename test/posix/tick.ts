// The clock that time stamps come from: it moves in steps of some milliseconds.
import { stat, utimensat } from './calls/attributes.ts';
import { AT_FDCWD } from './calls/libc.ts';
import { writeFile } from './files.ts';

const PROBE = 'tick-probe';

/** Waits until a stamp made now is later than every one before; gives that stamp, in nanoseconds since 1970. */
export function afterTick(directory: string): bigint {
  const probe = `${directory}/${PROBE}`;
  writeFile(probe);
  const before = stat(probe).ctime;
  for (;;) {
    utimensat(AT_FDCWD, probe, null);
    const now = stat(probe).ctime;
    if (now > before) return now;
  }
}
