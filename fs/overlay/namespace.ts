// Operations that change names: create, mkdir, symlink, mknod, unlink, rmdir, rename, link.
//
// Each is one transaction: the record of it, then its rows; the reply follows. `rw` names go to the host at once
// (writeThrough.ts); names under `ro` and `hidden` are refused before anything else is looked at.
import type { Rule } from '../../policy/model.ts';
import { ERRNO, errno, fail } from '../errno.ts';
import { close, O_CLOEXEC, openat, STATX } from '../host/syscall.ts';
import type { Caller } from '../operations.ts';
import { statLower } from './attributes.ts';
import { copyUpClosed } from './content.ts';
import type { Place } from './crossing.ts';
import { crossRules, refuseCrossing, refuseMasking, ruleOf } from './crossing.ts';
import { checkDepth, checkDepthOfMove } from './depth.ts';
import { listNames } from './directory.ts';
import type { Node } from './node.ts';
import {
  childPath,
  hasUpper,
  isDirectory,
  isRegular,
  mayBeOpen,
  pathOf,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from './node.ts';
import { creatable, removable } from './permitted.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT } from './records.ts';
import { child } from './resolve.ts';
import type { ViewState } from './state.ts';
import {
  baseOf,
  dropLink,
  leaveName,
  newRecord,
  pin,
  recordBase,
  release,
  removeName,
  setName,
  touchDirectory,
} from './upper.ts';
import * as through from './writeThrough.ts';
import { inheritAttributes, xattrsToHold } from './xattr.ts';

const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
const LINK_MAX = 65_000;
const O_RDWR_CREAT_EXCL = 0o2 | 0o100 | 0o200;
/** PATH_MAX less the final NUL. */
const LINK_TEXT_BYTES_MAX = 4095;

function existing(view: ViewState, parent: Node, name: string): Node {
  const node = child(view, parent, name);
  if (node === null) fail('ENOENT');
  return node;
}

interface NewObject {
  readonly op: string;
  readonly mode: number;
  readonly rdev?: number;
  readonly target?: string;
}

/** Creates one object at a name that is free; gives its node. */
export function make(view: ViewState, parent: Node, name: string, object: NewObject, caller: Caller): Node {
  const type = object.mode & S_IFMT;
  const rule = creatable(view, parent, name, object.op, caller, type === S_IFDIR);
  if (child(view, parent, name) !== null) fail('EEXIST');
  if ((type === S_IFCHR || type === S_IFBLK) && view.connection?.dev !== true)
    view.refuse(object.op, childPath(parent, name), rule, caller, errno(ERRNO.EPERM));
  if (type === S_IFDIR) checkDepth(parent);
  if (object.target !== undefined && object.target.length > LINK_TEXT_BYTES_MAX) fail('ENAMETOOLONG');
  if (rule.mode === 'rw') return through.make(view, parent, name, object, caller);
  return view.mutate((tx) => {
    const record = newRecord(view, tx, object.mode, parent, caller.uid, caller.gid);
    record.target = object.target ?? '';
    record.rdev = object.rdev ?? 0;
    if (type === S_IFREG) addStaging(view, record);
    const ruleNode = parent.ruleNode?.children.get(name);
    const ownDirectory = ruleNode === undefined ? null : (parent.ownDirectory?.child(name) ?? null);
    const node = view.remember({ ino: record.ino, type, parent, name, rule, ruleNode, ownDirectory });
    register(view, parent, name, node);
    view.setRecord(tx, node, record);
    inheritAttributes(view, tx, parent, node, caller.modeRequested);
    setName(view, tx, parent, name, node, baseOf(view, parent, name));
    touchDirectory(view, tx, parent, type === S_IFDIR ? 1 : 0);
    tx.audit(view.event(object.op, childPath(parent, name), rule, caller));
    return node;
  });
}

function register(view: ViewState, parent: Node, name: string, node: Node): void {
  if (isDirectory(node)) parent.children.set(name, node);
  else view.files.set(node.ino, node);
  view.onAbort(() => {
    view.nodes.delete(node.id);
    if (isDirectory(node)) parent.children.delete(name);
    else view.files.delete(node.ino);
  });
}

/** A new, empty staging file; its name is the inode's number. */
function addStaging(view: ViewState, record: InodeRecord): void {
  const fd = openat(view.stagingFd, view.stagingName(record.ino), O_RDWR_CREAT_EXCL | O_CLOEXEC, 0o600);
  if (fd < 0) throw errno(fd);
  close(fd);
  view.onAbort(() => view.discardStaging(view.stagingName(record.ino)));
  record.content = CONTENT.staging;
  record.stagingId = record.ino;
}

/** A file without a name (O_TMPFILE). */
export function makeUnnamed(view: ViewState, parent: Node, mode: number, caller: Caller): Node {
  const rule = parent.rule;
  if (parent.orphan) fail('ENOENT');
  if (rule.mode === 'ro') view.refuse('tmpfile', pathOf(parent), rule, caller, errno(ERRNO.EROFS));
  if (!hasUpper(rule) && rule.mode !== 'rw') fail('EOPNOTSUPP');
  return view.mutate((tx) => {
    const record = { ...newRecord(view, tx, S_IFREG | (mode & 0o7777), parent, caller.uid, caller.gid), nlink: 0 };
    addStaging(view, record);
    const node = view.remember({
      ino: record.ino,
      type: S_IFREG,
      parent: null,
      name: pathOf(parent),
      rule,
      orphan: true,
    });
    view.files.set(node.ino, node);
    view.setRecord(tx, node, record);
    inheritAttributes(view, tx, parent, node, caller.modeRequested);
    tx.audit(view.event('tmpfile', pathOf(parent), rule, caller));
    return node;
  });
}

export function unlink(view: ViewState, parent: Node, name: string, caller: Caller): void {
  const node = existing(view, parent, name);
  const rule = removable(view, parent, name, node, 'unlink', caller);
  if (isDirectory(node)) fail('EISDIR');
  if (rule.mode === 'rw') return through.remove(view, parent, name, node, caller);
  view.mutate((tx) => {
    takeName(view, tx, parent, name, node);
    touchDirectory(view, tx, parent);
    tx.audit(view.event('unlink', childPath(parent, name), rule, caller));
  });
  release(view, node);
}

export function rmdir(view: ViewState, parent: Node, name: string, caller: Caller): void {
  const node = existing(view, parent, name);
  if (!isDirectory(node)) fail('ENOTDIR');
  const rule = removable(view, parent, name, node, 'rmdir', caller);
  if (listNames(view, node).length > 0) fail('ENOTEMPTY');
  if (rule.mode === 'rw') return through.remove(view, parent, name, node, caller);
  view.mutate((tx) => {
    takeName(view, tx, parent, name, node);
    touchDirectory(view, tx, parent, -1);
    tx.audit(view.event('rmdir', childPath(parent, name), rule, caller));
  });
  release(view, node);
}

/** A name goes, and with it one link of what it led to. */
function takeName(view: ViewState, tx: Parameters<typeof pin>[1], parent: Node, name: string, node: Node): void {
  const base = baseOf(view, parent, name);
  pin(view, tx, parent);
  const removed = isAtHome(parent, name, node) ? node.ino : 0;
  leave(view, tx, node);
  removeName(view, tx, parent, name, base, removed);
  if (parent.children.get(name) === node) forgetChild(view, parent, name, node);
}

/** One name less. The host's own object needs no row for that, unless somebody has it open or other names count it. */
function leave(view: ViewState, tx: Tx, node: Node): void {
  const isOpen = mayBeOpen(node);
  const held = isOpen ? xattrsToHold(view, node) : null;
  if (node.record !== null || isOpen || hasOtherNames(view, node)) dropLink(view, tx, node);
  // Not where other names of it may be known.
  else if (isDirectory(node) || view.files.get(node.ino) === node) leaveName(view, node);
  if (node.orphan) node.heldXattrs = held;
}

const hasOtherNames = (view: ViewState, node: Node): boolean =>
  !isDirectory(node) && statLower(view, node) === 0 && view.stat.readUInt32LE(STATX.nlink) > 1;

/** Whether this is the directory that the host has at this very name. */
const isAtHome = ({ lowerDirectory: above }: Node, name: string, { lowerDirectory: own }: Node): boolean =>
  own !== null && above !== null && own.name === name && own.parent === above;

function forgetChild(view: ViewState, parent: Node, name: string, node: Node): void {
  parent.children.delete(name);
  view.onAbort(() => parent.children.set(name, node));
}

export function link(view: ViewState, node: Node, parent: Node, name: string, caller: Caller): Node {
  const rule = creatable(view, parent, name, 'link', caller, false);
  if (isDirectory(node)) fail('EPERM');
  if (child(view, parent, name) !== null) fail('EEXIST');
  const writesThrough = rule.mode === 'rw' && node.rule.mode === 'rw';
  if (writesThrough && !node.orphan) return through.link(view, node, parent, name, caller);
  if (!writesThrough && (!hasUpper(rule) || !hasUpper(node.rule)))
    view.refuse('link', childPath(parent, name), rule, caller, errno(ERRNO.EXDEV));
  if (isRegular(node) && rule.path !== node.rule.path) copyUpClosed(view, node, caller);
  addName(view, node, parent, name, rule, caller);
  // A file that had no name so far is staged: now it lands.
  if (writesThrough) through.commitFile(view, node, caller);
  return node;
}

function addName(view: ViewState, node: Node, parent: Node, name: string, rule: Rule, caller: Caller): void {
  view.mutate((tx) => {
    const record = pin(view, tx, node);
    // What is written through the new name is written to the old one, too.
    recordBase(view, tx, node);
    if (record.nlink >= LINK_MAX) fail('EMLINK');
    const { sec, nsec } = view.nowTime();
    const revived = node.orphan;
    if (revived) {
      node.orphan = false;
      view.onAbort(() => {
        node.orphan = true;
      });
    }
    view.setRecord(tx, node, { ...record, nlink: record.nlink + 1, ctimeSec: sec, ctimeNsec: nsec });
    setName(view, tx, parent, name, node, baseOf(view, parent, name));
    if (rule.mode === 'rw') pin(view, tx, parent);
    else touchDirectory(view, tx, parent);
    moveNode(view, node, parent, name);
    tx.audit(view.event('link', childPath(parent, name), rule, caller));
  });
}

function moveNode(view: ViewState, node: Node, parent: Node, name: string): void {
  const { parent: oldParent, name: oldName, rule } = node;
  node.parent = parent;
  node.name = name;
  node.rule = ruleOf(parent, name);
  view.onAbort(() => {
    node.parent = oldParent;
    node.name = oldName;
    node.rule = rule;
  });
}

export function rename(view: ViewState, from: Place, to: Place, flags: number, caller: Caller): void {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0 || flags === 3) fail('EINVAL');
  const source = existing(view, from.parent, from.name);
  const target = child(view, to.parent, to.name);
  refuseCrossing(view, source, target, to, caller);
  const fromRule = removable(view, from.parent, from.name, source, 'rename', caller);
  if (target === source && flags !== RENAME_EXCHANGE) return;
  const toRule = creatable(view, to.parent, to.name, 'rename', caller, isDirectory(source));
  // A directory cannot become one that rules lie below: they would not know what was in it.
  if (isDirectory(source) && to.parent.ruleNode?.children.has(to.name))
    view.refuse('rename', childPath(to.parent, to.name), toRule, caller, errno(ERRNO.EBUSY));
  if (target !== null) {
    if (target.ruleNode !== undefined && !singleFileRule(target))
      view.refuse('rename', childPath(to.parent, to.name), target.rule, caller, errno(ERRNO.EBUSY));
    if (flags === RENAME_NOREPLACE) fail('EEXIST');
  } else if (flags === RENAME_EXCHANGE) fail('ENOENT');
  if (flags === RENAME_EXCHANGE)
    creatable(view, from.parent, from.name, 'rename', caller, target !== null && isDirectory(target));
  if (
    isAncestor(source, to.parent) ||
    (flags === RENAME_EXCHANGE && target !== null && isAncestor(target, from.parent))
  )
    fail('EINVAL');
  if (isDirectory(source)) checkDepthOfMove(view, source, from.parent, to.parent);
  if (fromRule.mode === 'rw' && toRule.mode === 'rw')
    return through.rename(view, from, to, source, target, flags, caller);
  if (!hasUpper(fromRule) || !hasUpper(toRule))
    view.refuse('rename', childPath(to.parent, to.name), toRule, caller, errno(ERRNO.EXDEV));
  if (fromRule.path !== toRule.path) {
    crossRules(view, source, to, toRule, caller);
    if (flags === RENAME_EXCHANGE && target !== null) crossRules(view, target, from, fromRule, caller);
  }
  refuseMasking(view, source, to, toRule, caller);
  if (flags === RENAME_EXCHANGE && target !== null) refuseMasking(view, target, from, fromRule, caller);
  view.mutate((tx) => {
    if (flags === RENAME_EXCHANGE && target !== null) exchange(view, tx, from, to, source, target);
    else move(view, tx, from, to, source, target);
    const note = childPath(to.parent, to.name);
    tx.audit(
      view.event(
        flags === RENAME_EXCHANGE ? 'exchange' : 'rename',
        childPath(from.parent, from.name),
        fromRule,
        caller,
        { note },
      ),
    );
  });
  if (target !== null) release(view, target);
  release(view, source);
}

