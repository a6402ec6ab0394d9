// What the index and the host hold at a path, as versions that can be compared. Content is read once for each state of
// a file: a CID is remembered by inode, size and times, unless those are too fresh to vouch for it.

import { Damage, must } from '../errno.ts';
import type { Captured } from '../host/capture.ts';
import { capture, hintOf } from '../host/capture.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import { AT_EMPTY_PATH, close, O_NOATIME, openat, STATX, statx } from '../host/syscall.ts';
import { openObject } from '../host/walk.ts';
import { isPortableXattr, readXattrs } from '../host/xattr.ts';
import type { Base, Version } from '../journal/model.ts';
import { cidOfFile } from '../store/cid.ts';
import { blobPathOf, isBlob, openBlobOf } from './blobContent.ts';
import type { Spot } from './indexTree.ts';
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from './node.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT, direntKey, direntName, direntRange, encodeDirent, inodeKey } from './records.ts';
import { isHiddenIn } from './resolve.ts';
import type { ViewState } from './state.ts';

/** Remembered CIDs; the oldest go first. */
const CIDS_MAX = 50_000;
const O_NONBLOCK = 0o4000;
const cids = new Map<string, string>();
const stat = Buffer.alloc(STATX.size_);

/** The CID of an open file's bytes, from memory where its state is known. */
export function cidOf(fd: number): string {
  must(statx(fd, '', AT_EMPTY_PATH, stat));
  const hint = hintOf(stat, Date.now());
  const device = `${stat.readUInt32LE(STATX.devMajor)}:${stat.readUInt32LE(STATX.devMinor)}`;
  const key = `${device} ${hint.ino} ${hint.sizeBytes} ${hint.mtimeNs} ${hint.ctimeNs}`;
  const known = cids.get(key);
  if (known !== undefined) return known;
  const cid = cidOfFile(fd);
  if (hint.reliable) cids.set(key, cid);
  if (cids.size > CIDS_MAX) cids.delete(cids.keys().next().value ?? '');
  return cid;
}

/** What the agent's inode holds. */
export function resultVersion(view: ViewState, record: InodeRecord): Version {
  const mode = record.mode & 0o7777;
  const type = record.mode & S_IFMT;
  if (type === S_IFLNK) return { type: 'symlink', target: record.target };
  if (type === S_IFDIR) return { type: 'directory', mode, ...xattrs(view, record) };
  if (type !== S_IFREG) return { type: type === S_IFIFO ? 'fifo' : 'socket', mode };
  const fd = openUndamaged(view, record);
  if (fd < 0) return { type: 'file', cid: '', sizeBytes: 0, mode };
  try {
    const cid = cidOf(fd);
    must(statx(fd, '', AT_EMPTY_PATH, stat));
    return { type: 'file', cid, sizeBytes: Number(stat.readBigUInt64LE(STATX.size)), mode, ...xattrs(view, record) };
  } finally {
    close(fd);
  }
}

/** One damaged file must not keep all others from being listed: it shows as nothing, which nobody can approve. */
function openUndamaged(view: ViewState, record: InodeRecord): number {
  try {
    return openContentOf(view, record);
  } catch (error) {
    if (error instanceof Damage) return -error.number;
    throw error;
  }
}

/** A readable descriptor of an inode's bytes, or the negated errno. @throws Damage */
export function openContentOf(view: ViewState, record: InodeRecord): number {
  if (record.content === CONTENT.staging) return openat(view.stagingFd, view.stagingName(record.stagingId), O_NOATIME);
  if (isBlob(record)) return openBlobOf(view, record);
  const lower = view.host.at(record.lower);
  if (lower.parent === null || isHiddenIn(view, lower.parent.path(), lower.parent, lower.name, false)) return -2;
  return view.host.open(lower.parent, lower.name, O_NONBLOCK);
}

/** Where the bytes of the agent's own are: its staging file or a blob. */
export function contentPathOf(view: ViewState, record: InodeRecord | null): string | undefined {
  if (record === null) return undefined;
  if (record.content === CONTENT.staging) return view.stagingPath(record.stagingId);
  return isBlob(record) ? blobPathOf(view, record) : undefined;
}

