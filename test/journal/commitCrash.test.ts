// A crash at any point of a commit of many files: after recovery all of it is there, or none (T39).
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { commit, recover } from '../../fs/journal/commit.ts';
import { Crash } from './commitFixture.ts';
import { type Scenario, scenario } from './commitScenario.ts';

const elsewhere: string[] = [];
afterEach(() => {
  for (const directory of elsewhere.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** Pre-images beside the workspace (a rename), or on another file system (a copy). */
const PLACES = {
  // Every point on memory, every third where each flush waits for a disk.
  'the same file system': () => ({ parent: '/dev/shm' }),
  'another file system': () => {
    const directory = mkdtempSync(`${tmpdir()}/preimages-`);
    elsewhere.push(directory);
    return { parent: '/dev/shm', preimages: directory };
  },
};

function crashAt(one: Scenario, at: number, run: () => unknown): boolean {
  const start = one.bench.points.length;
  one.bench.onFault = (point, _path, count) => {
    if (count - start === at) throw new Crash(point);
  };
  try {
    run();
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(Crash);
    return true;
  } finally {
    one.bench.onFault = () => {};
  }
}

for (const [place, options] of Object.entries(PLACES)) {
  test(`crash at fault points, then recovery: all or nothing, pre-images on ${place}`, () => {
    const whole = scenario(options());
    const before = whole.bench.tree();
    expect(commit(whole.plan, whole.bench.ports())).toMatchObject({ status: 'done' });
    const after = whole.bench.tree();
    expect(after).not.toEqual(before);
    const count = whole.bench.points.length;
    expect(count).toBeGreaterThan(60);
    for (let at = 1; at <= count; at += place === 'another file system' ? 3 : 1) {
      const one = scenario(options());
      expect(crashAt(one, at, () => commit(one.plan, one.bench.ports()))).toBe(true);
      const [intent] = one.bench.intents;
      const point = one.bench.points.at(-1)?.point;
      if (intent === undefined) {
        expect(one.bench.tree(), `crash ${at} at ${point}`).toEqual(before);
        continue;
      }
      expect(recover(intent, one.bench.ports()), `crash ${at} at ${point}`).toMatchObject({ status: 'done' });
      expect(one.bench.tree(), `crash ${at} at ${point}`).toEqual(after);
      const kept = readdirSync(one.bench.preimages).sort();
      expect(recover(intent, one.bench.ports())).toMatchObject({ status: 'done' });
      expect(one.bench.tree(), `second recovery, crash ${at} at ${point}`).toEqual(after);
      expect(readdirSync(one.bench.preimages).sort()).toEqual(kept);
    }
  });
}

test('crash in the recovery from a crash', () => {
  const whole = scenario({ parent: '/dev/shm' });
  const before = whole.bench.tree();
  commit(whole.plan, whole.bench.ports());
  const after = whole.bench.tree();
  const count = whole.bench.points.length;
  for (let at = 18; at <= count; at += 3) {
    const one = scenario({ parent: '/dev/shm' });
    crashAt(one, at, () => commit(one.plan, one.bench.ports()));
    const intent = one.bench.intents[0];
    if (intent === undefined) {
      expect(one.bench.tree()).toEqual(before);
      continue;
    }
    for (let again = 2; crashAt(one, again, () => recover(intent, one.bench.ports())); again += 7);
    expect(one.bench.tree(), `crash ${at}`).toEqual(after);
  }
});

test('crash while a conflicting commit is taken back: recovery ends with all or nothing', () => {
  const probe = conflicting();
  const before = probe.one.bench.tree();
  probe.run();
  const taken = probe.one.bench.tree();
  const count = probe.one.bench.points.length;
  const first = probe.one.bench.points.findIndex((each) => each.point === 'undo');
  expect(first).toBeGreaterThan(0);
  for (let at = first; at <= count; at++) {
    const { one, run, armed } = conflicting();
    one.bench.onFault = (point, path, reached) => {
      armed(point, path);
      if (reached === at) throw new Crash(point);
    };
    expect(run).toThrow();
    one.bench.onFault = () => {};
    const [intent] = one.bench.intents;
    if (intent === undefined) throw new Error('no intent');
    expect(recover(intent, one.bench.ports()), `crash ${at}`).toMatchObject({ status: 'conflict' });
    expect(one.bench.tree(), `crash ${at}`).toEqual(taken);
  }
  expect(Object.keys(taken)).toEqual([...Object.keys(before), 'kind/host'].sort());
});

/** The host replaces `kind` by a directory of its own just before the last steps. */
function conflicting() {
  const one = scenario({ parent: '/dev/shm' });
  const armed = (point: string, path: string) => {
    if (
      point !== 'step' ||
      path !== one.bench.path('kind') ||
      one.bench.points.filter((p) => p.path === path && p.point === 'step').length > 1
    )
      return;
    rmSync(one.bench.path('kind'));
    mkdirSync(one.bench.path('kind'));
    one.bench.write('kind/host', 'the host wrote this');
  };
  one.bench.onFault = armed;
  return { one, armed, run: () => commit(one.plan, one.bench.ports()) };
}
