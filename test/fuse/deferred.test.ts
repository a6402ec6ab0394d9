// Requests answered later: exactly one answer each (T25), interrupts, the end of the connection, pollers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERRNO, fail } from '../../fs/errno.ts';
import { OPCODE } from '../../fs/fuse/abi.ts';
import type { Deferred, Operations } from '../../fs/operations.ts';
import { errorOf, OPENED, payload, request, spy } from './spyOperations.ts';

const READ = payload([1, 0, 0, 0, 100, 0, 0, 0, 0, 0]);
const WRITE = Buffer.concat([payload([1, 0, 0, 0, 3, 0, 0, 0, 0, 0]), Buffer.from('abc')]);

/** Parks one request; `deferred` is what the operation was given. */
function park(opcode: number, body: Buffer) {
  let deferred: Deferred | undefined;
  const answers: Partial<Operations> = {
    read: (_node, _handle, _offset, _target, caller) => {
      deferred = caller.defer();
      return Number.NaN;
    },
    write: (_node, _handle, _offset, _data, _kill, caller) => {
      deferred = caller.defer();
      return Number.NaN;
    },
    open: (_node, _flags, caller) => {
      deferred = caller.defer();
      return { handle: 0, openFlags: 0, backingId: 0 };
    },
  };
  const spied = spy(answers);
  const message = request(opcode, body, { unique: 2 ** 32 + 8, node: 5 });
  spied.session.handle(message, message.length);
  expect(spied.sent).toEqual([]);
  return { ...spied, deferred: deferred! };
}

const interrupt = (unique = 2 ** 32 + 8): Buffer => {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(BigInt(unique));
  return request(OPCODE.INTERRUPT, body, { unique: unique + 1 });
};

describe('a parked request', () => {
  test('read is answered with data', () => {
    const { deferred, sent, session } = park(OPCODE.READ, READ);
    deferred.data(Buffer.from('late'));
    expect(sent[0]!.toString('latin1', 16)).toBe('late');
    expect(sent[0]!.readBigUInt64LE(8)).toBe(2n ** 32n + 8n);
    expect(session.parkedCount).toBe(0);
  });

  test('write is answered with a count, open with a handle', () => {
    const write = park(OPCODE.WRITE, WRITE);
    write.deferred.written(3);
    expect(write.sent[0]!.readUInt32LE(16)).toBe(3);
    const open = park(OPCODE.OPEN, payload([1, 0]));
    open.deferred.opened(OPENED);
    expect(open.sent[0]!.readBigUInt64LE(16)).toBe(2n ** 35n + 9n);
  });

  test('open answered to nobody is released', () => {
    const { deferred, calls, results } = park(OPCODE.OPEN, payload([1, 0]));
    results.push(-ERRNO.ENOENT);
    deferred.opened(OPENED);
    expect(calls.at(-1)).toEqual(['release', 5, 2 ** 35 + 9, 1]);
  });

  test('T25: is answered once, whoever comes first', () => {
    const { deferred, sent, session } = park(OPCODE.READ, READ);
    let cancelled = 0;
    deferred.onCancel = () => {
      cancelled++;
      deferred.data(Buffer.from('too late'));
    };
    for (const message of [interrupt(), interrupt()]) session.handle(message, message.length);
    deferred.data(Buffer.from('too late'));
    deferred.error(ERRNO.EACCES);
    expect(sent.map(errorOf)).toEqual([ERRNO.EINTR]);
    expect(cancelled).toBe(1);
  });

  test('T25: an answer before the interrupt wins, and nobody is told of a cancel', () => {
    const { deferred, sent, session } = park(OPCODE.READ, READ);
    let cancelled = 0;
    deferred.onCancel = () => cancelled++;
    deferred.error(ERRNO.EACCES);
    const message = interrupt();
    session.handle(message, message.length);
    expect([sent.map(errorOf), cancelled]).toEqual([[ERRNO.EACCES], 0]);
  });

  test('an interrupt of something else is not answered', () => {
    const { sent, session } = park(OPCODE.READ, READ);
    const message = interrupt(44);
    session.handle(message, message.length);
    expect([sent.length, session.parkedCount]).toEqual([0, 1]);
  });

  test('may be answered within the operation, or fail there after all', () => {
    const early = spy({
      read: (_node, _handle, _offset, _target, caller) => {
        caller.defer().data(Buffer.from('now'));
        return 0;
      },
    });
    const failing = spy({
      read: (_node, _handle, _offset, _target, caller) => {
        caller.defer();
        fail('EACCES');
      },
    });
    const message = request(OPCODE.READ, READ);
    for (const { session } of [early, failing]) session.handle(message, message.length);
    expect(early.sent.map((reply) => reply.toString('latin1', 16))).toEqual(['now']);
    expect(failing.sent.map(errorOf)).toEqual([ERRNO.EACCES]);
    expect(failing.session.parkedCount).toBe(0);
  });

  test('an answer of the wrong kind or size is EIO and a defect', () => {
    const wrong = [
      (deferred: Deferred) => deferred.data(Buffer.alloc(101)),
      (deferred: Deferred) => deferred.written(1),
      (deferred: Deferred) => deferred.opened(OPENED),
    ];
    for (const answer of wrong) {
      const { deferred, sent, session } = park(OPCODE.READ, READ);
      answer(deferred);
      expect([sent.map(errorOf), session.defects]).toEqual([[ERRNO.EIO], 1]);
    }
  });

  test('is cancelled when the connection ends, and destroy comes once', () => {
    const { deferred, sent, session, calls } = park(OPCODE.READ, READ);
    let cancelled = 0;
    deferred.onCancel = () => cancelled++;
    session.end();
    session.end();
    deferred.data(Buffer.from('too late'));
    expect([sent.length, cancelled]).toEqual([0, 1]);
    expect(calls.filter(([name]) => name === 'destroy').length).toBe(1);
  });
});

