// Resource limits of this process, for the time of an act.
import { bind } from './libc.ts';

const libcGetrlimit = bind('int getrlimit64(int resource, void *limit)');
const libcSetrlimit = bind('int setrlimit64(int resource, const void *limit)');
export const RLIMIT = { DATA: 2, FSIZE: 1, NOFILE: 7, MEMLOCK: 8, AS: 9 } as const;

/** Runs `act` with a lower soft limit. A file-size limit gives EFBIG: the signal is ignored here. */
export function withLimit<T>(resource: number, soft: number, act: () => T): T {
  const before = Buffer.alloc(16);
  libcGetrlimit(resource, before);
  const lowered = Buffer.from(before);
  lowered.writeBigUInt64LE(BigInt(soft), 0);
  libcSetrlimit(resource, lowered);
  try {
    return act();
  } finally {
    libcSetrlimit(resource, before);
  }
}
