// The bytes of files: open, read, write, copy-up, truncate, fallocate, holes, copy, fsync.
//
// - A file's content is one descriptor for all its handles: the host's file read-only, or the staging file.
// - Copy-up happens at the first write or size change, not at open; the node stays, only its descriptor is swapped.
// - Where a connection opens nothing the node stands for the handle, and its descriptor is kept (idleContent.ts).
// - Passthrough (root only) serves files under `ro` and staging files; an inode is cached or passed through while it is
//   open anywhere, never both, so passthrough begins only when nobody has it open through the page cache.
import { ERRNO, Errno, errno, fail, must } from '../errno.ts';
import { openForReading, RELIABLE_AFTER_MS } from '../host/capture.ts';
import { copyContent } from '../host/content.ts';
import {
  close,
  copyFileRange,
  fdatasync,
  ftruncate,
  futimens,
  O_NOATIME,
  openat,
  pread,
  pwrite,
  readU64,
  STATX,
  fallocate as sysFallocate,
  fsync as sysFsync,
  lseek as sysLseek,
} from '../host/syscall.ts';
import type { Base } from '../journal/model.ts';
import type { Caller, CopyFileRange, OpenReply } from '../operations.ts';
import { FOPEN, NO_HANDLE } from '../operations.ts';
import { cidOfFile } from '../store/cid.ts';
import { findLower, statLower, timesBefore } from './attributes.ts';
import { isBlob, openBlobOf } from './blobContent.ts';
import type { Handle } from './connection.ts';
import { mustHave } from './damage.ts';
import { closeContent, isServedStill } from './idleContent.ts';
import type { Node } from './node.ts';
import { hasUpper, isRegular, pathOf } from './node.ts';
import { CONTENT } from './records.ts';
import { mayRead } from './resolve.ts';
import { forgetSetId, withoutSetId } from './setIds.ts';
import { settleIdle } from './settle.ts';
import type { ViewState } from './state.ts';
import { pin, recordBase, release as releaseNode } from './upper.ts';
import * as through from './writeThrough.ts';

const O_ACCMODE = 3;
const O_RDWR = 2;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;
const O_NONBLOCK = 0o4000;
const SEEK_END = 2;
const O_CREAT_EXCL = 0o100 | 0o200;
/** What identifying a file that is one hole still takes little time for: a million chunks. */
const FILE_BYTES_MAX = 2 ** 40;
const BASE_CID_BYTES_MAX = 16 * 1024 * 1024;
const reply: OpenReply = { handle: 0, openFlags: 0, backingId: 0 };

export function open(view: ViewState, node: Node, flags: number, caller: Caller): OpenReply {
  if (!isRegular(node)) fail(node.type === 0o040000 ? 'EISDIR' : 'ENXIO');
  const writes = (flags & O_ACCMODE) !== 0 || (flags & O_TRUNC) !== 0;
  if (writes && node.rule.mode === 'ro') view.refuse('open', pathOf(node), node.rule, caller, errno(ERRNO.EROFS));
  openContent(view, node);
  if (writes && node.fdIsStaging) logWrite(view, node, caller);
  if ((flags & O_ACCMODE) !== 1) logRead(view, node, caller);
  return addOpen(view, node, flags);
}

/** Counts an open and decides how its bytes travel. */
export function addOpen(view: ViewState, node: Node, flags: number): OpenReply {
  const passes = mayPass(view, node) && register(view, node);
  const handle = view.addHandle(node, flags, passes);
  node.opens += 1;
  if (!passes) node.cachedOpens += 1;
  reply.handle = handle.id;
  reply.backingId = passes ? node.backingId : 0;
  reply.openFlags = passes
    ? FOPEN.PASSTHROUGH
    : view.connection?.backing === null || !node.fdIsStaging
      ? FOPEN.KEEP_CACHE
      : 0;
  if ((flags & O_ACCMODE) === 0 && node.rule.mode !== 'rw') reply.openFlags |= FOPEN.NOFLUSH;
  return reply;
}

/** `rw` files are never passed through: what is written must be seen at close. */
function mayPass(view: ViewState, node: Node): boolean {
  if (view.connection === null || view.connection.backing === null || view.connections.size > 1) return false;
  if (node.cachedOpens > 0 || node.rule.mode === 'rw') return false;
  return node.fdIsStaging || (node.rule.mode === 'ro' && node.record === null);
}

