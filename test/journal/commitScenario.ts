// One plan with every kind of step in it, for the tests that interrupt commits everywhere.
import { chmodSync, linkSync, mkdirSync } from 'node:fs';
import type { CommitPlan } from '../../fs/journal/model.ts';
import { Bench } from './commitFixture.ts';

const ABSENT = { version: { type: 'absent' } } as const;

export interface Scenario {
  readonly bench: Bench;
  readonly plan: CommitPlan;
}

/** A workspace as it was, and a plan that modifies, creates, removes, renames, links and dresses. */
export function scenario(options: { readonly parent?: string; readonly preimages?: string } = {}): Scenario {
  const bench = new Bench(options);
  for (const name of ['d', 'd/deep', 'gone', 'moved']) mkdirSync(bench.path(name));
  bench.write('d/deep/modified', 'modified before');
  bench.write('d/removed', 'removed before', 0o600);
  bench.write('gone/child', 'child before');
  bench.write('moved/inside', 'inside before');
  bench.write('source', 'source before');
  bench.write('target', 'target before');
  bench.write('linked', 'linked before '.repeat(2000));
  linkSync(bench.path('linked'), bench.path('other'));
  bench.write('dressed', 'dressed before');
  bench.write('kind', 'a file before');
  chmodSync(bench.path('d'), 0o750);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const dressed = bench.base('dressed');
  const inside = bench.file('moved/inside', 'inside after');
  const plan = bench.plan(
    bench.file('d/deep/modified', 'modified after'),
    bench.mkdir('new', 0o700),
    bench.mkdir('new/sub'),
    bench.file('new/sub/file', 'new after', { base: ABSENT }),
    { op: 'symlink', path: bench.path('new/link'), base: ABSENT, target: '/nowhere', ...owner },
    bench.remove('d/removed'),
    bench.remove('gone/child'),
    bench.remove('gone'),
    bench.rename('moved', 'd/moved'),
    { ...inside, path: bench.path('d/moved/inside') },
    bench.rename('source', 'target'),
    bench.file('linked', 'linked after '.repeat(3000)),
    {
      op: 'attributes',
      path: bench.path('dressed'),
      base: dressed,
      result: { ...dressed.version, mode: 0o755 } as typeof dressed.version,
    },
    bench.remove('kind'),
    bench.mkdir('kind'),
    bench.file('kind/x', 'kind after', { base: ABSENT }),
  );
  return { bench, plan };
}
