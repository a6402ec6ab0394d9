// The whole protocol as one table: operation code -> name, least size, what to do, what to undo.
//
// A handler reads its fields at fixed offsets (`fuse_in_header` is 40 bytes), calls one operation and fills the reply.
// It fails by throwing. An operation code without a row answers ENOSYS: the kernel does not ask again.
import { fail } from '../errno.ts';
import type { AttributeChanges, Time } from '../operations.ts';
import {
  FATTR,
  FSYNC_FDATASYNC,
  GETATTR_FH,
  OPCODE,
  OPCODE_LIMIT,
  type OpcodeName,
  OUT_HEADER_BYTES,
  POLL_SCHEDULE_NOTIFY,
  READ_BYTES_MAX,
  RENAME_FLAGS_KNOWN,
  SIZE,
  WRITE_CACHE,
  WRITE_KILL_SUIDGID,
  XATTR_BYTES_MAX,
} from './abi.ts';
import { eachCounted } from './directory.ts';
import { aclInward, aclOutward, inwardExact, isAcl } from './ids.ts';
import type { Reply } from './replies.ts';
import type { Request } from './requests.ts';
import type { Session } from './session.ts';

export type Handler = (session: Session, request: Request, reply: Reply) => void;

export interface Row {
  readonly name: OpcodeName;
  /** Least bytes of the whole request; a shorter one is EINVAL. */
  readonly size: number;
  readonly handle: Handler;
  /** No answer is expected (FORGET and its kind). */
  readonly silent?: boolean;
  /** The kernel takes ENOSYS as "never ask again" and does well without; elsewhere it becomes EOPNOTSUPP. */
  readonly dispensable?: boolean;
  /** Takes back what a reply handed out when it could not be delivered. */
  readonly undo?: Handler;
}

const unknown: Handler = () => fail('ENOSYS');
const forgetEntry: Handler = (session, _request, reply) => session.forgetOne(reply.readI64(OUT_HEADER_BYTES));
const forgetCreated: Handler = (session, request, reply) => {
  const node = reply.readI64(OUT_HEADER_BYTES);
  session.operations.release(node, reply.readI64(OUT_HEADER_BYTES + SIZE.entryOut), request.u32(40));
  session.forgetOne(node);
};

