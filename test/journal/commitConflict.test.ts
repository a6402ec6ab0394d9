// The host changes while, or before, a commit runs: never overwritten, and nothing of the rest is left half done.
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commit } from '../../fs/journal/commit.ts';
import { Bench, cidOfText, text, tree } from './commitFixture.ts';
import { scenario } from './commitScenario.ts';

/** Paths of the scenario's plan whose host content someone may change, and how the host's tools do it. */
const EDITS = {
  'replaced by rename': (path: string) => {
    writeFileSync(`${path}.editor`, 'the host wrote this');
    renameSync(`${path}.editor`, path);
  },
  removed: (path: string) => rmSync(path, { recursive: true, force: true }),
  'written in place': (path: string) => writeFileSync(path, 'the host wrote this'),
} as const;
const PATHS = ['d/deep/modified', 'd/removed', 'gone/child', 'source', 'target', 'dressed', 'kind', 'new/sub/file'];

function reachable(root: string, path: string): boolean {
  const parent = `${root}/${path}`.slice(0, `${root}/${path}`.lastIndexOf('/'));
  return readableAsDirectory(parent);
}

for (const [how, edit] of Object.entries(EDITS))
  test(`a host file ${how} at every fault point is never overwritten`, () => {
    const whole = scenario({ parent: '/dev/shm' });
    const before = whole.bench.tree();
    commit(whole.plan, whole.bench.ports());
    const after = whole.bench.tree();
    const count = whole.bench.points.length;
    for (let at = 1; at <= count; at += 2) {
      const relative = PATHS[(at >> 1) % PATHS.length] as string;
      const { bench, plan } = scenario({ parent: '/dev/shm' });
      const path = bench.path(relative);
      let edited = false;
      bench.onFault = (_point, _path, reached) => {
        if (reached !== at || !reachable(bench.root, relative)) return;
        // A directory has taken the name by then: nothing to write into.
        if (how !== 'removed' && readableAsDirectory(path)) return;
        edit(path);
        edited = true;
      };
      const outcome = commit(plan, bench.ports());
      const label = `${relative} ${how} at ${at} (${bench.points[at - 1]?.point} ${bench.points[at - 1]?.path})`;
      if (!edited) continue;
      const now = bench.tree();
      if (how !== 'removed' && isStillThere(now, relative, after))
        expect(text(path), label).toBe('the host wrote this');
      // Everything else is as before, or as after: never a mixture.
      const without = (all: Record<string, string>) =>
        Object.fromEntries(
          Object.entries(all).filter(([name]) => name !== relative && !name.startsWith(`${relative}/`)),
        );
      const kept = readdirSync(bench.preimages).map((name) => `${bench.preimages}/${name}`);
      if (outcome.status === 'done') expect(withoutKept(without(now)), label).toEqual(withoutKept(without(after)));
      else expect(withoutNew(without(now)), label).toEqual(withoutNew(without(before)));
      expect(
        Object.keys(now).filter((name) => name.includes('.agentsh-tmp')),
        label,
      ).toEqual([]);
      if (how === 'replaced by rename' && !hasHostText(bench, kept))
        throw new Error(`the host's text is lost: ${label}`);
    }
  });

for (const [how, edit] of Object.entries(EDITS).filter(([name]) => name !== 'removed'))
  test(`the very file that a step is at, ${how}: what the host wrote stays`, () => {
    const whole = scenario({ parent: '/dev/shm' });
    commit(whole.plan, whole.bench.ports());
    for (const [index, { point, path }] of whole.bench.points.entries()) {
      const relative = path.slice(whole.bench.root.length + 1);
      // Written in place, a file with several links has a moment in which nobody can tell.
      if (path === '' || (relative === 'linked' && point === 'writing-in-place')) continue;
      // Writing to a link writes elsewhere.
      if (relative === 'new/link' && how === 'written in place') continue;
      const { bench, plan } = scenario({ parent: '/dev/shm' });
      let edited = false;
      bench.onFault = (_point, _path, count) => {
        if (count !== index + 1 || !reachable(bench.root, relative) || readableAsDirectory(bench.path(relative)))
          return;
        edit(bench.path(relative));
        edited = true;
      };
      commit(plan, bench.ports());
      // In its place, or where the directory that is taken back carries it.
      const found = Object.values(bench.tree()).map((entry) => entry.split(' ').at(-1));
      if (edited)
        expect(found, `${relative} ${how} at ${index + 1} (${point})`).toContain(cidOfText('the host wrote this'));
    }
  });