test('T25: in whatever order answers, failures and interrupts come, each request gets one answer', () => {
  const step = fc.record({ which: fc.nat(9), how: fc.constantFrom('park', 'data', 'error', 'interrupt') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const parked = new Map<number, Deferred>();
      const { session, sent } = spy({
        read: (node, _handle, _offset, _target, caller) => {
          parked.set(node, caller.defer());
          return 0;
        },
      });
      const settled = new Set<number>();
      for (const { which, how } of steps) {
        const unique = 1000 + which * 2;
        if (how === 'park' && parked.has(unique)) continue;
        const message = how === 'park' ? request(OPCODE.READ, READ, { unique, node: unique }) : interrupt(unique);
        if (how === 'park' || how === 'interrupt') session.handle(message, message.length);
        else if (how === 'data') parked.get(unique)?.data(Buffer.from('x'));
        else parked.get(unique)?.error(ERRNO.EACCES);
        if (how !== 'park' && parked.has(unique)) settled.add(unique);
      }
      const answered = sent.map((reply) => Number(reply.readBigUInt64LE(8))).sort();
      expect(answered).toEqual([...settled].sort());
      expect(session.parkedCount).toBe(parked.size - settled.size);
    }),
    { numRuns: 3000 },
  );
});

describe('poll', () => {
  function poll(flags: number) {
    let wake: (() => void) | null | undefined;
    const spied = spy({
      poll: (_node, _handle, _events, waker) => {
        wake = waker;
        return 5;
      },
    });
    const message = request(OPCODE.POLL, payload([1, 0, 9, 1, flags, 5]));
    spied.session.handle(message, message.length);
    return { ...spied, wake };
  }

  test('answers the events; a waker only where the kernel wants to be told', () => {
    const { sent, wake } = poll(0);
    expect(sent[0]!.readUInt32LE(16)).toBe(5);
    expect(wake).toBe(null);
  });

  test('the waker tells the kernel once', () => {
    const { sent, wake } = poll(1);
    wake!();
    wake!();
    expect(sent.length).toBe(2);
    const notification = sent[1]!;
    expect([notification.readUInt32LE(0), notification.readInt32LE(4)]).toEqual([24, 1]);
    expect(notification.readBigUInt64LE(8)).toBe(0n);
    expect(notification.readBigUInt64LE(16)).toBe(2n ** 32n + 9n);
  });
});
