// Requests recorded from a real mount: each reaches its operation with the right arguments and gets a sound reply.
import { expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { OPCODE, type OpcodeName } from '../../fs/fuse/abi.ts';
import { errorOf, fixture, spy } from './spyOperations.ts';

/** Operation called, and the reply's payload in bytes (`error` instead: a positive number; null: no reply). */
const EXPECTED: Partial<
  Record<OpcodeName, { call: string | null; bytes?: number | 'any'; error?: number; silent?: true }>
> = {
  LOOKUP: { call: 'lookup', bytes: 128 },
  FORGET: { call: 'forget', silent: true },
  BATCH_FORGET: { call: 'forget', silent: true },
  INTERRUPT: { call: null, silent: true },
  GETATTR: { call: 'getattr', bytes: 104 },
  SETATTR: { call: 'setattr', bytes: 104 },
  STATX: { call: 'getattr', bytes: 288 },
  READLINK: { call: 'readlink', bytes: 9 },
  SYMLINK: { call: 'symlink', bytes: 128 },
  MKNOD: { call: 'mknod', bytes: 128 },
  MKDIR: { call: 'mkdir', bytes: 128 },
  UNLINK: { call: 'unlink', bytes: 0 },
  RMDIR: { call: 'rmdir', bytes: 0 },
  RENAME2: { call: 'rename', bytes: 0 },
  LINK: { call: 'link', bytes: 128 },
  OPEN: { call: 'open', bytes: 16 },
  READ: { call: 'read', bytes: 'any' },
  WRITE: { call: 'write', bytes: 8 },
  STATFS: { call: 'statfs', bytes: 80 },
  RELEASE: { call: 'release', bytes: 0 },
  FSYNC: { call: 'fsync', bytes: 0 },
  SETXATTR: { call: 'setxattr', bytes: 0 },
  GETXATTR: { call: 'getxattr', bytes: 'any' },
  LISTXATTR: { call: 'listxattr', bytes: 'any' },
  REMOVEXATTR: { call: 'removexattr', bytes: 0 },
  FLUSH: { call: 'flush', bytes: 0 },
  OPENDIR: { call: 'opendir', bytes: 16 },
  READDIR: { call: 'readdir', bytes: 'any' },
  READDIRPLUS: { call: 'readdir', bytes: 'any' },
  RELEASEDIR: { call: 'releasedir', bytes: 0 },
  FSYNCDIR: { call: 'fsyncdir', bytes: 0 },
  CREATE: { call: 'create', bytes: 144 },
  TMPFILE: { call: 'tmpfile', bytes: 144 },
  IOCTL: { call: null, error: ERRNO.ENOTTY },
  POLL: { call: 'poll', bytes: 8 },
  FALLOCATE: { call: 'fallocate', bytes: 0 },
  LSEEK: { call: 'lseek', bytes: 8 },
  COPY_FILE_RANGE_64: { call: 'copyFileRange', bytes: 8 },
};

const recorded = fixture('requests.hex');

test.each(recorded.map(({ name, bytes }, index) => ({ name: name as OpcodeName, bytes, index })))(
  '$name ($index)',
  ({ name, bytes }) => {
    const expected = EXPECTED[name]!;
    expect(bytes.readUInt32LE(4)).toBe(OPCODE[name]);
    const { session, calls, sent, logged } = spy();
    session.handle(bytes, bytes.length);
    expect(logged).toEqual([]);
    if (expected.call === null) expect(calls).toEqual([]);
    else expect(calls[0]![0]).toBe(expected.call);
    if (expected.silent) return expect(sent).toEqual([]);
    const reply = sent[0]!;
    expect(sent.length).toBe(1);
    expect(reply.readUInt32LE(0)).toBe(reply.length);
    expect(reply.readBigUInt64LE(8)).toBe(bytes.readBigUInt64LE(8));
    expect(errorOf(reply)).toBe(expected.error ?? 0);
    if (typeof expected.bytes === 'number') expect(reply.length).toBe(16 + expected.bytes);
  },
);

test('every operation that a tree needs was recorded', () => {
  expect(new Set(recorded.map(({ name }) => name))).toEqual(new Set(Object.keys(EXPECTED)));
});
