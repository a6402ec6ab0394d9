// Ids of a sandbox with its own range: shifted in and out, in credentials, attributes, chown and ACLs.
import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { OPCODE } from '../../fs/fuse/abi.ts';
import { ATTRIBUTES, ENTRY, errorOf, payload, request, spy } from './spyOperations.ts';

const SHIFT = 1_879_048_192;

function ask(opcode: number, body: Buffer, header = {}, answers = {}, idShift = SHIFT) {
  const spied = spy(answers, { idShift });
  const message = request(opcode, body, header);
  spied.session.handle(message, message.length);
  return { ...spied, reply: spied.sent[0]! };
}

/** An ACL: version 2, then (tag, perm, id). */
function acl(...entries: [number, number, number][]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  }
  return bytes;
}
const NONE = 0xffff_ffff;
const inside = acl([1, 6, NONE], [2, 6, 1000], [4, 4, NONE], [8, 4, 1001], [0x10, 6, NONE], [0x20, 4, NONE]);
const outside = acl(
  [1, 6, NONE],
  [2, 6, SHIFT + 1000],
  [4, 4, NONE],
  [8, 4, SHIFT + 1001],
  [0x10, 6, NONE],
  [0x20, 4, NONE],
);

describe('with a shift', () => {
  test.each([
    [SHIFT, SHIFT + 65_535, '0:65535:42'],
    [SHIFT - 1, SHIFT + 65_536, '65534:65534:42'],
    [0, NONE, '65534:65534:42'],
  ])('a caller %d:%d is seen as %s', (uid, gid, seen) => {
    expect(ask(OPCODE.LOOKUP, payload([], 'a'), { uid, gid }).calls[0]![3]).toBe(seen);
  });

  test('owners are shifted out, those beyond the range as nobody', () => {
    const { reply } = ask(OPCODE.GETATTR, Buffer.alloc(16));
    expect([reply.readUInt32LE(32 + 68), reply.readUInt32LE(32 + 72)]).toEqual([SHIFT + 10, SHIFT + 20]);
    const far = { getattr: () => ({ ...ENTRY, attributes: { ...ATTRIBUTES, uid: 65_536, gid: NONE } }) };
    const nobody = ask(OPCODE.STATX, Buffer.alloc(24), {}, far).reply;
    expect([nobody.readUInt32LE(48 + 20), nobody.readUInt32LE(48 + 24)]).toEqual([SHIFT + 65_534, SHIFT + 65_534]);
  });

  test('chown is shifted in; to an id outside it is EINVAL', () => {
    const body = Buffer.alloc(88);
    body.writeUInt32LE(0b110, 0);
    body.writeUInt32LE(SHIFT + 3, 76);
    body.writeUInt32LE(SHIFT + 4, 80);
    expect(ask(OPCODE.SETATTR, body).calls[0]![2]).toEqual({ uid: 3, gid: 4 });
    body.writeUInt32LE(0, 76);
    const refused = ask(OPCODE.SETATTR, body);
    expect([errorOf(refused.reply), refused.calls.length]).toEqual([ERRNO.EINVAL, 0]);
  });

  test.each(['system.posix_acl_access', 'system.posix_acl_default'])('%s is shifted both ways', (name) => {
    const body = Buffer.concat([payload([outside.length, 0, 0, 0], name), outside]);
    expect(ask(OPCODE.SETXATTR, body).calls[0]![3]).toBe(inside.toString('hex'));
    const { reply } = ask(OPCODE.GETXATTR, payload([500, 0], name), {}, { getxattr: () => inside });
    expect(reply.subarray(16).equals(outside)).toBe(true);
  });

  test('a malformed ACL is EINVAL, and other attributes are left alone', () => {
    const cut = Buffer.concat([payload([7, 0, 0, 0], 'system.posix_acl_access'), outside.subarray(0, 7)]);
    expect(errorOf(ask(OPCODE.SETXATTR, cut).reply)).toBe(ERRNO.EINVAL);
    const user = Buffer.concat([payload([outside.length, 0, 0, 0], 'user.acl'), outside]);
    expect(ask(OPCODE.SETXATTR, user).calls[0]![3]).toBe(outside.toString('hex'));
  });
});

test('without a shift nothing changes', () => {
  expect(ask(OPCODE.LOOKUP, payload([], 'a'), { uid: 0, gid: 70_000 }, {}, 0).calls[0]![3]).toBe('0:70000:42');
  const body = Buffer.concat([payload([outside.length, 0, 0, 0], 'system.posix_acl_access'), outside]);
  expect(ask(OPCODE.SETXATTR, body, {}, {}, 0).calls[0]![3]).toBe(outside.toString('hex'));
});

test('setting an ACL that says so clears the set-group-id bit', () => {
  const attributes = { ...ENTRY, attributes: { ...ATTRIBUTES, mode: 0o102755 } };
  const body = Buffer.concat([payload([inside.length, 0, 1, 0], 'system.posix_acl_access'), inside]);
  const { calls } = ask(OPCODE.SETXATTR, body, {}, { getattr: () => attributes }, 0);
  expect(calls.at(-1)!.slice(0, 3)).toEqual(['setattr', 1, { mode: 0o755 }]);
});
