// A store that cannot be opened: a clear word, an exit code, nothing that hangs; and it works again once it is whole.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recoveryLines } from '../../fs/daemon/recoveryLines.ts';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { type Home, makeHome, removeHome } from './harness.ts';

const program = fileURLToPath(new URL('../../dist/agentsh/main.js', import.meta.url));
let home: Home;
beforeEach(() => {
  home = makeHome();
  writeFileSync(path.join(home.workspace, 'a.txt'), 'a\n');
});
afterEach(async () => {
  agentsh('shutdown', '--force');
  await removeHome(home);
});

function agentsh(...words: string[]) {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, [program, ...words], {
    cwd: home.workspace,
    encoding: 'utf8',
    timeout: 20_000,
    input: '',
    env: { ...home.environment, SHELL: '/bin/bash', AGENTSH_TEST_RUN: process.env.AGENTSH_TEST_RUN },
  });
  return { status, stdout, stderr, signal };
}

/** The one agent's directory. */
function store(): string {
  const agents = path.join(home.places.home, 'agents');
  const [hash] = readdirSync(agents);
  return path.join(agents, hash!, 'shell');
}

test('a file where a directory of the store must be: exit 1, the reason, no mount; whole again, it goes on', () => {
  expect(agentsh('-c', 'echo work > new').status).toBe(0);
  agentsh('shutdown', '--force');
  const staging = path.join(store(), 'staging');
  renameSync(staging, `${staging}.away`);
  writeFileSync(staging, 'no directory');
  const failed = agentsh('-c', 'echo more > other');
  expect(failed.signal).toBeNull();
  expect(failed.status).toBe(1);
  expect(failed.stderr).toMatch(/staging|EEXIST|ENOTDIR/);
  expect(failed.stderr).not.toMatch(/\n\s+at /);
  expect(agentshMounts(home.directory).filter(({ mountpoint }) => mountpoint.includes('/mnt/'))).toEqual([]);
  expect(agentsh('status').status).toBe(0);
  rmSync(staging);
  renameSync(`${staging}.away`, staging);
  expect(agentsh('-c', 'cat new')).toMatchObject({ status: 0, stdout: 'work\n' });
});

test('another agent works while one cannot be opened', () => {
  expect(agentsh('-c', 'echo work > new').status).toBe(0);
  agentsh('shutdown', '--force');
  const staging = path.join(store(), 'staging');
  renameSync(staging, `${staging}.away`);
  writeFileSync(staging, 'no directory');
  expect(agentsh('-c', 'true').status).toBe(1);
  expect(agentsh('-n', 'other', '-c', 'echo fine').stdout).toBe('fine\n');
  expect(agentsh('pending').status).toBe(0);
});

/** What the kernel wrote into its log. */
const log = () => readFileSync(home.places.log, 'utf8');

test('an index that is gone is made anew from the journal, and the log says so', () => {
  expect(agentsh('-c', 'echo work > new').status).toBe(0);
  agentsh('shutdown', '--force');
  rmSync(path.join(store(), 'ledger/index'), { recursive: true });
  expect(agentsh('-c', 'cat new')).toMatchObject({ status: 0, stdout: 'work\n' });
  expect(log()).toMatch(/:shell: the ledger: the index was made anew from the journal \(\d+ records/);
});

test('what opening a ledger mended is told in a line each, and an orderly end in none', () => {
  const report = { ending: 'crash', cutBytes: 11, rebuilt: false, replayed: 3, auditRestored: 2 } as const;
  expect(recoveryLines(report)).toEqual([
    '11 bytes at the end of the journal were no whole record and were cut off',
    '2 audit lines were written again from the journal',
  ]);
  expect(recoveryLines({ ...report, ending: 'clean', cutBytes: 0, auditRestored: 0 })).toEqual([]);
});

test('a flipped byte in the middle of the journal, with no index: refused, never guessed', () => {
  expect(agentsh('-c', 'echo work > new').status).toBe(0);
  agentsh('shutdown', '--force');
  const ledger = path.join(store(), 'ledger');
  const segment = path.join(ledger, readdirSync(ledger).find((name) => name.endsWith('.seg'))!);
  const bytes = readFileSync(segment);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x40;
  writeFileSync(segment, bytes);
  rmSync(path.join(ledger, 'index'), { recursive: true });
  const failed = agentsh('-c', 'cat new');
  expect(failed).toMatchObject({ status: 1, signal: null });
  expect(failed.stderr).toMatch(/^agentsh: .*journal/);
  expect(failed.stderr).not.toMatch(/\n\s+at /);
  expect(agentsh('-n', 'other', '-c', 'echo fine').stdout).toBe('fine\n');
});