const singleFileRule = (node: Node) => !isDirectory(node) && (node.ruleNode?.children.size ?? 0) === 0;

function isAncestor(node: Node, directory: Node): boolean {
  for (let at: Node | null = directory; at !== null; at = at.parent) if (at === node) return true;
  return false;
}

type Tx = Parameters<typeof pin>[1];

function move(view: ViewState, tx: Tx, from: Place, to: Place, source: Node, target: Node | null): void {
  if (target !== null) checkReplace(view, source, target);
  const fromBase = baseOf(view, from.parent, from.name);
  const toBase = baseOf(view, to.parent, to.name, target !== null && isRegular(target));
  const directoryLinks = isDirectory(source) ? 1 : 0;
  pin(view, tx, source);
  pin(view, tx, from.parent);
  pin(view, tx, to.parent);
  if (target !== null) {
    leave(view, tx, target);
    if (to.parent.children.get(to.name) === target) forgetChild(view, to.parent, to.name, target);
  }
  removeName(view, tx, from.parent, from.name, fromBase, isAtHome(from.parent, from.name, source) ? source.ino : 0);
  setName(view, tx, to.parent, to.name, source, toBase);
  touchDirectory(view, tx, from.parent, -directoryLinks);
  touchDirectory(view, tx, to.parent, target === null ? directoryLinks : 0);
  relocate(view, tx, source, from, to);
}

