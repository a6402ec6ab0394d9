// Directories swapped for symlinks at every position and every moment of a commit: nothing outside is ever reached (T03, T38).
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commit } from '../../fs/journal/commit.ts';
import { Bench, tree } from './commitFixture.ts';

const ABSENT = { version: { type: 'absent' } } as const;

function build() {
  const bench = new Bench({ parent: '/dev/shm' });
  mkdirSync(bench.path('one/two/three'), { recursive: true });
  for (const name of ['modified', 'removed', 'renamed']) bench.write(`one/two/three/${name}`, `${name} before`);
  const canary = `${bench.directory}/canary`;
  mkdirSync(`${canary}/two/three`, { recursive: true });
  for (const directory of ['', '/two', '/two/three'])
    for (const name of ['modified', 'removed', 'renamed', 'canary'])
      writeFileSync(`${canary}${directory}/${name}`, `${name} before`);
  const plan = bench.plan(
    bench.file('one/two/three/modified', 'agent'),
    bench.file('one/two/three/created', 'agent', { base: ABSENT }),
    bench.mkdir('one/two/three/made'),
    bench.remove('one/two/three/removed'),
    bench.rename('one/two/three/renamed', 'one/two/three/target'),
  );
  return { bench, canary, plan };
}

for (const [component, outside] of [
  ['one', ''],
  ['one/two', '/two'],
  ['one/two/three', '/two/three'],
] as const)
  test(`${component} becomes a symlink to a canary at every fault point`, () => {
    const whole = build();
    commit(whole.plan, whole.bench.ports());
    const count = whole.bench.points.length;
    expect(count).toBeGreaterThan(25);
    for (let at = 1; at <= count; at++) {
      const { bench, canary, plan } = build();
      const before = tree(canary);
      const inside = tree(bench.path(component));
      bench.onFault = (_point, _path, reached) => {
        if (reached !== at) return;
        renameSync(bench.path(component), `${bench.directory}/aside`);
        symlinkSync(canary + outside, bench.path(component));
      };
      const outcome = commit(plan, bench.ports());
      const label = `at ${at} (${bench.points[at - 1]?.point})`;
      expect(tree(canary), label).toEqual(before);
      // Until the last step has begun, the swap is seen and said.
      if (bench.points.slice(0, at).filter((each) => each.point === 'stepped').length < 4)
        expect(outcome, label).toMatchObject({ status: 'conflict' });
      expect(Object.keys(tree(`${bench.directory}/aside`)).length, label).toBeGreaterThanOrEqual(
        Object.keys(inside).length - 1,
      );
    }
  });

test.each([
  ['a file is replaced', 0, 'armed'],
  ['a file is created', 1, 'armed'],
  ['a file is removed', 3, 'landed'],
  ['a file is renamed', 4, 'landed'],
] as const)('the directory moves away just as %s: taken back in the directory that moved', (_what, index, moment) => {
  const { bench, plan } = build();
  const before = tree(bench.path('one/two/three'));
  bench.onFault = (point) => {
    if (point !== moment) return;
    bench.onFault = () => {};
    renameSync(bench.path('one/two/three'), `${bench.directory}/aside`);
    mkdirSync(bench.path('one/two/three'));
  };
  const outcome = commit({ ...plan, steps: plan.steps.slice(index, index + 1) }, bench.ports());
  expect(outcome).toMatchObject({ status: 'conflict', conflicts: [{ reason: 'its directory moved on the host' }] });
  expect(tree(`${bench.directory}/aside`)).toEqual(before);
  expect(tree(bench.path('one/two/three'))).toEqual({});
});

test('the last component becomes a symlink to a canary file: the link is the conflict, the canary stays', () => {
  const whole = build();
  commit(whole.plan, whole.bench.ports());
  for (let at = 1; at <= whole.bench.points.length; at++) {
    const { bench, canary, plan } = build();
    const before = tree(canary);
    bench.onFault = (_point, _path, reached) => {
      const path = bench.path('one/two/three/modified');
      if (reached !== at || !existsSync(path)) return;
      symlinkSync(`${canary}/canary`, `${path}.new`);
      renameSync(`${path}.new`, path);
    };
    commit(plan, bench.ports());
    expect(tree(canary)).toEqual(before);
    expect(bench.tree()['one/two/three/modified']).toMatch(/^120777 /);
  }
});

test('a root that is a symlink, or reached through one, is refused', () => {
  const { bench, plan, canary } = build();
  symlinkSync(canary, `${bench.directory}/link`);
  for (const root of [`${bench.directory}/link`, `${bench.directory}/link/two`]) {
    const steps = plan.steps
      .slice(0, 1)
      .map((step) => ({ ...step, path: step.path.replace(`${bench.root}/one`, root) }));
    expect(commit({ ...plan, roots: [root], steps }, bench.ports())).toMatchObject({ status: 'conflict' });
  }
});
