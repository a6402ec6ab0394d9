// The audit log of one agent as a file: `audit.log`, and the signed checkpoints beside it in `audit.checkpoints`.
//
// The journal holds the same lines and is the truth, so writes here are gathered: a reader of this class always sees
// everything, a crash loses only what recovery writes again.
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { ERRNO, errno, must } from '../errno.ts';
import { fdatasync, ftruncate, pread, write } from '../host/syscall.ts';
import type { ChainState } from './chain.ts';
import { signCheckpoint } from './checkpoint.ts';
import type { Signer } from './identity.ts';

export const AUDIT_LOG = 'audit.log';
export const AUDIT_CHECKPOINTS = 'audit.checkpoints';
/** A checkpoint is due after this many entries, or after this time if there is any. */
export const CHECKPOINT_ENTRIES = 1000;
export const CHECKPOINT_INTERVAL_MS = 5000;

const GATHER_BYTES = 64 << 10;
/** More than this unwritten (the disk is full) and the log takes nothing more: whoever acts must fail. */
const BACKLOG_BYTES_MAX = 4 << 20;

export interface AuditLogOptions {
  /** A byte string (latin1). */
  readonly directory: string;
  readonly agent: string;
  readonly signer: Signer;
  readonly nowMs: number;
}

export class AuditLog {
  private readonly agent: string;
  private readonly signer: Signer;
  private readonly file: number;
  private readonly notes: number;
  private writtenBytes: number;
  private pending: string[] = [];
  private pendingBytes = 0;
  private state: ChainState;
  private signed: ChainState;
  private signedAtMs: number;
  private note: string | undefined;

  /** Goes on where the file ends; `state` is where the chain stands there, `signedSeq` what the last note covers. */
  constructor(options: AuditLogOptions, state: ChainState, signedSeq: number) {
    this.agent = options.agent;
    this.signer = options.signer;
    this.signedAtMs = options.nowMs;
    this.state = state;
    this.signed = signedSeq === state.seq ? state : { seq: signedSeq, head: '' };
    this.file = openAppend(`${options.directory}/${AUDIT_LOG}`);
    this.notes = openAppend(`${options.directory}/${AUDIT_CHECKPOINTS}`);
    this.writtenBytes = fstatSync(this.file).size;
  }

  /** Where the chain stands after the last line taken. */
  get chain(): ChainState {
    return this.state;
  }

  get sizeBytes(): number {
    return this.writtenBytes + this.pendingBytes;
  }

  /** @throws Errno where earlier lines could not be written for so long that no more are taken */
  refuseIfBehind(): void {
    if (this.pendingBytes > BACKLOG_BYTES_MAX) this.flush();
  }

  /** Takes a line (without newline) that is in the journal already. Never throws: the deed is done. */
  append(line: string, chain: ChainState): void {
    this.pending.push(line);
    this.pendingBytes += Buffer.byteLength(line) + 1;
    this.state = chain;
    if (this.pendingBytes < GATHER_BYTES) return;
    try {
      this.flush();
    } catch {
      // Kept in memory and tried again; refuseIfBehind stops the next deed when that goes on too long.
    }
  }

  /** Writes what was gathered. */
  flush(): void {
    if (this.pendingBytes === 0) return;
    const buffer = Buffer.from(`${this.pending.join('\n')}\n`);
    appendWhole(this.file, buffer, this.writtenBytes);
    this.writtenBytes += buffer.length;
    this.pending = [];
    this.pendingBytes = 0;
  }

  sync(): void {
    this.flush();
    must(fdatasync(this.file));
  }

  /** At most `length` bytes from byte `offset` on. */
  read(offset: number, length: number): Buffer {
    this.flush();
    const target = Buffer.alloc(Math.max(0, Math.min(length, this.writtenBytes - offset)));
    if (target.length === 0) return target;
    return target.subarray(0, must(pread(this.file, target, target.length, offset)));
  }

  isCheckpointDue(nowMs: number): boolean {
    const unsigned = this.state.seq - this.signed.seq;
    return unsigned >= CHECKPOINT_ENTRIES || (unsigned > 0 && nowMs - this.signedAtMs >= CHECKPOINT_INTERVAL_MS);
  }

  get isSigned(): boolean {
    return this.state === this.signed && this.note !== undefined;
  }

  /** Signs where the chain stands. The journal must be on disk by then: a signed state can never be taken back. */
  sign(nowMs: number): string {
    const isNew = this.state.seq !== this.signed.seq;
    this.note = signCheckpoint(this.agent, this.state, this.signer);
    this.signed = this.state;
    this.signedAtMs = nowMs;
    if (isNew) {
      appendWhole(this.notes, Buffer.from(`${this.note}\n`), fstatSync(this.notes).size);
      must(fdatasync(this.notes));
    }
    return this.note;
  }

  /** Signing failed: it is due again after the usual time. */
  postpone(nowMs: number): void {
    this.signedAtMs = nowMs;
  }

  /** The last note made. */
  get lastNote(): string | undefined {
    return this.note;
  }

  close(): void {
    closeSync(this.file);
    closeSync(this.notes);
  }
}

const openAppend = (path: string): number =>
  openSync(Buffer.from(path, 'latin1'), constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);

/** Appends all of `buffer`, or nothing: what a full disk cut short is taken back. */
function appendWhole(fd: number, buffer: Buffer, sizeBytes: number): void {
  const written = write(fd, buffer, buffer.length);
  if (written === buffer.length) return;
  must(ftruncate(fd, sizeBytes));
  throw errno(written < 0 ? written : ERRNO.ENOSPC);
}