function register(view: ViewState, node: Node): boolean {
  if (node.backingId > 0) return true;
  const id = view.connection?.backing?.open(node.fd) ?? -1;
  if (id <= 0) return false;
  node.backingId = id;
  node.passed = true;
  return true;
}

/** Opens the node's content if it is not open. @throws Errno */
export function openContent(view: ViewState, node: Node): void {
  if (node.fd >= 0) return;
  const record = node.record;
  if (record !== null && record.content === CONTENT.staging) {
    node.fd = mustHave(openat(view.stagingFd, view.stagingName(record.stagingId), O_RDWR), 'staging file', record);
    node.fdIsStaging = true;
    return;
  }
  if (record !== null && isBlob(record)) {
    node.fd = openBlobOf(view, record);
    node.fdIsStaging = false;
    return;
  }
  if (node.hostParent === null) fail('ESTALE');
  must(findLower(view, node));
  if (!mayRead(view, node)) fail('ENOENT');
  const fd = must(view.host.open(node.hostParent, node.hostName, O_NONBLOCK));
  node.fd = fd;
  node.fdIsStaging = false;
  const isSame = statLower(view, node) === 0 && (view.stat.readUInt16LE(STATX.mode) & 0o170000) === node.type;
  if (isSame && isServedStill(view, node)) return;
  closeContent(node);
  fail('ESTALE');
}

/** The file that a handle means, or without one the node itself, its content open. @throws Errno */
export function used(view: ViewState, id: number, handle: number): Node {
  if (handle !== NO_HANDLE || view.connection?.withoutOpens !== true) return view.handle(handle).node;
  const node = view.node(id);
  if (!isRegular(node)) fail('EBADF');
  try {
    openContent(view, node);
  } catch (error) {
    if (!(error instanceof Errno) || error.number !== ERRNO.EMFILE) throw error;
    view.idle.dropAll();
    openContent(view, node);
  }
  view.idle.used(node);
  return node;
}

/** Content for the time of one operation: open already, or opened and closed around it. */
function withContent<T>(view: ViewState, node: Node, body: () => T): T {
  const opened = node.fd < 0;
  if (opened) openContent(view, node);
  try {
    return body();
  } finally {
    if (opened && node.opens === 0) closeContent(node);
  }
}

function logRead(view: ViewState, node: Node, caller: Caller): void {
  const { reads } = view;
  if (reads === 'none' || (node.readLogged && reads === 'first')) return;
  node.readLogged = true;
  view.ledger.record(view.event('read', pathOf(node), node.rule, caller));
}

function logWrite(view: ViewState, node: Node, caller: Caller): void {
  view.ledger.record(view.event('write', pathOf(node), node.rule, caller));
}

export function read(
  view: ViewState,
  id: number,
  handle: number,
  offset: number,
  target: Buffer,
  caller: Caller,
): number {
  const node = used(view, id, handle);
  // With a handle its open was recorded.
  if (handle === NO_HANDLE) logRead(view, node, caller);
  const flags = caller.fileFlags ?? view.handles.get(handle)?.flags ?? 0;
  const readFrom = (fd: number) => must(pread(fd, target, target.length, offset));
  return (flags & O_NOATIME) === 0 ? readFrom(node.fd) : withoutTrace(node.fd, readFrom);
}

/** Reads the file of `fd` through a descriptor that leaves its access time, where this process may have one. */
function withoutTrace<T>(fd: number, action: (quiet: number) => T): T {
  const quiet = openForReading(fd);
  try {
    return action(quiet);
  } finally {
    close(quiet);
  }
}

export function write(
  view: ViewState,
  id: number,
  handle: number,
  offset: number,
  data: Buffer,
  killSetId: boolean,
  caller: Caller,
): number {
  const node = used(view, id, handle);
  const open = view.handles.get(handle);
  const writer = open ?? node;
  refuseReadOnly(view, node, caller);
  if (!node.fdIsStaging) copyUp(view, node, Number.POSITIVE_INFINITY, caller);
  else if (!writer.wrote) logWrite(view, node, caller);
  writer.wrote = true;
  node.dirty = true;
  if (killSetId) clearSetId(view, node);
  const at = ((caller.fileFlags ?? open?.flags ?? 0) & O_APPEND) === 0 ? offset : endOf(view, node, offset);
  return must(pwrite(node.fd, data, Math.min(data.length, roomAt(at)), at));
}

