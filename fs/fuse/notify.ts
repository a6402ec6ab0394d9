// Notifications to the kernel: encoders, and the queue that delivers them in order.
//
// A notification is a reply with unique 0 and its code in the error field. Writing one can block on a lock that a
// request under way holds, so never write one from a thread that serves the mount (POLL alone takes no such lock).
import { write } from 'node:fs';
import { ERRNO } from '../errno.ts';
import { NAME_BYTES_MAX, NOTIFY, OUT_HEADER_BYTES } from './abi.ts';

/** FUSE_EXPIRE_ONLY, since 7.38. */
const EXPIRE_ONLY = 1;

/** Pages `offset`..`offset + length` of a node are old (`length` 0 or less: to the end); attributes too. */
export function encodeInvalidateInode(node: number, offset: number, length: number): Buffer {
  const message = begin(NOTIFY.INVAL_INODE, 24);
  writeU64(message, 16, node);
  writeI64(message, 24, offset);
  writeI64(message, 32, length);
  return message;
}

/** What a name leads to is old: the next use looks it up. */
export const encodeInvalidateEntry = (parent: number, name: string): Buffer => entryMessage(parent, name, 0);

/** The next use of a name looks it up; what is mounted on it or below stays if the answer is the same object. */
export const encodeExpireEntry = (parent: number, name: string): Buffer => entryMessage(parent, name, EXPIRE_ONLY);

function entryMessage(parent: number, name: string, flags: number): Buffer {
  const bytes = nameBytes(name);
  const message = begin(NOTIFY.INVAL_ENTRY, 16 + bytes.length);
  writeU64(message, 16, parent);
  message.writeUInt32LE(name.length, 24);
  message.writeUInt32LE(flags, 28);
  bytes.copy(message, 32);
  return message;
}

/** The name is gone: also raises IN_DELETE_SELF for who watches the file itself (directory watches stay silent). */
export function encodeDelete(parent: number, child: number, name: string): Buffer {
  const bytes = nameBytes(name);
  const message = begin(NOTIFY.DELETE, 24 + bytes.length);
  writeU64(message, 16, parent);
  writeU64(message, 24, child);
  message.writeUInt32LE(name.length, 32);
  bytes.copy(message, 40);
  return message;
}

/** Whoever polls the file registered as `kernelHandle` should ask again. */
export function encodePollWakeup(kernelHandle: number): Buffer {
  const message = begin(NOTIFY.POLL, 8);
  writeU64(message, 16, kernelHandle);
  return message;
}

/**
 * Every name of the connection is old (7.44). The kernel then unmounts whatever is mounted on its directories: never
 * where a sandbox has its /proc and /dev there.
 */
export const encodeIncreaseEpoch = (): Buffer => begin(NOTIFY.INC_EPOCH, 0);

function begin(code: number, payloadBytes: number): Buffer {
  const message = Buffer.alloc(OUT_HEADER_BYTES + payloadBytes);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(code, 4);
  return message;
}

/** The kernel wants the NUL, and refuses names longer than it knows. */
function nameBytes(name: string): Buffer {
  if (name.length === 0 || name.length > NAME_BYTES_MAX) throw new RangeError(`name of ${name.length} bytes`);
  return Buffer.from(`${name}\0`, 'latin1');
}

function writeU64(buffer: Buffer, at: number, value: number): void {
  buffer.writeUInt32LE(value >>> 0, at);
  buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

function writeI64(buffer: Buffer, at: number, value: number): void {
  buffer.writeUInt32LE(value >>> 0, at);
  buffer.writeInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** Waiting notifications of one connection; beyond it the newest is dropped and `overflow` is told. */
const QUEUED_MAX = 65_536;
const COMPACT_AT = 1024;

interface Line {
  waiting: Buffer[];
  /** Index in `waiting` of the next to go: taking from the front of an array costs its length. */
  next: number;
  busy: boolean;
  /** What closes the descriptor, once it was given up. */
  close: (() => void) | undefined;
}

function empty(line: Line): void {
  line.waiting = [];
  line.next = 0;
}

/** Delivers notifications for the main thread: one at a time for each descriptor, in the order they were pushed. */
export class NotificationQueue {
  private readonly lines = new Map<number, Line>();
  private readonly log: (message: string) => void;
  private readonly overflow: (fd: number) => void;
  private idleWaiters: (() => void)[] = [];
  /** `overflow` is called when a notification was dropped: what the kernel caches there can no longer be trusted. */
  constructor(log: (message: string) => void, overflow: (fd: number) => void = () => undefined) {
    this.log = log;
    this.overflow = overflow;
  }

  push(fd: number, message: Buffer): void {
    const line = this.line(fd);
    if (line.close !== undefined) return;
    if (line.waiting.length - line.next >= QUEUED_MAX) {
      this.overflow(fd);
      return;
    }
    line.waiting.push(message);
    if (!line.busy) this.deliver(fd, line);
  }

  /**
   * Gives a descriptor up: forgets what still waits for it, and calls `close` when nothing is being written to it any
   * more. A write that is under way when its descriptor closes would go to whatever gets the number next.
   */
  drop(fd: number, close: () => void): void {
    const line = this.lines.get(fd);
    if (line === undefined) return close();
    empty(line);
    line.close = close;
  }

  /** Resolves when everything pushed so far has been delivered or failed. */
  idle(): Promise<void> {
    if (this.lines.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private line(fd: number): Line {
    let line = this.lines.get(fd);
    if (line === undefined) {
      line = { waiting: [], next: 0, busy: false, close: undefined };
      this.lines.set(fd, line);
    }
    return line;
  }

  private deliver(fd: number, line: Line): void {
    const message = line.waiting[line.next];
    if (message === undefined) {
      this.rest(fd, line);
      return;
    }
    line.next++;
    if (line.next >= COMPACT_AT) {
      line.waiting = line.waiting.slice(line.next);
      line.next = 0;
    }
    line.busy = true;
    write(fd, message, 0, message.length, null, (error) => {
      line.busy = false;
      if (error !== null) this.failed(fd, line, error);
      this.deliver(fd, line);
    });
  }

  /** ENOENT: the kernel does not cache it. Any error that says the connection is over ends the line. */
  private failed(fd: number, line: Line, error: NodeJS.ErrnoException): void {
    if (error.errno === -ERRNO.ENOENT) return;
    if (error.errno === -ERRNO.ENODEV || error.errno === -ERRNO.ENOTCONN || error.errno === -ERRNO.EBADF) {
      empty(line);
      return;
    }
    this.log(`notification on descriptor ${fd} failed: ${error.message}`);
  }

  private rest(fd: number, line: Line): void {
    this.lines.delete(fd);
    line.close?.();
    if (this.lines.size > 0) return;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
