// `/.kernel` as inode operations: a part of an agent's view, or the whole of the operator's mount.
//
// - Nothing here has a life in the kernel's caches: entries and attributes are valid for 0 ms, files are direct I/O.
// - A right is judged by the mount alone, at open and again at write: no uid, mode bit or descriptor adds to it.
// - What exists is the table's business (./table.ts); names cannot be made, removed or moved.
import { fail } from '../errno.ts';
import {
  type AttributeChanges,
  type Attributes,
  type AttributesReply,
  type Caller,
  type DirectorySink,
  type Entry,
  type FileSystemStatistics,
  FOPEN,
  type OpenReply,
  type Operations,
} from '../operations.ts';
import { type AttributeOptions, ControlAttributes } from './attributes.ts';
import { Decisions } from './decisions.ts';
import { type Handle, Handles, type Listed } from './handles.ts';
import { CONTROL_NODE_BASE, ControlNodes, controlIno, type Place } from './nodes.ts';
import { Refusal } from './refusal.ts';
import type { Content, ControlSource } from './source.ts';
import { Stream } from './stream.ts';
import {
  accessOf,
  type Control,
  type DirectoryRow,
  indexTable,
  modeOf,
  type Row,
  type TableIndex,
  type TextRow,
} from './table.ts';

/** One write(2) is one command, and no command is longer. */
export const COMMAND_BYTES_MAX = 64 * 1024;
/** A text that is written in pieces. */
const GATHERED_BYTES_MAX = 1 << 20;
/** A file that is rendered whole. */
export const CONTENT_BYTES_MAX = 16 << 20;
const NAME_BYTES_MAX = 255;
/** Names that were listed this short while ago are found without asking: `ls -l` asks for each of them. */
const LISTED_MS = 1000;
const O_ACCMODE = 3;
const O_NONBLOCK = 0o4000;
const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLLRDNORM = 0x40;
const POLLWRNORM = 0x100;
const SEEK_DATA = 3;

export interface ControlTreeOptions extends AttributeOptions {
  /** The node id of `.kernel`: CONTROL_NODE_BASE inside a view, 1 where the tree is a mount of its own. */
  readonly nodeBase?: number;
  /** The inode number that `..` of `.kernel` shows; its own where the tree is a mount of its own. */
  readonly parentIno?: number;
}

export class ControlTree implements Operations {
  readonly #source: ControlSource;
  readonly #control: Control;
  readonly #index: TableIndex;
  readonly #nodes: ControlNodes;
  readonly #handles = new Handles();
  readonly #options: ControlTreeOptions;
  readonly #facts: ControlAttributes;
  readonly #clock: () => number;
  /** By row: the entries of a directory as it was listed last. */
  readonly #listed = new Map<number, { readonly names: ReadonlySet<string>; readonly atMs: number }>();

  constructor(source: ControlSource, options: ControlTreeOptions) {
    this.#source = source;
    this.#control = { source, decisions: new Decisions(source) };
    this.#index = indexTable(source);
    this.#nodes = new ControlNodes(options.nodeBase ?? CONTROL_NODE_BASE);
    this.#options = options;
    this.#facts = new ControlAttributes(source, options);
    this.#clock = options.clock ?? Date.now;
  }

  /** `.kernel` itself, as a view's root answers a lookup of that name. */
  rootEntry(): Entry {
    return this.#entry(this.#nodes.fixed(0), { row: 0, name: undefined });
  }

