// A change is approved while the agent has the file open: its handles stay good, and when the last one is closed the
// host's later edits show.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  const onHost = (name: string) => path.join(world.workspace, name);
  beforeAll(() => {
    world = makeWorld({ user });
    for (const name of ['silent', 'written']) world.write(name, 'host\n');
  });
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'closed without another write: the name is the host’s again, with the same inode number',
    async () => {
      const running = world.start([
        '-c',
        'stat -c %i silent; echo agent >> silent; exec 3>> silent; echo ready; read -r go; cat silent; exec 3>&-; stat -c %i silent',
      ]);
      await running.says('ready');
      expect(await world.agentsh(['approve', 'silent'])).toMatchObject({ code: 0 });
      expect(readFileSync(onHost('silent'), 'utf8')).toBe('host\nagent\n');
      running.send('go\n');
      const [before, , ...rest] = (await running.result).stdout.trimEnd().split('\n');
      expect(rest).toEqual(['host', 'agent', before]);
      writeFileSync(onHost('silent'), 'edited on the host\n');
      expect(await world.inside('cat silent')).toBe('edited on the host\n');
      expect(await world.pending()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'written to afterwards: that is a new change on the approved one',
    async () => {
      const running = world.start([
        '-c',
        'echo agent >> written; exec 3>> written; echo ready; read -r go; echo later >&3; exec 3>&-; cat written',
      ]);
      await running.says('ready');
      expect(await world.agentsh(['approve', 'written'])).toMatchObject({ code: 0 });
      running.send('go\n');
      expect((await running.result).stdout).toBe('ready\nhost\nagent\nlater\n');
      expect(readFileSync(onHost('written'), 'utf8')).toBe('host\nagent\n');
      expect((await world.agentsh(['diff', 'written'])).stdout).toContain(' agent\n+later\n');
      expect(await world.agentsh(['approve', 'written'])).toMatchObject({ code: 0 });
      expect(readFileSync(onHost('written'), 'utf8')).toBe('host\nagent\nlater\n');
    },
    TIMEOUT_MS,
  );
});
