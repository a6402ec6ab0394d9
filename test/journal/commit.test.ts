// What a commit does to the host when nothing gets in its way.
import { chmodSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commit } from '../../fs/journal/commit.ts';
import type { CommitOutcome, Landed } from '../../fs/journal/model.ts';
import { Bench, cidOfText, text } from './commitFixture.ts';

function landed(outcome: CommitOutcome): readonly Landed[] {
  expect(outcome).toMatchObject({ status: 'done' });
  return outcome.status === 'done' ? outcome.landed : [];
}

test('a modified file is replaced, with the mode of the plan and the time of the agent', () => {
  const bench = new Bench();
  bench.write('a', 'old', 0o640);
  const [entry] = landed(commit(bench.plan(bench.file('a', 'new bytes')), bench.ports()));
  expect(text(bench.path('a'))).toBe('new bytes');
  expect(statSync(bench.path('a')).mode & 0o7777).toBe(0o640);
  expect(statSync(bench.path('a'), { bigint: true }).mtimeNs).toBe(1700000000123456789n);
  expect(entry).toMatchObject({
    path: bench.path('a'),
    version: { type: 'file', cid: cidOfText('new bytes'), mode: 0o640 },
  });
  expect(entry?.hint?.ino).toBe(statSync(bench.path('a')).ino);
  expect(readdirSync(bench.root)).toEqual(['a']);
});

test('what was replaced is kept as the pre-image', () => {
  const bench = new Bench();
  bench.write('a', 'old');
  const plan = bench.plan(bench.file('a', 'new'));
  commit(plan, bench.ports());
  expect(text(`${bench.preimages}/${plan.id}-0`)).toBe('old');
});

test('the intent is recorded before anything changes, and the end after everything did', () => {
  const bench = new Bench();
  bench.write('a', 'old');
  const seen: string[] = [];
  const ports = bench.ports();
  commit(bench.plan(bench.file('a', 'new')), {
    ...ports,
    intent: () => void seen.push(`intent ${text(bench.path('a'))} ${readdirSync(bench.root)}`),
    finished: () => void seen.push(`finished ${text(bench.path('a'))} ${readdirSync(bench.root)}`),
  });
  expect(seen).toEqual(['intent old a', 'finished new a']);
});

test('a new tree lands with its parents, links, pipes and files', () => {
  const bench = new Bench();
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const absent = { version: { type: 'absent' } } as const;
  const outcome = commit(
    bench.plan(
      bench.mkdir('d', 0o750),
      bench.mkdir('d/e'),
      bench.file('d/e/f', 'deep', { base: absent, mode: 0o600 }),
      { op: 'symlink', path: bench.path('d/l'), base: absent, target: '../somewhere', ...owner },
      { op: 'mknod', path: bench.path('d/p'), mode: 0o010622, ...owner },
    ),
    bench.ports(),
  );
  expect(landed(outcome).map((entry) => entry.version.type)).toEqual([
    'directory',
    'directory',
    'file',
    'symlink',
    'fifo',
  ]);
  const tree = bench.tree();
  expect(tree).toMatchObject({
    d: expect.stringMatching(/^40750 /),
    'd/e/f': expect.stringMatching(/^100600 /),
    'd/l': expect.stringMatching(/^120777 .* \.\.\/somewhere$/),
    'd/p': expect.stringMatching(/^10622 /),
  });
  expect(Object.keys(tree)).toHaveLength(5);
});

test('deletes take children first, then the directory', () => {
  const bench = new Bench();
  mkdirSync(bench.path('d'));
  bench.write('d/a', '1');
  bench.write('d/b', '2');
  const plan = bench.plan(bench.remove('d/a'), bench.remove('d/b'), bench.remove('d'));
  expect(landed(commit(plan, bench.ports())).map((entry) => entry.version.type)).toEqual([
    'absent',
    'absent',
    'absent',
  ]);
  expect(bench.tree()).toEqual({});
  expect(readdirSync(bench.preimages).sort()).toEqual([0, 1, 2].map((n) => `${plan.id}-${n}`));
});

test('a directory that still holds something stays, and the leftovers are counted', () => {
  const bench = new Bench();
  mkdirSync(bench.path('d'));
  bench.write('d/a', '1');
  bench.write('d/hidden', '2');
  bench.write('d/secret', '3');
  const outcome = commit(bench.plan(bench.remove('d/a'), bench.remove('d')), bench.ports());
  expect(landed(outcome)[1]).toMatchObject({ path: bench.path('d'), version: { type: 'directory' }, leftovers: 2 });
  expect(Object.keys(bench.tree())).toEqual(['d', 'd/hidden', 'd/secret']);
});