/** How many bytes a file may have from an offset on. @throws EFBIG where there is no room */
function roomAt(offset: number): number {
  if (offset >= FILE_BYTES_MAX) fail('EFBIG');
  return FILE_BYTES_MAX - offset;
}

/** Where appended bytes go. The kernel reckons with a size that the host, or another connection, may have changed since. */
function endOf(view: ViewState, node: Node, expected: number): number {
  const end = must(sysLseek(node.fd, 0, SEEK_END));
  // It has cached the bytes at the place that it took for the end.
  if (end !== expected) view.options.notifier.invalidateInode(node.id, 0, 0);
  return end;
}

/** Opened for writing under an earlier policy. */
function refuseReadOnly(view: ViewState, node: Node, caller: Caller): void {
  if (node.rule.mode === 'ro') view.refuse('write', pathOf(node), node.rule, caller, errno(ERRNO.EROFS));
}

/** A write by someone else than root ends set-id bits. */
export function clearSetId(view: ViewState, node: Node): void {
  const record = node.record;
  if (record === null && node.rule.mode === 'rw') return through.clearSetId(view, node);
  if (record === null || withoutSetId(record.mode) === record.mode) return;
  view.mutate((tx) => view.setRecord(tx, node, { ...record, mode: withoutSetId(record.mode) }));
}

/** The kernel says with a write or a size whether it ends set-id bits; with these requests it leaves that to us. */
function endPrivilege(view: ViewState, node: Node, caller: Caller): void {
  if (caller.uid !== 0) clearSetId(view, node);
}

/**
 * Gives a file content of its own: the host's bytes up to `keepBytes`, in a staging file.
 * The node must be open (`fd` set). Readers and locks on the node notice nothing.
 */
export function copyUp(view: ViewState, node: Node, keepBytes: number, caller: Caller): void {
  if (node.fdIsStaging) return;
  if (!hasUpper(node.rule) && node.rule.mode !== 'rw')
    view.refuse('write', pathOf(node), node.rule, caller, errno(ERRNO.EROFS));
  const source = node.fd;
  must(statLower(view, node));
  const size = readU64(view.stat, STATX.size);
  const { atime, mtime } = timesBefore(view, node);
  let staged = -1;
  let name = '';
  try {
    view.mutate((tx) => {
      const base = captureFileBase(view, node);
      const id = view.numbers.allocate(tx);
      name = view.stagingName(id);
      staged = must(openat(view.stagingFd, name, O_RDWR | O_CREAT_EXCL, 0o600));
      withoutTrace(source, (from) => copyContent(from, staged, Math.min(size, keepBytes)));
      futimens(staged, atime, mtime);
      const record = pin(view, tx, node);
      view.setRecord(tx, node, { ...record, content: CONTENT.staging, stagingId: id });
      if (base !== undefined)
        recordBase(
          view,
          tx,
          node,
          withoutTrace(source, (from) => withCid(base, from)),
        );
      tx.audit(view.event('copy-up', pathOf(node), node.rule, caller));
    });
  } catch (error) {
    if (staged >= 0) close(staged);
    if (name !== '') view.discardStaging(name);
    throw error;
  }
  close(source);
  node.fd = staged;
  node.fdIsStaging = true;
  node.dirty = true;
}

/** The same for a file that need not be open. */
export function copyUpClosed(view: ViewState, node: Node, caller: Caller): void {
  withContent(view, node, () => copyUp(view, node, Number.POSITIVE_INFINITY, caller));
}

function captureFileBase(view: ViewState, node: Node): Base | undefined {
  if (node.parent === null || node.orphan || node.record?.content === CONTENT.staging || isBlob(node.record))
    return undefined;
  if (view.dirent(node.parent, node.name)?.base !== undefined) return undefined;
  const base = view.captureBase(node.hostParent, node.hostName, false);
  if (base.hint === undefined || base.hint.reliable || base.hint.sizeBytes <= BASE_CID_BYTES_MAX) return base;
  // Too big to be identified by its content, changed too lately for its times to vouch for it: that is over in a moment.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RELIABLE_AFTER_MS + 1);
  return view.captureBase(node.hostParent, node.hostName, false);
}

