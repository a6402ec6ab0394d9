// `rw`: names change on the host at once; file data is staged and committed at close, fsync, and release.
//
// - What the agent saw must still be there: every operation follows a fresh lookup, and data lands only where the base
//   is unchanged. The loser gets ESTALE, keeps its data in the upper, and nothing is overwritten.
// - The record of an operation precedes it.
// - No path is followed: names are taken relative to directory descriptors, objects through O_PATH descriptors.
import { ERRNO, errno, fail, must } from '../errno.ts';
import { landableMode } from '../host/attributes.ts';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  close,
  fchmodat,
  fchownat,
  getxattr,
  linkat,
  mkdirat,
  mknodat,
  O_NOFOLLOW,
  O_PATH,
  openat,
  removexattr as removexattrOf,
  renameat2,
  STATX,
  setxattr as setxattrOf,
  symlinkat,
  unlinkat,
  utimensat,
} from '../host/syscall.ts';
import type { Transaction } from '../journal/model.ts';
import type { AttributeChanges, Caller } from '../operations.ts';
import { ACL_DEFAULT } from './acl.ts';
import { fill, findLower, statLower } from './attributes.ts';
import { landFile } from './landing.ts';
import { movedTree } from './movedTree.ts';
import type { Node } from './node.ts';
import { childPath, isDirectory, isRegular, pathOf, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from './node.ts';
import type { DirentRecord } from './records.ts';
import { direntKey } from './records.ts';
import { keepRemoved } from './removed.ts';
import { child } from './resolve.ts';
import { timespec } from './setattr.ts';
import { carryingSetIds, keepSetId, leavingSetId, withoutSetId } from './setIds.ts';
import { nodesByIno, rebase, settleIdle } from './settle.ts';
import type { ViewState } from './state.ts';
import { unpinAbove } from './unpin.ts';
import { dropLink, pin } from './upper.ts';

const O_CREAT_EXCL_RDWR = 0o100 | 0o200 | 2;
const NOREPLACE = 1;
const KEEP_ID = 0xffff_ffff;
const SET_GID = 0o2000;
const EXCHANGE = 2;

interface NewObject {
  readonly op: string;
  readonly mode: number;
  readonly rdev?: number;
  readonly target?: string;
}
interface Place {
  readonly parent: Node;
  readonly name: string;
}

function directoryFd(view: ViewState, node: Node): number {
  if (node.lowerDirectory === null) fail('EROFS');
  return must(view.host.descriptor(node.lowerDirectory));
}

export function make(view: ViewState, parent: Node, name: string, object: NewObject, caller: Caller): Node {
  const fd = directoryFd(view, parent);
  view.ledger.record(view.event(object.op, childPath(parent, name), parent.rule, caller));
  const type = object.mode & S_IFMT;
  // A default access list stands in for the umask, and the host's own file system applies it.
  const listed = type !== S_IFLNK && hasDefaultAcl(fd);
  const asked = listed ? withPermissions(object.mode, caller.modeRequested) : object.mode;
  const mode = landableMode(asked);
  if (type === S_IFDIR) must(mkdirat(fd, name, mode));
  else if (type === S_IFLNK) must(symlinkat(object.target ?? '', fd, name));
  else if (type === S_IFREG) return makeFile(view, parent, fd, name, { ...object, mode: asked }, listed, caller);
  else must(mknodat(fd, name, type | mode, object.rdev ?? 0));
  return finish(view, parent, fd, name, { ...object, mode: asked }, listed, caller);
}

/** What a file is created with may not let even its owner open it: the one descriptor that creating it gave is kept. */
function makeFile(view: ViewState, ...rest: Made): Node {
  const [parent, fd, name, object, listed, caller] = rest;
  const held = must(openat(fd, name, O_CREAT_EXCL_RDWR | O_NOFOLLOW, landableMode(object.mode)));
  let kept = false;
  try {
    const node = finish(view, parent, fd, name, object, listed, caller);
    kept = object.op === 'create' && node.fd < 0;
    if (kept) node.fd = held;
    return node;
  } finally {
    if (!kept) close(held);
  }
}

type Made = readonly [parent: Node, fd: number, name: string, object: NewObject, listed: boolean, caller: Caller];

function finish(view: ViewState, ...[parent, fd, name, object, listed, caller]: Made): Node {
  const shown = own(view, parent, fd, name, object, listed, caller);
  const node = child(view, parent, name);
  if (node === null) fail('ESTALE');
  keepSetId(view, node, shown);
  return node;
}

/**
 * A new object is the caller's, or its directory's group's; the process's umask has no say in its mode.
 * Gives the mode that the view shows: where the directory's set-group-id bit is the view's alone, so is what it hands on.
 */
function own(
  view: ViewState,
  parent: Node,
  fd: number,
  name: string,
  object: NewObject,
  listed: boolean,
  caller: Caller,
): number {
  const { mode: above, gid } = fill(view, parent);
  const inherits = (above & SET_GID) !== 0;
  const inheritsOnHost = inherits && (hostMode(view, parent) & SET_GID) !== 0;
  const group = inheritsOnHost ? KEEP_ID : inherits ? gid : caller.gid;
  if (process.getuid?.() === 0) must(fchownat(fd, name, caller.uid, group));
  else if (inherits && !inheritsOnHost) must(fchownat(fd, name, KEEP_ID, group));
  const type = object.mode & S_IFMT;
  if (type === S_IFLNK) return 0;
  const extra = type === S_IFDIR ? SET_GID : 0;
  const landed = landableMode(object.mode) | (inheritsOnHost ? extra : 0);
  // With a list the mode is its mask: what was asked for must not widen it again.
  if (!listed) withObject(fd, name, (path) => must(fchmodat(AT_FDCWD, path, landed)));
  return object.mode | (inherits ? extra : 0);
}

const hasDefaultAcl = (fd: number): boolean => getxattr(`/proc/self/fd/${fd}`, ACL_DEFAULT, Buffer.alloc(0)) > 0;

const withPermissions = (mode: number, requested: number | undefined): number =>
  requested === undefined ? mode : (mode & ~0o777) | (requested & 0o777);

/** Runs with a path that names exactly this object, link or not. */
function withObject(dirfd: number, name: string, body: (path: string) => void): void {
  const fd = must(openat(dirfd, name, O_PATH | O_NOFOLLOW));
  try {
    body(`/proc/self/fd/${fd}`);
  } finally {
    close(fd);
  }
}

export function remove(view: ViewState, parent: Node, name: string, node: Node, caller: Caller): void {
  settle(view, node, caller);
  const fd = directoryFd(view, parent);
  view.ledger.record(view.event(isDirectory(node) ? 'rmdir' : 'unlink', childPath(parent, name), parent.rule, caller));
  const left = leavingSetId(view, node);
  const kept = keepRemoved(view, node);
  must(unlinkat(fd, name, isDirectory(node) ? AT_REMOVEDIR : 0));
  left();
  dropEntry(view, parent, name, node);
  kept();
  if (parent.children.get(name) === node) parent.children.delete(name);
}

/** Data that waits for a close lands before its name changes. */
function settle(view: ViewState, node: Node, caller: Caller): void {
  if (node.record !== null && !isDirectory(node)) commitFile(view, node, caller);
}

export function rename(
  view: ViewState,
  from: Place,
  to: Place,
  source: Node,
  target: Node | null,
  flags: number,
  caller: Caller,
): void {
  refuseUncovering(view, from, to, source, caller);
  if (flags === EXCHANGE && target !== null) refuseUncovering(view, to, from, target, caller);
  settle(view, source, caller);
  if (target !== null) settle(view, target, caller);
  const note = childPath(to.parent, to.name);
  view.ledger.record(view.event('rename', childPath(from.parent, from.name), source.rule, caller, { note }));
  // Where the agent saw nothing, nothing is replaced.
  const exact = target === null ? NOREPLACE : flags;
  const replaced = target === null || flags === EXCHANGE ? null : leavingSetId(view, target);
  const kept = target === null || flags === EXCHANGE ? null : keepRemoved(view, target);
  carryingSetIds(view, [source, flags === EXCHANGE ? target : null], () => {
    must(renameat2(directoryFd(view, from.parent), from.name, directoryFd(view, to.parent), to.name, exact));
    replaced?.();
    moveEntries(view, from, to, source, target, flags);
    kept?.();
    from.parent.children.delete(from.name);
    to.parent.children.delete(to.name);
    if (flags === EXCHANGE && target !== null) follow(target, from);
    follow(source, to);
  });
}

/** A name is gone from the host: a file that is open with data of its own lives on without one. */
function dropEntry(view: ViewState, parent: Node, name: string, node: Node): void {
  if (view.dirent(parent, name) === undefined) return;
  view.mutate((tx) => {
    tx.remove('dirents', direntKey(parent.ino, name));
    if (node.record !== null) dropLink(view, tx, node);
  });
}

/** The entries of what is open with data of its own follow the names on the host. */
function moveEntries(view: ViewState, from: Place, to: Place, source: Node, target: Node | null, flags: number): void {
  const moving = view.dirent(from.parent, from.name);
  const displaced = view.dirent(to.parent, to.name);
  if (displaced !== undefined && target !== null && flags !== EXCHANGE) dropEntry(view, to.parent, to.name, target);
  view.mutate((tx) => {
    if (moving !== undefined) tx.remove('dirents', direntKey(from.parent.ino, from.name));
    if (moving !== undefined) putEntry(view, tx, to, source, moving);
    if (displaced === undefined || target === null || flags !== EXCHANGE) return;
    if (moving === undefined) tx.remove('dirents', direntKey(to.parent.ino, to.name));
    putEntry(view, tx, from, target, displaced);
  });
}

function putEntry(view: ViewState, tx: Transaction, to: Place, node: Node, entry: DirentRecord): void {
  pin(view, tx, to.parent);
  view.putDirent(tx, to.parent, to.name, entry);
  if (node.record === null || node.record.lower === '') return;
  const { lower } = node.record;
  const path = childPath(to.parent, to.name);
  view.setRecord(tx, node, { ...node.record, lower: path });
  if (isDirectory(node)) rebase(view, tx, node.ino, `${lower}/`, `${path}/`, nodesByIno(view));
}

/** Patterns go by path: a directory does not move to where they would let go of what they hide in it. */
function refuseUncovering(view: ViewState, from: Place, to: Place, node: Node, caller: Caller): void {
  if (!isDirectory(node) || node.lowerDirectory === null) return;
  const path = childPath(to.parent, to.name);
  if (movedTree(view, node.lowerDirectory, childPath(from.parent, from.name), path).uncovers)
    view.refuse('rename', path, node.rule, caller, errno(ERRNO.EXDEV));
}

/** The node and its host directory move with the name. */
function follow(node: Node, to: Place): void {
  node.parent = to.parent;
  node.name = to.name;
  node.hostParent = to.parent.lowerDirectory;
  node.hostName = to.name;
  if (!isDirectory(node)) return;
  to.parent.children.set(to.name, node);
  if (node.lowerDirectory !== null && to.parent.lowerDirectory !== null)
    node.lowerDirectory.moveTo(to.parent.lowerDirectory, to.name);
}

export function link(view: ViewState, node: Node, parent: Node, name: string, caller: Caller): Node {
  settle(view, node, caller);
  must(findLower(view, node));
  if (node.hostParent === null) fail('ESTALE');
  view.ledger.record(view.event('link', childPath(parent, name), parent.rule, caller));
  const { hostParent, hostName } = node;
  carryingSetIds(view, [node], () =>
    must(linkat(must(view.host.descriptor(hostParent)), hostName, directoryFd(view, parent), name)),
  );
  const linked = child(view, parent, name);
  if (linked === null) fail('ESTALE');
  return linked;
}

export function setattr(view: ViewState, node: Node, changes: AttributeChanges, caller: Caller): void {
  must(statLower(view, node));
  view.ledger.record(view.event('setattr', pathOf(node), node.rule, caller));
  const shown = shownMode(view, node, changes);
  // Inheritance, not privilege: a directory keeps the bit that the host gave it.
  const kept = isDirectory(node) ? hostMode(view, node) & SET_GID : 0;
  withHostObject(view, node, (path) => {
    const { uid, gid, mode, atime, mtime } = changes;
    if (uid !== undefined || gid !== undefined) must(fchownat(AT_FDCWD, path, uid ?? KEEP_ID, gid ?? KEEP_ID, 0));
    if (mode !== undefined) must(fchmodat(AT_FDCWD, path, landableMode(mode) | (mode & kept)));
    if (atime !== undefined || mtime !== undefined)
      must(utimensat(AT_FDCWD, path, timespec(atime), timespec(mtime), 0));
  });
  keepSetId(view, node, shown);
}

/** Runs with a path that names exactly the node's host object: what is open keeps its object whatever its name is now. */
function withHostObject(view: ViewState, node: Node, body: (path: string) => void): void {
  if (node.fd >= 0 && !node.fdIsStaging) return body(`/proc/self/fd/${node.fd}`);
  must(findLower(view, node));
  if (node.hostParent === null) fail('ESTALE');
  withObject(must(view.host.descriptor(node.hostParent)), node.hostName, body);
}

/** The mode that a change leaves in the view. */
function shownMode(view: ViewState, node: Node, changes: AttributeChanges): number {
  if (changes.mode !== undefined) return changes.mode;
  const { mode } = fill(view, node);
  const chowned = changes.uid !== undefined || changes.gid !== undefined;
  return chowned && isRegular(node) ? withoutSetId(mode) : mode;
}

/** A write by someone who may not keep them ends the set-id bits that the view shows. */
export function clearSetId(view: ViewState, node: Node): void {
  keepSetId(view, node, withoutSetId(fill(view, node).mode));
}

const hostMode = (view: ViewState, node: Node): number =>
  statLower(view, node) < 0 ? 0 : view.stat.readUInt16LE(STATX.mode);

export function setxattr(view: ViewState, node: Node, name: string, value: Buffer, caller: Caller): void {
  view.ledger.record(view.event('setxattr', pathOf(node), node.rule, caller, { note: name }));
  carryingSetIds(view, [node], () => withHostObject(view, node, (path) => void must(setxattrOf(path, name, value))));
}

export function removexattr(view: ViewState, node: Node, name: string, caller: Caller): void {
  view.ledger.record(view.event('removexattr', pathOf(node), node.rule, caller, { note: name }));
  carryingSetIds(view, [node], () => withHostObject(view, node, (path) => void must(removexattrOf(path, name))));
}

/** Lands a staged file on the host. @throws ESTALE where the host moved, or what it refused with: the data stays in the upper */
export function commitFile(view: ViewState, node: Node, caller: Caller | null): void {
  if (node.record === null || node.orphan) return;
  node.dirty = false;
  const kept = landFile(view, node);
  if (kept === null) {
    if (node.record === null) unpinAbove(view, node);
    return;
  }
  // What the host refused may yet land at the next close or fsync.
  node.dirty = kept.errno.number !== ERRNO.ESTALE;
  const event = view.event('commit', pathOf(node), node.rule, caller, { verdict: 'conflict', note: kept.reason });
  view.ledger.record(event);
  throw kept.errno;
}

/** The last handle is gone: what landed at its close is the host's now. */
export function settleClosed(view: ViewState, node: Node): void {
  settleIdle(view, node, !node.dirty);
  if (node.record === null) unpinAbove(view, node);
}

/** At release there is nobody left to tell: the conflict is on record and stays pending. */
export function commitLate(view: ViewState, node: Node): void {
  try {
    commitFile(view, node, null);
  } catch {
    node.dirty = false;
  }
}
