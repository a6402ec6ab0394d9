// Ids are bound to everything a change is, and to nothing else.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { base32, changeDigest, setDigest, shortId } from '../../fs/journal/identifier.ts';
import type { Change, Version } from '../../fs/journal/model.ts';

const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 8,
});
const xattrs = fc.dictionary(bytes, fc.constantFrom('', '00', 'ff'), { maxKeys: 2 });
const mode = fc.integer({ min: 0, max: 0o7777 });
const version: fc.Arbitrary<Version> = fc.oneof(
  fc.constant<Version>({ type: 'absent' }),
  fc.record({ type: fc.constant('file' as const), cid: bytes, sizeBytes: fc.nat(3), mode, xattrs }),
  fc.record({ type: fc.constant('directory' as const), mode, xattrs }),
  fc.record({ type: fc.constant('symlink' as const), target: bytes }),
  fc.record({ type: fc.constantFrom('fifo' as const, 'socket' as const), mode }),
);
const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('create', 'modify', 'delete', 'rename', 'mode', 'xattr'),
  path: bytes,
  source: bytes,
  base: version.map((of) => ({ version: of })),
  result: version,
  count: fc.nat(9),
  protected: fc.boolean(),
  changedAtMs: fc.nat(),
});

const identity = (of: Change, workspace: string, agent: string) => {
  const plain = (each: Version) => {
    const sorted = 'xattrs' in each ? Object.entries(each.xattrs ?? {}).sort() : [];
    return JSON.stringify([{ ...each, xattrs: undefined }, sorted]);
  };
  return JSON.stringify([workspace, agent, of.kind, of.source, of.path, plain(of.base.version), plain(of.result)]);
};

test('two changes have one digest exactly when they are one change', () => {
  fc.assert(
    fc.property(change, change, bytes, bytes, bytes, bytes, (a, b, w1, g1, w2, g2) => {
      const same = identity(a, w1, g1) === identity(b, w2, g2);
      expect(changeDigest(a, w1, g1).equals(changeDigest(b, w2, g2))).toBe(same);
    }),
    { numRuns: 3000 },
  );
});

test('bytes cannot wander from one field to the next', () => {
  fc.assert(
    fc.property(change, bytes, bytes, fc.nat(8), (one, left, right, cut) => {
      const all = left + right;
      const other = [all.slice(0, cut), all.slice(cut)] as const;
      const same = other[0] === left;
      expect(changeDigest(one, left, right).equals(changeDigest(one, ...other))).toBe(same);
      const a = { ...one, source: left, path: right };
      const b = { ...one, source: other[0], path: other[1] };
      expect(changeDigest(a, '', '').equals(changeDigest(b, '', ''))).toBe(same);
    }),
  );
});

test('age, count and protection are no part of it; the order of attributes neither', () => {
  fc.assert(
    fc.property(change, fc.nat(), (one, changedAtMs) => {
      const other = { ...one, changedAtMs, count: one.count + 1, protected: !one.protected };
      expect(changeDigest(other, 'w', 'a').equals(changeDigest(one, 'w', 'a'))).toBe(true);
    }),
  );
  const file = (xattrs: Record<string, string>): Change => ({
    kind: 'create',
    path: '/f',
    base: { version: { type: 'absent' } },
    result: { type: 'file', cid: 'c', sizeBytes: 0, mode: 0, xattrs },
    count: 1,
    protected: false,
    changedAtMs: 0,
  });
  const [a, b] = [file({ 'user.a': '1', 'user.b': '2' }), file({ 'user.b': '2', 'user.a': '1' })];
  expect(changeDigest(a, '', '').equals(changeDigest(b, '', ''))).toBe(true);
});

test('an id is the prefix of its digest, longer where another digest holds the prefix', () => {
  const digest = Buffer.alloc(32, 0xa5);
  const full = base32(digest);
  const holders = new Map<string, Buffer>();
  const taken = (prefix: string) => holders.get(prefix);
  expect(shortId(digest, taken)).toBe(full.slice(0, 8));
  holders.set(full.slice(0, 8), Buffer.alloc(32, 1));
  holders.set(full.slice(0, 9), Buffer.alloc(32, 2));
  expect(shortId(digest, taken)).toBe(full.slice(0, 10));
  holders.set(full.slice(0, 10), digest);
  expect(shortId(digest, taken)).toBe(full.slice(0, 10));
  expect(shortId(digest, () => Buffer.alloc(32, 3))).toBe(full);
});

test('base32 as in RFC 4648, lower case, unpadded', () => {
  const vectors = {
    '': '',
    f: 'my',
    fo: 'mzxq',
    foo: 'mzxw6',
    foob: 'mzxw6yq',
    fooba: 'mzxw6ytb',
    foobar: 'mzxw6ytboi',
  };
  for (const [plain, coded] of Object.entries(vectors)) expect(base32(Buffer.from(plain))).toBe(coded);
});

test('a set is its ids in order', () => {
  expect(setDigest(['a', 'b'])).not.toBe(setDigest(['b', 'a']));
  expect(setDigest(['ab'])).not.toBe(setDigest(['a', 'b']));
  expect(setDigest([])).toMatch(/^[a-z2-7]{16}$/);
});
