// Decoding: fields reach the operations as they should, and bad names and numbers are refused with the right errno.
import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { OPCODE } from '../../fs/fuse/abi.ts';
import { errorOf, payload, request, spy } from './spyOperations.ts';

/** Sends one request; what was called and the error of its reply. */
function ask(opcode: number, body: Buffer, options = {}) {
  const spied = spy({}, options);
  const message = request(opcode, body);
  spied.session.handle(message, message.length);
  return { ...spied, error: errorOf(spied.sent[0]) };
}

describe('names', () => {
  const cases: [string, Buffer, number][] = [
    ['of 255 bytes', payload([], 'n'.repeat(255)), 0],
    ['of 256 bytes', payload([], 'n'.repeat(256)), ERRNO.ENAMETOOLONG],
    ['of any bytes but slash and NUL', payload([], '\x01\n\xff\xc3'), 0],
    ['empty', payload([], '', ''), ERRNO.EINVAL],
    ['with a slash', payload([], 'a/b'), ERRNO.EINVAL],
    ['dot', payload([], '.', ''), ERRNO.EINVAL],
    ['dot dot', payload([], '..'), ERRNO.EINVAL],
    ['three dots', payload([], '...'), 0],
    ['without an end', Buffer.from('abc'), ERRNO.EINVAL],
  ];
  test.each(cases)('%s', (_label, body, error) => {
    const answer = ask(OPCODE.LOOKUP, body);
    expect(answer.error).toBe(error);
    expect(answer.calls.length).toBe(error === 0 ? 1 : 0);
    if (error === 0) expect(answer.calls[0]![2]).toBe(body.toString('latin1', 0, body.length - 1));
  });

  test('the second name of a rename and the target of a link are checked too', () => {
    expect(ask(OPCODE.RENAME2, payload([9, 0, 0, 0], 'a', 'b/c')).error).toBe(ERRNO.EINVAL);
    expect(ask(OPCODE.RENAME2, payload([9, 0, 0, 0], 'a')).error).toBe(ERRNO.EINVAL);
    expect(ask(OPCODE.SYMLINK, payload([], 'a', '../x')).calls[0]).toEqual(['symlink', 1, 'a', '../x', '1000:1001:42']);
    expect(ask(OPCODE.SYMLINK, payload([], 'ab', '')).error).toBe(ERRNO.ENOENT);
    expect(ask(OPCODE.SYMLINK, payload([], 'a', 'x'.repeat(4096))).error).toBe(ERRNO.ENAMETOOLONG);
  });
});

