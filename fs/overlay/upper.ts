// The primitives of a change in the upper: pin a node, give a name to an inode, take a name away.
//
// - Upper entries are authoritative: pinning a node pins every directory above it up to the rule's root, so that a
//   walk down from the root finds each change.
// - The base of a name (what the host had when the agent first changed it, "absent" too) is kept with its entry and
//   survives deletion and re-creation.
import { errno, fail, must } from '../errno.ts';
import { close, unlinkat } from '../host/syscall.ts';
import type { Base, Transaction } from '../journal/model.ts';
import { findLower, recordOf } from './attributes.ts';
import type { Node } from './node.ts';
import { isDirectory, isRegular, pathOf, S_IFDIR, S_IFLNK } from './node.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT, direntKey, direntRange, inodeKey } from './records.ts';
import { lowerExists } from './resolve.ts';
import type { ViewState } from './state.ts';

/** Gives a node a record of its own; its content stays where it is. */
export function pin(view: ViewState, tx: Transaction, node: Node): InodeRecord {
  if (node.record !== null) return node.record;
  const apart = renumber(view, tx, node);
  const made = recordOf(view, node);
  made.lower = lowerPath(node);
  if (isRegular(node)) made.content = CONTENT.lower;
  if (node.type === S_IFLNK) made.target = readLink(view, node);
  view.setRecord(tx, node, made);
  if (!isDirectory(node)) rejoin(view, tx, node, made, apart);
  if (node.ruleNode === undefined && !node.orphan) pinName(view, tx, node);
  return made;
}

/** A host file that was changed already by a hard link under another rule is not that one: it gets its own number. */
function renumber(view: ViewState, tx: Transaction, node: Node): boolean {
  if (isDirectory(node) || node.orphan || view.readInode(node.ino) === null) return false;
  const before = node.ino;
  for (const key of keysOf(node)) if (view.files.get(key) === node) view.files.delete(key);
  node.ino = view.numbers.allocate(tx);
  view.onAbort(() => {
    node.ino = before;
  });
  return true;
}

const keysOf = (node: Node): readonly (string | number)[] => [node.ino, `${node.ino} ${node.rule.path}`];

/** The entry that leads to a pinned node; a base stays out until the name itself changes. */
function pinName(view: ViewState, tx: Transaction, node: Node): void {
  const parent = node.parent;
  if (parent === null) return;
  pin(view, tx, parent);
  const existing = view.dirent(parent, node.name);
  if (existing !== undefined && !existing.whiteout) return;
  view.putDirent(tx, parent, node.name, {
    whiteout: false,
    type: node.type >> 12,
    ino: node.ino,
    base: existing?.base,
    changedAtMs: view.options.now(),
    removed: existing?.removed ?? 0,
  });
}

/** A file known by the host's hard links is from now on found by its number, from every name of it. */
function rejoin(view: ViewState, tx: Transaction, node: Node, record: InodeRecord, apart: boolean): void {
  const key = `${node.ino} ${node.rule.path}`;
  if (view.files.get(key) === node) view.files.delete(key);
  view.files.set(node.ino, node);
  if (record.nlink > 1 && node.hostIno !== 0 && !apart && !view.origins.isLanded(node.hostIno, node.ino))
    view.setOrigin(tx, node.ino, `${record.btimeSec}.${record.btimeNsec}`, node.hostIno);
}

function lowerPath(node: Node): string {
  if (isDirectory(node)) return node.lowerDirectory?.path() ?? '';
  return node.hostParent === null ? '' : `${node.hostParent.path()}/${node.hostName}`;
}

export function readLink(view: ViewState, node: Node): string {
  if (node.record !== null) return node.record.target;
  must(findLower(view, node));
  if (node.hostParent === null) fail('ESTALE');
  const target = view.host.readlink(node.hostParent, node.hostName);
  if (typeof target === 'number') throw errno(target);
  return target;
}

/** What the host has behind a name, unless its entry has recorded that already. */
export function baseOf(view: ViewState, parent: Node, name: string, withCid = false): Base {
  const existing = view.dirent(parent, name);
  if (existing?.base !== undefined) return existing.base;
  return view.captureBase(parent.lowerDirectory, name, withCid);
}

/** Makes a name lead to an inode. */
export function setName(view: ViewState, tx: Transaction, parent: Node, name: string, node: Node, base: Base): void {
  view.putDirent(tx, parent, name, {
    whiteout: false,
    type: node.type >> 12,
    ino: node.ino,
    base,
    changedAtMs: view.options.now(),
    removed: view.dirent(parent, name)?.removed ?? 0,
  });
}

/** Takes a name away: a whiteout where the host would show through, else nothing is left. */
export function removeName(
  view: ViewState,
  tx: Transaction,
  parent: Node,
  name: string,
  base: Base,
  removed = 0,
): void {
  const before = view.dirent(parent, name)?.removed ?? 0;
  const changedAtMs = view.options.now();
  if (lowerExists(view, parent, name))
    view.putDirent(tx, parent, name, {
      whiteout: true,
      type: 0,
      ino: 0,
      base,
      changedAtMs,
      removed: removed || before,
    });
  else tx.remove('dirents', direntKey(parent.ino, name));
}

