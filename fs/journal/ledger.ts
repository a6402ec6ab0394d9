// The ledger of one agent: its index (tables), the journal that is the truth behind it, and its audit log.
//
// A transaction: open LMDB's write transaction, run the body, append one record with everything in it to the journal,
// store the record's sequence in the same LMDB transaction, commit. A throw before the record leaves nothing; a commit
// that fails after it is followed by an abort record. If even that fails, the ledger refuses everything from then on.
// Synchronous throughout: it serves a worker thread that never returns to its event loop.
import { closeSync, constants, openSync } from 'node:fs';
import { type ChainState, extend } from '../audit/chain.ts';
import type { AuditEvent } from '../audit/event.ts';
import type { Signer } from '../audit/identity.ts';
import { AuditLog } from '../audit/log.ts';
import { damaged, must } from '../errno.ts';
import { fsync } from '../host/syscall.ts';
import { KEY_BYTES_MAX, type Tables } from '../store/tables.ts';
import { readSignedSeq } from './auditNotes.ts';
import { listCheckpoints, ROW_BYTES_MAX, writeCheckpoint } from './checkpoint.ts';
import { checkFormat, lockDirectory, markClosed, markOpen, readBootId, readEnding } from './home.ts';
import { type Row, TABLES, type Table, type Transaction } from './model.ts';
import { frame, KIND, RecordBuilder } from './record.ts';
import {
  encodeSeq,
  INDEX,
  LAST_SEQ_KEY,
  type Recovered,
  type RecoveryReport,
  recover,
  STATE_TABLE,
} from './recovery.ts';
import { journalBytesAfter, newestCheckpointBytes, pruneJournal } from './retention.ts';
import { SEGMENT_BYTES, SegmentWriter } from './segment.ts';

export interface LedgerOptions {
  /** A byte string (latin1); made with mode 0700 if it is not there. */
  readonly directory: string;
  readonly agent: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signer: Signer;
  /** Called at named points of every change of durable state: crash tests end the process there, or throw. */
  readonly fault?: (point: string) => void;
  readonly segmentBytes?: number;
  /** The boot this is; tests name another to play an unclean reboot. */
  readonly bootId?: string;
}

const SYNC_INTERVAL_MS = 1000;
/** A checkpoint is due when the journal behind the last one outgrows this, and twice that one's size. */
const TAIL_BYTES_MIN = 16 << 20;

export class Ledger {
  /** What opening found and did. */
  readonly recovery: RecoveryReport;
  private readonly options: LedgerOptions;
  private readonly fault: (point: string) => void;
  private readonly lock: number;
  private readonly tables: Tables;
  private readonly segments: SegmentWriter;
  private readonly log: AuditLog;
  private readonly builder = new RecordBuilder();
  private readonly transaction: Transaction;
  private chain: ChainState;
  private lines: { line: string; chain: ChainState }[] = [];
  private depth = 0;
  private doomed = false;
  private broken: string | undefined;
  private tailBytes = 0;
  private checkpointBytes = 0;
  private syncedAtMs = 0;
  private readonly seqValue = encodeSeq(0);

  /**
   * Opens or creates a ledger: locks its directory, checks everything, and recovers.
   * @throws StoreFailure where it is locked, damaged, too new or open to others
   */
  static open(options: LedgerOptions): Ledger {
    const { directory, agent } = options;
    const fault = options.fault ?? (() => undefined);
    const lock = lockDirectory(directory);
    let recovered: Recovered | undefined;
    try {
      checkFormat(directory);
      const bootId = options.bootId ?? readBootId();
      const ending = readEnding(directory, bootId);
      recovered = recover({ directory, agent, ending, fault });
      const signedSeq = readSignedSeq(directory, recovered.chain, ending, options.signer);
      fault('recovered');
      const ledger = new Ledger(options, lock, recovered, signedSeq);
      markOpen(directory, bootId);
      return ledger;
    } catch (error) {
      recovered?.tables.close();
      closeSync(lock);
      throw error;
    }
  }

  private constructor(options: LedgerOptions, lock: number, recovered: Recovered, signedSeq: number) {
    const { directory, agent, signer } = options;
    this.options = options;
    this.fault = options.fault ?? (() => undefined);
    this.lock = lock;
    this.recovery = recovered.report;
    this.tables = recovered.tables;
    this.chain = recovered.chain;
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.segments = new SegmentWriter({ directory, lastSeq: recovered.lastSeq, segmentBytes, fault: this.fault });
    this.log = new AuditLog({ directory, agent, signer, nowMs: options.clock() }, recovered.chain, signedSeq);
    this.tailBytes = journalBytesAfter(directory, recovered.checkpoint?.seq ?? 0);
    this.checkpointBytes = newestCheckpointBytes(directory);
    this.transaction = this.makeTransaction();
  }

