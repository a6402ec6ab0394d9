// A process that is killed (SIGKILL) in the middle of a commit, and another that recovers: all before, or all after.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { commit, recover } from '../../fs/journal/commit.ts';
import type { CommitPlan } from '../../fs/journal/model.ts';
import { cidOfFile } from '../../fs/store/cid.ts';
import { Bench } from './commitFixture.ts';
import { withRealCids } from './realCids.ts';

const CHILD = fileURLToPath(new URL('../../dist/test/journal/crashChild.js', import.meta.url));
const ABSENT = { version: { type: 'absent' } } as const;

function build() {
  const bench = new Bench();
  for (const name of ['a', 'b']) bench.write(name, `${name} before`);
  const steps = [
    bench.file('a', 'a after'),
    bench.remove('b'),
    bench.mkdir('d'),
    bench.file('d/c', 'c after', { base: ABSENT, mode: 0o644 }),
  ];
  return { bench, plan: bench.plan(...withRealCids(steps)) };
}

test('SIGKILL at every fourth fault point', () => {
  const whole = build();
  const before = whole.bench.tree();
  const ports = { ...whole.bench.ports(), cidOf: cidOfFile };
  expect(commit(whole.plan, ports)).toMatchObject({ status: 'done' });
  const after = whole.bench.tree();
  const count = whole.bench.points.length;
  for (let at = 1; at <= count; at += 4) {
    const { bench, plan } = build();
    const [planPath, intentPath] = [`${bench.directory}/plan.json`, `${bench.directory}/intent.json`];
    writeFileSync(planPath, JSON.stringify(plan));
    const child = spawnSync(process.execPath, [CHILD, planPath, bench.preimages, intentPath, String(at)], {
      encoding: 'utf8',
    });
    expect(child.signal, child.stderr).toBe('SIGKILL');
    if (!existsSync(intentPath)) {
      expect(bench.tree()).toEqual(before);
      continue;
    }
    const intent = JSON.parse(readFileSync(intentPath, 'utf8')) as CommitPlan;
    expect(recover(intent, { ...bench.ports(), cidOf: cidOfFile })).toMatchObject({ status: 'done' });
    expect(bench.tree(), `killed at ${at}`).toEqual(after);
    const kept = readdirSync(bench.preimages);
    recover(intent, { ...bench.ports(), cidOf: cidOfFile });
    expect(bench.tree()).toEqual(after);
    expect(readdirSync(bench.preimages)).toEqual(kept);
  }
});
