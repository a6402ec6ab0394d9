// Directory records: layout, the limit, and records that would harm the kernel (T23).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { OPCODE } from '../../fs/fuse/abi.ts';
import type { Operations } from '../../fs/operations.ts';
import { ENTRY, errorOf, payload, request, spy } from './spyOperations.ts';

function readdir(plus: boolean, sizeBytes: number, fill: Operations['readdir']) {
  const spied = spy({ readdir: fill });
  const message = request(plus ? OPCODE.READDIRPLUS : OPCODE.READDIR, payload([1, 0, 0, 0, sizeBytes, 0, 0, 0, 0, 0]));
  spied.session.handle(message, message.length);
  return { ...spied, reply: spied.sent[0]! };
}

interface Record {
  readonly name: string;
  readonly node: bigint;
  readonly ino: bigint;
  readonly next: bigint;
  readonly type: number;
}

/** Reads the records as the kernel does; anything it would refuse fails here. */
function parse(reply: Buffer, plus: boolean): Record[] {
  const head = plus ? 128 : 0;
  const records: Record[] = [];
  for (let at = 16; at < reply.length; ) {
    const dirent = at + head;
    const length = reply.readUInt32LE(dirent + 16);
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThanOrEqual(255);
    const end = dirent + 24 + length;
    const next = at + Math.ceil((head + 24 + length) / 8) * 8;
    expect(next).toBeLessThanOrEqual(reply.length);
    expect(reply.subarray(end, next).every((byte) => byte === 0)).toBe(true);
    records.push({
      name: reply.toString('latin1', dirent + 24, end),
      node: plus ? reply.readBigUInt64LE(at) : 0n,
      ino: reply.readBigUInt64LE(dirent),
      next: reply.readBigUInt64LE(dirent + 8),
      type: reply.readUInt32LE(dirent + 20),
    });
    at = next;
  }
  return records;
}

describe('directory records', () => {
  test('plain', () => {
    const { reply } = readdir(false, 4096, (_node, _handle, _offset, sink) => {
      sink.add('a', 2 ** 41, 8, 1);
      sink.add('\xff\n'.repeat(50), 7, 4, 2 ** 40);
    });
    expect(parse(reply, false)).toEqual([
      { name: 'a', node: 0n, ino: 2n ** 41n, next: 1n, type: 8 },
      { name: '\xff\n'.repeat(50), node: 0n, ino: 7n, next: 2n ** 40n, type: 4 },
    ]);
  });

  test('plus, with and without attributes', () => {
    const { reply } = readdir(true, 4096, (_node, _handle, _offset, sink) => {
      sink.addPlus('a', ENTRY, 5, 8, 1);
      sink.addPlus('b', { ...ENTRY, nodeId: 0 }, 6, 8, 2);
      sink.add('c', 7, 8, 3);
    });
    expect(parse(reply, true).map(({ name, node }) => [name, node])).toEqual([
      ['a', 77n],
      ['b', 0n],
      ['c', 0n],
    ]);
  });

  test('whatever names and limits: nothing is cut, and what did not fit was said so', () => {
    const name = fc.string({
      unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code === 47 ? 48 : code)),
      minLength: 1,
      maxLength: 255,
    });
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 40 }),
        fc.integer({ min: 0, max: 9000 }),
        fc.boolean(),
        (names, limit, plus) => {
          const taken: string[] = [];
          const { reply } = readdir(plus, limit, (_node, _handle, _offset, sink) => {
            for (const [index, each] of names.entries()) {
              const fits = plus ? sink.addPlus(each, ENTRY, 1, 8, index + 1) : sink.add(each, 1, 8, index + 1);
              if (!fits) return;
              taken.push(each);
            }
          });
          expect(reply.length - 16).toBeLessThanOrEqual(limit);
          expect(parse(reply, plus).map((record) => record.name)).toEqual(taken);
        },
      ),
      { numRuns: 2000 },
    );
  });

  const harmful: [string, string, number][] = [
    ['empty', '', 1],
    ['of 256 bytes', 'n'.repeat(256), 1],
    ['with a slash', 'a/b', 1],
    ['with a NUL', 'a\0b', 1],
    ['with a character that is no byte', 'a\u{100}', 1],
    ['with a cookie of 0', 'a', 0],
    ['with a senseless cookie', 'a', Number.NaN],
  ];
  test.each(harmful)('T23: a record %s makes the reply EIO, and forgets what it had counted', (_label, name, next) => {
    const { reply, calls, session } = readdir(true, 4096, (_node, _handle, _offset, sink) => {
      sink.addPlus('.', ENTRY, 5, 4, 1);
      sink.addPlus('good', { ...ENTRY, nodeId: 78 }, 5, 8, 2);
      sink.addPlus(name, ENTRY, 5, 8, next);
    });
    expect(errorOf(reply)).toBe(ERRNO.EIO);
    expect(reply.length).toBe(16);
    expect(session.defects).toBe(1);
    expect(calls.filter(([operation]) => operation === 'forget')).toEqual([['forget', 78, 1]]);
  });

  test('a plain read refuses records that count lookups', () => {
    const { reply } = readdir(false, 4096, (_node, _handle, _offset, sink) => {
      sink.addPlus('a', ENTRY, 5, 8, 1);
    });
    expect(errorOf(reply)).toBe(ERRNO.EIO);
  });
});
