// A user namespace for a sandbox that root starts: ids 0 to 65535 inside are a private high range of the host, so that
// host uid 0 never runs in a sandbox. It lives as long as its descriptor.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { CommandFailure } from '../failure.ts';
import { requireProgram } from './programs.ts';

/** Ids inside a sandbox: 0 to 65535. */
export const MAPPED_IDS = 65_536;
/** The last id of a user namespace is (2^32) - 2. */
const ID_MAX = 0xffff_fffe;

/** A descriptor of a new user namespace. The caller closes it. */
export async function prepareUserNamespace(idShift: number): Promise<number> {
  if (!Number.isSafeInteger(idShift) || idShift < MAPPED_IDS || idShift + MAPPED_IDS - 1 > ID_MAX) {
    throw new CommandFailure('environment', `the id range at ${idShift} is not above the host's own ids`);
  }
  // The holder says when it is inside, waits for our end of its input, and dies with it.
  const holder = spawn(
    requireProgram('unshare'),
    ['--user', '--', requireProgram('sh'), '-c', 'echo inside; read -r _'],
    { stdio: ['pipe', 'pipe', 'pipe'], env: {}, cwd: '/' },
  );
  try {
    await inside(holder);
    const map = `0 ${idShift} ${MAPPED_IDS}\n`;
    writeFileSync(`/proc/${holder.pid}/gid_map`, map);
    writeFileSync(`/proc/${holder.pid}/uid_map`, map);
    return openSync(`/proc/${holder.pid}/ns/user`, 'r');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      'environment',
      `a user namespace with its own ids cannot be made: ${reason}`,
      'agentsh doctor says what is missing; inside a container, allow user namespaces or run as an ordinary user',
    );
  } finally {
    holder.kill('SIGKILL');
  }
}

export function closeUserNamespace(fd: number): void {
  closeSync(fd);
}

async function inside(holder: ChildProcess): Promise<void> {
  let complaint = '';
  holder.stderr!.on('data', (text: Buffer) => {
    complaint += text.toString();
  });
  holder.stdin!.on('error', () => {});
  const ended = once(holder, 'close').then(() => {
    throw new Error(complaint.trim() || 'unshare --user failed');
  });
  await Promise.race([once(holder.stdout!, 'data'), ended]);
  ended.catch(() => {});
}
