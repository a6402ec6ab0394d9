// Attributes of a node: the host's while it is untouched, the record's after, size and times of staging from its file.
import { errno, must } from '../errno.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_STATX_DONT_SYNC,
  AT_SYMLINK_NOFOLLOW,
  readI64,
  readU64,
  STATX,
  statx,
} from '../host/syscall.ts';
import type { Attributes, AttributesReply, Entry, Time } from '../operations.ts';
import { blobPath } from '../store/blobs.ts';
import { mustHave } from './damage.ts';
import type { Node } from './node.ts';
import { isDirectory, S_IFDIR, S_IFMT } from './node.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT } from './records.ts';
import { heldSetId } from './setIds.ts';
import type { ViewState } from './state.ts';

/** How long the kernel may keep what the host can change without us: names and attributes. */
const LOWER_VALID_MS = 1000;
/** What only the agent changes stays until it is told otherwise. */
const UPPER_VALID_MS = 60_000;
const BLOCK_BYTES = 4096;
const AT_FLAGS = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC;

const attributes: Attributes = {
  ino: 0,
  size: 0,
  blocks: 0,
  atimeSec: 0,
  atimeNsec: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
  ctimeSec: 0,
  ctimeNsec: 0,
  btimeSec: 0,
  btimeNsec: 0,
  mode: 0,
  nlink: 1,
  uid: 0,
  gid: 0,
  rdev: 0,
  blksize: BLOCK_BYTES,
};
const entry: Entry = { nodeId: 0, entryValidMs: 0, attributesValidMs: 0, attributes };

/** The entry of a node; counts one lookup on it. */
export function entryOf(view: ViewState, node: Node): Entry {
  fill(view, node);
  count(view, node);
  entry.nodeId = node.id;
  entry.entryValidMs = validMs(node);
  entry.attributesValidMs = attributesMs(view, node);
  return entry;
}

/** One lookup more, by the connection that asks. */
export function count(view: ViewState, node: Node): void {
  node.lookups += 1;
  const { connection } = view;
  if (connection === null) return;
  if (connection.withoutOpens) node.blindLookups += 1;
  connection.lookups.set(node.id, (connection.lookups.get(node.id) ?? 0) + 1);
}

/** A name known to be absent. */
export function absentEntry(parent: Node): Entry {
  entry.nodeId = 0;
  entry.attributesValidMs = 0;
  entry.entryValidMs = parent.lowerDirectory === null && parent.ownDirectory === null ? UPPER_VALID_MS : LOWER_VALID_MS;
  return entry;
}

export function attributesOf(view: ViewState, node: Node): AttributesReply {
  fill(view, node);
  entry.attributesValidMs = attributesMs(view, node);
  return entry;
}

const validMs = (node: Node): number => (node.record === null ? LOWER_VALID_MS : UPPER_VALID_MS);
/**
 * What the host can change: its own objects, files whose bytes are its, directories in which its names show. And a file
 * that was passed through: it may be mapped with no handle left, and a store moves its times with no word to the kernel.
 */
function attributesMs(view: ViewState, node: Node): number {
  // Written past us through one connection: the others cannot be told.
  if (node.backingId > 0 && view.connections.size > 1) return 0;
  if (node.record === null || node.record.content === CONTENT.lower || node.passed) return LOWER_VALID_MS;
  return node.lowerDirectory === null ? UPPER_VALID_MS : LOWER_VALID_MS;
}

/** The node's attributes in the shared object. @throws ENOENT where the host's object is gone */
export function fill(view: ViewState, node: Node): Attributes {
  const record = node.record;
  // Under `rw` a directory has a record only to lead to staged data.
  if (record === null || (node.rule.mode === 'rw' && isDirectory(node) && !node.orphan)) fillFromHost(view, node);
  else fillFromRecord(view, node, record);
  attributes.ino = node.ino;
  return attributes;
}

function fillFromHost(view: ViewState, node: Node): void {
  const status = statLower(view, node);
  if (status < 0) {
    if (!isDirectory(node)) throw errno(status);
    fillSynthetic();
    return;
  }
  fillFromStat(view.stat);
  fillBorn(view);
  attributes.mode |= heldSetId(view, node);
  if (isDirectory(node) && node.lowerDirectory === null) hideDirectory(node);
  // The host still has the name that the agent took away.
  if (node.orphan) attributes.nlink = isDirectory(node) ? 0 : attributes.nlink - 1;
}

/** What has landed is a new inode on the host, and no new file. */
function fillBorn(view: ViewState): void {
  if (view.origins.size === 0) return;
  const born = view.origins.find(view.hostIno(), view.birthTime())?.born;
  if (born === undefined) return;
  attributes.btimeSec = born.sec;
  attributes.btimeNsec = born.nsec;
}

