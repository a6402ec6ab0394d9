// Gives a host object its owner, mode, extended attributes and times, by descriptor.
import { ERRNO, must } from '../errno.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  fchmodat,
  fchownat,
  STATX,
  statx,
  type Timespec,
  UTIME_OMIT,
  utimensat,
} from './syscall.ts';
import { objectPath } from './walk.ts';
import { isPortableXattr, writeXattrs, type Xattrs } from './xattr.ts';

const SET_ID = 0o6000;
const SET_GID = 0o2000;

/** A mode as it may land: set-user-id and set-group-id never come from a view. */
export const landableMode = (mode: number): number => mode & 0o7777 & ~SET_ID;

/** A directory's set-group-id bit is inheritance, not privilege: it stays where the host has it already. */
export const landableDirectoryMode = (mode: number, hostMode: number): number =>
  landableMode(mode) | (hostMode & SET_GID);

/** The attributes that may land: user.* and POSIX ACLs, sorted; undefined when none are left. */
export function landableXattrs(xattrs: Xattrs | undefined): Xattrs | undefined {
  const kept = Object.entries(xattrs ?? {}).filter(([name]) => isPortableXattr(name));
  return kept.length === 0 ? undefined : Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Changes the owner of what `fd` is (O_PATH too). False where this process may not. */
export function setOwner(fd: number, uid: number, gid: number): boolean {
  const status = fchownat(fd, '', uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  if (status === -ERRNO.EPERM) return false;
  must(status);
  return true;
}

/** Mode and portable attributes of what `fd` is; the mode last, so that an ACL's mask agrees with it. */
export function setModeAndXattrs(fd: number, mode: number, xattrs: Xattrs | undefined): void {
  writeXattrs(fd, xattrs);
  // Only an owner may ask: a file of someone else's that keeps its mode is not asked for.
  must(statx(fd, '', AT_EMPTY_PATH, stat));
  if ((stat.readUInt16LE(STATX.mode) & 0o7777) !== mode) must(fchmodat(AT_FDCWD, objectPath(fd), mode));
}

const stat = Buffer.alloc(STATX.size_);

/**
 * Sets the times of what `fd` is (O_PATH too), where this process may (its owner): the modification time in decimal nanoseconds
 * since 1970, the access time where one is given.
 */
export function setTimes(fd: number, mtimeNs: string, atime: Timespec = { sec: 0, nsec: UTIME_OMIT }): void {
  const total = BigInt(mtimeNs);
  const nsec = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const sec = Number((total - nsec) / 1_000_000_000n);
  const status = utimensat(AT_FDCWD, objectPath(fd), atime, { sec, nsec: Number(nsec) }, 0);
  if (status !== -ERRNO.EPERM) must(status);
}
