// What an agent wrote is there for the next session of its name, unless it was thrown away or dropped.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../agentsh/exitCodes.ts';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  beforeAll(async () => {
    world = makeWorld({ user });
    world.write('kept.txt', 'host\n');
    await world.inside(
      'echo agent > kept.txt; mkdir -p a/b; echo deep > a/b/c; ln -s c a/b/link; echo home > ~/note; echo gone > /tmp/note',
    );
  }, TIMEOUT_MS);
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'the next session sees the same files, home included, and an empty /tmp',
    async () => {
      const text = 'cat kept.txt a/b/c a/b/link ~/note; ls -A /tmp';
      expect(await world.inside(text)).toBe('agent\ndeep\ndeep\nhome\n');
    },
    TIMEOUT_MS,
  );

  test(
    'so it does after the kernel ended in between',
    async () => {
      expect(await world.agentsh(['shutdown'])).toMatchObject({ code: 0 });
      expect(await world.inside('cat kept.txt a/b/c; stat -c %i kept.txt; echo more >> a/b/c')).toMatch(
        /^agent\ndeep\n/,
      );
      expect(await world.agentsh(['shutdown'])).toMatchObject({ code: 0 });
      expect(await world.inside('cat a/b/c')).toBe('deep\nmore\n');
    },
    TIMEOUT_MS,
  );

  test(
    'another name begins with the host’s files',
    async () => {
      expect(await world.inside('cat kept.txt; ls; ls -A ~ | grep note; true', ['-n', 'other'])).toBe(
        'host\nkept.txt\n',
      );
    },
    TIMEOUT_MS,
  );

  test(
    'a shell that joins a live name is told, and sees what the other writes',
    async () => {
      const live = world.start(['-n', 'pair', '-c', 'echo one > live; echo ready; read -r go; cat live']);
      await live.says('ready');
      const joined = await world.agentsh(['-n', 'pair', '-c', 'cat live; echo two > live']);
      expect(joined).toMatchObject({ code: 0, stdout: 'one\n' });
      expect(joined.stderr).toContain('joined');
      live.send('go\n');
      expect((await live.result).stdout).toBe('ready\ntwo\n');
    },
    TIMEOUT_MS,
  );

  test(
    '--throwaway leaves nothing: not pending, not for the next session',
    async () => {
      const words = ['-n', 'brief', '--throwaway'];
      expect(await world.inside('echo x > kept.txt; echo y > extra; cat kept.txt extra', words)).toBe('x\ny\n');
      expect((await world.pending()).filter(({ agent }) => agent.endsWith(':brief'))).toEqual([]);
      expect(await world.inside('cat kept.txt; ls', ['-n', 'brief'])).toBe('host\nkept.txt\n');
    },
    TIMEOUT_MS,
  );

  test(
    'discard drops it all, pending changes too; the host never saw any of it',
    async () => {
      expect((await world.pending()).length).toBeGreaterThan(0);
      const name = (await world.pending())[0]?.agent ?? '';
      expect(await world.agentsh(['discard', name])).toMatchObject({ code: 0 });
      const gone = await world.agentsh(['pending', '-n', name]);
      expect(gone.code).toBe(EXIT.usage.code);
      expect(gone.stderr).toContain('no such agent');
      expect(await world.inside('cat kept.txt; ls; cat ~/note 2>&1; true')).toMatch(
        /^host\nkept.txt\ncat: .*No such file/,
      );
      expect(readdirSync(world.workspace)).toEqual(['kept.txt']);
      expect(existsSync(path.join(world.home, 'note'))).toBe(false);
    },
    TIMEOUT_MS,
  );
});
