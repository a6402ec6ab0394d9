// Processes that hold certain files of certain mounts open or mapped: found in /proc, without touching the mounts.
//
// A descriptor is told by the mount it came from and its inode number (fdinfo), a mapping by device and inode (maps).
// A descriptor in flight between two processes is in neither: who receives it later is not found.
import { readdirSync, readFileSync } from 'node:fs';
import { readMountInfo } from '../fuse/mountinfo.ts';
import { killSandbox, type Sandbox, sandboxOf } from './processes.ts';

/** Between looks: a process that forked meanwhile has children that hold the same. */
const LOOKS_MAX = 5;
const PAUSE_MS = 20;

/** Ends every process that holds one of the inode numbers on one of the mounts; answers whom. */
export async function endHolders(mountpoints: readonly string[], inos: readonly number[]): Promise<readonly number[]> {
  const ended = new Set<number>();
  const devices = devicesOf(mountpoints);
  const wanted = new Set(inos.map(String));
  for (let look = 0; look < LOOKS_MAX; look++) {
    const holders = holdersOf(devices, wanted);
    if (holders.length === 0) break;
    for (const holder of holders) if (killSandbox(holder)) ended.add(holder.pid);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return [...ended];
}

/** `major:minor` of the mounts. */
function devicesOf(mountpoints: readonly string[]): ReadonlySet<string> {
  const wanted = new Set(mountpoints);
  return new Set(readMountInfo().flatMap(({ device, mountpoint }) => (wanted.has(mountpoint) ? [device] : [])));
}

function holdersOf(devices: ReadonlySet<string>, inos: ReadonlySet<string>): readonly Sandbox[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const found = sandboxOf(Number(pid));
      return found !== undefined && holds(pid, devices, inos) ? [found] : [];
    });
}

function holds(pid: string, devices: ReadonlySet<string>, inos: ReadonlySet<string>): boolean {
  const mounts = mountIds(pid, devices);
  return (mounts.size > 0 && hasOpen(pid, mounts, inos)) || hasMapped(pid, devices, inos);
}

/** The numbers of the mounts in a process's own namespace. */
function mountIds(pid: string, devices: ReadonlySet<string>): ReadonlySet<string> {
  const lines = textOf(`/proc/${pid}/mountinfo`).split('\n');
  return new Set(
    lines.flatMap((line) => {
      const [id, , device] = line.split(' ');
      return id !== undefined && device !== undefined && devices.has(device) ? [id] : [];
    }),
  );
}

function hasOpen(pid: string, mounts: ReadonlySet<string>, inos: ReadonlySet<string>): boolean {
  return namesIn(`/proc/${pid}/fdinfo`).some((fd) => {
    const text = textOf(`/proc/${pid}/fdinfo/${fd}`);
    const mount = /^mnt_id:\s*(\d+)$/m.exec(text)?.[1] ?? '';
    return mounts.has(mount) && inos.has(/^ino:\s*(\d+)$/m.exec(text)?.[1] ?? '');
  });
}

/** `start-end perms offset major:minor inode path`, device numbers in hexadecimal. */
function hasMapped(pid: string, devices: ReadonlySet<string>, inos: ReadonlySet<string>): boolean {
  return textOf(`/proc/${pid}/maps`)
    .split('\n')
    .some((line) => {
      const [, , , device = '', ino = ''] = line.split(' ');
      if (!inos.has(ino)) return false;
      const [major = '', minor = ''] = device.split(':');
      return devices.has(`${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`);
    });
}

/** Empty for a process that has just ended, or is another user's. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
