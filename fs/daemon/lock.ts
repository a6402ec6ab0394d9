// One kernel a home: an flock that ends with the process, whatever kills it; and the session token.
import { randomBytes } from 'node:crypto';
import {
  constants,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { flock } from '../host/syscall.ts';
import { RequestError } from './requestError.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const TOKEN_BYTES = 32;

/** Takes the home for this process. Throws EBUSY, naming the process that has it. The descriptor stays open. */
export function lockHome(file: string): number {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | O_CLOEXEC, 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    const owner = readFileSync(fd, 'latin1').trim();
    throw new RequestError('EBUSY', `a kernel runs on this home already${owner ? ` (pid ${owner})` : ''}: ${file}`);
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0, 'latin1');
  return fd;
}
/** A child that inherited the descriptor would keep the home locked. */
const O_CLOEXEC = 0o2000000;

/** A new 256-bit token in a 0600 file, whole or not there. */
export function writeToken(file: string): string {
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  const temporary = `${file}.new`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, `${token}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, file);
  return token;
}
