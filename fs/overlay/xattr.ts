// Extended attributes: the agent's own in the index once a file is changed, the host's before that.
//
// A pinned object carries a full copy of its attributes, so the host's later ones never mix in. security.* and
// trusted.* are neither shown nor set: they would be an authority that the mount does not give.
import { ERRNO, errno, fail } from '../errno.ts';
import { lgetxattr, llistxattr } from '../host/syscall.ts';
import { isPortableXattr } from '../host/xattr.ts';
import type { Transaction } from '../journal/model.ts';
import type { Caller } from '../operations.ts';
import { ACL_ACCESS, ACL_DEFAULT, aclWithMode, inheritAcl, isMinimal, modeFromAcl } from './acl.ts';
import { findLower } from './attributes.ts';
import { contentCid } from './content.ts';
import type { Node } from './node.ts';
import { isDirectory, isRegular, pathOf, S_IFLNK } from './node.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT, direntName, direntRange, inodeKey, xattrKey } from './records.ts';
import type { ViewState } from './state.ts';
import { pin, recordBase } from './upper.ts';
import * as through from './writeThrough.ts';

const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
const VALUE_BYTES_MAX = 65536;
const USER_PREFIX = 'user.';
/** Namespaces there are, of which nothing shows. */
const UNSEEN: readonly string[] = ['trusted.', 'security.'];
const STATUS_PREFIX = 'user.agentsh.';
const scratch = Buffer.alloc(VALUE_BYTES_MAX);

export function getxattr(view: ViewState, node: Node, name: string): Buffer {
  if (name.startsWith(STATUS_PREFIX)) return status(view, node, name.slice(STATUS_PREFIX.length));
  if (name === USER_PREFIX) fail('EINVAL');
  if (!isPortableXattr(name)) fail(UNSEEN.some((prefix) => name.startsWith(prefix)) ? 'ENODATA' : 'EOPNOTSUPP');
  const value = heldValue(view, node, name);
  if (value === undefined) fail('ENODATA');
  return value;
}

/** Names only: the status attributes are there to be asked for, not to be copied by every `cp -a`. */
export function listxattr(view: ViewState, node: Node): Buffer {
  return Buffer.from(
    heldNames(view, node)
      .map((name) => `${name}\0`)
      .join(''),
    'latin1',
  );
}

export function setxattr(
  view: ViewState,
  node: Node,
  name: string,
  value: Buffer,
  flags: number,
  caller: Caller,
): void {
  writable(view, node, name, 'setxattr', caller);
  if (value.length > VALUE_BYTES_MAX) fail('E2BIG');
  const present = has(view, node, name);
  if (flags === XATTR_CREATE && present) fail('EEXIST');
  if (flags === XATTR_REPLACE && !present) fail('ENODATA');
  if (isTheHosts(node)) return through.setxattr(view, node, name, value, caller);
  view.mutate((tx) => {
    const record = pinWithXattrs(view, tx, node);
    // An ACL that says no more than the permission bits is the permission bits.
    if (name === ACL_ACCESS && isMinimal(value)) dropOwn(tx, node, name);
    else putOwn(tx, node, name, value);
    const mode = name === ACL_ACCESS ? modeFromAcl(record.mode, value) : record.mode;
    touch(view, tx, node, { ...record, mode });
    tx.audit(view.event('setxattr', pathOf(node), node.rule, caller, { note: name }));
  });
}

export function removexattr(view: ViewState, node: Node, name: string, caller: Caller): void {
  writable(view, node, name, 'removexattr', caller);
  if (!has(view, node, name)) fail('ENODATA');
  if (isTheHosts(node)) return through.removexattr(view, node, name, caller);
  view.mutate((tx) => {
    const record = pinWithXattrs(view, tx, node);
    dropOwn(tx, node, name);
    touch(view, tx, node, record);
    tx.audit(view.event('removexattr', pathOf(node), node.rule, caller, { note: name }));
  });
}

/** Under `rw` a directory has a record only as long as data below it waits: what it is told then must outlast that. */
const isTheHosts = (node: Node): boolean => node.rule.mode === 'rw' && (node.record === null || isDirectory(node));

function writable(view: ViewState, node: Node, name: string, op: string, caller: Caller): void {
  if (name.startsWith(STATUS_PREFIX)) fail('EPERM');
  if (name === USER_PREFIX) fail('EINVAL');
  if (!isPortableXattr(name)) fail('EOPNOTSUPP');
  if (node.rule.mode === 'ro') view.refuse(op, pathOf(node), node.rule, caller, errno(ERRNO.EROFS));
  if (node.rule.mode === 'hidden') view.refuse(op, pathOf(node), node.rule, caller, errno(ERRNO.EPERM));
}

function heldValue(view: ViewState, node: Node, name: string): Buffer | undefined {
  const held = unnamed(node);
  if (held !== null) return held.get(name);
  return node.record === null ? hostValue(view, node, name) : ownValue(view, node, name);
}

function heldNames(view: ViewState, node: Node): string[] {
  const held = unnamed(node);
  if (held !== null) return [...held.keys()];
  return node.record === null ? hostNames(view, node) : ownNames(view, node);
}

const unnamed = (node: Node): Map<string, Buffer> | null => (node.orphan ? node.heldXattrs : null);

/** What an object goes on with that loses its last name while somebody has it. */
export function xattrsToHold(view: ViewState, node: Node): Map<string, Buffer> {
  const held = new Map<string, Buffer>();
  for (const name of heldNames(view, node)) {
    const value = heldValue(view, node, name);
    if (value !== undefined) held.set(name, value);
  }
  return held;
}

