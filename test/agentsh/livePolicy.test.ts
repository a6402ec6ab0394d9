// A policy that comes while a sandbox runs: what the sandbox mounted stays, what is hidden is gone, work goes on.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Home, makeHome, removeHome, run, until } from '../daemon/harness.ts';

const program = fileURLToPath(new URL('../../dist/agentsh/main.js', import.meta.url));
const TIMEOUT_MS = 60_000;
let home: Home;
let session: ChildProcess | undefined;
let output = '';

beforeEach(() => {
  home = makeHome();
  mkdirSync(path.join(home.workspace, 'open'));
  writeFileSync(path.join(home.workspace, 'a.key'), 'secret\n');
  writeFileSync(path.join(home.workspace, 'open/b.txt'), 'b\n');
});
afterEach(async () => {
  session?.kill('SIGKILL');
  spawnSync(process.execPath, [program, 'shutdown', '--force'], { env: environment(), timeout: TIMEOUT_MS });
  await removeHome(home);
});

const environment = () => ({
  ...home.environment,
  SHELL: '/bin/bash',
  AGENTSH_TEST_RUN: process.env.AGENTSH_TEST_RUN,
});

/** Starts a shell text that prints `ready`, then waits for a line. */
async function start(text: string): Promise<void> {
  output = '';
  session = spawn(process.execPath, [program, '-c', text], { cwd: home.workspace, env: environment() });
  session.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString();
  });
  session.stderr?.on('data', () => {});
  expect(await until(() => output.includes('ready'))).toBe(true);
}

test(
  'hidden names are gone; /proc, /dev, the working directory and work so far stay',
  async () => {
    const text = [
      'exec 3< a.key; echo work > open/new; cd open; cat /proc/self/comm > /dev/null; echo ready; read line',
      'cat <&3 2>&1; cat ../a.key 2>&1; ls ..',
      'cat /proc/self/comm; test -c /dev/null && test -d /proc/self/fd && echo mounted; pwd; cat new b.txt; echo more > newer && cat newer',
    ].join('\n');
    await start(text);
    const file = path.join(home.places.operator, 'policy');
    const policy = path.join(home.directory, 'policy.toml');
    writeFileSync(policy, (await run('cat', file)).output.replace('hide = []', 'hide = ["*.key"]'));
    expect(await run('sh', '-c', 'cat "$0" > "$1"', policy, file)).toMatchObject({ status: 0 });
    session?.stdin?.end('\n');
    expect(await until(() => session?.exitCode !== null)).toBe(true);
    expect(output.split('\n').slice(1)).toEqual([
      'cat: -: Stale file handle',
      'cat: ../a.key: No such file or directory',
      'open',
      'cat',
      'mounted',
      `${home.workspace}/open`,
      'work',
      'b',
      'more',
      '',
    ]);
    expect(readFileSync(path.join(home.workspace, 'a.key'), 'utf8')).toBe('secret\n');
  },
  TIMEOUT_MS,
);
