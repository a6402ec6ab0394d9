// One FUSE connection's conversation: takes requests as bytes, calls the operations, sends replies as bytes.
//
// Knows no kernel and no descriptor: `send` is injected, so bytes alone can drive it. Synchronous: when `handle`
// returns the request is answered or parked. Invariants:
// - each request that wants an answer gets exactly one;
// - an answer that did not arrive leaves nothing behind: its lookups are forgotten and its handle released;
// - whatever an operation throws, the session goes on.
import { ERRNO, fail } from '../errno.ts';
import type { Caller, Operations } from '../operations.ts';
import { ERROR_LIMIT, OPCODE, OPCODE_LIMIT, ROOT_NODE } from './abi.ts';
import { DeferredReply, type Parking } from './deferred.ts';
import { DirectoryWriter } from './directory.ts';
import { inward } from './ids.ts';
import { decodeOffer, encodeInit, NEWEST, type Negotiated, negotiate } from './init.ts';
import { causeOf, errnoOf, IoErrors, textOf } from './ioErrors.ts';
import { encodePollWakeup } from './notify.ts';
import { OPCODE_ROWS, type Row } from './opcodes.ts';
import { Reply } from './replies.ts';
import { Request } from './requests.ts';

/** Requests of one session that may wait for their answer at a time. */
const PARKED_MAX = 4096;

export interface SessionOptions {
  readonly operations: Operations;
  /** Added to ids on the way out, taken off on the way in; 0 for none (fs/fuse/ids.ts). */
  readonly idShift: number;
  /** Delivers a whole message: the result of write(2), or the negated errno. */
  readonly send: (buffer: Buffer, length: number) => number;
  readonly log: (message: string) => void;
  /** Counts answers of EIO over all sessions of an agent; one of the session's own where missing. */
  readonly ioErrors?: IoErrors;
  /** Ask for passthrough; `negotiated.passthrough` tells whether it was had. */
  readonly passthrough: boolean;
  /** How many file systems may lie beneath a backing file: 1, or 2 for a workspace on overlayfs. */
  readonly stackDepth?: number;
  /** Answer ENOSYS to OPEN, OPENDIR and FLUSH: the kernel then sends none, and no handle comes with what follows. */
  readonly withoutOpens?: boolean;
  /** The operations' node that is the mount's root, on the wire always node 1; else theirs is 1 too. */
  readonly rootNode?: number;
  /** What the connection agreed on, where another session saw its INIT. */
  readonly negotiated?: Negotiated;
}

/** What the kernel does without once it was told ENOSYS. RELEASE and RELEASEDIR go with the opens. */
const WITHOUT_OPENS: ReadonlySet<number> = new Set([OPCODE.OPEN, OPCODE.OPENDIR, OPCODE.FLUSH]);
const NOTHING: ReadonlySet<number> = new Set();

/** The one caller object of a session, filled for each request. */
class RequestCaller implements Caller {
  uid = 0;
  gid = 0;
  pid = 0;
  modeRequested = 0;
  fileFlags = 0;
  owed: DeferredReply | null = null;
  private readonly park: () => DeferredReply;
  constructor(park: () => DeferredReply) {
    this.park = park;
  }
  get isDeferred(): boolean {
    return this.owed !== null;
  }
  defer(): DeferredReply {
    this.owed ??= this.park();
    return this.owed;
  }
  /** The mode without the umask's bits; the whole is kept for directories whose default ACL replaces the umask. */
  masked(mode: number, umask: number): number {
    this.modeRequested = mode;
    return mode & ~umask;
  }
}

export class Session implements Parking {
  readonly operations: Operations;
  readonly idShift: number;
  readonly caller: RequestCaller = new RequestCaller(() => this.park());
  readonly directory: DirectoryWriter;
  readonly send: (buffer: Buffer, length: number) => number;
  negotiated: Negotiated;
  /** INIT was answered. */
  initialised = false;
  /** Failures that were not an errno: each one a bug, logged, answered with EIO where an answer is due. */
  defects = 0;
  readonly ioErrors: IoErrors;
  /** Messages dropped because no header could be read from them. */
  malformed = 0;
  private readonly request = new Request();
  private readonly reply: Reply;
  private readonly parked = new Map<number, DeferredReply>();
  private readonly counts = new Float64Array(OPCODE_LIMIT);
  private readonly options: SessionOptions;
  private readonly dispensedWith: ReadonlySet<number>;
  private readonly rootNode: number;
  private ended = false;

  constructor(options: SessionOptions) {
    this.options = options;
    this.ioErrors = options.ioErrors ?? new IoErrors(options.log);
    this.dispensedWith = options.withoutOpens === true ? WITHOUT_OPENS : NOTHING;
    this.rootNode = options.rootNode ?? ROOT_NODE;
    this.operations = options.operations;
    this.idShift = options.idShift;
    this.send = options.send;
    this.reply = new Reply(options.idShift);
    this.directory = new DirectoryWriter(this.reply);
    this.negotiated = options.negotiated ?? NEWEST;
  }

