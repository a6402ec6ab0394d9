// A damaged store answers EIO, which `stats` counts by cause, in the agent's mount and the operator's, and the log tells;
// an agent that meets no damage counts none.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadIdentity } from '../../fs/audit/identity.ts';
import { Ledger } from '../../fs/journal/ledger.ts';
import { encodeDirent } from '../../fs/overlay/records.ts';
import { type Home, makeHome, removeHome } from './harness.ts';

const TIMEOUT_MS = 120_000;
const program = fileURLToPath(new URL('../../dist/agentsh/main.js', import.meta.url));
let home: Home;
beforeEach(() => {
  home = makeHome();
  writeFileSync(path.join(home.workspace, 'a'), 'host\n');
});
afterEach(async () => {
  agentsh('shutdown', '--force');
  await removeHome(home);
});

function agentsh(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    cwd: home.workspace,
    encoding: 'utf8',
    timeout: 60_000,
    input: '',
    env: { ...home.environment, SHELL: '/bin/bash', AGENTSH_TEST_RUN: process.env.AGENTSH_TEST_RUN },
  });
  return { status, stdout, stderr };
}

/** The one agent's directory. */
function store(): string {
  const agents = path.join(home.places.home, 'agents');
  const [hash] = readdirSync(agents);
  return path.join(agents, hash!, 'shell');
}

/** Runs a command in a sandbox; gives what it said and the counts of EIO there are afterwards, without those that are 0. */
function inside(command: string): { text: string; counts: Record<string, number> } {
  const { stdout, stderr } = agentsh('-c', `${command}; echo ----; cat /.kernel/stats`);
  const [said = '', stats = ''] = stdout.split('----\n');
  return { text: said + stderr, counts: countsIn(stats) };
}

function countsIn(stats: string): Record<string, number> {
  const lines = [...stats.matchAll(/^agentsh_io_errors_total\{.*cause="(\w+)"\} (\d+)$/gm)];
  expect(lines.length).toBeGreaterThanOrEqual(5);
  return Object.fromEntries(lines.flatMap(([, cause, count]) => (count === '0' ? [] : [[cause, Number(count)]])));
}

const log = () => readFileSync(home.places.log, 'utf8');

/** Changes rows of the agent's index while no kernel runs. */
function damage(body: (ledger: Ledger) => void): void {
  agentsh('shutdown', '--force');
  const signer = loadIdentity(home.places.keys, 'kernel');
  const ledger = Ledger.open({ directory: path.join(store(), 'ledger'), agent: 'shell', clock: Date.now, signer });
  body(ledger);
  ledger.close();
}

test(
  'a day without damage counts nothing; a staging file that is gone is content',
  () => {
    const day = 'echo new > b; cat a b; mkdir d; mv b d/c; ln d/c e; chmod 700 a; echo more >> a; rm e; cat nothing';
    expect(inside(day).counts).toEqual({});
    agentsh('shutdown', '--force');
    const staging = path.join(store(), 'staging');
    spawnSync('find', [staging, '-type', 'f', '-delete']);
    const { text, counts } = inside('cat d/c; ls >/dev/null');
    expect(text).toContain('Input/output error');
    expect(counts.content).toBeGreaterThan(0);
    expect(Object.keys(counts)).toEqual(['content']);
    expect(log()).toMatch(/:shell: EIO 1 \(content\): \w+: node \d+: the staging file of inode \d+ is gone/);
  },
  TIMEOUT_MS,
);

test(
  'a flipped byte in a blob is content, and the file can still be removed',
  () => {
    agentsh('-c', 'echo agent > a');
    writeFileSync(path.join(home.workspace, 'a'), 'changed on the host\n');
    expect(agentsh('approve', '--all', '--set', 'x').status).not.toBe(0);
    expect(agentsh('approve', path.join(home.workspace, 'a')).status).toBe(4);
    agentsh('shutdown', '--force');
    const found = spawnSync('find', [path.join(store(), 'blobs'), '-type', 'f'], { encoding: 'utf8' }).stdout.trim();
    expect(found).not.toBe('');
    for (const blob of found.split('\n')) {
      const bytes = readFileSync(blob);
      bytes[0]! ^= 1;
      spawnSync('chmod', ['600', blob]);
      writeFileSync(blob, bytes);
    }
    const { text, counts } = inside('cat a; rm a && echo gone');
    expect(text).toContain('Input/output error');
    expect(text).toContain('gone');
    expect(Object.keys(counts)).toEqual(['content']);
    expect(log()).toMatch(/EIO 1 \(content\): OPEN: node \d+: the blob \w+ of inode \d+ is not what its name says/);
  },
  TIMEOUT_MS,
);

test(
  'an entry that leads nowhere is a row; the operator sees each agent’s',
  () => {
    agentsh('-c', 'echo two > c');
    damage((ledger) =>
      ledger.transact((tx) => {
        const entries = [...ledger.range('dirents', Buffer.alloc(1), undefined)];
        const c = entries.find(({ key }) => key.toString('latin1', 8) === 'c')!;
        const lost = { whiteout: false, type: 8, ino: 2 ** 52 + 10 ** 6, base: undefined, changedAtMs: 0, removed: 0 };
        tx.put('dirents', c.key, encodeDirent(lost));
      }),
    );
    const { text, counts } = inside('cat c; cat a');
    expect(text.match(/Input\/output error/g)).toHaveLength(1);
    expect(text).toContain('host\n');
    expect(Object.keys(counts)).toEqual(['row']);
    expect(log()).toMatch(/EIO \d+ \(row\): LOOKUP: node \d+: an entry leads to inode \d+, which is not there/);
    const operator = agentsh('operator', '-c', 'cat /.kernel/stats').stdout;
    expect(operator).toMatch(/agentsh_io_errors_total\{agent=".*:shell",cause="row"\} [1-9]/);
  },
  TIMEOUT_MS,
);
