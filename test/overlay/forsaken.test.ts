// A file that the agent changed in its attributes only, and the host then removed, once answered EIO to everything.
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { CoreWorld, O_RDONLY } from './coreWorld.ts';

let world: CoreWorld;
afterEach(() => world.end());

test('it is gone: not found, not listed, nothing to review; its name is free, and who has it open goes on', () => {
  world = new CoreWorld();
  world.mkdir('d');
  for (const name of ['a', 'b']) writeFileSync(`${world.host}/${name}`, 'host');
  world.chmod('a', 0o700);
  world.rename('b', 'd/c');
  const file = world.openFile('a', O_RDONLY);
  for (const name of ['a', 'b']) rmSync(`${world.host}/${name}`);
  expect(world.pread(file)).toBe('host');
  expect(world.view.getattr(file.node, file.handle, world.caller).attributes.mode & 0o777).toBe(0o700);
  world.closeFile(file);
  world.forgetAll();
  expect([world.exists('a'), world.exists('d/c')]).toEqual([false, false]);
  expect([world.list(''), world.list('d')]).toEqual([['d'], []]);
  world.write('a', 'agent');
  world.reopen();
  expect(world.read('a')).toBe('agent');
  world.rmdir('d');
  expect(world.list('')).toEqual(['a']);
});
