// What an agent's store must hold and does not: EIO, with the reason for `stats` and the log.
import { damaged, ERRNO, must } from '../errno.ts';
import type { InodeRecord } from './records.ts';

const ABSENT: ReadonlySet<number> = new Set([-ERRNO.ENOENT, -ERRNO.ENOTDIR, -ERRNO.ELOOP, -ERRNO.EISDIR]);

/** The result of a system call on content of the store's own. @throws Damage where it is gone, Errno */
export function mustHave(result: number, what: 'staging file' | 'blob', { ino }: InodeRecord): number {
  if (ABSENT.has(result)) damaged('content', `the ${what} of inode ${ino} is gone`);
  return must(result);
}
