// Steps that put a new object at a name: file, symlink, fifo and socket.
//
//   partial --write, verify, flush--> temporary --exchange--> name      what was there: temporary --verify--> pre-image
//
// The temporary only ever holds the verified result (before) or what it displaced (after), so a later run knows from
// the names alone where an earlier one stopped. A file with several links is written in place, its pre-image first.
import { damaged, ERRNO, must } from '../errno.ts';
import { landableMode, setModeAndXattrs, setOwner, setTimes } from '../host/attributes.ts';
import { type Captured, capture, openForReading } from '../host/capture.ts';
import { copyContent, isMixOf } from '../host/content.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  close,
  mknodat,
  O_NOFOLLOW,
  openat,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  readI64,
  readU64,
  STATX,
  statx,
  symlinkat,
  syncfs,
  type Timespec,
} from '../host/syscall.ts';
import { objectPath, openObject } from '../host/walk.ts';
import { discard, landable, type Site, statIdentity } from './commitSite.ts';
import type { Base, Step, Version } from './model.ts';
import { bringBack, copyToPreimage, keep } from './preimage.ts';

export type FileStep = Extract<Step, { op: 'file' }>;
export type LandStep = FileStep | Extract<Step, { op: 'symlink' | 'mknod' }>;

const ABSENT: Base = { version: { type: 'absent' } };
const S_IFMT = 0o170000;
const S_IFIFO = 0o010000;
/** O_RDWR | O_CREAT | O_EXCL. */
const O_NEW = 0o2 | 0o100 | 0o200;

export const baseOf = (step: LandStep): Base => (step.op === 'mknod' ? ABSENT : step.base);

/** What lies at the path after the step. */
export function landedVersion(step: LandStep): Version {
  if (step.op === 'file') return landable(step.result);
  if (step.op === 'symlink') return { type: 'symlink', target: step.target };
  return { type: (step.mode & S_IFMT) === S_IFIFO ? 'fifo' : 'socket', mode: landableMode(step.mode) };
}

/** Makes the step so, from whatever an earlier run left. @throws HostMoved, Errno */
export function land(site: Site, step: LandStep): void {
  const base = baseOf(step);
  const result = landedVersion(step);
  discard(site.fd, site.partial);
  const inAir = site.exists(site.temporary);
  if (inAir && !site.holds(result, site.temporary)) {
    settle(site, base, result);
    return;
  }
  if (site.holds(result, site.name)) {
    discard(site.fd, site.temporary);
    // Written anew with the same bytes: `make` goes by the time alone.
    if (step.op === 'file' && site.match(base, site.name) === 'same') redate(site, step);
    return;
  }
  if (site.hasPreimage()) {
    resumeInPlace(site, step);
    return;
  }
  site.expectBase(base);
  if (!inAir) {
    if (step.op === 'file' && !prepareFile(site, step)) {
      writeInPlace(site, step);
      return;
    }
    if (step.op !== 'file') prepareSpecial(site, step);
    must(site.rename(site.partial, site.temporary, RENAME_NOREPLACE));
  }
  site.fault('armed');
  exchange(site, base, result);
}

function exchange(site: Site, base: Base, result: Version): void {
  const fresh = base.version.type === 'absent';
  const status = site.rename(site.temporary, site.name, fresh ? RENAME_NOREPLACE : RENAME_EXCHANGE);
  if (status < 0) {
    discard(site.fd, site.temporary);
    if (status === -ERRNO.EEXIST) site.moved('created on the host since');
    if (status === -ERRNO.ENOENT) site.moved('removed on the host since');
    must(status);
  }
  site.fault('landed');
  if (fresh) {
    if (!site.inPlace()) {
      takeAway(site, result);
      site.moved('its directory moved on the host');
    }
    return;
  }
  settle(site, base, result);
}

/** The temporary holds what the result displaced: the base is kept, anything else goes back where it was. */
function settle(site: Site, base: Base, result: Version): void {
  const match = site.match(base, site.temporary, { moved: true });
  const inPlace = site.inPlace();
  site.fault('verified');
  if (match === 'same' && inPlace && keep(site, site.temporary)) return;
  exchangeBack(site, result);
  if (!inPlace) site.moved('its directory moved on the host');
  site.moved(match === 'same' ? 'the directory it replaces is not empty' : 'changed on the host since');
}