test('a directory is renamed with what nobody saw in it, and a file in it is changed on the way', () => {
  const bench = new Bench();
  mkdirSync(bench.path('a'));
  bench.write('a/x', 'old');
  bench.write('a/hidden', 'kept');
  const step = bench.file('a/x', 'new');
  const plan = bench.plan(bench.rename('a', 'b'), { ...step, path: bench.path('b/x') });
  landed(commit(plan, bench.ports()));
  expect(Object.keys(bench.tree())).toEqual(['b', 'b/hidden', 'b/x']);
  expect(text(bench.path('b/x'))).toBe('new');
});

test('a rename onto a file keeps what it displaced', () => {
  const bench = new Bench();
  bench.write('a', 'moved');
  bench.write('b', 'displaced');
  const plan = bench.plan(bench.rename('a', 'b'));
  landed(commit(plan, bench.ports()));
  expect(Object.keys(bench.tree())).toEqual(['b']);
  expect(text(bench.path('b'))).toBe('moved');
  expect(text(`${bench.preimages}/${plan.id}-0`)).toBe('displaced');
});

test('a file becomes a directory, a directory a file, a link a file', () => {
  const bench = new Bench();
  bench.write('f', 'file');
  mkdirSync(bench.path('d'));
  symlinkSync('f', bench.path('l'));
  const absent = { version: { type: 'absent' } } as const;
  const plan = bench.plan(
    bench.remove('f'),
    bench.mkdir('f'),
    bench.file('f/x', 'below', { base: absent }),
    bench.remove('d'),
    bench.file('d', 'was a directory', { base: absent }),
    bench.file('l', 'was a link', { mode: 0o644 }),
  );
  landed(commit(plan, bench.ports()));
  expect(text(bench.path('f/x'))).toBe('below');
  expect(text(bench.path('d'))).toBe('was a directory');
  expect(lstatSync(bench.path('l')).isFile()).toBe(true);
});

test('mode alone changes in place, on the same inode', () => {
  const bench = new Bench();
  bench.write('a', 'x', 0o644);
  const { ino } = statSync(bench.path('a'));
  const base = bench.base('a');
  const result = { ...base.version, mode: 0o755 } as typeof base.version;
  landed(commit(bench.plan({ op: 'attributes', path: bench.path('a'), base, result }), bench.ports()));
  expect(statSync(bench.path('a'))).toMatchObject({ ino, mode: 0o100755 });
});

test('a result that is on the host already is no conflict, and its step is not in the intent', () => {
  const bench = new Bench();
  bench.write('a', 'old');
  bench.write('b', 'old');
  const plan = bench.plan(bench.file('a', 'same'), bench.file('b', 'new'), bench.mkdir('d'));
  bench.write('a', 'same');
  mkdirSync(bench.path('d'));
  landed(commit(plan, bench.ports()));
  expect(bench.intents[0]?.steps.map((step) => step.path)).toEqual([bench.path('b')]);
});

test('set-id bits never land, on files that had them neither', () => {
  const bench = new Bench();
  bench.write('a', 'old');
  chmodSync(bench.path('a'), 0o6755);
  landed(commit(bench.plan(bench.file('a', 'new'), bench.file('b', 'b', { mode: 0o6755 })), bench.ports()));
  expect(statSync(bench.path('a')).mode & 0o7777).toBe(0o755);
  expect(statSync(bench.path('b')).mode & 0o7777).toBe(0o755);
});

test('names of arbitrary bytes land as they are', () => {
  const bench = new Bench();
  const names = ['new\nline', 'esc\x1b[31m', 'bad\xff\xfe', ' ', '-rf', 'quote"\\'];
  landed(commit(bench.plan(...names.map((name) => bench.file(name, name, { mode: 0o644 }))), bench.ports()));
  expect(Object.keys(bench.tree()).sort()).toEqual([...names].sort());
});

test('a plan outside its roots, with dots, or with a reserved name is refused whole', () => {
  const bench = new Bench();
  const absent = { version: { type: 'absent' } } as const;
  const good = bench.file('good', 'x');
  for (const name of ['../out', 'd/../../out', './x', 'a//b']) {
    const step = { ...bench.file('z', 'x', { base: absent }), path: `${bench.root}/${name}` };
    expect(commit(bench.plan(good, step), bench.ports())).toMatchObject({ status: 'conflict' });
  }
  expect(() => commit(bench.plan(good, bench.file('.agentsh-tmp-x', 'x')), bench.ports())).toThrow(RangeError);
  expect(() => commit({ ...bench.plan(good), id: '../../x' }, bench.ports())).toThrow(RangeError);
  expect(bench.tree()).toEqual({});
  expect(bench.intents).toEqual([]);
});
