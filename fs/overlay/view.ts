// One connection's side of an agent's view: the inode operations over the merged tree, and `/.kernel` beside it.
//
// A thin table of contents: each operation finds its nodes and hands over to the file that does the work. The state is
// the agent's; several connections share it, and what one changes the others' caches are told.
import { ERRNO, errno, fail } from '../errno.ts';
import type {
  AttributeChanges,
  AttributesReply,
  Caller,
  CopyFileRange,
  DirectorySink,
  Entry,
  FileSystemStatistics,
  OpenReply,
  Operations,
} from '../operations.ts';
import { FOPEN, NO_HANDLE } from '../operations.ts';
import { absentEntry, attributesOf, count, entryOf } from './attributes.ts';
import type { Connection } from './connection.ts';
import * as content from './content.ts';
import { readByCookie, readDirectory } from './directory.ts';
import * as namespace from './namespace.ts';
import type { Node } from './node.ts';
import { isDirectory, pathOf, S_IFDIR, S_IFREG } from './node.ts';
import { child } from './resolve.ts';
import { setattr } from './setattr.ts';
import type { ViewState } from './state.ts';
import { readLink, release } from './upper.ts';
import * as xattrs from './xattr.ts';

/** What `/.kernel` must answer in an agent's mount: operations on node ids of its own range. */
export interface ControlOperations extends Operations {
  /** The directory `.kernel` itself; counts one lookup. */
  rootEntry(): Entry;
}

/** Node ids from here on are the control tree's. */
export const CONTROL_NODE_BASE = 2 ** 48;
export const CONTROL_NAME = '.kernel';
const O_CREAT_BITS = 0o100 | 0o200;
const STATFS_BYTES = 120;
/** What is made where nothing is opened. */
const UNOPENED: OpenReply = { handle: NO_HANDLE, openFlags: FOPEN.KEEP_CACHE, backingId: 0 };

export class View implements Operations {
  private readonly shared: ViewState;
  private readonly connection: Connection;
  private readonly control: ControlOperations | null;
  private readonly statfsBuffer = Buffer.alloc(STATFS_BYTES);

  constructor(state: ViewState, connection: Connection, control: ControlOperations | null) {
    this.shared = state;
    this.connection = connection;
    this.control = control;
    state.connections.set(connection.id, connection);
  }