  /** The logs may have grown: answers whoever waits. Call from the thread that serves the tree. */
  wake(): void {
    for (const stream of this.#handles.streams()) stream.wake();
  }

  /** Entries the kernel holds, and open handles: both 0 when everything was given back. */
  get held(): { readonly entries: number; readonly handles: number } {
    return { entries: this.#nodes.heldCount, handles: this.#handles.count };
  }

  lookup(parent: number, name: string, _caller: Caller): Entry {
    const { row } = this.#directory(parent);
    if (name.length > NAME_BYTES_MAX) fail('ENAMETOOLONG');
    const fixed = this.#index.children.get(row)?.get(name);
    if (fixed !== undefined) return this.#entry(this.#nodes.fixed(fixed), { row: fixed, name: undefined });
    return guard(() => {
      const entryRow = this.#requireEntry(row, name);
      return this.#entry(this.#nodes.take(entryRow, name), { row: entryRow, name });
    });
  }

  forget(node: number, count: number): void {
    this.#nodes.forget(node, count);
  }

  getattr(node: number, _handle: number | undefined, _caller: Caller): AttributesReply {
    return { attributes: this.#attributes(this.#place(node)), attributesValidMs: 0 };
  }

  /** `echo x > file` truncates first: nothing to do for a file that takes commands. All else is fixed. */
  setattr(node: number, changes: AttributeChanges, caller: Caller): AttributesReply {
    const place = this.#place(node);
    const row = this.#row(place);
    const fixed = changes.mode !== undefined || changes.uid !== undefined || changes.gid !== undefined;
    if (row.kind === 'directory' && changes.size !== undefined) fail('EISDIR');
    if (fixed || changes.size === undefined || accessOf(row, this.#source) !== 'rw')
      this.#deny('setattr', place, caller);
    return this.getattr(node, undefined, caller);
  }

  open(node: number, flags: number, caller: Caller): OpenReply {
    const place = this.#place(node);
    const row = this.#row(place);
    if (row.kind === 'directory') fail('EISDIR');
    const mode = flags & O_ACCMODE;
    if (mode !== 0 && accessOf(row, this.#source) !== 'rw') this.#deny('open', place, caller);
    const handle = guard((): Handle => {
      if (row.kind === 'stream')
        return { kind: 'stream', stream: new Stream(row.log(this.#source), (flags & O_NONBLOCK) !== 0) };
      if (row.kind !== 'text') return { kind: 'log', log: row.log(this.#source), shift: 0 };
      const content = mode === 1 ? Buffer.alloc(0) : bytesOf(row.read(this.#control, place.name ?? ''));
      return { kind: 'text', content, writable: mode !== 0, gathered: '' };
    });
    const openFlags = FOPEN.DIRECT_IO | (row.kind === 'stream' ? FOPEN.STREAM | FOPEN.NONSEEKABLE : 0);
    return { handle: this.#handles.add(handle), openFlags, backingId: 0 };
  }

  read(_node: number, handle: number, offset: number, target: Buffer, caller: Caller): number {
    const open = this.#handles.get(handle);
    if (open.kind === 'directory') fail('EISDIR');
    if (open.kind === 'text') return offset < open.content.length ? open.content.copy(target, 0, offset) : 0;
    return guard(() => (open.kind === 'stream' ? open.stream.read(target, caller) : readLog(open, offset, target)));
  }

  write(node: number, handle: number, _offset: number, data: Buffer, _killSetId: boolean, caller: Caller): number {
    const place = this.#place(node);
    const row = this.#row(place);
    const open = this.#handles.get(handle);
    if (row.kind !== 'text' || row.write === undefined || accessOf(row, this.#source) !== 'rw')
      this.#deny('write', place, caller);
    if (open.kind !== 'text' || !open.writable) fail('EBADF');
    if (data.length > COMMAND_BYTES_MAX) fail('EFBIG');
    const text = open.gathered + data.toString('latin1');
    if (text.length > GATHERED_BYTES_MAX) fail('EFBIG');
    open.gathered = row.isWhole?.(this.#source, text) === false ? text : '';
    if (open.gathered === '') this.#command(row, place, text, caller);
    return data.length;
  }

  #command(row: TextRow, place: Place, text: string, caller: Caller): void {
    const command = text.replace(/\n$/, '');
    guard(() => row.write?.(this.#control, place.name ?? '', command, { pid: caller.pid }));
  }

  /** A text that was never finished is refused with its reason at close, where most programs look. */
  flush(node: number, handle: number, caller: Caller): void {
    const open = this.#handles.get(handle);
    if (open.kind !== 'text' || open.gathered === '') return;
    const place = this.#place(node);
    const row = this.#row(place);
    const text = open.gathered;
    open.gathered = '';
    if (row.kind === 'text') this.#command(row, place, text, caller);
  }

  release(_node: number, handle: number, _flags: number): void {
    this.#handles.remove(handle);
  }

  fsync(_node: number, _handle: number, _dataOnly: boolean, _caller: Caller): void {}

  opendir(node: number, _flags: number, _caller: Caller): OpenReply {
    const { row } = this.#directory(node);
    const listed = guard(() => this.#list(row));
    return { handle: this.#handles.add({ kind: 'directory', listed }), openFlags: 0, backingId: 0 };
  }

  /** Offsets are positions in the list as it was at opendir, or at the last rewind: 1 after `.`, 2 after `..`. */
  readdir(node: number, handle: number, offset: number, sink: DirectorySink, plus: boolean, _caller: Caller): void {
    const { row } = this.#directory(node);
    const open = this.#handles.get(handle);
    if (open.kind !== 'directory') fail('ENOTDIR');
    if (offset === 0) open.listed = guard(() => this.#list(row));
    for (let at = offset; at < open.listed.length + 2; at++) {
      const taken = at < 2 ? this.#addDot(sink, row, at) : this.#addListed(sink, open.listed[at - 2]!, plus, at + 1);
      if (!taken) return;
    }
  }

  releasedir(_node: number, handle: number): void {
    this.#handles.remove(handle);
  }

  fsyncdir(_node: number, _handle: number, _dataOnly: boolean, _caller: Caller): void {}

  /** Streams are readable when there is something; every other file always is. */
  poll(_node: number, handle: number, events: number, wake: (() => void) | null, _caller: Caller): number {
    const open = this.#handles.get(handle);
    if (open.kind !== 'stream') return events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
    return open.stream.ready(wake) ? events & (POLLIN | POLLRDNORM) : 0;
  }

  lseek(node: number, handle: number, offset: number, whence: number, _caller: Caller): number {
    const open = this.#handles.get(handle);
    const end = open.kind === 'text' ? open.content.length : this.#attributes(this.#place(node)).size;
    if (open.kind === 'stream') fail('ESPIPE');
    if (offset >= end) fail('ENXIO');
    return whence === SEEK_DATA ? offset : end;
  }

  statfs(_node: number): FileSystemStatistics {
    const none = { blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0 };
    return { ...none, blockSizeBytes: 4096, nameBytesMax: NAME_BYTES_MAX };
  }

  destroy(): void {
    this.#handles.clear();
    this.#nodes.clear();
  }

  readlink(_node: number, _caller: Caller): string {
    return fail('EINVAL');
  }
  getxattr(_node: number, _name: string, _caller: Caller): Buffer {
    return fail('ENODATA');
  }
  listxattr(_node: number, _caller: Caller): Buffer {
    return Buffer.alloc(0);
  }
  setxattr(node: number, _name: string, _value: Buffer, _flags: number, caller: Caller): void {
    this.#deny('setxattr', this.#place(node), caller);
  }
  removexattr(node: number, _name: string, caller: Caller): void {
    this.#deny('removexattr', this.#place(node), caller);
  }
  symlink(parent: number, name: string, _target: string, caller: Caller): Entry {
    return this.#denyName('symlink', parent, name, caller);
  }
  mknod(parent: number, name: string, _mode: number, _rdev: number, caller: Caller): Entry {
    return this.#denyName('mknod', parent, name, caller);
  }
  mkdir(parent: number, name: string, _mode: number, caller: Caller): Entry {
    return this.#denyName('mkdir', parent, name, caller);
  }
  unlink(parent: number, name: string, caller: Caller): void {
    this.#denyName('unlink', parent, name, caller);
  }
  rmdir(parent: number, name: string, caller: Caller): void {
    this.#denyName('rmdir', parent, name, caller);
  }
  /** Either end may lie outside the tree: the view asks here as soon as one does not. */
  rename(parent: number, name: string, newParent: number, newName: string, _flags: number, caller: Caller): void {
    if (this.#nodes.place(parent) !== undefined) this.#denyName('rename', parent, name, caller);
    this.#denyName('rename', newParent, newName, caller);
  }
  link(node: number, newParent: number, newName: string, caller: Caller): Entry {
    if (this.#nodes.place(newParent) === undefined) return this.#deny('link', this.#place(node), caller);
    return this.#denyName('link', newParent, newName, caller);
  }
  /** `echo approve > pending/ID` of an unknown id comes as a create: the id is what is wrong then. */
  create(parent: number, name: string, _flags: number, _mode: number, caller: Caller): Entry & OpenReply {
    const { row } = this.#directory(parent);
    if (this.#source.principal === 'operator' && this.#index.entryRow.has(row))
      guard(() => this.#requireEntry(row, name));
    return this.#denyName('create', parent, name, caller);
  }
  tmpfile(parent: number, _flags: number, _mode: number, caller: Caller): Entry & OpenReply {
    return this.#denyName('tmpfile', parent, '', caller);
  }
  fallocate(): void {
    fail('EOPNOTSUPP');
  }
  copyFileRange(): number {
    return fail('EOPNOTSUPP');
  }

  #place(node: number): Place {
    return this.#nodes.place(node) ?? fail('ESTALE');
  }

  #row(place: Place): Row {
    return this.#index.rows[place.row] ?? fail('ESTALE');
  }

  #directory(node: number): Place {
    const place = this.#place(node);
    return this.#row(place).kind === 'directory' ? place : fail('ENOTDIR');
  }

  /** The row of a directory's entries, if `name` is one of them. Only a name: open and write ask the source again. */
  #requireEntry(row: number, name: string): number {
    const entryRow = this.#index.entryRow.get(row) ?? fail('ENOENT');
    const listed = this.#listed.get(row);
    const known = listed !== undefined && this.#clock() - listed.atMs < LISTED_MS && listed.names.has(name);
    if (!known) (this.#index.rows[row] as DirectoryRow).require?.(this.#source, name);
    return entryRow;
  }

  #list(row: number): readonly Listed[] {
    const fixed = [...(this.#index.children.get(row) ?? [])].map(([name, child]) => ({
      name,
      row: child,
      fixed: true,
    }));
    const entryRow = this.#index.entryRow.get(row);
    const names = entryRow === undefined ? [] : ((this.#index.rows[row] as DirectoryRow).entries?.(this.#source) ?? []);
    if (entryRow !== undefined) this.#listed.set(row, { names: new Set(names), atMs: this.#clock() });
    return [...fixed, ...names.map((name) => ({ name, row: entryRow ?? 0, fixed: false }))];
  }

  #addDot(sink: DirectorySink, row: number, at: number): boolean {
    const own = controlIno(row, undefined);
    if (at === 0) return sink.add('.', own, 4, 1);
    const above = row === 0 ? (this.#options.parentIno ?? own) : controlIno(this.#index.parent[row]!, undefined);
    return sink.add('..', above, 4, 2);
  }

  #addListed(sink: DirectorySink, listed: Listed, plus: boolean, nextOffset: number): boolean {
    const place: Place = { row: listed.row, name: listed.fixed ? undefined : listed.name };
    const ino = controlIno(place.row, place.name);
    const type = modeOf(this.#row(place), this.#source) >> 12;
    if (!plus) return sink.add(listed.name, ino, type, nextOffset);
    const node = listed.fixed ? this.#nodes.fixed(listed.row) : this.#nodes.take(listed.row, listed.name);
    const taken = sink.addPlus(listed.name, this.#entry(node, place), ino, type, nextOffset);
    if (!taken) this.#nodes.forget(node, 1);
    return taken;
  }

  #entry(nodeId: number, place: Place): Entry {
    return { nodeId, entryValidMs: 0, attributes: this.#attributes(place), attributesValidMs: 0 };
  }

  #attributes(place: Place): Attributes {
    return this.#facts.of(this.#row(place), place);
  }

  #denyName(op: string, parent: number, name: string, caller: Caller): never {
    const place = this.#directory(parent);
    const below = this.#row(place).path;
    return this.#refuse(op, `/.kernel/${below === '' ? '' : `${below}/`}${name}`, caller);
  }

  #deny(op: string, place: Place, caller: Caller): never {
    const path = this.#row(place).path.replace('*', () => place.name ?? '*');
    return this.#refuse(op, `/.kernel/${path}`, caller);
  }

  /** No right: recorded, whoever asked. */
  #refuse(op: string, path: string, caller: Caller): never {
    this.#source.record({ op, path, verdict: 'deny', rule: 'control', pid: caller.pid, note: 'EPERM' });
    return fail('EPERM');
  }
}

/** What dropped off the log's start is skipped by readers that come from its beginning; others read where they are. */
function readLog(open: Extract<Handle, { kind: 'log' }>, offset: number, target: Buffer): number {
  const { log } = open;
  if (offset + open.shift < log.startBytes()) open.shift = log.startBytes() - offset;
  const at = offset + open.shift;
  const length = Math.min(target.length, Math.max(log.sizeBytes() - at, 0));
  return length === 0 ? 0 : log.read(at, target.subarray(0, length));
}

function bytesOf(content: Content): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  return bytes.length > CONTENT_BYTES_MAX ? fail('EFBIG') : bytes;
}

/** A refusal of the source becomes its error number here; its reason is already kept where people look. */
function guard<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal) throw error.errno;
    throw error;
  }
}
