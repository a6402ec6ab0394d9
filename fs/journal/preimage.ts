// Keeps what a commit displaced, and brings it back. Between file systems a copy carries owner, mode, ACL and times.
import { ERRNO, fail, must } from '../errno.ts';
import { setModeAndXattrs, setOwner, setTimes } from '../host/attributes.ts';
import { type Captured, capture, openForReading } from '../host/capture.ts';
import { copyContent } from '../host/content.ts';
import {
  AT_REMOVEDIR,
  close,
  getdents64,
  mkdirat,
  mknodat,
  O_DIRECTORY,
  O_NOFOLLOW,
  openat,
  RENAME_NOREPLACE,
  renameat2,
  symlinkat,
  unlinkat,
} from '../host/syscall.ts';
import { openObject } from '../host/walk.ts';
import { discard, existsAt, type Site } from './commitSite.ts';

/** O_RDWR | O_CREAT | O_EXCL. */
const O_NEW = 0o2 | 0o100 | 0o200;

interface Place {
  readonly fd: number;
  readonly name: string;
}

/**
 * Moves `name` of the site (verified to be the base by the caller) to the pre-images.
 * Returns false, with nothing changed, for a directory that is not empty.
 */
export function keep(site: Site, name: string): boolean {
  const from = { fd: site.fd, name };
  const to = { fd: site.run.preimages, name: site.preimage };
  const version = capture(site.fd, name).version;
  if (version.type === 'absent') return true;
  if (version.type === 'directory') return keepDirectory(site, from, to);
  const status = renameat2(from.fd, from.name, to.fd, to.name, RENAME_NOREPLACE);
  if (status === -ERRNO.EXDEV && !site.hasPreimage()) copyToPreimage(site, name);
  // Copied already, now or by a run that stopped right after.
  if (status === -ERRNO.EXDEV || status === -ERRNO.EEXIST) must(unlinkat(from.fd, from.name));
  else must(status);
  site.run.touched(site.fd);
  site.fault('kept');
  return true;
}

/** A durable copy of `name` among the pre-images, complete or not there. */
export function copyToPreimage(site: Site, name: string, to = { fd: site.run.preimages, name: site.preimage }): void {
  const part = { fd: to.fd, name: `${to.name}.part` };
  discard(part.fd, part.name);
  copyObject(site, { fd: site.fd, name }, part);
  must(renameat2(part.fd, part.name, to.fd, to.name, RENAME_NOREPLACE));
  site.run.flushFile(to.fd);
  site.fault('preimage-copied');
}

/** rmdir decides by itself whether the directory is empty: no name is ever lost in between. */
function keepDirectory(site: Site, from: Place, to: Place): boolean {
  const twin = { fd: to.fd, name: `${to.name}.part` };
  if (!existsAt(twin.fd, twin.name)) copyObject(site, from, twin);
  const status = unlinkat(from.fd, from.name, AT_REMOVEDIR);
  if (status === -ERRNO.ENOTEMPTY || status === -ERRNO.EEXIST) {
    discard(twin.fd, twin.name);
    return false;
  }
  must(status);
  finishTwin(site);
  site.run.touched(site.fd);
  site.fault('kept');
  return true;
}

/** The directory is gone: its twin becomes the pre-image. */
export function finishTwin(site: Site): void {
  const { preimages } = site.run;
  const status = renameat2(preimages, `${site.preimage}.part`, preimages, site.preimage, RENAME_NOREPLACE);
  if (status !== -ERRNO.ENOENT) must(status);
}

/** Brings the pre-image to `name` of the site, which must be free, and forgets it among the pre-images. */
export function bringBack(site: Site, name: string): void {
  const from = { fd: site.run.preimages, name: site.preimage };
  const status = renameat2(from.fd, from.name, site.fd, name, RENAME_NOREPLACE);
  if (status === -ERRNO.EXDEV) {
    discard(site.fd, site.partial);
    copyObject(site, from, { fd: site.fd, name: site.partial });
    must(renameat2(site.fd, site.partial, site.fd, name, RENAME_NOREPLACE));
    discard(from.fd, from.name);
  } else must(status);
  site.run.touched(site.fd);
}

/** Copies one object (a directory without its entries) with all its attributes, flushed. */
function copyObject(site: Site, from: Place, to: Place): void {
  const of = capture(from.fd, from.name);
  const { version } = of;
  if (version.type === 'symlink') must(symlinkat(version.target, to.fd, to.name));
  else if (version.type === 'directory') must(mkdirat(to.fd, to.name, 0o700));
  else if (version.type === 'fifo') must(mknodat(to.fd, to.name, 0o010600, 0));
  else if (version.type === 'socket') must(mknodat(to.fd, to.name, 0o140600, 0));
  else if (version.type === 'file') copyFile(site, from, to, of);
  else fail('EOPNOTSUPP');
  if (version.type !== 'file') dress(to, of);
}

function copyFile(site: Site, from: Place, to: Place, of: Captured): void {
  const object = must(openObject(from.fd, from.name));
  const target = openat(to.fd, to.name, O_NEW | O_NOFOLLOW, 0o600);
  try {
    const source = openForReading(object);
    try {
      copyContent(source, must(target), of.version.type === 'file' ? of.version.sizeBytes : 0);
    } finally {
      close(source);
    }
    dress(to, of);
    setTimes(target, of.mtimeNs);
    site.run.flushFile(target);
  } finally {
    close(object);
    if (target >= 0) close(target);
  }
}

/** Owner, mode and attributes; an owner that this user cannot give could not be given back either. */
function dress(to: Place, of: Captured): void {
  const fd = must(openObject(to.fd, to.name));
  try {
    setOwner(fd, of.uid, of.gid);
    if ('mode' in of.version)
      setModeAndXattrs(fd, of.version.mode, 'xattrs' in of.version ? of.version.xattrs : undefined);
  } finally {
    close(fd);
  }
}

const records = Buffer.alloc(32768);

/** How many entries keep a directory. */
export function countEntries(dirfd: number, name: string): number {
  const fd = must(openat(dirfd, name, O_DIRECTORY | O_NOFOLLOW));
  try {
    let count = -2; // `.` and `..`
    for (let length = must(getdents64(fd, records)); length > 0; length = must(getdents64(fd, records)))
      for (let at = 0; at < length; at += records.readUInt16LE(at + 16)) count++;
    return Math.max(count, 0);
  } finally {
    close(fd);
  }
}
