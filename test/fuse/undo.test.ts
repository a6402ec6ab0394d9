// A reply that never arrived leaves nothing behind; a defect in an operation is contained.
import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { OPCODE } from '../../fs/fuse/abi.ts';
import { ENTRY, errorOf, payload, request, spy } from './spyOperations.ts';

/** Calls made after the operation itself, when the write of the reply fails. */
function undone(opcode: number, body: Buffer, result: number = -ERRNO.ENOENT): unknown[][] {
  const { session, calls, results } = spy();
  results.push(result);
  const message = request(opcode, body);
  session.handle(message, message.length);
  return calls.slice(1);
}

describe('a reply that did not arrive', () => {
  const handle = 2 ** 35 + 9;
  const forgotten = ['forget', 77, 1];
  test.each([
    ['LOOKUP', OPCODE.LOOKUP, payload([], 'a'), [forgotten]],
    ['SYMLINK', OPCODE.SYMLINK, payload([], 'a', 'b'), [forgotten]],
    ['MKNOD', OPCODE.MKNOD, payload([0, 0, 0, 0], 'a'), [forgotten]],
    ['MKDIR', OPCODE.MKDIR, payload([0, 0], 'a'), [forgotten]],
    ['LINK', OPCODE.LINK, payload([9, 0], 'a'), [forgotten]],
    ['CREATE', OPCODE.CREATE, payload([2, 0, 0, 0], 'a'), [['release', 77, handle, 2], forgotten]],
    ['TMPFILE', OPCODE.TMPFILE, payload([2, 0, 0, 0], '/'), [['release', 77, handle, 2], forgotten]],
    ['OPEN', OPCODE.OPEN, payload([3, 0]), [['release', 1, handle, 3]]],
    ['OPENDIR', OPCODE.OPENDIR, payload([0, 0]), [['releasedir', 1, handle]]],
    ['READDIRPLUS', OPCODE.READDIRPLUS, payload([1, 0, 0, 0, 4096, 0, 0, 0, 0, 0]), [forgotten, forgotten, forgotten]],
    ['GETATTR', OPCODE.GETATTR, Buffer.alloc(16), []],
    ['UNLINK', OPCODE.UNLINK, payload([], 'a'), []],
  ])('%s is taken back', (_name, opcode, body, calls) => {
    expect(undone(opcode, body)).toEqual(calls);
  });

  test('a negative entry counts no lookup', () => {
    const { session, calls, results } = spy({ lookup: () => ({ ...ENTRY, nodeId: 0 }) });
    results.push(-ERRNO.ENOENT);
    const message = request(OPCODE.LOOKUP, payload([], 'a'));
    session.handle(message, message.length);
    expect(calls.some(([name]) => name === 'forget')).toBe(false);
  });

  test('one that the kernel refuses is a defect, and the request still ends, with EIO', () => {
    const { session, sent, results } = spy();
    results.push(-ERRNO.EINVAL);
    const message = request(OPCODE.GETATTR, Buffer.alloc(16));
    session.handle(message, message.length);
    expect(sent.map(errorOf)).toEqual([0, ERRNO.EIO]);
    expect(session.defects).toBe(1);
  });
});

describe('a defect in an operation', () => {
  test('is EIO, a log line and a counter, and the session goes on', () => {
    const { session, sent, logged } = spy({
      lookup: () => {
        throw new TypeError('oops');
      },
    });
    const message = request(OPCODE.LOOKUP, payload([], 'a'));
    session.handle(message, message.length);
    expect([errorOf(sent[0]), session.defects, logged.length]).toEqual([ERRNO.EIO, 1, 1]);
    expect(logged[0]).toContain('oops');
    const next = request(OPCODE.STATFS, Buffer.alloc(0));
    session.handle(next, next.length);
    expect(errorOf(sent[1])).toBe(0);
  });

  test('that repeats does not fill the log', () => {
    const { session, logged } = spy({
      statfs: () => {
        throw new Error('oops');
      },
    });
    const message = request(OPCODE.STATFS, Buffer.alloc(0));
    for (let count = 0; count < 1100; count++) session.handle(message, message.length);
    // The first hundred, then 128, 256, 512 and 1024.
    expect([session.defects, logged.length]).toEqual([1100, 104]);
  });

  test.each([-1, 101, Number.NaN])('a count of %d for a read of 100 is one', (count) => {
    const { session, sent } = spy({ read: () => count });
    const message = request(OPCODE.READ, payload([1, 0, 0, 0, 100, 0, 0, 0, 0, 0]));
    session.handle(message, message.length);
    expect([errorOf(sent[0]), session.defects]).toEqual([ERRNO.EIO, 1]);
  });

  test('in a request without an answer sends none', () => {
    const { session, sent } = spy({
      forget: () => {
        throw new Error('oops');
      },
    });
    const message = request(OPCODE.FORGET, payload([1, 0]));
    session.handle(message, message.length);
    expect([sent.length, session.defects]).toEqual([0, 1]);
  });
});