  /** Handles one request: the first `length` bytes of `buffer`. Pass the same buffer each time. */
  handle(buffer: Buffer, length: number): void {
    const { request, reply, caller } = this;
    if (!request.load(buffer, length)) {
      this.malformed++;
      return;
    }
    const row = OPCODE_ROWS[request.opcode];
    request.node = this.nodeOf(request.node);
    this.counts[row === undefined ? 0 : request.opcode]!++;
    caller.uid = inward(request.uid, this.idShift);
    caller.gid = inward(request.gid, this.idShift);
    caller.pid = request.pid;
    caller.owed = null;
    reply.begin(request);
    let error = 0;
    try {
      this.check(row);
      row!.handle(this, request, reply);
    } catch (thrown) {
      error = this.numberOf(thrown, row?.name ?? 'dispatch', request.node, row);
      if (row?.undo !== undefined && request.opcode === OPCODE.READDIRPLUS) this.undo(row);
    }
    if (row?.silent === true || this.isOwed(error)) return;
    this.deliver(row, error);
  }

  /** Whether the answer comes later, or has come already. An operation that defers and then fails answers at once. */
  private isOwed(error: number): boolean {
    const { owed } = this.caller;
    if (owed === null) return false;
    if (error === 0 || !this.parked.has(this.request.unique)) return true;
    owed.abandon();
    return false;
  }

  private check(row: Row | undefined): void {
    const { request } = this;
    if (row === undefined || this.dispensedWith.has(request.opcode)) fail('ENOSYS');
    if (request.length < row.size || !request.sound) fail('EINVAL');
    if (request.node > Number.MAX_SAFE_INTEGER) fail('ESTALE');
  }

  private deliver(row: Row | undefined, error: number): void {
    const { request, reply } = this;
    const sent = this.send(reply.buffer, reply.finish(error));
    if (sent >= 0) return;
    if (error === 0 && row?.undo !== undefined) this.undo(row);
    // The kernel refused the form of the reply: a defect. The request must still end, it may hold a lock.
    if (sent === -ERRNO.EINVAL) {
      this.defect(new Error(`the kernel refused the reply to ${row?.name ?? request.opcode}`), 'reply');
      this.send(reply.buffer, reply.finish(ERRNO.EIO));
    }
  }

  private undo(row: Row): void {
    try {
      row.undo?.(this, this.request, this.reply);
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) this.defect(thrown, `undo of ${row.name}`);
    }
  }

  /** The one place where what was thrown becomes a number. */
  numberOf(thrown: unknown, doing: string, node: number, row?: Row): number {
    const known = errnoOf(thrown);
    if (known === undefined) {
      this.defect(thrown, doing);
      return ERRNO.EIO;
    }
    const { number } = known;
    if (number === ERRNO.ENOSYS && row !== undefined && row.dispensable !== true) return ERRNO.EOPNOTSUPP;
    if (number === ERRNO.EIO) {
      const { cause, what } = causeOf(known);
      this.ioErrors.add(cause, doing, `node ${node}: ${what}`);
    }
    if (number > 0 && number < ERROR_LIMIT) return number;
    this.defect(new Error(`error number ${number}`), doing);
    return ERRNO.EIO;
  }

  /** What was thrown is no answer: a bug of ours. */
  defect(thrown: unknown, doing: string): void {
    this.defects += 1;
    this.ioErrors.add('invariant', doing, textOf(thrown));
  }

  /** Answers INIT. */
  initialise(request: Request): void {
    this.negotiated = negotiate(decodeOffer(request), this.options);
    encodeInit(this.reply, this.negotiated, this.options.stackDepth ?? 1);
    this.initialised = true;
  }

  /** A node of the wire as the operations know it. */
  nodeOf(node: number): number {
    return node === ROOT_NODE ? this.rootNode : node;
  }

  /** Takes back one lookup that the kernel never heard of. */
  forgetOne(node: number): void {
    if (node !== 0) this.operations.forget(node, 1);
  }

  private park(): DeferredReply {
    const { request } = this;
    if (this.parked.size >= PARKED_MAX) fail('EAGAIN');
    const sizeBytes = request.opcode === OPCODE.READ || request.opcode === OPCODE.WRITE ? request.u32(56) : 0;
    const flags = request.opcode === OPCODE.OPEN ? request.u32(40) : 0;
    const { unique, opcode, node } = request;
    const deferred = new DeferredReply(this, { unique, opcode, node, sizeBytes, flags });
    this.parked.set(unique, deferred);
    return deferred;
  }

  unpark(unique: number): void {
    this.parked.delete(unique);
  }

  release(node: number, handle: number, flags: number): void {
    try {
      this.operations.release(node, handle, flags);
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) this.defect(thrown, 'release');
    }
  }

  /** INTERRUPT: a parked request answers EINTR; one that is not parked has been answered already. */
  interrupt(unique: number): void {
    this.parked.get(unique)?.cancel(true);
  }

  /** How many requests wait for their answer. */
  get parkedCount(): number {
    return this.parked.size;
  }

  /** A function that tells pollers of `kernelHandle`, once. This one notification takes no lock: any thread may. */
  pollWaker(kernelHandle: number): () => void {
    let woken = false;
    return () => {
      if (woken || this.ended) return;
      woken = true;
      const message = encodePollWakeup(kernelHandle);
      this.send(message, message.length);
    };
  }

  /** The connection is over: parked requests are cancelled and the operations told, once. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    for (const deferred of [...this.parked.values()]) deferred.cancel(false);
    try {
      this.operations.destroy();
    } catch (thrown) {
      this.defect(thrown, 'destroy');
    }
  }

  /** Requests seen so far by name; `UNKNOWN` counts operation codes without a row. */
  requestCounts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [opcode, count] of this.counts.entries()) {
      if (count > 0) counts[OPCODE_ROWS[opcode]?.name ?? 'UNKNOWN'] = count;
    }
    return counts;
  }
}