/** A directory of which nothing shows: no count of what is in it. */
function hideDirectory(node: Node): void {
  attributes.nlink = 2;
  attributes.size = BLOCK_BYTES;
  if (node.rule.mode !== 'hidden' && node.ruleNode?.rule?.empty && node.ruleNode.rule.path === '/tmp')
    attributes.mode = S_IFDIR | 0o1777;
}

/** statx of the host's object into `view.stat`: 0, or the negated errno. Notices that another object took the name. */
export function statLower(view: ViewState, node: Node): number {
  if (node.fd >= 0 && !node.fdIsStaging) return statx(node.fd, '', AT_EMPTY_PATH | AT_FLAGS, view.stat);
  return findLower(view, node);
}

/** The same by name: where the one it was found by is gone, another link of the same object takes its place. */
export function findLower(view: ViewState, node: Node): number {
  const status = statName(view, node);
  if (status === 0) return 0;
  for (let other = node.hostNames.pop(); other !== undefined; other = node.hostNames.pop()) {
    node.hostParent = other.directory;
    node.hostName = other.name;
    if (statName(view, node) === 0) return 0;
  }
  return status;
}

function statName(view: ViewState, node: Node): number {
  if (node.hostParent === null) return -2;
  const status = view.host.stat(node.hostParent, node.hostName, view.stat);
  if (status < 0) return status;
  if ((view.stat.readUInt16LE(STATX.mode) & S_IFMT) !== node.type) return -2;
  return node.hostIno !== 0 && node.record === null && view.hostIno() !== node.hostIno ? -2 : 0;
}

function fillSynthetic(): void {
  attributes.mode = S_IFDIR | 0o755;
  attributes.nlink = 2;
  attributes.uid = 0;
  attributes.gid = 0;
  attributes.rdev = 0;
  attributes.size = BLOCK_BYTES;
  attributes.blocks = 0;
  attributes.atimeSec = attributes.mtimeSec = attributes.ctimeSec = attributes.btimeSec = 0;
  attributes.atimeNsec = attributes.mtimeNsec = attributes.ctimeNsec = attributes.btimeNsec = 0;
}

function fillFromStat(stat: Buffer): void {
  attributes.mode = stat.readUInt16LE(STATX.mode);
  attributes.nlink = stat.readUInt32LE(STATX.nlink);
  attributes.uid = stat.readUInt32LE(STATX.uid);
  attributes.gid = stat.readUInt32LE(STATX.gid);
  attributes.rdev = encodeDevice(stat.readUInt32LE(STATX.rdevMajor), stat.readUInt32LE(STATX.rdevMinor));
  fillDataFromStat(stat);
  attributes.ctimeSec = readI64(stat, STATX.ctime);
  attributes.ctimeNsec = stat.readUInt32LE(STATX.ctime + 8);
  attributes.btimeSec = readI64(stat, STATX.btime);
  attributes.btimeNsec = stat.readUInt32LE(STATX.btime + 8);
}

