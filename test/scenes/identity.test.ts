// A file stays the same file through copy-up, rename and approval: whoever remembers its device and inode number
// (git's index, tar, rsync, a watching editor) finds it again.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  beforeAll(() => {
    world = makeWorld({ user });
    for (const name of ['lower', 'directory/inner']) world.write(name, 'host\n');
    mkdirSync(path.join(world.workspace, 'empty'));
    world.own(world.workspace);
  });
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'through copy-up, rename and approval, also in the next session',
    async () => {
      const look = 'stat -c "%n %d:%i" lower* directory/* made* directory';
      const running = world.start([
        '-c',
        `echo made > made
         stat -c "%d:%i" lower; echo agent >> lower; chmod 600 directory/inner; ${look}; echo ready; read -r go
         ${look}; echo ready again; read -r go
         mv lower lower2; mv directory directory2; mv directory2 directory; ${look}`,
      ]);
      await running.says('ready');
      expect(await world.agentsh(['approve', 'lower', 'made', 'directory/inner'])).toMatchObject({ code: 0 });
      running.send('go\n');
      await running.says('ready again');
      expect(statSync(path.join(world.workspace, 'made')).size).toBe(5);
      running.send('go\n');
      const [first = '', ...lines] = (await running.result).stdout.trimEnd().split('\n');
      const [before, after, moved] = [0, 1, 2].map((index) => lines.slice(index * 5, index * 5 + 4).join('\n'));
      expect(before).toContain(`lower ${first}`);
      expect(after).toBe(before);
      expect(moved?.replace('lower2', 'lower')).toBe(before);
      const next = await world.inside(look);
      expect(next.replace('lower2', 'lower').replaceAll(/ \d+:/g, ' ')).toBe(`${before}\n`.replaceAll(/ \d+:/g, ' '));
    },
    TIMEOUT_MS,
  );
});