function putOwn(tx: Transaction, node: Node, name: string, value: Buffer): void {
  const held = unnamed(node);
  if (held === null) tx.put('xattrs', xattrKey(node.ino, name), Buffer.from(value));
  else held.set(name, Buffer.from(value));
}

function dropOwn(tx: Transaction, node: Node, name: string): void {
  const held = unnamed(node);
  if (held === null) tx.remove('xattrs', xattrKey(node.ino, name));
  else held.delete(name);
}

const has = (view: ViewState, node: Node, name: string): boolean => heldValue(view, node, name) !== undefined;

function touch(view: ViewState, tx: Transaction, node: Node, record: InodeRecord): void {
  const { sec, nsec } = view.nowTime();
  view.setRecord(tx, node, { ...record, ctimeSec: sec, ctimeNsec: nsec });
}

/** The marker row says that an object's attributes were copied up (an empty name is no attribute's). */
function pinWithXattrs(view: ViewState, tx: Transaction, node: Node): InodeRecord {
  const record = pin(view, tx, node);
  recordBase(view, tx, node);
  if (unnamed(node) !== null || copied(view, node)) return record;
  const names = hostNames(view, node);
  tx.put('xattrs', inodeKey(node.ino), Buffer.alloc(0));
  for (const name of names) {
    const value = hostValue(view, node, name);
    if (value !== undefined) tx.put('xattrs', xattrKey(node.ino, name), value);
  }
  return record;
}

const copied = (view: ViewState, node: Node): boolean => view.ledger.get('xattrs', inodeKey(node.ino)) !== undefined;

function ownValue(view: ViewState, node: Node, name: string): Buffer | undefined {
  return copied(view, node) ? view.ledger.get('xattrs', xattrKey(node.ino, name)) : hostValue(view, node, name);
}

function ownNames(view: ViewState, node: Node): string[] {
  if (!copied(view, node)) return hostNames(view, node);
  const names = Array.from(view.ledger.range('xattrs', ...direntRange(node.ino)), ({ key }) => direntName(key));
  return names.filter((name) => name !== '');
}

/** A path that names the host's object without following it. */
function hostPath(view: ViewState, node: Node): string | undefined {
  if (node.record !== null && node.record.lower === '') return undefined;
  if (findLower(view, node) < 0 || node.hostParent === null) return undefined;
  const fd = view.host.descriptor(node.hostParent);
  return fd < 0 ? undefined : `/proc/self/fd/${fd}/${node.hostName}`;
}

function hostValue(view: ViewState, node: Node, name: string): Buffer | undefined {
  const path = hostPath(view, node);
  if (path === undefined) return undefined;
  const length = lgetxattr(path, name, scratch);
  return length < 0 ? undefined : Buffer.from(scratch.subarray(0, length));
}

function hostNames(view: ViewState, node: Node): string[] {
  const path = hostPath(view, node);
  const length = path === undefined ? -1 : llistxattr(path, scratch);
  return length <= 0 ? [] : scratch.toString('latin1', 0, length).split('\0').filter(isPortableXattr);
}

/** Extended attributes as the change list compares them: name to hex, undefined where there are none. */
export function xattrsOf(view: ViewState, node: Node): Readonly<Record<string, string>> | undefined {
  const names = heldNames(view, node).sort();
  const entries = names.map((name) => [name, getxattr(view, node, name).toString('hex')] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** What a new object takes over from its directory's default list, which stands in for the umask. */
export function inheritAttributes(
  view: ViewState,
  tx: Transaction,
  parent: Node,
  node: Node,
  modeRequested: number | undefined,
): void {
  const acl = heldValue(view, parent, ACL_DEFAULT);
  const { record } = node;
  if (acl === undefined || record === null || node.type === S_IFLNK) return;
  const requested = modeRequested === undefined ? record.mode : (record.mode & ~0o777) | (modeRequested & 0o777);
  const { mode, access } = inheritAcl(acl, requested);
  view.setRecord(tx, node, { ...record, mode });
  tx.put('xattrs', inodeKey(node.ino), Buffer.alloc(0));
  if (access !== undefined) tx.put('xattrs', xattrKey(node.ino, ACL_ACCESS), access);
  if (isDirectory(node)) tx.put('xattrs', xattrKey(node.ino, ACL_DEFAULT), acl);
}

/** An access list goes along with chmod. */
export function followMode(view: ViewState, tx: Transaction, node: Node, mode: number): void {
  const acl = heldValue(view, node, ACL_ACCESS);
  if (acl === undefined) return;
  pinWithXattrs(view, tx, node);
  putOwn(tx, node, ACL_ACCESS, aclWithMode(acl, mode));
}

/** `user.agentsh.*`: the effective rule and state of a file, read-only. */
function status(view: ViewState, node: Node, key: string): Buffer {
  if (key === 'mode') return Buffer.from(node.masked ? 'private' : node.rule.mode);
  if (key === 'status') return Buffer.from(statusOf(node));
  if ((key === 'version' || key === 'cid') && isRegular(node)) return Buffer.from(contentCid(view, node));
  fail('ENODATA');
}

/** clean, new, modified */
function statusOf({ record }: Node): string {
  if (record === null) return 'clean';
  if (record.lower === '') return 'new';
  return record.content === CONTENT.staging || record.content === CONTENT.blob ? 'modified' : 'clean';
}
