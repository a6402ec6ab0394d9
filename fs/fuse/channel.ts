// The device end of a connection: reads requests without blocking and hands them to the session.
//
// The descriptor is non-blocking: a thread that blocks in read(2) on /dev/fuse can neither be terminated nor exit.
// The owner waits in poll(2) for several channels and an eventfd, then calls `service` on those that are ready.
import { ERRNO } from '../errno.ts';
import { read, write } from '../host/syscall.ts';
import { REQUEST_BYTES_MAX } from './abi.ts';
import type { Session } from './session.ts';

/** `idle`: nothing waits. `busy`: the limit was reached, more may wait. `ended`: unmounted or aborted. */
export type ChannelState = 'idle' | 'busy' | 'ended';

const AGAIN = -ERRNO.EAGAIN;
const INTERRUPTED = -ERRNO.EINTR;
/** A request was withdrawn between wake-up and read. */
const WITHDRAWN = -ERRNO.ENOENT;
const GONE = -ERRNO.ENODEV;

/** The `send` of a session whose replies go to a device descriptor. */
export const sendTo =
  (fd: number) =>
  (buffer: Buffer, length: number): number =>
    write(fd, buffer, length);

export class Channel {
  readonly fd: number;
  readonly session: Session;
  /** Requests handled so far. */
  handled = 0;
  private readonly buffer: Buffer;
  private readonly log: (message: string) => void;
  private state: ChannelState = 'idle';

  /** `buffer` may be shared by channels that one thread serves in turn: it is free again when `service` returns. */
  constructor(fd: number, session: Session, log: (message: string) => void, buffer: Buffer = requestBuffer()) {
    this.fd = fd;
    this.session = session;
    this.log = log;
    this.buffer = buffer;
  }

  /** Reads and handles requests until none waits, or `limit` were handled (so that channels take turns). */
  service(limit: number = Number.POSITIVE_INFINITY): ChannelState {
    const { fd, buffer, session } = this;
    if (this.state === 'ended') return 'ended';
    for (let count = 0; count < limit; ) {
      const length = read(fd, buffer, buffer.length);
      if (length > 0) {
        session.handle(buffer, length);
        this.handled++;
        count++;
      } else if (length === AGAIN) return 'idle';
      else if (length !== INTERRUPTED && length !== WITHDRAWN) return this.end(length);
    }
    return 'busy';
  }

  /** Like `service`, but tries again for `spinUs` after the last request: a wake-up costs more than that. */
  drain(spinUs: number, limit: number = Number.POSITIVE_INFINITY): ChannelState {
    let left = limit;
    let quietSince = performance.now();
    for (;;) {
      const before = this.handled;
      const state = this.service(left);
      if (state !== 'idle') return state;
      const now = performance.now();
      left -= this.handled - before;
      if (this.handled !== before) quietSince = now;
      else if ((now - quietSince) * 1000 >= spinUs) return 'idle';
      if (left <= 0) return 'busy';
    }
  }

  private end(result: number): 'ended' {
    if (result !== GONE) this.log(`fuse: reading the device failed with error ${-result}`);
    this.state = 'ended';
    this.session.end();
    return 'ended';
  }
}

/** A buffer that holds the largest request. */
export const requestBuffer = (): Buffer => Buffer.allocUnsafeSlow(REQUEST_BYTES_MAX);
