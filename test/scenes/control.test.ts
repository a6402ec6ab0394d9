// The control files in use: the agent reads, the operator decides by writing, and the log of it holds.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, type Pending, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let pending: Pending[];
  beforeAll(async () => {
    world = makeWorld({ user });
    world.write('kept.txt', 'host\n');
    await world.inside('echo agent > kept.txt; echo new > new.txt; cat /etc/hostname > /dev/null');
    pending = await world.pending();
  }, TIMEOUT_MS);
  afterAll(() => world.end(), TIMEOUT_MS);
  const idOf = (name: string) => pending.find((each) => each.path.endsWith(`/${name}`))?.id ?? 'missing';

  test(
    'inside, the agent reads its own audit log, state and rules, and the listing of / does not show them',
    async () => {
      const text =
        'cat /.kernel/audit; echo; cat /.kernel/agent; cat /.kernel/mounts; cat /.kernel/health; cat /.kernel/version; ls -a /';
      const printed = await world.inside(text);
      const entries = printed.split('\n\n')[0]?.split('\n').filter(Boolean) ?? [];
      const parsed = entries.map((line) => JSON.parse(line) as { seq: number; op: string; path?: string });
      expect(parsed.length).toBeGreaterThan(3);
      expect(parsed.map(({ seq }) => seq)).toEqual([...parsed.map(({ seq }) => seq)].sort((a, b) => a - b));
      expect(parsed.some((entry) => entry.path?.endsWith('/new.txt'))).toBe(true);
      expect(printed).toContain(`${world.workspace}`);
      expect(printed.split('\n')).not.toContain('.kernel');
    },
    TIMEOUT_MS,
  );

  test(
    'the line that approves is "Operation not permitted" in the agent’s shell',
    async () => {
      const text = `for line in 'echo approve > /.kernel/pending/${idOf('new.txt')}' 'echo ${idOf('new.txt')} > /.kernel/approve' 'echo all > /.kernel/reject' 'echo version = 1 > /.kernel/policy'; do bash -c "$line"; echo $?; done`;
      const { code, stdout, stderr } = await world.agentsh(['-c', text]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: '1\n1\n1\n1\n' });
      expect(stderr.match(/Operation not permitted/g)?.length).toBe(4);
      expect(readdirSync(world.workspace)).toEqual(['kept.txt']);
    },
    TIMEOUT_MS,
  );

  test(
    'the attempt is in the agent’s log, as a refusal',
    async () => {
      const { stdout } = await world.agentsh(['log', '--json']);
      const entries = JSON.parse(stdout) as { op: string; verdict: string; path: string }[];
      expect(entries.filter(({ verdict, path: each }) => verdict !== 'allow' && each.includes('pending'))).not.toEqual(
        [],
      );
    },
    TIMEOUT_MS,
  );

  test(
    'the operator reads the diff and approves by the same line',
    async () => {
      const id = idOf('kept.txt');
      const { code, stdout, stderr } = await world.operator(
        `cat /.kernel/pending/index; cat /.kernel/pending/${id}; echo approve > /.kernel/pending/${id} && cat kept.txt && ls -d /etc/passwd /usr/bin/env`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('-host\n+agent\n');
      expect(stdout).toMatch(/^set [a-z2-7]+$/m);
      expect(stdout).toMatch(/agent\n\/etc\/passwd\n\/usr\/bin\/env\n$/);
      expect(readFileSync(path.join(world.workspace, 'kept.txt'), 'utf8')).toBe('agent\n');
    },
    TIMEOUT_MS,
  );

  test(
    'wrong verbs and ids have their own error each, and change nothing',
    async () => {
      const { stderr } = await world.operator(
        `echo aprove > /.kernel/pending/${idOf('new.txt')}; echo approve > /.kernel/pending/zzzzzzzz; echo nonsense > /.kernel/approve`,
      );
      expect(stderr).toContain('Invalid argument');
      expect(stderr).toContain('zzzzzzzz: No such file or directory');
      expect(readdirSync(world.workspace)).toEqual(['kept.txt']);
    },
    TIMEOUT_MS,
  );

  test(
    'rejecting by file gives the agent the host’s content back, and the reason',
    async () => {
      const id = idOf('new.txt');
      expect(await world.operator(`echo reject not needed > /.kernel/pending/${id}`)).toMatchObject({ code: 0 });
      expect(await world.inside('ls')).toBe('kept.txt\n');
      expect(await world.pending()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'the log is signed and sound; any change to it is found and named',
    async () => {
      expect((await world.operator('cat /.kernel/audit.head')).stdout).toMatch(/^[^\n]+\n\d+\n[^\n]+\n\n\xe2\x80\x94 /);
      expect(await world.agentsh(['verify'])).toMatchObject({ code: 0 });
      const file = logFile(world.store);
      const lines = readFileSync(file, 'latin1').split('\n');
      const copy = path.join(world.directory, 'copied');
      mkdirSync(copy);
      const tampered = path.join(copy, 'audit.log');
      const verify = async (text: string) => {
        writeFileSync(tampered, text, 'latin1');
        world.own(copy);
        return world.agentsh(['verify', tampered]);
      };
      expect(await verify(lines.join('\n'))).toMatchObject({ code: 0 });
      const changed = lines.map((line, index) => (index === 2 ? line.replace('"agent":"', '"agent":"x') : line));
      const found = await verify(changed.join('\n'));
      expect(found.code).toBe(1);
      expect(`${found.stdout}${found.stderr}`).toMatch(/\b(seq|entry|line) ?\W?[234]\b/);
      expect((await verify(lines.filter((_, index) => index !== 3).join('\n'))).code).toBe(1);
    },
    TIMEOUT_MS,
  );
});

/** The largest audit log of an agent in the store. */
function logFile(store: string): string {
  const logs = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('audit.log'));
  const sized = logs.map((name) => ({ name, text: readFileSync(path.join(store, name), 'latin1') }));
  sized.sort((a, b) => b.text.length - a.text.length);
  return path.join(store, sized[0]?.name ?? '');
}