/** Small enough files are identified by content at once: the bytes are at hand. */
function withCid(base: Base | undefined, fd: number): Base | undefined {
  if (base === undefined || base.version.type !== 'file' || base.version.cid !== '') return base;
  if (base.version.sizeBytes > BASE_CID_BYTES_MAX) return base;
  return { ...base, version: { ...base.version, cid: cidOfFile(fd) } };
}

/** truncate(2) and ftruncate(2). */
export function truncate(view: ViewState, node: Node, sizeBytes: number, caller: Caller): void {
  if (sizeBytes > FILE_BYTES_MAX) fail('EFBIG');
  if (node.rule.mode === 'ro') view.refuse('truncate', pathOf(node), node.rule, caller, errno(ERRNO.EROFS));
  withContent(view, node, () => {
    if (!node.fdIsStaging) copyUp(view, node, sizeBytes, caller);
    must(ftruncate(node.fd, sizeBytes));
    node.dirty = true;
    if (node.rule.mode === 'rw' && node.opens === 0) through.commitFile(view, node, caller);
  });
}

export function fallocate(
  view: ViewState,
  node: Node,
  mode: number,
  offset: number,
  length: number,
  caller: Caller,
): void {
  if (node.rule.mode === 'ro') fail('EROFS');
  withContent(view, node, () => {
    if (offset + length > FILE_BYTES_MAX) fail('EFBIG');
    if (!node.fdIsStaging) copyUp(view, node, Number.POSITIVE_INFINITY, caller);
    must(sysFallocate(node.fd, mode, offset, length));
    endPrivilege(view, node, caller);
    node.dirty = true;
  });
}

export const lseek = (view: ViewState, node: Node, offset: number, whence: number): number =>
  withContent(view, node, () => must(sysLseek(node.fd, offset, whence)));

export function copyRange(view: ViewState, request: CopyFileRange, caller: Caller): number {
  const from = used(view, request.fromNode, request.fromHandle);
  const to = used(view, request.toNode, request.toHandle);
  // Another descriptor was needed, and the first may have gone for it.
  openContent(view, from);
  refuseReadOnly(view, to, caller);
  const length = Math.min(request.length, roomAt(request.toOffset));
  if (request.fromHandle === NO_HANDLE) logRead(view, from, caller);
  if (!to.fdIsStaging) copyUp(view, to, Number.POSITIVE_INFINITY, caller);
  (view.handles.get(request.toHandle) ?? to).wrote = true;
  to.dirty = true;
  const count = copyFileRange(from.fd, request.fromOffset, to.fd, request.toOffset, length);
  if (count >= 0) endPrivilege(view, to, caller);
  return must(count);
}

export function flush(view: ViewState, handle: Handle, caller: Caller): void {
  const node = handle.node;
  if (node.rule.mode === 'rw' && node.dirty && (handle.flags & O_ACCMODE) !== 0) through.commitFile(view, node, caller);
}

export function fsync(view: ViewState, id: number, handle: number, dataOnly: boolean, caller: Caller): void {
  const node = used(view, id, handle);
  if (node.fdIsStaging) {
    must(dataOnly ? fdatasync(node.fd) : sysFsync(node.fd));
    sysFsync(view.stagingFd);
  }
  const open = view.handles.get(handle);
  if (open !== undefined) flush(view, open, caller);
  view.ledger.sync();
}

export function release(view: ViewState, handle: Handle): void {
  const node = handle.node;
  view.handles.delete(handle.id);
  handle.connection.handles.delete(handle.id);
  node.opens -= 1;
  if (!handle.passthrough) node.cachedOpens -= 1;
  if (node.opens > 0) return;
  if (node.backingId > 0) {
    handle.connection.backing?.close(node.backingId);
    node.backingId = 0;
  }
  if (node.rule.mode !== 'rw') settleIdle(view, node, false);
  else if (node.dirty) through.commitLate(view, node);
  else through.settleClosed(view, node);
  if (node.orphan) forgetSetId(view, node);
  if (!isHeld(node)) closeContent(node);
  releaseNode(view, node);
}

/** `rw`: a file without a name on the host can be opened again only by the descriptor that it had. */
const isHeld = (node: Node): boolean => node.orphan && node.rule.mode === 'rw' && node.lookups > 0 && !node.fdIsStaging;

/** The CID of a file's bytes as they are now. */
export const contentCid = (view: ViewState, node: Node): string => withContent(view, node, () => cidOfFile(node.fd));