function xattrs(view: ViewState, record: InodeRecord): { xattrs?: Readonly<Record<string, string>> } {
  const found =
    view.ledger.get('xattrs', inodeKey(record.ino)) === undefined ? lowerXattrs(view, record) : ownXattrs(view, record);
  return found === undefined ? {} : { xattrs: found };
}

function ownXattrs(view: ViewState, record: InodeRecord): Readonly<Record<string, string>> | undefined {
  const entries: [string, string][] = [];
  for (const { key, value } of view.ledger.range('xattrs', ...direntRange(record.ino)))
    if (isPortableXattr(direntName(key))) entries.push([direntName(key), value.toString('hex')]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries.sort());
}

export function lowerXattrs(view: ViewState, record: InodeRecord): Readonly<Record<string, string>> | undefined {
  if (record.lower === '') return undefined;
  const lower = view.host.at(record.lower);
  const parent = lower.parent === null ? -1 : view.host.descriptor(lower.parent);
  const fd = parent < 0 ? -1 : openObject(parent, lower.name);
  if (fd < 0) return undefined;
  try {
    return readXattrs(fd);
  } finally {
    close(fd);
  }
}

/** What the host shows at a spot's name; content is only read where it could equal `like`. */
export function hostVersion(view: ViewState, spot: Spot, like?: Version): Version {
  const light = captureAt(view, spot.lowerParent, spot.name, false);
  if (light === undefined || isHiddenSpot(view, spot)) return { type: 'absent' };
  if (light.version.type !== 'file' || like?.type !== 'file' || like.sizeBytes !== light.version.sizeBytes)
    return light.version;
  return captureAt(view, spot.lowerParent, spot.name, true)?.version ?? { type: 'absent' };
}

/** Whether what the host has at a spot's name now is not the agent's to know: its change must not tell of it either. */
export function isHiddenSpot(view: ViewState, spot: Spot): boolean {
  if (spot.lowerParent === null || view.host.stat(spot.lowerParent, spot.name, stat) < 0) return false;
  const type = stat.readUInt16LE(STATX.mode) & S_IFMT;
  const directory = spot.path.slice(0, -(spot.name.length + 1));
  return isHiddenIn(view, directory, spot.lowerParent, spot.name, type === S_IFDIR, type === S_IFREG);
}

function captureAt(
  view: ViewState,
  directory: HostDirectory | null,
  name: string,
  content: boolean,
): Captured | undefined {
  if (directory === null) return undefined;
  const fd = view.host.descriptor(directory);
  if (fd < 0) return undefined;
  const captured = capture(fd, name, content ? { cidOf } : {});
  return captured.version.type === 'absent' ? undefined : captured;
}

/** The base of a spot, its content identified while the host still holds it; what is found out is kept. */
export function filledBase(view: ViewState, spot: Spot): Base {
  const base = spot.dirent.base;
  if (base === undefined) return baseNow(view, spot);
  if (base.version.type !== 'file' || base.version.cid !== '' || !base.hint?.reliable) return base;
  const now = captureAt(view, spot.lowerParent, spot.name, true);
  if (now?.hint === undefined || now.version.type !== 'file') return base;
  const { hint } = base;
  const same =
    now.hint.ino === hint.ino &&
    now.hint.sizeBytes === hint.sizeBytes &&
    now.hint.mtimeNs === hint.mtimeNs &&
    now.hint.ctimeNs === hint.ctimeNs;
  if (!same) return base;
  const filled: Base = { hint, version: { ...base.version, cid: now.version.cid } };
  view.mutate((tx) =>
    tx.put('dirents', direntKey(spot.parentIno, spot.name), encodeDirent({ ...spot.dirent, base: filled })),
  );
  return filled;
}

function baseNow(view: ViewState, spot: Spot): Base {
  const now = isHiddenSpot(view, spot) ? undefined : captureAt(view, spot.lowerParent, spot.name, true);
  if (now === undefined) return { version: { type: 'absent' } };
  return now.hint === undefined ? { version: now.version } : { version: now.version, hint: now.hint };
}