/** Directories of the plan that keep what the host put into them stay behind; they are reported. */
const withoutNew = (all: Record<string, string>) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'new' && name !== 'new/sub'));

/** A directory that was to go stays, when the host put something into it meanwhile. */
const withoutKept = (all: Record<string, string>) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'gone'));

const isStillThere = (now: Record<string, string>, relative: string, after: Record<string, string>) =>
  now[relative] !== undefined && after[relative] !== undefined ? now[relative] !== after[relative] : false;

function readableAsDirectory(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
}

function hasHostText(bench: Bench, kept: readonly string[]): boolean {
  const all = { ...tree(bench.root), ...tree(bench.preimages) };
  return kept.length >= 0 && Object.values(all).some((entry) => entry.includes(' 19 '));
}

test('the host changed since the base: conflict before anything is touched, the tree is the same byte for byte', () => {
  const bench = new Bench();
  bench.write('a', 'one');
  bench.write('b', 'two');
  const plan = bench.plan(bench.file('a', 'agent'), bench.file('b', 'agent'));
  bench.write('b', 'the host');
  const before = bench.tree();
  expect(commit(plan, bench.ports())).toEqual({
    status: 'conflict',
    conflicts: [{ path: bench.path('b'), reason: 'changed on the host since' }],
  });
  expect(bench.tree()).toEqual(before);
  expect(bench.intents).toEqual([]);
  expect(bench.outcomes).toEqual([]);
});

test('T37: same size and same mtime, other content', () => {
  const bench = new Bench();
  bench.write('a', 'aaaa');
  utimesSync(bench.path('a'), 1000, 1000);
  const plan = bench.plan(bench.file('a', 'agent'));
  bench.write('a', 'bbbb');
  utimesSync(bench.path('a'), 1000, 1000);
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict' });
  expect(text(bench.path('a'))).toBe('bbbb');
});

test('a base whose content was never read conflicts on any difference of its hint', () => {
  const bench = new Bench();
  bench.write('a', 'aaaa');
  utimesSync(bench.path('a'), 1000, 1000);
  const base = bench.base('a');
  const unread = {
    version: { ...base.version, cid: '' } as typeof base.version,
    hint: { ...(base.hint as NonNullable<typeof base.hint>), reliable: true },
  };
  const plan = bench.plan(bench.file('a', 'agent', { base: unread }));
  bench.write('a', 'bbbb');
  utimesSync(bench.path('a'), 1000, 1000);
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict' });
  expect(text(bench.path('a'))).toBe('bbbb');
});

test('every kind of conflict is found and named', () => {
  const bench = new Bench();
  for (const name of ['changed', 'removed', 'linked', 'moved']) bench.write(name, name);
  mkdirSync(bench.path('dir'));
  bench.write('dir/x', 'x');
  const plan = bench.plan(
    bench.file('changed', 'agent'),
    bench.file('removed', 'agent'),
    bench.file('created', 'agent'),
    bench.file('linked', 'agent'),
    bench.file('dir/x', 'agent'),
    bench.rename('moved', 'there'),
    bench.mkdir('made'),
  );
  bench.write('changed', 'host');
  rmSync(bench.path('removed'));
  bench.write('created', 'host');
  rmSync(bench.path('linked'));
  symlinkSync('/etc/passwd', bench.path('linked'));
  rmSync(bench.path('dir'), { recursive: true });
  symlinkSync('/etc', bench.path('dir'));
  bench.write('there', 'host');
  bench.write('made', 'host');
  const outcome = commit(plan, bench.ports());
  const names =
    outcome.status === 'conflict' ? outcome.conflicts.map((each) => each.path.slice(bench.root.length + 1)) : [];
  expect(names).toEqual(['changed', 'removed', 'created', 'linked', 'dir/x', 'there', 'made']);
});
