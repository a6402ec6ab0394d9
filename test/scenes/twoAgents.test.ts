// Two agents at once on one workspace: neither sees the other, and the second's stale change overwrites nothing.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../agentsh/exitCodes.ts';
import { makeWorld, type Pending, type Running, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;
/** Writes its name at two paths, waits for a line, and shows what it sees then. */
const AGENT =
  'echo "$AGENTSH_NAME" > shared.txt; mkdir own; echo "$AGENTSH_NAME" > own/$AGENTSH_NAME; echo ready; read -r go; cat shared.txt; ls own; echo over';

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let shared: string;
  let agents: readonly Running[];
  let first: Pending[];
  let second: Pending[];
  beforeAll(async () => {
    world = makeWorld({ user });
    shared = world.write('shared.txt', 'host\n');
    agents = ['first', 'second'].map((name) => world.start(['-n', name, '-c', AGENT]));
    await Promise.all(agents.map((agent) => agent.says('ready')));
  }, TIMEOUT_MS);
  afterAll(() => world.end(), TIMEOUT_MS);
  const idOf = (list: readonly Pending[], name: string) =>
    list.find((each) => each.path === path.join(world.workspace, name))?.id ?? 'missing';

  test(
    'the same path has different bytes for each, and for the host',
    async () => {
      for (const agent of agents) agent.send('go\n');
      const [one, two] = await Promise.all(agents.map((agent) => agent.result));
      expect(one?.stdout).toBe('ready\nfirst\nfirst\nover\n');
      expect(two?.stdout).toBe('ready\nsecond\nsecond\nover\n');
      expect(readFileSync(shared, 'utf8')).toBe('host\n');
    },
    TIMEOUT_MS,
  );

  test(
    'both have changes of their own pending',
    async () => {
      first = await world.pending('-n', 'first');
      second = await world.pending('-n', 'second');
      expect(first.map(({ path: each }) => path.basename(each)).sort()).toEqual(['own', 'shared.txt']);
      expect(second.map(({ path: each }) => path.basename(each)).sort()).toEqual(['own', 'shared.txt']);
      expect(idOf(first, 'shared.txt')).not.toBe(idOf(second, 'shared.txt'));
    },
    TIMEOUT_MS,
  );

  test(
    'the first’s approval lands; the second’s base is stale then: a conflict, exit code 4, nothing overwritten',
    async () => {
      expect(await world.agentsh(['approve', idOf(first, 'shared.txt')])).toMatchObject({ code: 0 });
      expect(readFileSync(shared, 'utf8')).toBe('first\n');
      const refused = await world.agentsh(['approve', idOf(second, 'shared.txt')]);
      expect(refused.code).toBe(EXIT.conflict.code);
      expect(refused.stderr).toContain('shared.txt');
      expect(readFileSync(shared, 'utf8')).toBe('first\n');
    },
    TIMEOUT_MS,
  );

  test(
    'the same through the file: ESTALE for the write, and the agent keeps its own bytes',
    async () => {
      const id = idOf(second, 'shared.txt');
      const refused = await world.operator(`echo approve > /.kernel/pending/${id}`);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain('Stale file handle');
      expect(readFileSync(shared, 'utf8')).toBe('first\n');
      expect(await world.inside('cat shared.txt', ['-n', 'second'])).toBe('second\n');
      expect(await world.inside('cat shared.txt', ['-n', 'first'])).toBe('first\n');
    },
    TIMEOUT_MS,
  );

  test(
    'an approval that names both is refused as a whole',
    async () => {
      const both = [idOf(second, 'shared.txt'), idOf(second, 'own')];
      expect(await world.agentsh(['approve', ...both])).toMatchObject({ code: EXIT.conflict.code });
      expect(await world.run('ls', ['own'])).not.toMatchObject({ code: 0 });
      expect(readFileSync(shared, 'utf8')).toBe('first\n');
    },
    TIMEOUT_MS,
  );

  test(
    'new directories of one name come together where their files do not meet',
    async () => {
      expect(await world.agentsh(['approve', idOf(first, 'own')])).toMatchObject({ code: 0 });
      expect(await world.agentsh(['approve', idOf(second, 'own')])).toMatchObject({ code: 0 });
      expect((await world.run('ls', ['own'])).stdout).toBe('first\nsecond\n');
    },
    TIMEOUT_MS,
  );
});