  /** Sees the open transaction's writes. The buffer is the caller's. */
  get(table: Table, key: Buffer): Buffer | undefined {
    return this.tables.get(tableIndex(table), key);
  }

  /** Rows with start <= key < end, sorted by key bytes; no bound where `end` is undefined. */
  range(table: Table, start: Buffer, end: Buffer | undefined): Iterable<Row> {
    return this.tables.range(tableIndex(table), start, end);
  }

  /**
   * Runs `body`: everything it puts, removes and records becomes one step, or, where it throws, nothing does.
   * Calls inside a body join it; a throw of a joined body dooms the whole.
   * @throws what the body threw, or Errno (ENOSPC, EIO …)
   */
  transact<T>(body: (tx: Transaction) => T): T {
    if (this.depth > 0) return this.join(body);
    this.refuseIfUnable();
    const chainBefore = this.chain;
    const seqBefore = this.segments.lastSeq;
    this.builder.reset();
    this.lines = [];
    this.doomed = false;
    this.depth = 1;
    let value: T;
    try {
      value = this.tables.write(() => this.runAndAppend(body));
    } catch (error) {
      this.chain = chainBefore;
      if (this.segments.lastSeq !== seqBefore) this.abort(seqBefore + 1);
      throw error;
    } finally {
      this.depth = 0;
    }
    this.fault('committed');
    for (const { line, chain } of this.lines) this.log.append(line, chain);
    this.doWhatIsDue();
    return value;
  }

  /** An audit entry of its own: a denial, a read, an exec. Joins the open transaction where there is one. */
  record(event: AuditEvent): void {
    if (this.depth > 0) {
      this.transaction.audit(event);
      return;
    }
    this.refuseIfUnable();
    const { line, chain } = extend(this.chain, this.options.clock(), this.options.agent, event);
    this.builder.reset();
    this.builder.audit(line);
    this.append('audit');
    this.chain = chain;
    this.log.append(line, chain);
    this.doWhatIsDue();
  }

  /** Everything acknowledged so far is on disk when it returns: survives power loss. */
  sync(): void {
    this.refuseIfBroken();
    this.syncedAtMs = this.options.clock();
    try {
      this.segments.sync();
    } catch (error) {
      // After a failed flush the system forgets which pages were lost: nothing here can be promised any more.
      this.broken = 'the journal could not be flushed';
      throw error;
    }
    this.log.sync();
  }

  /** The journal behind the last checkpoint has outgrown it. `resetRead` takes one then. */
  get isCheckpointDue(): boolean {
    return this.tailBytes > Math.max(TAIL_BYTES_MIN, 2 * this.checkpointBytes);
  }

  /** Writes the whole index to a checkpoint, and deletes journal segments behind the last two. */
  checkpoint(): void {
    if (this.depth > 0) throw new Error('no checkpoint inside a transaction');
    const { directory, agent } = this.options;
    this.sync();
    const seq = this.segments.lastSeq;
    if (listCheckpoints(directory).at(-1)?.seq === seq) return;
    // Segments that an index still needs are never deleted: it is at this record before they can be.
    this.storeLastSeq(seq);
    const head = { seq, agent, audit: { ...this.chain, sizeBytes: this.log.sizeBytes } };
    this.checkpointBytes = writeCheckpoint(directory, head, this.tables, TABLES.length, this.fault);
    const payload = Buffer.from(JSON.stringify({ seq }));
    const record = frame(payload, KIND.checkpoint, seq + 1, this.segments.synced);
    this.segments.append(record, record.length, 'audit');
    this.fault('checkpoint-recorded');
    this.sync();
    this.tailBytes = 0;
    pruneJournal(directory, this.fault);
  }

  /** Bytes of the audit log, whether written yet or not. */
  auditSizeBytes(): number {
    return this.log.sizeBytes;
  }

  /** At most `length` bytes of the audit log from byte `offset` on. */
  readAudit(offset: number, length: number): Buffer {
    return this.log.read(offset, length);
  }

  /** The signed note over the audit log as it stands. What it covers is on disk. */
  auditHead(): string {
    if (this.log.lastNote === undefined || !this.log.isSigned) this.sign();
    return this.log.lastNote ?? '';
  }

  /** Before the thread sleeps: lets go of the read snapshot, and does what is due. */
  resetRead(): void {
    this.tables.reset();
    if (this.broken !== undefined) return;
    this.doWhatIsDue();
    if (this.isCheckpointDue) this.checkpoint();
    this.tables.reset();
  }

