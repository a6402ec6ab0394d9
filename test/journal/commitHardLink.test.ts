// A file with several links is written in place: the other names follow, the pre-image is kept first (T07).
import { linkSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commit, recover } from '../../fs/journal/commit.ts';
import { Bench, Crash, text } from './commitFixture.ts';

function linked(before: string, after: string) {
  const bench = new Bench();
  bench.write('a', before, 0o640);
  linkSync(bench.path('a'), bench.path('b'));
  return { bench, plan: bench.plan(bench.file('a', after)) };
}

test('both names show the result, on the same inode, and the pre-image is kept', () => {
  const { bench, plan } = linked('before', 'after, longer');
  const { ino } = statSync(bench.path('a'));
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'done' });
  expect([text(bench.path('a')), text(bench.path('b'))]).toEqual(['after, longer', 'after, longer']);
  expect(statSync(bench.path('a'))).toMatchObject({ ino, nlink: 2, mode: 0o100640 });
  expect(text(`${bench.preimages}/${plan.id}-0`)).toBe('before');
});

test('until the commit the other name is unchanged', () => {
  const { bench, plan } = linked('before', 'after');
  const ports = bench.ports();
  commit(plan, { ...ports, intent: () => expect(text(bench.path('b'))).toBe('before') });
  expect(text(bench.path('b'))).toBe('after');
});

for (const [name, before, after] of [
  ['growing', 'b'.repeat(10_000), 'a'.repeat(50_000)],
  ['shrinking', 'b'.repeat(50_000), 'a'.repeat(10_000)],
] as const)
  test(`torn half way by a crash (${name}), recovery writes it whole`, () => {
    for (const done of [0, 4096, 8192]) {
      const { bench, plan } = linked(before, after);
      bench.onFault = (point) => {
        if (point === 'writing-in-place') throw new Crash(point);
      };
      expect(() => commit(plan, bench.ports())).toThrow();
      bench.onFault = () => {};
      writeFileSync(bench.path('a'), after.slice(0, done) + before.slice(done));
      const [intent] = bench.intents;
      if (intent === undefined) throw new Error('no intent');
      expect(recover(intent, bench.ports())).toMatchObject({ status: 'done' });
      expect(text(bench.path('b'))).toBe(after);
    }
  });

test('what the host wrote after a crash is not taken for our torn write', () => {
  const { bench, plan } = linked('before', 'after');
  bench.onFault = (point) => {
    if (point === 'writing-in-place') throw new Crash(point);
  };
  expect(() => commit(plan, bench.ports())).toThrow();
  bench.onFault = () => {};
  writeFileSync(bench.path('a'), 'the host');
  recover(bench.intents[0] as never, bench.ports());
  expect(text(bench.path('b'))).toBe('the host');
});

test('a later conflict puts the old bytes back, in place', () => {
  const { bench } = linked('before', 'after');
  bench.write('c', 'c');
  const plan = bench.plan(bench.file('a', 'after, longer'), bench.file('c', 'agent'));
  const { ino, mtimeMs } = statSync(bench.path('a'));
  bench.onFault = (point, path) => {
    if (point === 'step' && path === bench.path('c')) writeFileSync(path, 'host');
  };
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict' });
  expect([text(bench.path('a')), text(bench.path('b')), text(bench.path('c'))]).toEqual(['before', 'before', 'host']);
  expect(statSync(bench.path('a'))).toMatchObject({ ino, nlink: 2, mtimeMs });
});

test('a conflict on the linked file itself leaves what the host wrote', () => {
  const { bench, plan } = linked('before', 'after');
  bench.onFault = (point) => {
    if (point === 'preimage-copied') truncateSync(bench.path('b'), 1);
  };
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict' });
  expect(text(bench.path('a'))).toBe('b');
});
