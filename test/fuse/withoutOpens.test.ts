// A connection that opens nothing: what is answered ENOSYS, what still comes, and that it comes without a handle.
import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { OPCODE, type OpcodeName } from '../../fs/fuse/abi.ts';
import { errorOf, payload, request, spy } from './spyOperations.ts';

function ask(opcode: number, body: Buffer, options: Parameters<typeof spy>[1], node = 5) {
  const { session, calls, sent } = spy({}, options);
  const message = request(opcode, body, { node });
  session.handle(message, message.length);
  return { calls, error: errorOf(sent[0]), bytes: sent[0]?.length, session };
}

describe('ENOSYS, and the operations are not asked', () => {
  test.each<[OpcodeName, Buffer]>([
    ['OPEN', payload([0, 0])],
    ['OPENDIR', payload([0, 0])],
    ['FLUSH', Buffer.alloc(24)],
  ])('%s', (name, body) => {
    const { calls, error, bytes, session } = ask(OPCODE[name], body, { withoutOpens: true });
    expect([error, bytes, calls]).toEqual([ERRNO.ENOSYS, 16, []]);
    expect(session.requestCounts()).toEqual({ [name]: 1 });
    // Elsewhere it is answered.
    expect(ask(OPCODE[name], body, {}).error).toBe(0);
  });
});

test.each<[OpcodeName, Buffer, string, unknown[]]>([
  ['READ', payload([0, 0, 9, 0, 64, 0, 0, 0, 0, 0]), 'read', [5, 0, 9]],
  ['READDIR', payload([0, 0, 7, 0, 4096, 0, 0, 0, 0, 0]), 'readdir', [5, 0, 7]],
  ['FSYNC', payload([0, 0, 0, 0]), 'fsync', [5, 0]],
  ['FALLOCATE', payload([0, 0, 0, 0, 8, 0, 0, 0]), 'fallocate', [5, 0]],
  ['LSEEK', payload([0, 0, 3, 0, 3, 0]), 'lseek', [5, 0, 3]],
  ['RELEASE', Buffer.alloc(24), 'release', [5, 0]],
])('%s comes with handle 0', (name, body, operation, args) => {
  const { calls, error } = ask(OPCODE[name], body, { withoutOpens: true });
  expect(error).toBe(0);
  expect(calls[0]?.slice(0, args.length + 1)).toEqual([operation, ...args]);
});

describe('a part of a view', () => {
  test('its root is 1 on the wire and a node of its own to the operations', () => {
    const { calls } = ask(OPCODE.LOOKUP, payload([], 'a'), { rootNode: 42 }, 1);
    expect(calls[0]?.slice(0, 3)).toEqual(['lookup', 42, 'a']);
    expect(ask(OPCODE.LOOKUP, payload([], 'a'), { rootNode: 42 }, 6).calls[0]?.[1]).toBe(6);
  });

  test('also as the directory that a rename goes to', () => {
    const { calls } = ask(OPCODE.RENAME, payload([1, 0], 'a', 'b'), { rootNode: 42 });
    expect(calls[0]?.slice(0, 5)).toEqual(['rename', 5, 'a', 42, 'b']);
  });
});