const rows: Record<OpcodeName, Omit<Row, 'name'>> = {
  INIT: { size: 56, handle: (session, request) => session.initialise(request) },
  DESTROY: { size: 40, handle: (session) => session.end() },
  LOOKUP: {
    size: 42,
    handle: (s, q, r) => r.entry(s.operations.lookup(q.node, q.name(40), s.caller)),
    undo: forgetEntry,
  },
  FORGET: { size: 48, silent: true, handle: (s, q) => s.operations.forget(q.node, q.u64(40)) },
  BATCH_FORGET: { size: 48, silent: true, handle: batchForget },
  INTERRUPT: { size: 48, silent: true, handle: (session, request) => session.interrupt(request.u64(40)) },
  NOTIFY_REPLY: { size: 40, silent: true, handle: () => undefined },

  GETATTR: {
    size: 56,
    handle: (s, q, r) => r.attributes(s.operations.getattr(q.node, handleIfGiven(q), s.caller)),
  },
  STATX: { size: 64, handle: (s, q, r) => r.statx(s.operations.getattr(q.node, handleIfGiven(q), s.caller)) },
  SETATTR: {
    size: 128,
    handle: (s, q, r) => r.attributes(s.operations.setattr(q.node, attributeChanges(q, s.idShift), s.caller)),
  },
  ACCESS: { size: 48, dispensable: true, handle: unknown },
  STATFS: { size: 40, handle: (s, q, r) => r.statfs(s.operations.statfs(q.node)) },
  SYNCFS: { size: 48, dispensable: true, handle: unknown },

  READLINK: { size: 40, handle: (s, q, r) => r.text(s.operations.readlink(q.node, s.caller)) },
  SYMLINK: {
    size: 44,
    handle: (s, q, r) => {
      const name = q.name(40);
      r.entry(s.operations.symlink(q.node, name, q.nextLinkTarget(), s.caller));
    },
    undo: forgetEntry,
  },
  MKNOD: {
    size: 58,
    handle: (s, q, r) => {
      const mode = s.caller.masked(q.u32(40), q.u32(48));
      r.entry(s.operations.mknod(q.node, q.name(56), mode, q.u32(44), s.caller));
    },
    undo: forgetEntry,
  },
  MKDIR: {
    size: 50,
    handle: (s, q, r) => {
      const mode = s.caller.masked(q.u32(40), q.u32(44));
      r.entry(s.operations.mkdir(q.node, q.name(48), mode, s.caller));
    },
    undo: forgetEntry,
  },
  UNLINK: { size: 42, handle: (s, q) => s.operations.unlink(q.node, q.name(40), s.caller) },
  RMDIR: { size: 42, handle: (s, q) => s.operations.rmdir(q.node, q.name(40), s.caller) },
  RENAME: { size: 52, handle: (s, q) => rename(s, q, 0, 48) },
  RENAME2: { size: 60, handle: (s, q) => rename(s, q, q.u32(48), 56) },
  LINK: {
    size: 50,
    handle: (s, q, r) => r.entry(s.operations.link(q.nodeAt(40), q.node, q.name(48), s.caller)),
    undo: forgetEntry,
  },

  OPEN: {
    size: 48,
    dispensable: true,
    handle: (s, q, r) => r.opened(s.operations.open(q.node, q.u32(40), s.caller)),
    undo: (s, q, r) => s.operations.release(q.node, r.readI64(OUT_HEADER_BYTES), q.u32(40)),
  },
  CREATE: {
    size: 58,
    dispensable: true,
    handle: (s, q, r) => {
      const mode = s.caller.masked(q.u32(44), q.u32(48));
      r.created(s.operations.create(q.node, q.name(56), q.u32(40), mode, s.caller));
    },
    undo: forgetCreated,
  },
  TMPFILE: {
    // A name follows, but it is the kernel's placeholder.
    size: 56,
    handle: (s, q, r) => {
      const mode = s.caller.masked(q.u32(44), q.u32(48));
      r.created(s.operations.tmpfile(q.node, q.u32(40), mode, s.caller));
    },
    undo: forgetCreated,
  },
  READ: { size: 80, handle: read },
  WRITE: { size: 80, handle: write },
  FLUSH: { size: 64, dispensable: true, handle: (s, q) => s.operations.flush(q.node, q.handle(40), s.caller) },
  RELEASE: { size: 64, handle: (s, q) => s.operations.release(q.node, q.handle(40), q.u32(48)) },
  FSYNC: {
    size: 56,
    dispensable: true,
    handle: (s, q) => s.operations.fsync(q.node, q.handle(40), (q.u32(48) & FSYNC_FDATASYNC) !== 0, s.caller),
  },
  FALLOCATE: {
    size: 72,
    handle: (s, q) => s.operations.fallocate(q.node, q.handle(40), q.u32(64), q.extent(48), q.extent(56), s.caller),
  },
  LSEEK: {
    size: 64,
    dispensable: true,
    handle: lseek,
  },
  COPY_FILE_RANGE: { size: 96, handle: (s, q, r) => number32(r, copyFileRange(s, q)) },
  COPY_FILE_RANGE_64: { size: 96, handle: (s, q, r) => number64(r, copyFileRange(s, q)) },
  POLL: { size: 64, dispensable: true, handle: poll },
  IOCTL: { size: 72, handle: () => fail('ENOTTY') },

  SETXATTR: { size: 48, handle: setxattr },
  GETXATTR: {
    size: 50,
    handle: (s, q, r) => {
      const name = q.xattrName(48);
      const value = s.operations.getxattr(q.node, name, s.caller);
      sized(r, isAcl(name) ? aclOutward(value, s.idShift) : value, q.u32(40));
    },
  },
  LISTXATTR: { size: 48, handle: (s, q, r) => sized(r, s.operations.listxattr(q.node, s.caller), q.u32(40)) },
  REMOVEXATTR: { size: 42, handle: (s, q) => s.operations.removexattr(q.node, q.xattrName(40), s.caller) },

  OPENDIR: {
    size: 48,
    dispensable: true,
    handle: (s, q, r) => r.opened(s.operations.opendir(q.node, q.u32(40), s.caller)),
    undo: (s, q, r) => s.operations.releasedir(q.node, r.readI64(OUT_HEADER_BYTES)),
  },
  READDIR: { size: 80, handle: (s, q) => readdir(s, q, false) },
  READDIRPLUS: {
    size: 80,
    handle: (s, q) => readdir(s, q, true),
    undo: (session, _request, reply) => eachCounted(reply, (node) => session.forgetOne(node)),
  },
  RELEASEDIR: { size: 64, handle: (s, q) => s.operations.releasedir(q.node, q.handle(40)) },
  FSYNCDIR: {
    size: 56,
    dispensable: true,
    handle: (s, q) => s.operations.fsyncdir(q.node, q.handle(40), (q.u32(48) & FSYNC_FDATASYNC) !== 0, s.caller),
  },

  // Never asked for: locks stay in the kernel, and there is no block device and no DAX window behind a view.
  GETLK: { size: 40, dispensable: true, handle: unknown },
  SETLK: { size: 40, dispensable: true, handle: unknown },
  SETLKW: { size: 40, dispensable: true, handle: unknown },
  BMAP: { size: 40, dispensable: true, handle: unknown },
  SETUPMAPPING: { size: 40, dispensable: true, handle: unknown },
  REMOVEMAPPING: { size: 40, dispensable: true, handle: unknown },
};

