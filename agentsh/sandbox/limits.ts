// Bounds on what one sandbox may take from the host: resource limits, which the launcher sets, and a cgroup over the
// whole where one can be had. A resource limit on memory counts a process, a cgroup counts all of them together.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Limits {
  readonly processes?: number;
  /** Of each process, and of all together under a cgroup. */
  readonly memoryBytes?: number;
  /** The largest file the program may write: the backstop of a byte quota. */
  readonly fileBytes?: number;
}

const CGROUP_ROOT = '/sys/fs/cgroup';

/** A cgroup of its own for one sandbox. */
export interface Cgroup {
  readonly directory: string;
  /** Removes it; it must be empty by then. */
  remove(): void;
}

/** Our own cgroup if its controllers can bound a child of it, else undefined. */
export function delegatedCgroup(root = CGROUP_ROOT, membership = '/proc/self/cgroup'): string | undefined {
  try {
    const own = /^0::(\/.*)$/m.exec(readFileSync(membership, 'utf8'))?.[1];
    if (own === undefined) return undefined;
    const directory = path.join(root, own);
    const enabled = readFileSync(path.join(directory, 'cgroup.subtree_control'), 'utf8').trim().split(' ');
    return enabled.includes('pids') && enabled.includes('memory') ? directory : undefined;
  } catch {
    return undefined;
  }
}

/** Puts a started process, and so everything it starts later, under the limits. Undefined where no cgroup can be had. */
export function limitByCgroup(pid: number, limits: Limits, parent = delegatedCgroup()): Cgroup | undefined {
  if (parent === undefined || (limits.processes === undefined && limits.memoryBytes === undefined)) return undefined;
  const directory = path.join(parent, `agentsh-${pid}`);
  const remove = () => {
    try {
      rmdirSync(directory);
    } catch {
      // A process that is still ending keeps it; the next boot of the machine drops it.
    }
  };
  try {
    mkdirSync(directory);
    if (limits.processes !== undefined) writeFileSync(path.join(directory, 'pids.max'), String(limits.processes));
    if (limits.memoryBytes !== undefined) writeFileSync(path.join(directory, 'memory.max'), String(limits.memoryBytes));
    writeFileSync(path.join(directory, 'cgroup.procs'), String(pid));
  } catch {
    remove();
    return undefined;
  }
  return { directory, remove };
}
