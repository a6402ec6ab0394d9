// How long it takes until a shell text has run: a plain shell, a bare bubblewrap, and agentsh with its kernel running
// and from nothing. One after the other in each round, so that a noisy machine is noisy for all.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sample } from './main.ts';

const ROUNDS = 20;
const BWRAP =
  '--unshare-all --die-with-parent --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp -- /bin/bash -c true'.split(' ');

interface System {
  readonly system: string;
  readonly workload: string;
  prepare?(): void;
  run(): void;
}

export async function startBenchmark(): Promise<readonly Sample[]> {
  const directory = mkdtempSync(join(tmpdir(), 'agentsh-bench-'));
  const workspace = join(directory, 'workspace');
  mkdirSync(workspace);
  const main = fileURLToPath(new URL('../../agentsh/main.js', import.meta.url));
  const env = { ...process.env, AGENTSH_HOME: join(directory, 'home') };
  mkdirSync(env.AGENTSH_HOME, { mode: 0o700 });
  const call = (program: string, words: readonly string[]) => {
    const { status, error, stderr } = spawnSync(program, words, { cwd: workspace, env, encoding: 'utf8' });
    if (status !== 0)
      throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? `exit ${status}: ${stderr}`}`);
  };
  const agentsh = (...words: string[]) => call(process.execPath, [main, ...words]);
  const shutdown = () => void spawnSync(process.execPath, [main, 'shutdown', '--force'], { cwd: workspace, env });
  const systems: readonly System[] = [
    { system: 'bash', workload: 'bash -c true', run: () => call('/bin/bash', ['-c', 'true']) },
    { system: 'bubblewrap alone', workload: 'bash -c true', run: () => call('bwrap', BWRAP) },
    {
      system: 'agentsh, from nothing',
      workload: 'agentsh -c true',
      prepare: shutdown,
      run: () => agentsh('-c', 'true'),
    },
    { system: 'agentsh, kernel running', workload: 'agentsh -c true', run: () => agentsh('-c', 'true') },
  ];
  const times = systems.map((): number[] => []);
  try {
    for (let round = 0; round < ROUNDS; round++)
      for (const [index, each] of systems.entries()) {
        each.prepare?.();
        const from = performance.now();
        each.run();
        times[index]?.push(performance.now() - from);
      }
  } finally {
    shutdown();
    rmSync(directory, { recursive: true, force: true });
  }
  return systems.map(({ system, workload }, index) => ({ system, workload, ms: times[index] ?? [] }));
}
