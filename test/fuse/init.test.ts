// INIT as kernels of several ages send it, and what is agreed on.
import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { OPCODE } from '../../fs/fuse/abi.ts';
import { errorOf, fixture, payload, request, spy } from './spyOperations.ts';

const offers = new Map(fixture('init.hex').map(({ name, bytes }) => [name, bytes]));
const BIT = {
  POSIX_LOCKS: 1,
  ATOMIC_O_TRUNC: 3,
  EXPORT_SUPPORT: 4,
  DONT_MASK: 6,
  FLOCK_LOCKS: 10,
  AUTO_INVAL_DATA: 12,
  DO_READDIRPLUS: 13,
  WRITEBACK_CACHE: 16,
  HANDLE_KILLPRIV: 19,
  POSIX_ACL: 20,
  ABORT_ERROR: 21,
  MAX_PAGES: 22,
  SUBMOUNTS: 27,
  HANDLE_KILLPRIV_V2: 28,
  SETXATTR_EXT: 29,
  INIT_EXT: 30,
  SECURITY_CTX: 32,
  CREATE_SUPP_GROUP: 34,
  HAS_EXPIRE_ONLY: 35,
  DIRECT_IO_ALLOW_MMAP: 36,
  PASSTHROUGH: 37,
  NO_EXPORT_SUPPORT: 38,
} as const;

function negotiate(offer: Buffer, passthrough: boolean, stackDepth = 1) {
  const spied = spy({}, { passthrough, stackDepth });
  spied.session.handle(offer, offer.length);
  const reply = spied.sent[0]!;
  const flags = [reply.readUInt32LE(16 + 12), reply.readUInt32LE(16 + 32)];
  const has = (bit: keyof typeof BIT) => ((flags[BIT[bit] >> 5]! >>> (BIT[bit] & 31)) & 1) === 1;
  return { ...spied, reply, has };
}

describe('INIT', () => {
  for (const [version, offer] of offers) {
    const minor = Number(version.split('.')[1]);
    test(`a kernel of ${version} gets an answer that fits it`, () => {
      const { reply, has, session } = negotiate(offer, true);
      expect(errorOf(reply)).toBe(0);
      expect(reply.length).toBe(16 + 64);
      expect(reply.readUInt32LE(16)).toBe(7);
      expect(reply.readUInt32LE(20)).toBe(minor);
      expect(reply.readUInt32LE(16 + 20)).toBe(1 << 20);
      expect(reply.readUInt16LE(16 + 28)).toBe(256);
      expect(has('SETXATTR_EXT')).toBe(minor >= 36);
      expect(has('INIT_EXT')).toBe(minor >= 36);
      expect(has('HAS_EXPIRE_ONLY')).toBe(minor >= 38);
      expect(has('PASSTHROUGH')).toBe(minor >= 45);
      expect(session.negotiated.passthrough).toBe(minor >= 45);
      expect(session.negotiated.setxattrExtended).toBe(minor >= 36);
      // Where passthrough could not be had, the daemon clears set-id bits itself.
      expect(has('HANDLE_KILLPRIV_V2')).toBe(minor >= 36 && minor < 45);
    });
    test(`a kernel of ${version} is asked for nothing that it did not offer, nor for what is left off`, () => {
      const { reply, has } = negotiate(offer, true);
      expect(reply.readUInt32LE(16 + 12) & ~offer.readUInt32LE(40 + 12)).toBe(0);
      if (minor >= 36) expect(reply.readUInt32LE(16 + 32) & ~offer.readUInt32LE(40 + 16)).toBe(0);
      for (const bit of ['DONT_MASK', 'AUTO_INVAL_DATA', 'DO_READDIRPLUS', 'POSIX_ACL', 'MAX_PAGES'] as const) {
        expect(has(bit), bit).toBe(true);
      }
      for (const bit of [
        'POSIX_LOCKS',
        'FLOCK_LOCKS',
        'ATOMIC_O_TRUNC',
        'WRITEBACK_CACHE',
        'EXPORT_SUPPORT',
      ] as const) {
        expect(has(bit), bit).toBe(false);
      }
      for (const bit of ['HANDLE_KILLPRIV', 'SUBMOUNTS', 'SECURITY_CTX', 'CREATE_SUPP_GROUP', 'ABORT_ERROR'] as const) {
        expect(has(bit), bit).toBe(false);
      }
    });
  }

  test('passthrough is taken only when asked for, with its stack depth, and without HANDLE_KILLPRIV_V2', () => {
    const offer = offers.get('7.45')!;
    const off = negotiate(offer, false);
    expect([off.has('PASSTHROUGH'), off.has('HANDLE_KILLPRIV_V2'), off.reply.readUInt32LE(16 + 36)]).toEqual([
      false,
      true,
      0,
    ]);
    const on = negotiate(offer, true, 2);
    expect([on.has('PASSTHROUGH'), on.has('HANDLE_KILLPRIV_V2'), on.reply.readUInt32LE(16 + 36)]).toEqual([
      true,
      false,
      2,
    ]);
  });

  test('flags2 without INIT_EXT is noise', () => {
    const offer = Buffer.from(offers.get('7.45')!);
    offer.writeUInt32LE(offer.readUInt32LE(40 + 12) & ~(1 << 30), 40 + 12);
    const { reply } = negotiate(offer, true);
    expect(reply.readUInt32LE(16 + 32)).toBe(0);
  });

  test('a kernel that is too old is refused with EPROTO', () => {
    const { sent, session } = spy();
    const old = request(OPCODE.INIT, payload([7, 30, 0x20000, 0x03fffffb]));
    session.handle(old, old.length);
    expect(errorOf(sent[0])).toBe(ERRNO.EPROTO);
    expect(session.initialised).toBe(false);
  });

  test('a newer major version is answered with ours, for the kernel to try again', () => {
    const { sent, session } = spy();
    const next = request(OPCODE.INIT, payload([8, 1, 0, 0]));
    session.handle(next, next.length);
    expect([sent[0]!.readUInt32LE(16), sent[0]!.readUInt32LE(20)]).toEqual([7, 45]);
  });

  test('setxattr is read in the layout that was agreed on', () => {
    const { session, calls } = spy();
    const init = offers.get('7.31')!;
    session.handle(init, init.length);
    const short = request(OPCODE.SETXATTR, Buffer.concat([payload([2, 1], 'user.a'), Buffer.from('ok')]));
    session.handle(short, short.length);
    expect(calls.at(-1)).toEqual(['setxattr', 1, 'user.a', '6f6b', 1, '1000:1001:42']);
  });

  test('a session that joins a live connection speaks as was agreed there', () => {
    const first = negotiate(offers.get('7.31')!, false);
    const { session, calls } = spy({}, { negotiated: structuredClone(first.session.negotiated) });
    const short = request(OPCODE.SETXATTR, Buffer.concat([payload([2, 0], 'user.a'), Buffer.from('ok')]));
    session.handle(short, short.length);
    expect(calls.at(-1)![2]).toBe('user.a');
  });
});
