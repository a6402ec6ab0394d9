// Renames that depend on each other, and names that are taken anew after a rename.
import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commit, recover } from '../../fs/journal/commit.ts';
import { orderRenames } from '../../fs/journal/stepOrder.ts';
import { Bench, Crash, text } from './commitFixture.ts';

function directories(...names: string[]): Bench {
  const bench = new Bench({ parent: '/dev/shm' });
  for (const name of names) {
    mkdirSync(bench.path(name), { recursive: true });
    bench.write(`${name}/in`, name);
  }
  return bench;
}

const files = (bench: Bench) =>
  Object.fromEntries(
    Object.entries(bench.tree())
      .filter(([, entry]) => entry.startsWith('100'))
      .map(([name]) => [name, text(bench.path(name))]),
  );

const CASES: Record<string, () => { bench: Bench; plan: ReturnType<Bench['plan']>; after: Record<string, string> }> = {
  'a chain, the taken name listed first': () => {
    const bench = directories('a', 'b');
    const plan = bench.plan(bench.rename('a', 'b'), bench.rename('b', 'c'));
    return { bench, plan, after: { 'b/in': 'a', 'c/in': 'b' } };
  },
  'out of a directory that moves itself': () => {
    const bench = directories('a', 'a/x');
    const plan = bench.plan(bench.rename('a', 'b'), bench.rename('a/x', 'c'));
    return { bench, plan, after: { 'b/in': 'a', 'c/in': 'a/x' } };
  },
  'into a directory that moves itself': () => {
    const bench = directories('a', 'q');
    const absent = { version: { type: 'absent' } } as const;
    const plan = bench.plan(bench.rename('q', 'b/y', absent), bench.rename('a', 'b'));
    return { bench, plan, after: { 'b/in': 'a', 'b/y/in': 'q' } };
  },
  'a new directory where the old one was': () => {
    const bench = directories('a');
    const step = bench.file('a/in', 'new', { base: { version: { type: 'absent' } }, mode: 0o644 });
    const plan = bench.plan(bench.rename('a', 'b'), bench.remove('a'), bench.mkdir('a'), step);
    return { bench, plan, after: { 'a/in': 'new', 'b/in': 'a' } };
  },
  'a new file where the old one was': () => {
    const bench = new Bench({ parent: '/dev/shm' });
    bench.write('a', 'old');
    const plan = bench.plan(bench.rename('a', 'b'), bench.file('a', 'new'));
    return { bench, plan, after: { a: 'new', b: 'old' } };
  },
};

for (const [name, build] of Object.entries(CASES)) {
  test(name, () => {
    const { bench, plan, after } = build();
    expect(commit(plan, bench.ports())).toMatchObject({ status: 'done' });
    expect(files(bench)).toEqual(after);
  });

  test(`${name}: crash at every fault point`, () => {
    const whole = build();
    commit(whole.plan, whole.bench.ports());
    const end = whole.bench.tree();
    for (let at = 1; at <= whole.bench.points.length; at++) {
      const { bench, plan } = build();
      bench.onFault = (point, _path, count) => {
        if (count === at) throw new Crash(point);
      };
      expect(() => commit(plan, bench.ports())).toThrow();
      bench.onFault = () => {};
      const [intent] = bench.intents;
      if (intent === undefined) continue;
      for (const again of [1, 2]) {
        expect(recover(intent, bench.ports()), `crash ${at}, recovery ${again}`).toMatchObject({ status: 'done' });
        expect(bench.tree(), `crash ${at}, recovery ${again}`).toEqual(end);
      }
    }
  });
}

test('renames in a circle are a conflict, and nothing moves', () => {
  const bench = directories('a', 'b');
  const before = bench.tree();
  const plan = bench.plan(bench.rename('a', 'b'), bench.rename('b', 'a'));
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict' });
  expect(bench.tree()).toEqual(before);
});

test('steps that are no renames keep their places', () => {
  const bench = directories('a', 'b');
  const [one, two, three] = [bench.rename('a', 'b'), bench.mkdir('m'), bench.rename('b', 'c')];
  expect(orderRenames([one, two, three])).toEqual([three, two, one]);
});

test('without flushes the same commit lands', () => {
  const { bench, plan, after } = (
    CASES['a new file where the old one was'] as () => ReturnType<(typeof CASES)[string]>
  )();
  expect(commit(plan, { ...bench.ports(), durable: false })).toMatchObject({ status: 'done' });
  expect(files(bench)).toEqual(after);
});