/** What the host has behind a node's name is on record before its attributes change. */
export function recordBase(view: ViewState, tx: Transaction, node: Node, base?: Base): void {
  const parent = node.parent;
  if (parent === null || node.orphan) return;
  const existing = view.dirent(parent, node.name);
  if (existing === undefined || existing.whiteout || existing.base !== undefined) return;
  const recorded = base ?? view.captureBase(parent.lowerDirectory, node.name, false);
  view.putDirent(tx, parent, node.name, { ...existing, base: recorded, changedAtMs: view.options.now() });
}

/** A directory's own times after an entry came or went; `links` is what that did to its link count. */
export function touchDirectory(view: ViewState, tx: Transaction, directory: Node, links = 0): void {
  const record = pin(view, tx, directory);
  const { sec, nsec } = view.nowTime();
  view.setRecord(tx, directory, {
    ...record,
    // Some file systems do not count a directory's links: 1 says so, and stays.
    nlink: record.nlink < 2 ? record.nlink : Math.max(2, record.nlink + links),
    mtimeSec: sec,
    mtimeNsec: nsec,
    ctimeSec: sec,
    ctimeNsec: nsec,
  });
}

/** One link less; the last one takes the inode with it, or leaves it to those who have it open. */
export function dropLink(view: ViewState, tx: Transaction, node: Node): void {
  const record = pin(view, tx, node);
  const { sec, nsec } = view.nowTime();
  const nlink = isDirectory(node) ? 0 : record.nlink - 1;
  view.setRecord(tx, node, { ...record, nlink, ctimeSec: sec, ctimeNsec: nsec });
  if (nlink > 0) return;
  tx.remove('inodes', inodeKey(node.ino));
  view.numbers.taken.delete(node.ino);
  view.onAbort(() => view.numbers.taken.add(node.ino));
  for (const { key } of [...view.ledger.range('xattrs', ...direntRange(node.ino))]) tx.remove('xattrs', key);
  // What the agent saw and removed in a directory of the host's stays on record: approval removes just that.
  if (isDirectory(node) && record.lower === '')
    for (const { key } of [...view.ledger.range('dirents', ...direntRange(node.ino))]) tx.remove('dirents', key);
  leaveName(view, node);
}

/** A node without a name: whoever still has it, by a descriptor or as working directory, goes on with it alone. */
export function leaveName(view: ViewState, node: Node): void {
  const { parent, name } = node;
  node.orphan = true;
  node.name = pathOf(node);
  node.parent = null;
  view.onAbort(() => {
    node.orphan = false;
    node.parent = parent;
    node.name = name;
  });
}

/** Frees what nobody can reach any more. */
export function release(view: ViewState, node: Node): void {
  if (node.lookups > 0 || node.opens > 0) return;
  if (node.orphan) {
    if (node.fd >= 0) close(node.fd);
    node.fd = -1;
    const record = node.record;
    if (record !== null && record.content === CONTENT.staging && record.nlink === 0)
      unlinkat(view.stagingFd, view.stagingName(record.stagingId));
    if (record !== null && record.nlink === 0) dropXattrs(view, node.ino);
  }
  if (node === view.root || node.children.size > 0) return;
  view.nodes.delete(node.id);
  view.idle.drop(node);
  view.listings.drop(node);
  const parent = node.parent;
  if (isDirectory(node)) {
    if (parent !== null && parent.children.get(node.name) === node) {
      parent.children.delete(node.name);
      release(view, parent);
    }
    return;
  }
  for (const key of keysOf(node)) if (view.files.get(key) === node) view.files.delete(key);
}

/** Attributes of what never got a name. */
function dropXattrs(view: ViewState, ino: number): void {
  if (view.readInode(ino) !== null) return;
  const keys = Array.from(view.ledger.range('xattrs', ...direntRange(ino)), ({ key }) => key);
  if (keys.length > 0) view.ledger.transact((tx) => keys.forEach((key) => void tx.remove('xattrs', key)));
}

/** A new object of the caller's, named in a directory; not yet on the index. */
export function newRecord(
  view: ViewState,
  tx: Transaction,
  mode: number,
  parent: Node,
  uid: number,
  gid: number,
): InodeRecord {
  const above = pin(view, tx, parent);
  const { sec, nsec } = view.nowTime();
  const inherits = (above.mode & 0o2000) !== 0;
  const directory = (mode & 0o170000) === S_IFDIR;
  return {
    ino: view.numbers.allocate(tx),
    mode: inherits && directory ? mode | 0o2000 : mode,
    uid,
    gid: inherits ? above.gid : gid,
    nlink: directory ? 2 : 1,
    rdev: 0,
    content: CONTENT.none,
    stagingId: 0,
    atimeSec: sec,
    atimeNsec: nsec,
    mtimeSec: sec,
    mtimeNsec: nsec,
    ctimeSec: sec,
    ctimeNsec: nsec,
    btimeSec: sec,
    btimeNsec: nsec,
    lower: '',
    target: '',
  };
}
