// Operations that answer constants and write down what they were asked, and a session around them without a kernel.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Session, type SessionOptions } from '../../fs/fuse/session.ts';
import type { Attributes, Caller, Entry, OpenReply, Operations } from '../../fs/operations.ts';

export const ATTRIBUTES: Attributes = {
  ino: 2 ** 40 + 5,
  size: 2 ** 33 + 1,
  blocks: 16,
  atimeSec: 1000,
  atimeNsec: 1,
  mtimeSec: -2,
  mtimeNsec: 2,
  ctimeSec: 3000,
  ctimeNsec: 3,
  btimeSec: 4000,
  btimeNsec: 4,
  mode: 0o100644,
  nlink: 2,
  uid: 10,
  gid: 20,
  rdev: 0x12345678,
  blksize: 4096,
};
export const ENTRY: Entry = { nodeId: 77, entryValidMs: 1500, attributesValidMs: 2500, attributes: ATTRIBUTES };
export const OPENED: OpenReply = { handle: 2 ** 35 + 9, openFlags: 2, backingId: 3 };
export const READ_BYTES = Buffer.from('the content');

export const ANSWERS: Operations = {
  lookup: () => ENTRY,
  forget: () => undefined,
  getattr: () => ENTRY,
  setattr: () => ENTRY,
  readlink: () => 'target\xff/x',
  symlink: () => ENTRY,
  mknod: () => ENTRY,
  mkdir: () => ENTRY,
  unlink: () => undefined,
  rmdir: () => undefined,
  rename: () => undefined,
  link: () => ENTRY,
  open: () => OPENED,
  create: () => ({ ...ENTRY, ...OPENED }),
  tmpfile: () => ({ ...ENTRY, ...OPENED }),
  read: (_node, _handle, _offset, target) => READ_BYTES.copy(target),
  write: (_node, _handle, _offset, data) => data.length,
  statfs: () => ({
    blocks: 2 ** 34,
    blocksFree: 7,
    blocksAvailable: 6,
    files: 5,
    filesFree: 4,
    blockSizeBytes: 512,
    nameBytesMax: 255,
  }),
  flush: () => undefined,
  release: () => undefined,
  fsync: () => undefined,
  getxattr: () => Buffer.from('value'),
  setxattr: () => undefined,
  listxattr: () => Buffer.from('user.a\0user.b\0'),
  removexattr: () => undefined,
  opendir: () => OPENED,
  readdir: (_node, _handle, offset, sink, plus) => {
    for (let index = offset; index < 3; index++) {
      const name = `name${index}`;
      const taken = plus ? sink.addPlus(name, ENTRY, 5, 8, index + 1) : sink.add(name, 5, 8, index + 1);
      if (!taken) return;
    }
  },
  releasedir: () => undefined,
  fsyncdir: () => undefined,
  fallocate: () => undefined,
  lseek: () => 2 ** 36,
  copyFileRange: (request) => Math.min(request.length, 4096),
  poll: () => 1,
  destroy: () => undefined,
};

export interface Spied {
  readonly session: Session;
  /** Each call: the operation's name, then its arguments; buffers as hexadecimal, the caller as `uid:gid:pid`. */
  readonly calls: unknown[][];
  /** Copies of what was sent. */
  readonly sent: Buffer[];
  readonly logged: string[];
  /** What the next sends return; then the length. */
  readonly results: number[];
}

export function spy(answers: Partial<Operations> = {}, options: Partial<SessionOptions> = {}): Spied {
  const calls: unknown[][] = [];
  const sent: Buffer[] = [];
  const logged: string[] = [];
  const results: number[] = [];
  const operations = new Proxy(
    { ...ANSWERS, ...answers },
    {
      get:
        (all, name: keyof Operations) =>
        (...args: unknown[]): unknown => {
          calls.push([name, ...args.map(plain)]);
          return (all[name] as (...all: unknown[]) => unknown)(...args);
        },
    },
  );
  const session = new Session({
    operations,
    idShift: 0,
    send: (buffer, length) => {
      sent.push(Buffer.from(buffer.subarray(0, length)));
      return results.shift() ?? length;
    },
    log: (message) => logged.push(message),
    passthrough: false,
    ...options,
  });
  return { session, calls, sent, logged, results };
}

function plain(argument: unknown): unknown {
  if (Buffer.isBuffer(argument)) return argument.toString('hex');
  if (typeof argument !== 'object' || argument === null) return typeof argument === 'function' ? 'function' : argument;
  if ('defer' in argument) {
    const { uid, gid, pid } = argument as Caller;
    return `${uid}:${gid}:${pid}`;
  }
  return 'addPlus' in argument ? 'sink' : argument;
}

export interface HeaderFields {
  readonly unique?: number;
  readonly node?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
}

/** A request with a sound header around a payload. */
export function request(opcode: number, payload: Buffer, header: HeaderFields = {}): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt32LE(40 + payload.length, 0);
  head.writeUInt32LE(opcode, 4);
  head.writeBigUInt64LE(BigInt(header.unique ?? 100), 8);
  head.writeBigUInt64LE(BigInt(header.node ?? 1), 16);
  head.writeUInt32LE(header.uid ?? 1000, 24);
  head.writeUInt32LE(header.gid ?? 1001, 28);
  head.writeUInt32LE(header.pid ?? 42, 32);
  return Buffer.concat([head, payload]);
}

/** A payload of 32-bit words (negative: the last of a 64-bit one) and then NUL-terminated texts. */
export function payload(words: readonly number[], ...texts: readonly string[]): Buffer {
  const fixed = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) fixed.writeUInt32LE(word >>> 0, index * 4);
  return Buffer.concat([fixed, ...texts.map((text) => Buffer.from(`${text}\0`, 'latin1'))]);
}

export const errorOf = (reply: Buffer | undefined): number => Math.abs(reply?.readInt32LE(4) ?? Number.NaN);

/** Named lines of hexadecimal from fixtures/fuse. */
export function fixture(name: string): { readonly name: string; readonly bytes: Buffer }[] {
  const path = fileURLToPath(new URL(`../../fixtures/fuse/${name}`, import.meta.url));
  return readFileSync(path, 'latin1')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [label, hex] = line.split(' ');
      return { name: label!, bytes: Buffer.from(hex!, 'hex') };
    });
}
