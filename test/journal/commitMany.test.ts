// Many files in one commit: written ahead of their turn, flushed together, and still all or nothing.
import { expect, test } from 'vitest';
import { commit, recover } from '../../fs/journal/commit.ts';
import { Bench, Crash, text } from './commitFixture.ts';

const COUNT = 12;
const names = Array.from({ length: COUNT }, (_, index) => `f${String(index).padStart(2, '0')}`);

function build() {
  const bench = new Bench({ parent: '/dev/shm' });
  names.forEach((name, index) => {
    if (index % 2 === 0) bench.write(name, `${name} before`);
  });
  const late = bench.mkdir('late');
  const inLate = bench.file('x', 'in late', { base: { version: { type: 'absent' } }, mode: 0o644 });
  const plan = bench.plan(...names.map((name) => bench.file(name, `${name} after`, { mode: 0o644 })), late, {
    ...inLate,
    path: bench.path('late/x'),
  });
  return { bench, plan };
}

test('all of them land, and the first is looked at only when all are on the disk', () => {
  const { bench, plan } = build();
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'done' });
  expect(Object.keys(bench.tree())).toEqual([...names, 'late', 'late/x']);
  for (const name of names) expect(text(bench.path(name))).toBe(`${name} after`);
  const points = bench.points.map((each) => each.point);
  expect(points.lastIndexOf('partial-written')).toBeLessThan(
    points.indexOf('landed', points.indexOf('partial-written')),
  );
});

test('crash at every fault point: recovery lands all of them, twice the same', () => {
  const whole = build();
  const before = whole.bench.tree();
  commit(whole.plan, whole.bench.ports());
  const after = whole.bench.tree();
  for (let at = 1; at <= whole.bench.points.length; at++) {
    const { bench, plan } = build();
    bench.onFault = (point, _path, count) => {
      if (count === at) throw new Crash(point);
    };
    expect(() => commit(plan, bench.ports())).toThrow();
    bench.onFault = () => {};
    const [intent] = bench.intents;
    if (intent === undefined) {
      expect(bench.tree()).toEqual(before);
      continue;
    }
    for (const again of [1, 2]) {
      expect(recover(intent, bench.ports())).toMatchObject({ status: 'done' });
      expect(bench.tree(), `crash ${at}, recovery ${again}`).toEqual(after);
    }
  }
});

test('the host changes one of them at any moment: it keeps what it wrote, the rest is all before or all after', () => {
  const whole = build();
  const before = whole.bench.tree();
  commit(whole.plan, whole.bench.ports());
  const after = whole.bench.tree();
  for (let at = 1; at <= whole.bench.points.length; at++) {
    const { bench, plan } = build();
    const victim = names[at % COUNT] as string;
    bench.onFault = (_point, _path, count) => {
      if (count === at) bench.write(victim, 'the host wrote this');
    };
    const outcome = commit(plan, bench.ports());
    const { [victim]: entry, ...rest } = bench.tree();
    const expected = { ...(outcome.status === 'done' ? after : before) };
    delete expected[victim];
    expect(rest, `${victim} at ${at}`).toEqual(expected);
    expect(entry, `${victim} at ${at}`).toBeDefined();
    expect(text(bench.path(victim)), `${victim} at ${at}`).toBe('the host wrote this');
  }
});

test('sealed bytes of a later file that are not as approved stop all of it before anything is touched', () => {
  const { bench, plan } = build();
  const before = bench.tree();
  const steps = plan.steps.map((step, index) =>
    index === 9 && step.op === 'file' ? { ...step, sealed: bench.seal('tampered') } : step,
  );
  expect(commit({ ...plan, steps }, bench.ports())).toMatchObject({
    status: 'conflict',
    conflicts: [{ path: plan.steps[9]?.path, reason: 'EIO' }],
  });
  expect(bench.tree()).toEqual(before);
  expect(
    bench.points.some((each) => each.point === 'landed' && names.some((name) => each.path === bench.path(name))),
  ).toBe(false);
});