  /**
   * Signs, flushes everything and gives the directory back. After it nothing else may be called.
   * @throws Errno where something could not be flushed: the next opening recovers then
   */
  close(): void {
    let failure: unknown;
    try {
      this.refuseIfBroken();
      if (!this.log.isSigned && this.chain.seq > 0) this.sign();
      this.sync();
      this.flushIndex();
    } catch (error) {
      failure = error;
    }
    this.tables.close();
    this.segments.close();
    this.log.close();
    if (failure === undefined) markClosed(this.options.directory);
    closeSync(this.lock);
    if (failure !== undefined && this.broken === undefined) throw failure;
  }

  private makeTransaction(): Transaction {
    return {
      get: (table, key) => this.tables.get(tableIndex(table), key),
      put: (table, key, value) => {
        if (key.length === 0 || key.length > KEY_BYTES_MAX) throw new RangeError(`a key of ${key.length} bytes`);
        if (value.length > ROW_BYTES_MAX) throw new RangeError(`a value of ${value.length} bytes`);
        const index = tableIndex(table);
        this.tables.put(index, key, value);
        this.builder.put(index, key, value);
      },
      remove: (table, key) => {
        const index = tableIndex(table);
        this.tables.remove(index, key);
        this.builder.remove(index, key);
      },
      audit: (event) => {
        const next = extend(this.chain, this.options.clock(), this.options.agent, event);
        this.builder.audit(next.line);
        this.lines.push(next);
        this.chain = next.chain;
      },
    };
  }

  private join<T>(body: (tx: Transaction) => T): T {
    try {
      return body(this.transaction);
    } catch (error) {
      this.doomed = true;
      throw error;
    }
  }

  /** Inside LMDB's write transaction. */
  private runAndAppend<T>(body: (tx: Transaction) => T): T {
    const value = body(this.transaction);
    if (this.doomed) throw new Error('a joined transaction failed, and its error was swallowed');
    if (this.builder.payloadBytes === 0) return value;
    this.fault('before-append');
    this.append('mutation');
    this.fault('appended');
    this.seqValue.writeUIntLE(this.segments.lastSeq, 0, 6);
    this.tables.put(STATE_TABLE, LAST_SEQ_KEY, this.seqValue);
    this.fault('before-commit');
    return value;
  }

  /** Appends what the builder holds as the next record. */
  private append(urgency: 'mutation' | 'audit'): void {
    const length = this.builder.seal(KIND.mutation, this.segments.lastSeq + 1, this.segments.synced);
    this.segments.append(this.builder.buffer, length, urgency);
    this.tailBytes += length;
  }

  /** The record is in the journal, but not in the index: says so, or else nothing more can be done here. */
  private abort(seq: number): void {
    try {
      const record = frame(encodeSeq(seq).subarray(0, 6), KIND.abort, seq + 1, this.segments.synced);
      this.segments.append(record, record.length, 'abort');
    } catch {
      this.broken = `record ${seq} could be neither committed nor taken back`;
    }
  }

  private sign(): void {
    this.sync();
    this.log.sign(this.options.clock());
  }

  /**
   * Flushes the journal about once a second, and signs in time. What was done is done: a failure here does not undo it.
   * Signing waits then (the entries are safe in the journal); a failed flush refuses what comes next.
   */
  private doWhatIsDue(): void {
    const nowMs = this.options.clock();
    const isFlushDue = nowMs - this.syncedAtMs >= SYNC_INTERVAL_MS && this.segments.synced !== this.segments.lastSeq;
    const isSigningDue = this.log.isCheckpointDue(nowMs);
    if (!isFlushDue && !isSigningDue) return;
    try {
      if (isSigningDue) this.sign();
      else this.sync();
    } catch {
      this.log.postpone(nowMs);
    }
  }

  /** LMDB is opened without flushes: this one makes a clean end trustworthy after a reboot. */
  private flushIndex(): void {
    try {
      this.storeLastSeq(this.segments.lastSeq);
    } catch {
      // A full disk: the next opening replays a little more.
    }
    const fd = openSync(native(`${this.options.directory}/${INDEX}/data.mdb`), constants.O_RDONLY);
    try {
      must(fsync(fd));
    } finally {
      closeSync(fd);
    }
  }

  /** Records without rows leave the index behind the journal; this brings it up to a record. */
  private storeLastSeq(seq: number): void {
    this.seqValue.writeUIntLE(seq, 0, 6);
    this.tables.write(() => this.tables.put(STATE_TABLE, LAST_SEQ_KEY, this.seqValue));
  }

  private refuseIfUnable(): void {
    this.refuseIfBroken();
    this.log.refuseIfBehind();
  }

  private refuseIfBroken(): void {
    if (this.broken !== undefined) damaged('journal', this.broken);
  }
}

const native = (path: string): Buffer => Buffer.from(path, 'latin1');
const indexes = new Map<string, number>(TABLES.map((name, index) => [name, index]));

function tableIndex(table: Table): number {
  const index = indexes.get(table);
  if (index === undefined) throw new RangeError(`no table ${table}`);
  return index;
}