/** Rows by operation code; a hole is an unknown code. */
export const OPCODE_ROWS: readonly (Row | undefined)[] = byCode();

function byCode(): (Row | undefined)[] {
  const table = new Array<Row | undefined>(OPCODE_LIMIT).fill(undefined);
  for (const name of Object.keys(OPCODE) as OpcodeName[]) table[OPCODE[name]] = { name, ...rows[name] };
  return table;
}

const handleIfGiven = (q: Request): number | undefined => (q.u32(40) & GETATTR_FH ? q.handle(48) : undefined);

function number32(reply: Reply, value: number): void {
  reply.u32(OUT_HEADER_BYTES, value);
  reply.u32(OUT_HEADER_BYTES + 4, 0);
  reply.payloadBytes = 8;
}

function number64(reply: Reply, value: number): void {
  reply.i64(OUT_HEADER_BYTES, value);
  reply.payloadBytes = 8;
}

/** A count that an operation returned: one the kernel could not have asked for is a defect. */
function counted(count: number, limit: number): number {
  if (!(count >= 0 && count <= limit)) throw new Error(`an operation returned ${count} of at most ${limit} bytes`);
  return count;
}

function batchForget(session: Session, request: Request): void {
  const room = Math.floor((request.length - 48) / 16);
  const count = Math.min(request.u32(40), room);
  for (let index = 0; index < count; index++) {
    const node = request.u64(48 + index * 16);
    if (node !== 0 && node <= Number.MAX_SAFE_INTEGER) session.operations.forget(node, request.u64(56 + index * 16));
  }
}

function rename(session: Session, request: Request, flags: number, namesAt: number): void {
  if (flags & ~RENAME_FLAGS_KNOWN || flags === RENAME_FLAGS_KNOWN) fail('EINVAL');
  const name = request.name(namesAt);
  const newName = request.nextName();
  const newParent = session.nodeOf(request.nodeAt(40));
  session.operations.rename(request.node, name, newParent, newName, flags, session.caller);
}

function read(session: Session, request: Request, reply: Reply): void {
  const offset = request.u64(48);
  const size = Math.min(request.u32(56), READ_BYTES_MAX);
  const handle = request.handle(40);
  // No file reaches so far: the end of it.
  if (offset > Number.MAX_SAFE_INTEGER) return;
  session.caller.fileFlags = request.u32(72);
  const target = reply.payload(size);
  const count = session.operations.read(request.node, handle, offset, target, session.caller);
  reply.payloadBytes = session.caller.isDeferred ? 0 : counted(count, size);
}

function write(session: Session, request: Request, reply: Reply): void {
  const size = request.u32(56);
  const data = request.writeData(size);
  const kill = (request.u32(60) & WRITE_KILL_SUIDGID) !== 0;
  const handle = request.handle(40);
  session.caller.fileFlags = (request.u32(60) & WRITE_CACHE) !== 0 ? 0 : request.u32(72);
  const count = session.operations.write(request.node, handle, request.extent(48), data, kill, session.caller);
  number32(reply, session.caller.isDeferred ? 0 : counted(count, size));
}

