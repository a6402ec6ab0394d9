// Finds out that another process waits for a lock, so that no case depends on how long that takes.
import { readFileSync } from 'node:fs';

/** Resolves once the process waits for a lock: its line in the kernel's table of locks has an arrow. */
export async function isBlocked(pid: number): Promise<void> {
  const waits = new RegExp(`-> .*\\s${pid} `);
  while (!waits.test(readFileSync('/proc/locks', 'latin1'))) await new Promise((resolve) => setTimeout(resolve, 2));
}