function checkReplace(view: ViewState, source: Node, target: Node): void {
  if (isDirectory(source) && !isDirectory(target)) fail('ENOTDIR');
  if (!isDirectory(source) && isDirectory(target)) fail('EISDIR');
  if (isDirectory(target) && listNames(view, target).length > 0) fail('ENOTEMPTY');
}

/** The node follows its name; its ctime moves. */
function relocate(view: ViewState, tx: Tx, node: Node, from: Place, to: Place): void {
  const record = pin(view, tx, node);
  const { sec, nsec } = view.nowTime();
  moveNode(view, node, to.parent, to.name);
  view.setRecord(tx, node, { ...record, ctimeSec: sec, ctimeNsec: nsec });
  if (!isDirectory(node)) return;
  if (from.parent.children.get(from.name) === node) forgetChild(view, from.parent, from.name, node);
  const displaced = to.parent.children.get(to.name);
  to.parent.children.set(to.name, node);
  view.onAbort(() => {
    if (displaced === undefined) to.parent.children.delete(to.name);
    else to.parent.children.set(to.name, displaced);
  });
}

function exchange(view: ViewState, tx: Tx, from: Place, to: Place, source: Node, target: Node): void {
  const fromBase = baseOf(view, from.parent, from.name, true);
  const toBase = baseOf(view, to.parent, to.name, true);
  pin(view, tx, source);
  pin(view, tx, target);
  pin(view, tx, from.parent);
  pin(view, tx, to.parent);
  setName(view, tx, from.parent, from.name, target, fromBase);
  setName(view, tx, to.parent, to.name, source, toBase);
  const delta = (isDirectory(target) ? 1 : 0) - (isDirectory(source) ? 1 : 0);
  touchDirectory(view, tx, from.parent, delta);
  touchDirectory(view, tx, to.parent, -delta);
  relocate(view, tx, source, from, to);
  relocate(view, tx, target, to, from);
  if (isDirectory(source)) to.parent.children.set(to.name, source);
}

export const SYMLINK_MODE = S_IFLNK | 0o777;