describe('fields', () => {
  test('rename flags: NOREPLACE and EXCHANGE, alone, else EINVAL', () => {
    const errorFor = (flags: number) => ask(OPCODE.RENAME2, payload([9, 0, flags, 0], 'a', 'b')).error;
    expect([0, 1, 2, 3, 4, 8].map(errorFor)).toEqual([0, 0, 0, ERRNO.EINVAL, ERRNO.EINVAL, ERRNO.EINVAL]);
    const { calls } = ask(OPCODE.RENAME2, payload([9, 0, 2, 0], 'a', 'b'));
    expect(calls[0]).toEqual(['rename', 1, 'a', 9, 'b', 2, '1000:1001:42']);
  });

  test('the umask is applied to new objects, and the mode before it is kept', () => {
    let requested: number | undefined;
    const { session, calls } = spy({
      mkdir: (_parent, _name, _mode, caller) => {
        requested = caller.modeRequested;
        throw new Error('not needed');
      },
    });
    const message = request(OPCODE.MKDIR, payload([0o2777, 0o027], 'd'));
    session.handle(message, message.length);
    expect(calls[0]![3]).toBe(0o2750);
    expect(requested).toBe(0o2777);
    expect(ask(OPCODE.MKNOD, payload([0o100666, 5, 0o022, 0], 'f')).calls[0]!.slice(3, 5)).toEqual([0o100644, 5]);
    expect(ask(OPCODE.CREATE, payload([0o102, 0o100666, 0o077, 0], 'f')).calls[0]!.slice(3, 5)).toEqual([
      0o102, 0o100600,
    ]);
    expect(ask(OPCODE.TMPFILE, payload([2, 0o100666, 0o022, 0], '/')).calls[0]!.slice(2, 4)).toEqual([2, 0o100644]);
  });

  test('setattr becomes exactly the changes whose bits are set', () => {
    const body = Buffer.alloc(88);
    body.writeUInt32LE(0b1111_1111_1111, 0);
    body.writeUInt32LE(7, 8);
    body.writeBigUInt64LE(2n ** 40n, 16);
    body.writeBigInt64LE(-5n, 48);
    body.writeUInt32LE(9, 64);
    body.writeUInt32LE(0o100755, 68);
    body.writeUInt32LE(11, 76);
    body.writeUInt32LE(12, 80);
    const all = { handle: 7, size: 2 ** 40, mode: 0o100755, uid: 11, gid: 12, killSetId: true };
    expect(ask(OPCODE.SETATTR, body).calls[0]![2]).toEqual({
      ...all,
      atime: 'now',
      mtime: 'now',
      ctime: { sec: -5, nsec: 9 },
    });
    body.writeUInt32LE(1 << 4, 0);
    body.writeBigInt64LE(-7n, 32);
    expect(ask(OPCODE.SETATTR, body).calls[0]![2]).toEqual({ atime: { sec: -7, nsec: 0 } });
    body.writeUInt32LE(0, 0);
    expect(ask(OPCODE.SETATTR, body).calls[0]![2]).toEqual({});
  });

  test('sizes, offsets and handles beyond a safe integer are refused, not rounded', () => {
    const size = Buffer.alloc(88);
    size.writeUInt32LE(1 << 3, 0);
    size.writeBigUInt64LE(2n ** 62n, 16);
    expect(ask(OPCODE.SETATTR, size).error).toBe(ERRNO.EFBIG);
    expect(ask(OPCODE.FALLOCATE, payload([1, 0, 0, 0, 0, 0x4000_0000, 0, 0])).error).toBe(ERRNO.EFBIG);
    expect(ask(OPCODE.WRITE, payload([1, 0, 0, 0x4000_0000, 0, 0, 0, 0, 0, 0])).error).toBe(ERRNO.EFBIG);
    expect(ask(OPCODE.FLUSH, payload([1, 0xffff_ffff, 0, 0, 0, 0])).error).toBe(ERRNO.EBADF);
    const read = ask(OPCODE.READ, payload([1, 0, 0, 0x4000_0000, 4096, 0, 0, 0, 0, 0]));
    expect([read.error, read.sent[0]!.length, read.calls.length]).toEqual([0, 16, 0]);
  });

  test('write hands over its data and the kill flag', () => {
    const head = payload([5, 0, 4096, 0, 3, 4, 0, 0, 0, 0]);
    const { calls, sent } = ask(OPCODE.WRITE, Buffer.concat([head, Buffer.from('abc')]));
    expect(calls[0]).toEqual(['write', 1, 5, 4096, '616263', true, '1000:1001:42']);
    expect(sent[0]!.readUInt32LE(16)).toBe(3);
  });

  test('a write that promises more data than it brings is EINVAL', () => {
    const head = payload([5, 0, 0, 0, 4, 0, 0, 0, 0, 0]);
    expect(ask(OPCODE.WRITE, Buffer.concat([head, Buffer.from('abc')])).error).toBe(ERRNO.EINVAL);
  });

  test('forget and batch forget carry their counts, and are never answered', () => {
    const one = ask(OPCODE.FORGET, payload([3, 0]));
    expect([one.calls[0], one.sent.length]).toEqual([['forget', 1, 3], 0]);
    // The count lies: only what is there is taken.
    const many = ask(OPCODE.BATCH_FORGET, payload([1000, 0, 8, 0, 2, 0, 9, 0, 1, 0]));
    expect(many.calls).toEqual([
      ['forget', 8, 2],
      ['forget', 9, 1],
    ]);
    expect(many.sent.length).toBe(0);
  });

  test('an unknown operation is ENOSYS, an ioctl ENOTTY', () => {
    for (const opcode of [0, 7, 19, 54, 4096, 0xffff_ffff])
      expect(ask(opcode, Buffer.alloc(64)).error).toBe(ERRNO.ENOSYS);
    expect(ask(OPCODE.IOCTL, Buffer.alloc(32)).error).toBe(ERRNO.ENOTTY);
  });

  test('a message shorter than a header is dropped and counted', () => {
    const { session, sent } = spy();
    session.handle(Buffer.alloc(64), 39);
    expect([sent.length, session.malformed]).toEqual([0, 1]);
  });

  test('a header whose length is not what was received is EINVAL', () => {
    const { session, sent } = spy();
    const message = request(OPCODE.STATFS, Buffer.alloc(0));
    message.writeUInt32LE(41, 0);
    session.handle(message, message.length);
    expect(errorOf(sent[0])).toBe(ERRNO.EINVAL);
  });
});
