// Encoding: every field of a reply at its place.
import { expect, test } from 'vitest';
import { ERRNO, errno } from '../../fs/errno.ts';
import { OPCODE } from '../../fs/fuse/abi.ts';
import type { Operations } from '../../fs/operations.ts';
import { ENTRY, errorOf, payload, request, spy } from './spyOperations.ts';

function reply(opcode: number, body: Buffer, answers: Partial<Operations> = {}): Buffer {
  const { session, sent } = spy(answers);
  const message = request(opcode, body, { unique: 2 ** 33 + 6 });
  session.handle(message, message.length);
  expect(sent[0]!.readBigUInt64LE(8)).toBe(2n ** 33n + 6n);
  return sent[0]!;
}

/** `fuse_attr` at an offset, as the tests' attributes. */
function expectAttributes(bytes: Buffer, at: number): void {
  expect(bytes.readBigUInt64LE(at)).toBe(2n ** 40n + 5n);
  expect(bytes.readBigUInt64LE(at + 8)).toBe(2n ** 33n + 1n);
  expect(bytes.readBigUInt64LE(at + 16)).toBe(16n);
  expect([24, 32, 40].map((field) => bytes.readBigInt64LE(at + field))).toEqual([1000n, -2n, 3000n]);
  const words = Array.from({ length: 10 }, (_, index) => bytes.readUInt32LE(at + 48 + index * 4));
  expect(words).toEqual([1, 2, 3, 0o100644, 2, 10, 20, 0x12345678, 4096, 0]);
}

test('an entry', () => {
  const bytes = reply(OPCODE.LOOKUP, payload([], 'a'));
  expect(bytes.readBigUInt64LE(16)).toBe(77n);
  expect(bytes.readBigUInt64LE(24)).toBe(0n);
  expect([bytes.readBigUInt64LE(32), bytes.readBigUInt64LE(40)]).toEqual([1n, 2n]);
  expect([bytes.readUInt32LE(48), bytes.readUInt32LE(52)]).toEqual([500_000_000, 500_000_000]);
  expectAttributes(bytes, 56);
});

test('a negative entry has a life and nothing of an earlier reply', () => {
  const { session, sent } = spy({
    lookup: (_parent, name) => ({ ...ENTRY, nodeId: name === 'a' ? 5 : 0, entryValidMs: 1000 }),
  });
  for (const name of ['a', 'b']) {
    const message = request(OPCODE.LOOKUP, payload([], name));
    session.handle(message, message.length);
  }
  const bytes = sent[1]!;
  expect([bytes.readBigUInt64LE(16), bytes.readBigUInt64LE(32)]).toEqual([0n, 1n]);
  expect(bytes.subarray(56).equals(Buffer.alloc(88))).toBe(true);
});

test('a life is bounded: endless, negative and senseless ones too', () => {
  const lives = [Number.POSITIVE_INFINITY, -1, Number.NaN].map((attributesValidMs) => {
    const { session } = spy();
    const attributes = session.operations.getattr(1, undefined, session.caller);
    return reply(OPCODE.GETATTR, Buffer.alloc(16), { getattr: () => ({ ...attributes, attributesValidMs }) });
  });
  expect(lives.map((bytes) => bytes.readBigUInt64LE(16))).toEqual([31_536_000n, 0n, 0n]);
});

test('attributes', () => {
  const bytes = reply(OPCODE.GETATTR, Buffer.alloc(16));
  expect(bytes.readBigUInt64LE(16)).toBe(2n);
  expectAttributes(bytes, 32);
});

test('statx, with birth time and split device numbers', () => {
  const bytes = reply(OPCODE.STATX, Buffer.alloc(24));
  const stat = bytes.subarray(16 + 32);
  expect(stat.readUInt32LE(0) & 0x800).toBe(0x800);
  expect(stat.readUInt16LE(28)).toBe(0o100644);
  expect(stat.readBigUInt64LE(32)).toBe(2n ** 40n + 5n);
  expect([64, 80, 96, 112].map((at) => stat.readBigInt64LE(at))).toEqual([1000n, 4000n, 3000n, -2n]);
  expect([72, 88, 104, 120].map((at) => stat.readUInt32LE(at))).toEqual([1, 4, 3, 2]);
  expect([stat.readUInt32LE(128), stat.readUInt32LE(132)]).toEqual([0x456, 0x12378]);
});

