// An ordinary user's commits: no privilege is needed, and none is assumed about files of other people.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Step } from '../../fs/journal/model.ts';
import { Bench, text } from './commitFixture.ts';
import { withRealCids } from './realCids.ts';

const CHILD = fileURLToPath(new URL('../../dist/test/journal/crashChild.js', import.meta.url));
const NOBODY = 65534;
/** The owner that a plan keeps, and that `nobody` cannot give a file to. */
const ROOT = 0;

function bench(): Bench {
  const made = new Bench();
  for (const directory of [made.directory, made.root, made.preimages]) chownSync(directory, NOBODY, NOBODY);
  return made;
}

/** Commits as `nobody` in a process of its own; what it answered. */
function commitAsNobody(made: Bench, owner: number, ...steps: Step[]): { status: string; errno?: number } {
  const mine = withRealCids(steps).map((step) => ('uid' in step ? { ...step, uid: owner, gid: owner } : step));
  const planPath = `${made.directory}/plan.json`;
  writeFileSync(planPath, JSON.stringify(made.plan(...mine)));
  for (const step of mine) if (step.op === 'file') chmodSync(step.sealed, 0o444);
  const child = spawnSync(
    'setpriv',
    [
      `--reuid=${NOBODY}`,
      `--regid=${NOBODY}`,
      '--clear-groups',
      process.execPath,
      CHILD,
      planPath,
      made.preimages,
      `${made.directory}/intent.json`,
      '0',
    ],
    { encoding: 'utf8', timeout: 20_000 },
  );
  expect(child.status, child.stderr).toBe(0);
  return JSON.parse(child.stdout) as { status: string; errno?: number };
}

test('own files are created, changed and removed', () => {
  const made = bench();
  for (const name of ['a', 'b']) {
    made.write(name, 'before');
    chownSync(made.path(name), NOBODY, NOBODY);
  }
  const outcome = commitAsNobody(
    made,
    NOBODY,
    made.mkdir('d'),
    made.file('d/new', 'new', { base: { version: { type: 'absent' } }, mode: 0o644 }),
    made.file('a', 'after'),
    made.remove('b'),
  );
  expect(outcome).toMatchObject({ status: 'done' });
  expect(Object.keys(made.tree())).toEqual(['a', 'd', 'd/new']);
  expect(statSync(made.path('a'))).toMatchObject({ uid: NOBODY, gid: NOBODY });
});

test("another's file that may be written keeps its owner and inode: it is written in place", () => {
  const made = bench();
  made.write('a', 'before', 0o644);
  chmodSync(made.path('a'), 0o666);
  const { ino } = statSync(made.path('a'));
  const step = made.file('a', 'after');
  expect(commitAsNobody(made, ROOT, step)).toMatchObject({ status: 'done' });
  expect(text(made.path('a'))).toBe('after');
  expect(statSync(made.path('a'))).toMatchObject({ ino, uid: 0, gid: 0, mode: 0o100666 });
});

test("another's file that may not be written is refused, and stays", () => {
  const made = bench();
  made.write('a', 'before', 0o644);
  expect(commitAsNobody(made, ROOT, made.file('a', 'after'))).toMatchObject({ status: 'conflict', errno: 13 });
  expect(text(made.path('a'))).toBe('before');
  expect(Object.keys(made.tree())).toEqual(['a']);
});

test('a file in a directory that takes no new names is written in place', () => {
  const made = bench();
  mkdirSync(made.path('d'));
  made.write('d/a', 'before');
  for (const name of ['d', 'd/a']) chownSync(made.path(name), NOBODY, NOBODY);
  const { ino } = statSync(made.path('d/a'));
  chmodSync(made.path('d'), 0o555);
  expect(commitAsNobody(made, NOBODY, made.file('d/a', 'after'))).toMatchObject({ status: 'done' });
  expect([text(made.path('d/a')), statSync(made.path('d/a')).ino]).toEqual(['after', ino]);
});