/** Swaps the temporary (the host's) with the name (ours). Whatever turns out not to be ours is never lost. */
function exchangeBack(site: Site, result: Version): void {
  const status = site.rename(site.temporary, site.name, RENAME_EXCHANGE);
  if (status === -ERRNO.ENOENT) {
    // The host removed our result meanwhile: its earlier content simply returns.
    must(site.rename(site.temporary, site.name, RENAME_NOREPLACE));
    return;
  }
  must(status);
  if (site.holds(result, site.temporary)) {
    discard(site.fd, site.temporary);
    return;
  }
  // The host wrote over our result meanwhile: the newer stays, the older is kept aside.
  must(site.rename(site.temporary, site.name, RENAME_EXCHANGE));
  keep(site, site.temporary);
}

/** Removes our result from the name, if it still is ours. */
function takeAway(site: Site, result: Version): boolean {
  if (!site.holds(result, site.name)) return false;
  if (site.rename(site.name, site.temporary, RENAME_NOREPLACE) < 0) return false;
  if (site.holds(result, site.temporary)) {
    discard(site.fd, site.temporary);
    return true;
  }
  must(site.rename(site.temporary, site.name, RENAME_NOREPLACE));
  return false;
}

function prepareSpecial(site: Site, step: Exclude<LandStep, FileStep>): void {
  if (step.op === 'symlink') must(symlinkat(step.target, site.fd, site.partial));
  else must(mknodat(site.fd, site.partial, (step.mode & S_IFMT) | 0o600, 0));
  const fd = must(openObject(site.fd, site.partial));
  setOwner(fd, step.uid, step.gid);
  if (step.op === 'mknod') setModeAndXattrs(fd, landableMode(step.mode), undefined);
  close(fd);
}

/**
 * Writes the partial of a step that comes soon, without waiting for the disk: many are then flushed at once.
 * False where there is nothing to write ahead.
 */
export function writeAhead(site: Site, step: FileStep): boolean {
  discard(site.fd, site.partial);
  return !site.exists(site.temporary) && prepareFile(site, step, () => undefined);
}

/** Flushes what was written ahead, with everything else on its file system: `flushed` names those that are done. */
export function flushAhead(site: Site, flushed: Set<string>): void {
  const fd = must(openat(site.fd, site.partial, O_NOFOLLOW));
  try {
    const device = statIdentity(fd).replace(/:\d+$/, '');
    if (!flushed.has(device)) must(syncfs(fd));
    flushed.add(device);
  } finally {
    close(fd);
  }
}

/** What was written ahead and flushed is the step's temporary from now on. */
export function arm(site: Site): void {
  must(site.rename(site.partial, site.temporary, RENAME_NOREPLACE));
}

/** Writes the partial and flushes it. False, with nothing left, where the file must be written in place instead. */
function prepareFile(site: Site, step: FileStep, flush = (fd: number): unknown => site.run.flushFile(fd)): boolean {
  const present = capture(site.fd, site.name);
  if (present.version.type === 'file' && present.nlink > 1) return false;
  const target = openat(site.fd, site.partial, O_NEW | O_NOFOLLOW, 0o600);
  // A file may be written where no other may be made beside it.
  if (target === -ERRNO.EACCES && present.version.type === 'file') return false;
  must(target);
  try {
    if (!setOwner(target, step.uid, step.gid) && present.version.type === 'file') {
      discard(site.fd, site.partial);
      return false;
    }
    fill(site, step, target, present.version.type === 'file' ? present.atime : undefined);
    flush(target);
    site.fault('partial-written');
    return true;
  } finally {
    close(target);
  }
}

/** Content, attributes and times of the result, verified. Reading it back is no access: `atime` stays what it was. */
function fill(site: Site, step: FileStep, target: number, atime: Timespec | undefined): void {
  const sealed = must(openat(AT_FDCWD, step.sealed, O_NOFOLLOW));
  try {
    copyContent(sealed, target, step.result.sizeBytes);
  } finally {
    close(sealed);
  }
  if (site.run.ports.cidOf(target) !== step.result.cid)
    damaged('content', `the sealed copy ${step.sealed} is not what its name says`);
  setModeAndXattrs(target, landableMode(step.result.mode), landedXattrs(step));
  setTimes(target, step.mtimeNs, atime);
}

function landedXattrs(step: FileStep) {
  const version = landedVersion(step);
  return 'xattrs' in version ? version.xattrs : undefined;
}

function writeInPlace(site: Site, step: FileStep): void {
  copyToPreimage(site, site.name);
  // Only the base may be overwritten, and only with a true copy of it at hand: looked at in this order.
  const { cid } = step.base.version as Extract<Version, { type: 'file' }>;
  const intact = (cid === '' || cidOfPreimage(site) === cid) && site.match(step.base, site.name) === 'same';
  if (!intact) {
    discard(site.run.preimages, site.preimage);
    site.moved('changed on the host since');
  }
  overwrite(site, step);
}

