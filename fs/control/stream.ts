// One open blocking file: follows a log from where it stood at open, and owes answers to readers that came too early.
import { fail } from '../errno.ts';
import type { Caller, Deferred } from '../operations.ts';
import type { GrowingLog } from './source.ts';

/** Reads that may wait on one open file; more answer EAGAIN. */
export const WAITING_READS_MAX = 64;

interface WaitingRead {
  readonly deferred: Deferred;
  readonly lengthBytes: number;
}

export class Stream {
  readonly #log: GrowingLog;
  readonly #nonBlocking: boolean;
  #position: number;
  #waiting: WaitingRead[] = [];
  #pollWake: (() => void) | null = null;

  constructor(log: GrowingLog, nonBlocking: boolean) {
    this.#log = log;
    this.#nonBlocking = nonBlocking;
    this.#position = log.sizeBytes();
  }

  /** Bytes now, EAGAIN without blocking, or an answer that is owed (then the result does not count). */
  read(target: Buffer, caller: Caller): number {
    const taken = this.#take(target);
    if (taken > 0 || target.length === 0) return taken;
    if (this.#nonBlocking || this.#waiting.length >= WAITING_READS_MAX) fail('EAGAIN');
    const deferred = caller.defer();
    const waiting: WaitingRead = { deferred, lengthBytes: target.length };
    deferred.onCancel = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
    };
    this.#waiting.push(waiting);
    return 0;
  }

  /** Whether a read would return at once; else `wake` is called once when that may have changed. */
  ready(wake: (() => void) | null): boolean {
    if (this.#available() > 0) return true;
    this.#pollWake = wake;
    return false;
  }

  /** The log may have grown: answers waiting readers in their order, then pollers. */
  wake(): void {
    while (this.#waiting.length > 0) {
      const { deferred, lengthBytes } = this.#waiting[0]!;
      if (!this.#answer(deferred, lengthBytes)) return;
      this.#waiting.shift();
    }
    if (this.#pollWake === null || this.#available() === 0) return;
    const pollWake = this.#pollWake;
    this.#pollWake = null;
    pollWake();
  }

  #answer(deferred: Deferred, lengthBytes: number): boolean {
    try {
      const target = Buffer.alloc(Math.min(lengthBytes, this.#available()));
      const taken = this.#take(target);
      if (taken === 0) return false;
      deferred.onCancel = null;
      deferred.data(target.subarray(0, taken));
    } catch (error) {
      deferred.onCancel = null;
      deferred.failed(error);
    }
    return true;
  }

  /** What was dropped before this reader came to it is skipped. */
  #available(): number {
    this.#position = Math.max(this.#position, this.#log.startBytes());
    return Math.max(this.#log.sizeBytes() - this.#position, 0);
  }

  #take(target: Buffer): number {
    const length = Math.min(this.#available(), target.length);
    if (length === 0) return 0;
    const taken = this.#log.read(this.#position, target.subarray(0, length));
    this.#position += taken;
    return taken;
  }
}
