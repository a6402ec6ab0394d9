// EIO is counted by its cause and told in the log; what has an error number of its own keeps it, an exception of Node's too.
import { expect, test } from 'vitest';
import { Damage, ERRNO, errno } from '../../fs/errno.ts';
import { IoErrors } from '../../fs/fuse/ioErrors.ts';
import { Session } from '../../fs/fuse/session.ts';
import type { Operations } from '../../fs/operations.ts';

const GETATTR = 3;

function answerTo(thrown: unknown): { answer: number; counts: Record<string, number>; lines: string[] } {
  const lines: string[] = [];
  const errors = new IoErrors((line) => lines.push(line));
  let answer = 0;
  const operations = {
    getattr: () => {
      throw thrown;
    },
  } as unknown as Operations;
  const send = (buffer: Buffer, length: number) => {
    answer = -buffer.readInt32LE(4);
    return length;
  };
  const log = (line: string) => lines.push(line);
  const session = new Session({ operations, idShift: 0, send, log, ioErrors: errors, passthrough: false });
  const request = Buffer.alloc(56);
  request.writeUInt32LE(56, 0);
  request.writeUInt32LE(GETATTR, 4);
  request.writeUInt32LE(9, 8);
  request.writeUInt32LE(7, 16);
  session.handle(request, request.length);
  return { answer, counts: Object.fromEntries(Object.entries(errors.counts).filter(([, count]) => count > 0)), lines };
}

const systemError = (code: string, number: number) => Object.assign(new Error(`${code}: x`), { code, errno: -number });

test.each([
  ['content', new Damage('content', 'the blob of inode 5 is gone')],
  ['row', new Damage('row', 'inode 5: 1 bytes that are no inode')],
  ['journal', new Damage('journal', 'the journal could not be flushed')],
  ['device', errno(ERRNO.EIO)],
  ['invariant', new TypeError('undefined is not a function')],
  ['invariant', systemError('ENOENT', 2)],
])('EIO of the cause %s', (cause, thrown) => {
  const { answer, counts, lines } = answerTo(thrown);
  expect([answer, counts]).toEqual([ERRNO.EIO, { [cause]: 1 }]);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(new RegExp(`^EIO 1 \\(${cause}\\): GETATTR: `));
  if (thrown instanceof Damage) expect(lines[0]).toContain(`node 7: ${thrown.detail}`);
});

test.each([
  ['EMFILE', 24],
  ['ENFILE', 23],
  ['ENOSPC', 28],
  ['EDQUOT', 122],
  ['ENOMEM', 12],
])('an exception of %s is that error, and no EIO', (code, number) => {
  expect(answerTo(systemError(code, number))).toEqual({ answer: number, counts: {}, lines: [] });
  expect(answerTo(errno(number))).toEqual({ answer: number, counts: {}, lines: [] });
});