test('open and create', () => {
  const opened = reply(OPCODE.OPEN, payload([0, 0]));
  expect(opened.readBigUInt64LE(16)).toBe(2n ** 35n + 9n);
  expect([opened.readUInt32LE(24), opened.readInt32LE(28)]).toEqual([2, 3]);
  const created = reply(OPCODE.CREATE, payload([0, 0, 0, 0], 'a'));
  expect(created.readBigUInt64LE(16)).toBe(77n);
  expect(created.readBigUInt64LE(16 + 128)).toBe(2n ** 35n + 9n);
});

test('statfs', () => {
  const bytes = reply(OPCODE.STATFS, Buffer.alloc(0));
  expect([0, 8, 16, 24, 32].map((at) => bytes.readBigUInt64LE(16 + at))).toEqual([2n ** 34n, 7n, 6n, 5n, 4n]);
  expect([40, 44, 48].map((at) => bytes.readUInt32LE(16 + at))).toEqual([512, 255, 512]);
});

test('read, readlink, lseek and copies', () => {
  expect(reply(OPCODE.READ, payload([1, 0, 0, 0, 100, 0, 0, 0, 0, 0])).toString('latin1', 16)).toBe('the content');
  expect(reply(OPCODE.READLINK, Buffer.alloc(0)).toString('latin1', 16)).toBe('target\xff/x');
  expect(reply(OPCODE.LSEEK, Buffer.alloc(24)).readBigUInt64LE(16)).toBe(2n ** 36n);
  const copy = payload([1, 0, 0, 0, 9, 0, 2, 0, 0, 0, 0xffff_ffff, 0xff, 0, 0]);
  expect(reply(OPCODE.COPY_FILE_RANGE, copy).readUInt32LE(16)).toBe(4096);
  expect(reply(OPCODE.COPY_FILE_RANGE_64, copy).readBigUInt64LE(16)).toBe(4096n);
});

test('an attribute: its size, its bytes, ERANGE', () => {
  expect(reply(OPCODE.GETXATTR, payload([0, 0], 'user.a')).readUInt32LE(16)).toBe(5);
  expect(reply(OPCODE.GETXATTR, payload([5, 0], 'user.a')).toString('latin1', 16)).toBe('value');
  expect(errorOf(reply(OPCODE.GETXATTR, payload([4, 0], 'user.a')))).toBe(ERRNO.ERANGE);
  expect(reply(OPCODE.LISTXATTR, payload([14, 0])).toString('latin1', 16)).toBe('user.a\0user.b\0');
  expect(
    errorOf(reply(OPCODE.GETXATTR, payload([1 << 17, 0], 'user.a'), { getxattr: () => Buffer.alloc(65_537) })),
  ).toBe(ERRNO.E2BIG);
});

test('an error has no payload and a number the kernel takes', () => {
  const failing = (number: number) =>
    reply(OPCODE.GETATTR, Buffer.alloc(16), {
      getattr: () => {
        throw errno(number);
      },
    });
  expect(failing(ERRNO.EACCES).length).toBe(16);
  expect([ERRNO.EACCES, 511, 512, 4000].map((number) => errorOf(failing(number)))).toEqual([13, 511, 5, 5]);
});

test('ENOSYS passes where the kernel does well without; elsewhere it would switch the operation off for good', () => {
  const refuse = () => {
    throw errno(ERRNO.ENOSYS);
  };
  expect(errorOf(reply(OPCODE.OPEN, payload([0, 0]), { open: refuse }))).toBe(ERRNO.ENOSYS);
  expect(errorOf(reply(OPCODE.FLUSH, Buffer.alloc(24), { flush: refuse }))).toBe(ERRNO.ENOSYS);
  expect(errorOf(reply(OPCODE.GETXATTR, payload([0, 0], 'user.a'), { getxattr: refuse }))).toBe(ERRNO.EOPNOTSUPP);
});
