// Which file system an object lies on, by a name that outlives a reboot where the file system has one.
import { readFileSync } from 'node:fs';
import { fstatfs } from './syscall.ts';

const STATFS_BYTES = 120;
/** Byte offset of `f_fsid` in `struct statfs`. */
const FSID = 56;
const buffer = Buffer.alloc(STATFS_BYTES);

/**
 * The id of the file system that `fd` (O_PATH too) is on: its own, or else the device for as long as this boot lasts.
 * undefined where it cannot be asked.
 */
export function fileSystemId(fd: number, device: string): string | undefined {
  if (fstatfs(fd, buffer) < 0) return undefined;
  const id = buffer.toString('hex', FSID, FSID + 8);
  return /[1-9a-f]/.test(id) ? id : `${bootId()}:${device}`;
}

let boot: string | undefined;
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}