  /** The directory at an absolute path, held for as long as the connection lives: the root of a part of the view. */
  holdRoot(path: string): number {
    let node = this.state.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const below: Node | null = isDirectory(node) ? child(this.state, node, name) : null;
      if (below === null) fail('ENOENT');
      node = below;
    }
    count(this.state, this.directoryOf(node.id));
    return node.id;
  }

  /** The agent's state, with this connection as the one that asks. */
  private get state(): ViewState {
    this.shared.connection = this.connection;
    return this.shared;
  }

  lookup(parent: number, name: string, caller: Caller): Entry {
    const control = this.controlOf(parent);
    if (control !== null) return control.lookup(parent, name, caller);
    const node = this.state.node(parent);
    if (node === this.state.root && name === CONTROL_NAME && this.control !== null) return this.control.rootEntry();
    if (!isDirectory(node)) fail('ENOTDIR');
    const found = child(this.state, node, name);
    return found === null ? absentEntry(node) : entryOf(this.state, found);
  }

  forget(id: number, count: number): void {
    const control = this.controlOf(id);
    if (control !== null) return control.forget(id, count);
    const node = this.state.nodes.get(id);
    if (node === undefined || node === this.state.root) return;
    this.state.uncount(node, count);
    release(this.state, node);
  }

  getattr(id: number, handle: number | undefined, caller: Caller): AttributesReply {
    const control = this.controlOf(id);
    return control !== null ? control.getattr(id, handle, caller) : attributesOf(this.state, this.state.node(id));
  }

  setattr(id: number, changes: AttributeChanges, caller: Caller): AttributesReply {
    const control = this.controlOf(id);
    if (control !== null) return control.setattr(id, changes, caller);
    this.tellInode(id);
    return setattr(this.state, this.state.node(id), changes, caller);
  }

  readlink(id: number): string {
    if (this.controlOf(id) !== null) fail('EINVAL');
    return readLink(this.state, this.state.node(id));
  }

  symlink(parent: number, name: string, target: string, caller: Caller): Entry {
    const control = this.controlOf(parent);
    if (control !== null) return control.symlink(parent, name, target, caller);
    return this.make(parent, name, { op: 'symlink', mode: namespace.SYMLINK_MODE, target }, caller);
  }

  mknod(parent: number, name: string, mode: number, rdev: number, caller: Caller): Entry {
    const control = this.controlOf(parent);
    if (control !== null) return control.mknod(parent, name, mode, rdev, caller);
    const typed = (mode & 0o170000) === 0 ? mode | S_IFREG : mode;
    return this.make(parent, name, { op: 'mknod', mode: typed, rdev }, caller);
  }

  mkdir(parent: number, name: string, mode: number, caller: Caller): Entry {
    const control = this.controlOf(parent);
    if (control !== null) return control.mkdir(parent, name, mode, caller);
    return this.make(parent, name, { op: 'mkdir', mode: S_IFDIR | (mode & 0o7777) }, caller);
  }

  unlink(parent: number, name: string, caller: Caller): void {
    const control = this.controlOf(parent);
    if (control !== null) return control.unlink(parent, name, caller);
    namespace.unlink(this.state, this.writableParent('unlink', parent, name, caller), name, caller);
    this.tellEntry(parent, name);
  }

  rmdir(parent: number, name: string, caller: Caller): void {
    const control = this.controlOf(parent);
    if (control !== null) return control.rmdir(parent, name, caller);
    namespace.rmdir(this.state, this.writableParent('rmdir', parent, name, caller), name, caller);
    this.tellEntry(parent, name);
  }

  rename(parent: number, name: string, newParent: number, newName: string, flags: number, caller: Caller): void {
    const control = this.controlOf(parent) ?? this.controlOf(newParent);
    if (control !== null) return control.rename(parent, name, newParent, newName, flags, caller);
    const from = { parent: this.writableParent('rename', parent, name, caller), name };
    const to = { parent: this.writableParent('rename', newParent, newName, caller), name: newName };
    namespace.rename(this.state, from, to, flags, caller);
    this.tellEntry(parent, name);
    this.tellEntry(newParent, newName);
  }

  link(id: number, newParent: number, newName: string, caller: Caller): Entry {
    const control = this.controlOf(id) ?? this.controlOf(newParent);
    if (control !== null) return control.link(id, newParent, newName, caller);
    const parent = this.writableParent('link', newParent, newName, caller);
    const node = namespace.link(this.state, this.state.node(id), parent, newName, caller);
    this.tellEntry(newParent, newName);
    return entryOf(this.state, node);
  }

  open(id: number, flags: number, caller: Caller): OpenReply {
    const control = this.controlOf(id);
    return control !== null
      ? control.open(id, flags, caller)
      : content.open(this.state, this.state.node(id), flags, caller);
  }

  create(parent: number, name: string, flags: number, mode: number, caller: Caller): Entry & OpenReply {
    const control = this.controlOf(parent);
    if (control !== null) return control.create(parent, name, flags, mode, caller);
    const directory = this.writableParent('create', parent, name, caller);
    const existing = (flags & O_CREAT_BITS) === O_CREAT_BITS ? null : child(this.state, directory, name);
    const object = { op: 'create', mode: S_IFREG | (mode & 0o7777) };
    const node = existing ?? namespace.make(this.state, directory, name, object, caller);
    this.tellEntry(parent, name);
    return this.opened(node, flags, caller);
  }

  tmpfile(parent: number, flags: number, mode: number, caller: Caller): Entry & OpenReply {
    const control = this.controlOf(parent);
    if (control !== null) return control.tmpfile(parent, flags, mode, caller);
    return this.opened(namespace.makeUnnamed(this.state, this.state.node(parent), mode, caller), flags, caller);
  }

  read(id: number, handle: number, offset: number, target: Buffer, caller: Caller): number {
    const control = this.controlOf(id);
    if (control !== null) return control.read(id, handle, offset, target, caller);
    return content.read(this.state, id, handle, offset, target, caller);
  }

  write(id: number, handle: number, offset: number, data: Buffer, killSetId: boolean, caller: Caller): number {
    const control = this.controlOf(id);
    if (control !== null) return control.write(id, handle, offset, data, killSetId, caller);
    this.tellInode(id);
    return content.write(this.state, id, handle, offset, data, killSetId, caller);
  }

  statfs(_id: number): FileSystemStatistics {
    return this.state.statistics(this.statfsBuffer);
  }

  flush(id: number, handle: number, caller: Caller): void {
    const control = this.controlOf(id);
    if (control !== null) return control.flush(id, handle, caller);
    content.flush(this.state, this.state.handle(handle), caller);
  }

  release(id: number, handle: number, flags: number): void {
    const control = this.controlOf(id);
    if (control !== null) return control.release(id, handle, flags);
    const open = this.state.handles.get(handle);
    if (open !== undefined) content.release(this.state, open);
  }

  fsync(id: number, handle: number, dataOnly: boolean, caller: Caller): void {
    const control = this.controlOf(id);
    if (control !== null) return control.fsync(id, handle, dataOnly, caller);
    content.fsync(this.state, id, handle, dataOnly, caller);
  }

  getxattr(id: number, name: string, caller: Caller): Buffer {
    const control = this.controlOf(id);
    return control !== null
      ? control.getxattr(id, name, caller)
      : xattrs.getxattr(this.state, this.state.node(id), name);
  }

  setxattr(id: number, name: string, value: Buffer, flags: number, caller: Caller): void {
    const control = this.controlOf(id);
    if (control !== null) return control.setxattr(id, name, value, flags, caller);
    xattrs.setxattr(this.state, this.state.node(id), name, value, flags, caller);
  }

  listxattr(id: number, caller: Caller): Buffer {
    const control = this.controlOf(id);
    return control !== null ? control.listxattr(id, caller) : xattrs.listxattr(this.state, this.state.node(id));
  }

  removexattr(id: number, name: string, caller: Caller): void {
    const control = this.controlOf(id);
    if (control !== null) return control.removexattr(id, name, caller);
    xattrs.removexattr(this.state, this.state.node(id), name, caller);
  }

  opendir(id: number, flags: number, caller: Caller): OpenReply {
    const control = this.controlOf(id);
    if (control !== null) return control.opendir(id, flags, caller);
    const node = this.directoryOf(id);
    const handle = this.state.addHandle(node, flags, false);
    node.opens += 1;
    return { handle: handle.id, openFlags: 0, backingId: 0 };
  }

  readdir(id: number, handle: number, offset: number, sink: DirectorySink, plus: boolean, caller: Caller): void {
    const control = this.controlOf(id);
    if (control !== null) return control.readdir(id, handle, offset, sink, plus, caller);
    if (handle !== NO_HANDLE || !this.connection.withoutOpens)
      readDirectory(this.state, this.state.handle(handle), offset, sink, plus);
    else readByCookie(this.state, this.directoryOf(id), offset, sink, plus);
  }

  releasedir(id: number, handle: number): void {
    const control = this.controlOf(id);
    if (control !== null) return control.releasedir(id, handle);
    const open = this.state.handles.get(handle);
    if (open === undefined) return;
    this.state.handles.delete(handle);
    open.connection.handles.delete(handle);
    open.node.opens -= 1;
    release(this.state, open.node);
  }

  fsyncdir(id: number, _handle: number, _dataOnly: boolean, _caller: Caller): void {
    if (this.controlOf(id) === null) this.state.ledger.sync();
  }

  fallocate(id: number, handle: number, mode: number, offset: number, length: number, caller: Caller): void {
    if (this.controlOf(id) !== null) fail('EOPNOTSUPP');
    content.fallocate(this.state, content.used(this.state, id, handle), mode, offset, length, caller);
  }

  lseek(id: number, handle: number, offset: number, whence: number, caller: Caller): number {
    const control = this.controlOf(id);
    if (control !== null) return control.lseek(id, handle, offset, whence, caller);
    return content.lseek(this.state, content.used(this.state, id, handle), offset, whence);
  }

  copyFileRange(request: CopyFileRange, caller: Caller): number {
    if (this.controlOf(request.fromNode) !== null || this.controlOf(request.toNode) !== null) fail('EXDEV');
    return content.copyRange(this.state, request, caller);
  }

  poll(id: number, handle: number, events: number, wake: (() => void) | null, caller: Caller): number {
    const control = this.controlOf(id);
    return control !== null ? control.poll(id, handle, events, wake, caller) : events;
  }

  /** The current connection ends: what it held is given back. */
  destroy(): void {
    const { connection } = this;
    this.control?.destroy();
    for (const handle of [...connection.handles]) {
      const open = this.state.handles.get(handle);
      if (open === undefined) continue;
      if (isDirectory(open.node)) this.releasedir(open.node.id, handle);
      else content.release(this.state, open);
    }
    for (const [id, count] of [...connection.lookups]) this.forget(id, count);
    this.state.connections.delete(connection.id);
    this.state.connection = null;
  }

  private controlOf(node: number): ControlOperations | null {
    return node >= CONTROL_NODE_BASE ? this.control : null;
  }

  /** The other connections must ask again about a name, and about the directory it is in. */
  private tellEntry(parent: number, name: string): void {
    if (!this.isKnownElsewhere(parent)) return;
    this.shared.options.notifier.invalidateEntry(parent, name, this.connection.id);
    this.shared.options.notifier.invalidateInode(parent, 0, 0, this.connection.id);
  }

  /** The other connections must ask again about a node's attributes and pages. */
  private tellInode(node: number): void {
    if (this.isKnownElsewhere(node)) this.shared.options.notifier.invalidateInode(node, 0, 0, this.connection.id);
  }

  private isKnownElsewhere(node: number): boolean {
    if (this.shared.connections.size < 2) return false;
    if (node === this.shared.root.id) return true;
    for (const other of this.shared.connections.values())
      if (other !== this.connection && other.lookups.has(node)) return true;
    return false;
  }

  private directoryOf(id: number): Node {
    const node = this.state.node(id);
    if (!isDirectory(node)) fail('ENOTDIR');
    return node;
  }

  private make(parent: number, name: string, object: Parameters<typeof namespace.make>[3], caller: Caller): Entry {
    const node = namespace.make(this.state, this.writableParent(object.op, parent, name, caller), name, object, caller);
    this.tellEntry(parent, name);
    return entryOf(this.state, node);
  }

  /** The directory of a change; the name `.kernel` itself is neither made nor taken away. */
  private writableParent(op: string, id: number, name: string, caller: Caller): Node {
    const node = this.state.node(id);
    if (node === this.state.root && name === CONTROL_NAME && this.control !== null)
      this.state.refuse(op, `/${CONTROL_NAME}`, node.rule, caller, errno(ERRNO.EPERM));
    if (!isDirectory(node)) fail('ENOTDIR');
    return node;
  }

  private opened(node: Node, flags: number, caller: Caller): Entry & OpenReply {
    if (node.rule.mode === 'ro') this.state.refuse('open', pathOf(node), node.rule, caller, errno(ERRNO.EROFS));
    if (this.connection.withoutOpens) return Object.assign(entryOf(this.state, node), UNOPENED);
    content.openContent(this.state, node);
    const open = content.addOpen(this.state, node, flags);
    return Object.assign(entryOf(this.state, node), open);
  }
}
