// A row of the index that is damaged is EIO with that cause, whatever its bytes are; never another file, never an exception.
import { expect, test } from 'vitest';
import { Damage } from '../../fs/errno.ts';
import { decodeDirent, decodeInode, encodeDirent, encodeInode, type InodeRecord } from '../../fs/overlay/records.ts';

const times = {
  atimeSec: 1,
  atimeNsec: 2,
  mtimeSec: 3,
  mtimeNsec: 4,
  ctimeSec: 5,
  ctimeNsec: 6,
  btimeSec: 7,
  btimeNsec: 8,
};
const owner = { uid: 0, gid: 0, nlink: 1, rdev: 0 };
const record: InodeRecord = {
  ...times,
  ...owner,
  ino: 5,
  mode: 0o100644,
  content: 1,
  stagingId: 0,
  lower: '/a/b',
  target: '',
};
const version = { type: 'symlink', target: 'x' } as const;
const entry = { whiteout: false, type: 8, ino: 5, base: { version }, changedAtMs: 1, removed: 0 };

const causeOf = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    return error instanceof Damage ? error.cause : `${error}`;
  }
  return 'none';
};

test('rows that are whole are read as they were written', () => {
  expect(decodeInode(5, encodeInode(record))).toEqual(record);
  expect(decodeDirent(encodeDirent(entry))).toEqual(entry);
});

test('a row cut anywhere before its end, or of no known kind', () => {
  const inode = encodeInode(record);
  for (let length = 0; length < inode.length; length++)
    expect([length, causeOf(() => decodeInode(5, inode.subarray(0, length)))]).toEqual([length, 'row']);
  const dirent = encodeDirent(entry);
  for (let length = 0; length < dirent.length; length++)
    if (length !== 32)
      expect([length, causeOf(() => decodeDirent(dirent.subarray(0, length)))]).toEqual([length, 'row']);
  expect(causeOf(() => decodeInode(5, encodeInode({ ...record, mode: 0o030644 })))).toBe('row');
  inode[20] = 9;
  expect(causeOf(() => decodeInode(5, inode))).toBe('row');
  dirent[0] = 7;
  expect(causeOf(() => decodeDirent(dirent))).toBe('row');
});
