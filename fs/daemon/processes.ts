// Processes by pid and start time together: a pid alone may be another's by now.
import { readFileSync } from 'node:fs';

export interface Sandbox {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks since boot. */
  readonly startTime: string;
}

/** The process as it is now; undefined where there is none. */
export function sandboxOf(pid: number): Sandbox | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name may hold spaces and parentheses: fields count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not looked yet.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startTime: fields[19]! };
  } catch {
    return undefined;
  }
}

/** SIGKILL, if it is still the same process. Answers whether it was. */
export function killSandbox(sandbox: Sandbox): boolean {
  if (sandboxOf(sandbox.pid)?.startTime !== sandbox.startTime) return false;
  try {
    process.kill(sandbox.pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