function cidOfPreimage(site: Site): string {
  const fd = must(openat(site.run.preimages, site.preimage, O_NOFOLLOW));
  try {
    return site.run.ports.cidOf(fd);
  } finally {
    close(fd);
  }
}

function overwrite(site: Site, step: FileStep): void {
  withFile(site, (object) => {
    const target = must(openat(AT_FDCWD, objectPath(object), 0o2));
    try {
      site.fault('writing-in-place');
      fill(site, step, target, atimeOf(object));
      site.run.flushFile(target);
    } finally {
      close(target);
    }
  });
}

function redate(site: Site, step: FileStep): void {
  withFile(site, (object) => setTimes(object, step.mtimeNs));
}

/** An O_PATH descriptor of the regular file at the name. */
function withFile<T>(site: Site, action: (object: number) => T): T {
  const object = must(openObject(site.fd, site.name));
  try {
    return action(object);
  } finally {
    close(object);
  }
}

/** There is a pre-image, and the name is not the result: an interrupted write in place, or a later edit of the host's. */
function resumeInPlace(site: Site, step: LandStep): void {
  if (step.op !== 'file') return;
  const now = capture(site.fd, site.name);
  if (now.version.type !== 'file') return;
  if (isTorn(site, step.sealed, now)) overwrite(site, step);
}

function isTorn(site: Site, sealed: string, now: Captured): boolean {
  if (now.version.type !== 'file') return false;
  const { sizeBytes } = now.version;
  const preimage = must(openat(site.run.preimages, site.preimage, O_NOFOLLOW));
  const result = openat(AT_FDCWD, sealed, O_NOFOLLOW);
  try {
    // Written upwards and cut at the end: never shorter than the old bytes until it has the new size.
    const [oldSize, newSize] = [sizeOf(preimage), sizeOf(must(result))];
    return (
      (sizeBytes === newSize || (sizeBytes >= oldSize && sizeBytes <= Math.max(oldSize, newSize))) &&
      withFile(site, (object) => {
        const torn = openForReading(object);
        const mixed = isMixOf(torn, must(result), preimage, sizeBytes);
        close(torn);
        return mixed;
      })
    );
  } finally {
    close(preimage);
    if (result >= 0) close(result);
  }
}

const stat = Buffer.alloc(STATX.size_);
function atimeOf(fd: number): Timespec {
  must(statx(fd, '', AT_EMPTY_PATH, stat));
  return { sec: readI64(stat, STATX.atime), nsec: stat.readUInt32LE(STATX.atime + 8) };
}

function sizeOf(fd: number): number {
  must(statx(fd, '', AT_EMPTY_PATH, stat));
  return readU64(stat, STATX.size);
}

/** Puts back what was there before the step, as far as the name still holds what the step put there. */
export function undoLand(site: Site, step: LandStep): void {
  const result = landedVersion(step);
  discard(site.fd, site.partial);
  if (site.exists(site.temporary)) {
    if (site.holds(result, site.temporary)) discard(site.fd, site.temporary);
    else exchangeBack(site, result);
  }
  if (!site.hasPreimage()) {
    if (baseOf(step).version.type === 'absent' && site.exists(site.name) && !takeAway(site, result))
      site.moved('not taken back: changed on the host meanwhile');
    return;
  }
  if (step.op === 'file' && undoInPlace(site, step)) return;
  if (!site.holds(result, site.name))
    site.moved('not put back: changed on the host meanwhile; its earlier content is kept');
  bringBack(site, site.temporary);
  exchangeBack(site, result);
}

/** Writes the pre-image over a file with several links; false where the file was replaced instead. */
function undoInPlace(site: Site, step: FileStep): boolean {
  const now = capture(site.fd, site.name);
  const { version } = step.base;
  if (now.version.type !== 'file' || version.type !== 'file' || now.nlink < 2) return false;
  if (!isTorn(site, step.sealed, now)) return false;
  const preimage = must(openat(site.run.preimages, site.preimage, O_NOFOLLOW));
  const before = capture(site.run.preimages, site.preimage);
  withFile(site, (object) => {
    const target = must(openat(AT_FDCWD, objectPath(object), 0o2));
    copyContent(preimage, target, sizeOf(preimage));
    setModeAndXattrs(target, version.mode, version.xattrs);
    setTimes(target, before.mtimeNs);
    site.run.flushFile(target);
    close(target);
  });
  close(preimage);
  discard(site.run.preimages, site.preimage);
  return true;
}