function readdir(session: Session, request: Request, plus: boolean): void {
  const handle = request.handle(40);
  const offset = request.u64(48);
  session.directory.begin(Math.min(request.u32(56), READ_BYTES_MAX), plus);
  if (offset > Number.MAX_SAFE_INTEGER) fail('EINVAL');
  session.operations.readdir(request.node, handle, offset, session.directory, plus, session.caller);
}

/** No file reaches so far as a number does not: behind it are neither data nor holes. */
function lseek(session: Session, request: Request, reply: Reply): void {
  const offset = request.u64(48);
  if (offset > Number.MAX_SAFE_INTEGER) fail('ENXIO');
  const { operations, caller } = session;
  number64(reply, operations.lseek(request.node, request.handle(40), offset, request.u32(56), caller));
}

function poll(session: Session, request: Request, reply: Reply): void {
  const wake = request.u32(56) & POLL_SCHEDULE_NOTIFY ? session.pollWaker(request.u64(48)) : null;
  const events = session.operations.poll(request.node, request.handle(40), request.u32(60), wake, session.caller);
  number32(reply, events);
}

function copyFileRange(session: Session, request: Request): number {
  // A count of 32 bits answers the older form, and 2 GiB at a time is what any copy may return anyway.
  const length = Math.min(request.u64(80), 0x7fff_f000);
  if (request.u64(88) !== 0) fail('EINVAL');
  const count = session.operations.copyFileRange(
    {
      fromNode: request.node,
      fromHandle: request.handle(40),
      fromOffset: request.extent(48),
      toNode: request.nodeAt(56),
      toHandle: request.handle(64),
      toOffset: request.extent(72),
      length,
    },
    session.caller,
  );
  return counted(count, length);
}

/** An attribute's value, or with `sizeBytes` 0 its size. */
function sized(reply: Reply, value: Buffer, sizeBytes: number): void {
  if (value.length > XATTR_BYTES_MAX) fail('E2BIG');
  if (sizeBytes > 0 && value.length > sizeBytes) fail('ERANGE');
  if (sizeBytes > 0) reply.bytes(value);
  else number32(reply, value.length);
}

const SETXATTR_ACL_KILL_SGID = 1;
const S_ISGID = 0o2000;

function setxattr(session: Session, request: Request): void {
  const { operations, caller, idShift } = session;
  const extended = session.negotiated.setxattrExtended;
  const size = request.u32(40);
  if (size > XATTR_BYTES_MAX) fail('E2BIG');
  const name = request.xattrName(extended ? 56 : 48);
  const value = request.nextBytes(size);
  operations.setxattr(request.node, name, isAcl(name) ? aclInward(value, idShift) : value, request.u32(44), caller);
  if (!extended || !(request.u32(48) & SETXATTR_ACL_KILL_SGID)) return;
  const { mode } = operations.getattr(request.node, undefined, caller).attributes;
  if (mode & S_ISGID) operations.setattr(request.node, { mode: mode & 0o5777 }, caller);
}

/** `fuse_setattr_in` as the changes it asks for. */
function attributeChanges(q: Request, idShift: number): AttributeChanges {
  const valid = q.u32(40);
  const changes: { -readonly [Field in keyof AttributeChanges]: AttributeChanges[Field] } = {};
  if (valid & FATTR.FH) changes.handle = q.handle(48);
  if (valid & FATTR.SIZE) changes.size = q.extent(56);
  if (valid & FATTR.ATIME) changes.atime = valid & FATTR.ATIME_NOW ? 'now' : time(q, 72, 96);
  if (valid & FATTR.MTIME) changes.mtime = valid & FATTR.MTIME_NOW ? 'now' : time(q, 80, 100);
  if (valid & FATTR.CTIME) changes.ctime = time(q, 88, 104);
  if (valid & FATTR.MODE) changes.mode = q.u32(108);
  if (valid & FATTR.UID) changes.uid = inwardExact(q.u32(116), idShift);
  if (valid & FATTR.GID) changes.gid = inwardExact(q.u32(120), idShift);
  if (valid & FATTR.KILL_SUIDGID) changes.killSetId = true;
  return changes;
}

/** Seconds are signed on the wire in all but name. One past what a number holds is the last it holds, not an error. */
function time(q: Request, secondsAt: number, nanosecondsAt: number): Time {
  const sec = Math.max(Number.MIN_SAFE_INTEGER, Math.min(q.i64(secondsAt), Number.MAX_SAFE_INTEGER));
  return { sec, nsec: q.u32(nanosecondsAt) };
}
