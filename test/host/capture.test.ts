// What a host name holds, how sure a hint is, and when a base still holds.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { capture, hintOf, matchesBase, sameVersion } from '../../fs/host/capture.ts';
import { STATX, setxattr, writeI64 } from '../../fs/host/syscall.ts';
import type { Base, Version } from '../../fs/host/version.ts';
import { HostRoot } from '../../fs/host/walk.ts';
import { cidOf, cidOfText } from '../journal/commitFixture.ts';

let directory: string;
let root: HostRoot;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/capture-`);
  root = new HostRoot(directory);
});
afterEach(() => {
  root.close();
  rmSync(directory, { recursive: true });
});
const later = () => Date.now() + 60_000;

test('a file: content, mode, attributes, owner, links, hint', () => {
  writeFileSync(`${directory}/f`, 'content', { mode: 0o640 });
  linkSync(`${directory}/f`, `${directory}/g`);
  setxattr(`${directory}/f`, 'user.b', Buffer.from('2'));
  setxattr(`${directory}/f`, 'user.a', Buffer.from([0, 255]));
  const stat = statSync(`${directory}/f`, { bigint: true });
  const captured = capture(root.fd, 'f', { cidOf, nowMs: later() });
  expect(captured).toMatchObject({
    version: {
      type: 'file',
      cid: cidOfText('content'),
      sizeBytes: 7,
      mode: 0o640,
      xattrs: { 'user.a': '00ff', 'user.b': '32' },
    },
    hint: {
      ino: Number(stat.ino),
      sizeBytes: 7,
      mtimeNs: String(stat.mtimeNs),
      ctimeNs: String(stat.ctimeNs),
      reliable: true,
    },
    uid: process.getuid?.(),
    nlink: 2,
  });
});

test('security.* attributes are no part of a version', () => {
  writeFileSync(`${directory}/f`, '');
  setxattr(`${directory}/f`, 'security.agentsh', Buffer.from('x'));
  expect(capture(root.fd, 'f').version).not.toHaveProperty('xattrs');
});

test('every other kind, without opening any of them', async () => {
  mkdirSync(`${directory}/d`, { mode: 0o711 });
  symlinkSync('/etc/passwd\xff', `${directory}/l`);
  execFileSync('mkfifo', ['-m', '600', `${directory}/p`]);
  const server = createServer().listen(`${directory}/s`);
  await new Promise((resolve) => server.once('listening', resolve));
  execFileSync('mknod', [`${directory}/n`, 'c', '1', '3']);
  const kinds = ['d', 'l', 'p', 's', 'n', 'none'].map((name) => capture(root.fd, name, { cidOf }).version);
  server.close();
  expect(kinds.map((version) => version.type)).toEqual(['directory', 'symlink', 'fifo', 'socket', 'device', 'absent']);
  expect(kinds[0]).toEqual({ type: 'directory', mode: 0o711 });
  expect(kinds[1]).toEqual({ type: 'symlink', target: Buffer.from('/etc/passwd\xff', 'utf8').toString('latin1') });
});

test('a file that changes while it is read is read again; one that never rests is EAGAIN', () => {
  writeFileSync(`${directory}/f`, 'one');
  let reads = 0;
  const disturb = (times: number) => (fd: number) => {
    const cid = cidOf(fd);
    if (reads++ < times) {
      const other = openSync(`${directory}/f`, 'a');
      writeSync(other, '+');
      closeSync(other);
    }
    return cid;
  };
  expect(capture(root.fd, 'f', { cidOf: disturb(2) }).version).toMatchObject({ cid: cidOfText('one++') });
  expect(reads).toBe(3);
  expect(() => capture(root.fd, 'f', { cidOf: disturb(99) })).toThrow(expect.objectContaining({ name: 'EAGAIN' }));
});

test('the CID is computed only where the hint does not vouch, when asked so', () => {
  writeFileSync(`${directory}/f`, 'x');
  const cid = (nowMs: number) => {
    const { version } = capture(root.fd, 'f', { cidOf, onlyIfUnreliable: true, nowMs });
    return version.type === 'file' ? version.cid : undefined;
  };
  expect(cid(statSync(`${directory}/f`).ctimeMs)).toBe(cidOfText('x'));
  expect(cid(later())).toBe('');
});

test.each([
  ['19 ms after', 123_456_789, 1_000_142, false],
  ['21 ms after', 123_456_789, 1_000_145, true],
  ['before (a clock that went back)', 123_456_789, 999_000, false],
  ['1.9 s after, coarse times', 0, 1_001_900, false],
  ['2.1 s after, coarse times', 0, 1_002_100, true],
])('a hint recorded %s the change: %s ns, at %s ms, reliable %s', (_what, nsec, nowMs, reliable) => {
  const buffer = Buffer.alloc(STATX.size_);
  writeI64(buffer, 1000, STATX.ctime);
  buffer.writeUInt32LE(nsec, STATX.ctime + 8);
  expect(hintOf(buffer, nowMs).reliable).toBe(reliable);
});

test('times before 1970 and beyond 2^53 nanoseconds are exact', () => {
  const buffer = Buffer.alloc(STATX.size_);
  writeI64(buffer, -2, STATX.mtime);
  buffer.writeUInt32LE(500_000_000, STATX.mtime + 8);
  writeI64(buffer, 32_503_680_000, STATX.ctime);
  buffer.writeUInt32LE(1, STATX.ctime + 8);
  expect(hintOf(buffer, 0)).toMatchObject({ mtimeNs: '-1500000000', ctimeNs: '32503680000000000001' });
});

const baseOf = (name: string, cid = true): Base => {
  const { version, hint } = capture(root.fd, name, { ...(cid ? { cidOf } : {}), nowMs: later() });
  return hint === undefined ? { version } : { version, hint };
};
const match = (base: Base, options = {}) => matchesBase(base, root.fd, 'f', cidOf, options);

test('a base holds by its content, whatever its hint says (replaced by the same bytes), and not by its hint', () => {
  writeFileSync(`${directory}/f`, 'aaaa');
  utimesSync(`${directory}/f`, 5, 5);
  const base = baseOf('f');
  writeFileSync(`${directory}/g`, 'aaaa');
  renameSync(`${directory}/g`, `${directory}/f`);
  expect(match(base)).toBe('same');
  writeFileSync(`${directory}/f`, 'bbbb');
  utimesSync(`${directory}/f`, 5, 5);
  expect(match(base)).toBe('differs');
});

test('without content the hint decides: equal and reliable, equal but young, moved on', () => {
  writeFileSync(`${directory}/f`, 'aaaa');
  const base = baseOf('f', false);
  const young = { ...base, hint: { ...(base.hint as NonNullable<Base['hint']>), reliable: false } };
  expect([match(base), match(young), match({ version: base.version })]).toEqual(['same', 'unknown', 'unknown']);
  renameSync(`${directory}/f`, `${directory}/g`);
  renameSync(`${directory}/g`, `${directory}/f`);
  utimesSync(`${directory}/f`, 5, 5);
  expect(match(base)).toBe('differs');
});

test('a trusted hint saves reading, and only a reliable one is trusted', () => {
  writeFileSync(`${directory}/f`, 'aaaa');
  const base = baseOf('f');
  let reads = 0;
  const counting = (fd: number) => {
    reads++;
    return cidOf(fd);
  };
  expect(matchesBase(base, root.fd, 'f', counting, { trustHint: true })).toBe('same');
  expect(reads).toBe(0);
  const young = { ...base, hint: { ...(base.hint as NonNullable<Base['hint']>), reliable: false } };
  expect(matchesBase(young, root.fd, 'f', counting, { trustHint: true })).toBe('same');
  expect(reads).toBe(1);
});

test('mode, attributes, type, link text and absence all count', () => {
  const file: Version = { type: 'file', cid: 'c', sizeBytes: 1, mode: 0o644 };
  const versions: readonly Version[] = [
    file,
    { ...file, mode: 0o600 },
    { ...file, cid: 'd' },
    { ...file, sizeBytes: 2 },
    { ...file, xattrs: { 'user.a': '00' } },
    { ...file, xattrs: { 'user.a': '01' } },
    { type: 'absent' },
    { type: 'directory', mode: 0o644 },
    { type: 'symlink', target: 'a' },
    { type: 'symlink', target: 'b' },
    { type: 'fifo', mode: 0o644 },
    { type: 'socket', mode: 0o644 },
  ];
  versions.forEach((a, i) => {
    versions.forEach((b, j) => {
      expect(sameVersion(a, b), `${i} ${j}`).toBe(i === j);
    });
  });
  expect(sameVersion({ ...file, xattrs: {} }, file)).toBe(true);
});
