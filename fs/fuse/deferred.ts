// A request that is answered later: parked by its number, answered exactly once, cancelled by INTERRUPT.
import { ERRNO } from '../errno.ts';
import type { Deferred, OpenReply } from '../operations.ts';
import { ERROR_LIMIT, OPCODE, OUT_HEADER_BYTES, SIZE } from './abi.ts';

/** What a parked request needs of its session. */
export interface Parking {
  /** Sends a whole reply; a negative result is its errno. */
  send(buffer: Buffer, length: number): number;
  /** The answer is given: the request is no longer parked. */
  unpark(unique: number): void;
  /** The answer to an open did not reach the kernel: its handle is nobody's. */
  release(node: number, handle: number, flags: number): void;
  defect(thrown: unknown, doing: string): void;
  /** The error number of what an operation threw. EIO is counted. */
  numberOf(thrown: unknown, doing: string, node: number): number;
}

/** What is kept of the request. */
export interface Parked {
  readonly unique: number;
  readonly opcode: number;
  readonly node: number;
  /** READ: how much was asked for; WRITE: how much was given. */
  readonly sizeBytes: number;
  /** OPEN: its flags. */
  readonly flags: number;
}

export class DeferredReply implements Deferred {
  onCancel: (() => void) | null = null;
  private answered = false;
  private readonly parking: Parking;
  private readonly parked: Parked;
  constructor(parking: Parking, parked: Parked) {
    this.parking = parking;
    this.parked = parked;
  }

  data(payload: Buffer): void {
    if (this.answered) return;
    if (this.misused('data', this.fits(OPCODE.READ, payload.length))) return;
    const message = this.message(payload.length);
    payload.copy(message, OUT_HEADER_BYTES);
    this.answer(message);
  }

  written(sizeBytes: number): void {
    if (this.answered) return;
    if (this.misused('written', this.fits(OPCODE.WRITE, sizeBytes))) return;
    const message = this.message(8);
    message.writeUInt32LE(sizeBytes, OUT_HEADER_BYTES);
    this.answer(message);
  }

  opened(open: OpenReply): void {
    if (this.answered) return;
    if (this.misused('opened', this.parked.opcode === OPCODE.OPEN)) return;
    const message = this.message(SIZE.openOut);
    message.writeUInt32LE(open.handle >>> 0, OUT_HEADER_BYTES);
    message.writeUInt32LE(Math.floor(open.handle / 0x1_0000_0000), OUT_HEADER_BYTES + 4);
    message.writeUInt32LE(open.openFlags, OUT_HEADER_BYTES + 8);
    message.writeInt32LE(open.backingId, OUT_HEADER_BYTES + 12);
    if (this.answer(message) < 0) this.parking.release(this.parked.node, open.handle, this.parked.flags);
  }

  error(number: number): void {
    if (this.answered) return;
    if (number > 0 && number < ERROR_LIMIT) return this.fail(number);
    this.parking.defect(new Error(`error number ${number}`), 'deferred.error');
    this.fail(ERRNO.EIO);
  }

  failed(thrown: unknown): void {
    if (!this.answered) this.fail(this.parking.numberOf(thrown, 'a late answer', this.parked.node));
  }

  private fail(number: number): void {
    const message = this.message(0);
    message.writeInt32LE(-number, 4);
    this.answer(message);
  }

  /** The caller gave up: EINTR, unless it was answered already. `told` false where nobody listens any more. */
  cancel(told: boolean): void {
    if (this.answered) return;
    if (told) this.error(ERRNO.EINTR);
    this.abandon();
    try {
      this.onCancel?.();
    } catch (thrown) {
      this.parking.defect(thrown, 'onCancel');
    }
  }

  /** The session answers by itself. */
  abandon(): void {
    this.answered = true;
    this.parking.unpark(this.parked.unique);
  }

  private fits(opcode: number, sizeBytes: number): boolean {
    return this.parked.opcode === opcode && sizeBytes >= 0 && sizeBytes <= this.parked.sizeBytes;
  }

  /** An answer of the wrong kind or size is a defect, and EIO for the caller. */
  private misused(method: string, right: boolean): boolean {
    if (right) return false;
    this.parking.defect(new Error(`deferred.${method} does not answer this request`), method);
    this.fail(ERRNO.EIO);
    return true;
  }

  /** A buffer of its own: the session's may be half filled by another request. */
  private message(payloadBytes: number): Buffer {
    const message = Buffer.alloc(OUT_HEADER_BYTES + payloadBytes);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt32LE(this.parked.unique >>> 0, 8);
    message.writeUInt32LE(Math.floor(this.parked.unique / 0x1_0000_0000), 12);
    return message;
  }

  private answer(message: Buffer): number {
    this.abandon();
    return this.parking.send(message, message.length);
  }
}
