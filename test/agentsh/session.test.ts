// A session from the command line, with the real kernel, sandbox and mount: what is written waits, lands, or is refused.
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../agentsh/exitCodes.ts';
import { TEST_USER } from '../setup.ts';

const TIMEOUT_MS = 60_000;
const program = fileURLToPath(new URL('../../dist/agentsh/main.js', import.meta.url));
const isRoot = process.getuid?.() === 0;

describe.each(isRoot ? ['root', 'user'] : ['user'])('started by %s', (starter) => {
  const become =
    isRoot && starter === 'user'
      ? ['setpriv', `--reuid=${TEST_USER}`, `--regid=${TEST_USER}`, '--init-groups', '--']
      : [];
  let base: string;
  let workspace: string;

  beforeAll(() => {
    base = mkdtempSync(path.join(tmpdir(), 'agentsh-session-'));
    workspace = path.join(base, 'work space');
    mkdirSync(path.join(workspace, 'src'), { recursive: true });
    mkdirSync(path.join(base, 'home'));
    writeFileSync(path.join(workspace, 'a.txt'), 'one\ntwo\n');
    writeFileSync(path.join(workspace, 'src/b.txt'), 'b\n');
    if (become.length === 0) return;
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(spawnSync('id', [flag, TEST_USER], { encoding: 'utf8' }).stdout),
    );
    for (const name of ['', 'home', 'work space', 'work space/src', 'work space/a.txt', 'work space/src/b.txt']) {
      chownSync(path.join(base, name), uid ?? 0, gid ?? 0);
    }
  });
  afterAll(() => {
    agentsh('shutdown', '--force');
    rmSync(base, { recursive: true, force: true });
  });

  function agentsh(...words: string[]) {
    const [file = '', ...rest] = [...become, process.execPath, program, ...words];
    const { status, stdout, stderr } = spawnSync(file, rest, {
      cwd: workspace,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      input: '',
      env: {
        PATH: process.env.PATH,
        HOME: path.join(base, 'home'),
        SHELL: '/bin/bash',
        AGENTSH_HOME: path.join(base, 'store'),
        AGENTSH_TEST_RUN: process.env.AGENTSH_TEST_RUN,
      },
    });
    return { status, stdout, stderr };
  }
  const onHost = (name: string) => readFileSync(path.join(workspace, name), 'utf8');

  test(
    'the exit status is the command’s, and a wrong command’s is the shell’s',
    () => {
      expect(agentsh('-c', 'exit 7').status).toBe(7);
      expect(agentsh('-c', 'kill -TERM $$').status).toBe(128 + 15);
      expect(agentsh('--', 'no-such-program').status).toBe(EXIT.notFound.code);
      expect(agentsh('--', '/etc/passwd').status).toBe(EXIT.notExecutable.code);
    },
    TIMEOUT_MS,
  );

  test(
    'what is written stays off the host, and one line on stderr counts it',
    () => {
      const text = 'sed s/two/TWO/ a.txt > t && mv t a.txt; mkdir -p new/deep; echo n > new/deep/f; rm src/b.txt; pwd';
      const { status, stdout, stderr } = agentsh('-c', text);
      expect({ status, stdout }).toEqual({ status: 0, stdout: `${workspace}\n` });
      expect(stderr).toBe(`agentsh: 3 changes pending for ${workspace}:shell: agentsh review\n`);
      expect(onHost('a.txt')).toBe('one\ntwo\n');
      expect(onHost('src/b.txt')).toBe('b\n');
      expect(existsSync(path.join(workspace, 'new'))).toBe(false);
    },
    TIMEOUT_MS,
  );

  test(
    'the agent sees its own state and decides nothing',
    () => {
      const text = 'cat /.kernel/pending/index; for f in /.kernel/pending/[!i]*; do echo approve > $f; done';
      const { status, stdout, stderr } = agentsh('-c', text);
      expect(stdout).toContain('a.txt');
      expect(stderr).toContain('Operation not permitted');
      expect(status).not.toBe(0);
      expect(onHost('a.txt')).toBe('one\ntwo\n');
    },
    TIMEOUT_MS,
  );

  test(
    'approve by path, by id in the operator’s shell; reject the rest: exactly that is on the host',
    () => {
      expect(agentsh('approve', 'a.txt')).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('approved 1 change'),
      });
      expect(onHost('a.txt')).toBe('one\nTWO\n');

      const rows = JSON.parse(agentsh('pending', '--json').stdout) as { id: string; path: string }[];
      const id = rows.find((row) => row.path.endsWith('/new'))?.id;
      expect(agentsh('operator', '-c', `echo approve > /.kernel/pending/${id}`).status).toBe(0);
      expect(onHost('new/deep/f')).toBe('n\n');

      expect(agentsh('reject', '--all', '-m', 'keep it').status).toBe(0);
      expect(onHost('src/b.txt')).toBe('b\n');
      expect(JSON.parse(agentsh('pending', '--json').stdout)).toEqual([]);
      expect(agentsh('-c', 'cat src/b.txt').stdout).toBe('b\n');
    },
    TIMEOUT_MS,
  );

  test(
    'a file that moved on at the host is a conflict: exit 4, nothing overwritten',
    () => {
      agentsh('-c', 'echo agent > a.txt');
      writeFileSync(path.join(workspace, 'a.txt'), 'host\n');
      expect(agentsh('approve', 'a.txt')).toMatchObject({
        status: EXIT.conflict.code,
        stderr: expect.stringContaining('conflict at'),
      });
      expect(onHost('a.txt')).toBe('host\n');
      expect(agentsh('reject', 'a.txt').status).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'what happened is in the log, and the log is sound',
    () => {
      const entries = JSON.parse(agentsh('log', '--json').stdout) as { op: string; verdict: string }[];
      expect(entries.some(({ op }) => op === 'exec')).toBe(true);
      expect(entries.some(({ verdict }) => verdict === 'deny')).toBe(true);
      expect(agentsh('verify')).toMatchObject({ status: 0 });
    },
    TIMEOUT_MS,
  );

  test(
    'a policy with a slip starts nothing, and exits 2 with its place',
    () => {
      const file = path.join(base, 'bad.toml');
      writeFileSync(file, 'version = 1\nmont = []\n');
      const { status, stdout, stderr } = agentsh('--policy', file, '-c', 'echo started');
      expect({ status, stdout }).toEqual({ status: EXIT.usage.code, stdout: '' });
      expect(stderr).toContain('bad.toml:2:1');
      expect(stderr).toContain('mount');
    },
    TIMEOUT_MS,
  );

  test(
    'the wall clock of the policy ends a session, and says so',
    () => {
      const file = path.join(base, 'wall.toml');
      writeFileSync(file, 'version = 1\n[quota]\nwall = "1s"\n');
      const { status, stderr } = agentsh('-p', file, '-n', 'slow', '-c', 'sleep 50');
      expect(status).toBe(128 + 9);
      expect(stderr).toContain('wall-clock limit');
    },
    TIMEOUT_MS,
  );

  test(
    'every listing is JSON',
    () => {
      for (const name of ['pending', 'ps', 'who', 'commits', 'log', 'verify', 'doctor']) {
        expect(Array.isArray(JSON.parse(agentsh(name, '--json').stdout)), name).toBe(true);
      }
      const status = JSON.parse(agentsh('status', '--json').stdout) as Record<string, unknown>;
      expect(Object.keys(status)).toEqual(expect.arrayContaining(['pid', 'home', 'agents', 'mounts']));
    },
    TIMEOUT_MS,
  );
});