/** A device number as the wire has it: 20 bits of the minor number around 12 of the major. */
const encodeDevice = (major: number, minor: number): number =>
  (((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff)) >>> 0;

/** Size, blocks, and the times that reading and writing move. */
function fillDataFromStat(stat: Buffer): void {
  attributes.size = readU64(stat, STATX.size);
  attributes.blocks = readU64(stat, STATX.blocks);
  attributes.atimeSec = readI64(stat, STATX.atime);
  attributes.atimeNsec = stat.readUInt32LE(STATX.atime + 8);
  attributes.mtimeSec = readI64(stat, STATX.mtime);
  attributes.mtimeNsec = stat.readUInt32LE(STATX.mtime + 8);
}

function fillFromRecord(view: ViewState, node: Node, record: InodeRecord): void {
  attributes.mode = record.mode;
  attributes.nlink = record.nlink;
  attributes.uid = record.uid;
  attributes.gid = record.gid;
  attributes.rdev = record.rdev;
  attributes.size = isDirectory(node) ? BLOCK_BYTES : record.target.length;
  attributes.blocks = isDirectory(node) ? 8 : 0;
  attributes.atimeSec = record.atimeSec;
  attributes.atimeNsec = record.atimeNsec;
  attributes.mtimeSec = record.mtimeSec;
  attributes.mtimeNsec = record.mtimeNsec;
  attributes.ctimeSec = record.ctimeSec;
  attributes.ctimeNsec = record.ctimeNsec;
  attributes.btimeSec = record.btimeSec;
  attributes.btimeNsec = record.btimeNsec;
  if (record.content === CONTENT.staging) fillFromStaging(view, node, record);
  else if (record.content === CONTENT.lower) fillFromLowerContent(view, node, record);
  else if (record.content === CONTENT.blob) fillFromBlob(view, record);
  else if (node.lowerDirectory !== null) showLaterChange(view, node, node.lowerDirectory);
}

/**
 * The host's names show in it, too. That one came or went is seen by the host directory's own time, and shown as a change
 * of this one at the moment it was noticed: the Linux kernel keeps a listing for as long as the time stays.
 */
function showLaterChange(view: ViewState, node: Node, directory: HostDirectory): void {
  if (view.host.stat(directory, '.', view.stat) < 0) return;
  const sec = readI64(view.stat, STATX.mtime);
  const nsec = view.stat.readUInt32LE(STATX.mtime + 8);
  const { lowerChange } = node;
  if (lowerChange === null) node.lowerChange = { sec, nsec, noticed: null };
  else if (lowerChange.sec !== sec || lowerChange.nsec !== nsec)
    node.lowerChange = { sec, nsec, noticed: view.nowTime() };
  const noticed = node.lowerChange?.noticed ?? null;
  if (noticed === null || !isLater(noticed, { sec: attributes.mtimeSec, nsec: attributes.mtimeNsec })) return;
  attributes.mtimeSec = noticed.sec;
  attributes.mtimeNsec = noticed.nsec;
}

const isLater = (a: Time, b: Time): boolean => a.sec > b.sec || (a.sec === b.sec && a.nsec > b.nsec);

function fillFromStaging(view: ViewState, node: Node, record: InodeRecord): void {
  const status =
    node.fd >= 0 && node.fdIsStaging
      ? statx(node.fd, '', AT_EMPTY_PATH | AT_FLAGS, view.stat)
      : statx(view.stagingFd, view.stagingName(record.stagingId), AT_FLAGS, view.stat);
  mustHave(status, 'staging file', record);
  fillDataFromStat(view.stat);
  const ctimeSec = readI64(view.stat, STATX.ctime);
  const ctimeNsec = view.stat.readUInt32LE(STATX.ctime + 8);
  if (ctimeSec > record.ctimeSec || (ctimeSec === record.ctimeSec && ctimeNsec > record.ctimeNsec)) {
    attributes.ctimeSec = ctimeSec;
    attributes.ctimeNsec = ctimeNsec;
  }
}

/** Changed in its attributes only: size and blocks are the host's, the time too where the host wrote after the agent. */
function fillFromLowerContent(view: ViewState, node: Node, record: InodeRecord): void {
  must(statLower(view, node));
  attributes.size = readU64(view.stat, STATX.size);
  attributes.blocks = readU64(view.stat, STATX.blocks);
  const mtimeSec = readI64(view.stat, STATX.mtime);
  const mtimeNsec = view.stat.readUInt32LE(STATX.mtime + 8);
  if (mtimeSec > record.ctimeSec || (mtimeSec === record.ctimeSec && mtimeNsec > record.ctimeNsec)) {
    attributes.mtimeSec = mtimeSec;
    attributes.mtimeNsec = mtimeNsec;
  }
}

/** A blob has no times of its own: they are the record's. */
function fillFromBlob(view: ViewState, record: InodeRecord): void {
  const path = blobPath(view.commitPlaces().blobs, record.target);
  mustHave(statx(AT_FDCWD, path, AT_FLAGS, view.stat), 'blob', record);
  attributes.size = readU64(view.stat, STATX.size);
  attributes.blocks = readU64(view.stat, STATX.blocks);
}

/** The times a copy begins with: the host file's as `view.stat` holds them, or those of the record of a blob. */
export function timesBefore(view: ViewState, node: Node): { readonly atime: Time; readonly mtime: Time } {
  const { record } = node;
  if (record !== null && record.content === CONTENT.blob)
    return {
      atime: { sec: record.atimeSec, nsec: record.atimeNsec },
      mtime: { sec: record.mtimeSec, nsec: record.mtimeNsec },
    };
  const at = (offset: number) => ({
    sec: Number(view.stat.readBigInt64LE(offset)),
    nsec: view.stat.readUInt32LE(offset + 8),
  });
  return { atime: at(STATX.atime), mtime: at(STATX.mtime) };
}

/** A record made from what the host has now: the first half of a copy-up. */
export function recordOf(view: ViewState, node: Node): InodeRecord {
  fill(view, node);
  const { ino: _ino, size: _size, blocks: _blocks, blksize: _blksize, ...rest } = attributes;
  return { ...rest, ino: node.ino, content: CONTENT.none, stagingId: 0, lower: '', target: '' };
}
