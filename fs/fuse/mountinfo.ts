// Finds mounts in /proc/self/mountinfo, which can be read without touching any of them.
//
//   36 35 98:0 /root /mount/point options... optional* - type source super-options
//   id parent major:minor                                       (space, tab, newline, backslash as octal)
import { readFileSync } from 'node:fs';

export const MOUNT_TYPE = 'fuse.agentsh';

export interface MountInfo {
  /** `major:minor`; the minor number is the FUSE connection's. */
  readonly device: string;
  readonly mountpoint: string;
  readonly type: string;
  readonly source: string;
}

/** All mounts of this process's namespace, in the order they were made. */
export const readMountInfo = (): MountInfo[] => parseMountInfo(readFileSync('/proc/self/mountinfo', 'latin1'));

/** Text as latin1 in, paths as Node's strings out. Lines that do not have the form are passed over. */
export function parseMountInfo(text: string): MountInfo[] {
  const found: MountInfo[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const dash = fields.indexOf('-', 6);
    const [device, mountpoint, type, source] = [fields[2], fields[4], fields[dash + 1], fields[dash + 2]];
    if (dash < 0 || device === undefined || mountpoint === undefined || type === undefined) continue;
    found.push({ device, mountpoint: decodeOctal(mountpoint), type, source: decodeOctal(source ?? '') });
  }
  return found;
}

function decodeOctal(field: string): string {
  const bytes = field.replace(/\\([0-7]{3})/g, (_whole, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Mounts of agentsh at or below a directory (absolute, without a symlink in it), the last made first. */
export function agentshMounts(directory: string): MountInfo[] {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  return readMountInfo()
    .filter(({ type, mountpoint }) => type === MOUNT_TYPE && `${mountpoint}/`.startsWith(prefix))
    .reverse();
}
