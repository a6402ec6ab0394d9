// A host file with several names kept its full link count in the view after the agent had removed one of them.
import { linkSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { CoreWorld } from './coreWorld.ts';

let world: CoreWorld;
afterEach(() => world.end());

test.each<[string, () => void]>([
  ['removed', () => world.unlink('first')],
  ['replaced', () => world.rename('other', 'first')],
])('one name of a host file is %s: the others count one less, and again after a crash', (_what, take) => {
  world = new CoreWorld();
  writeFileSync(`${world.host}/first`, 'one');
  writeFileSync(`${world.host}/other`, 'another');
  for (const name of ['second', 'third']) linkSync(`${world.host}/first`, `${world.host}/${name}`);
  expect(world.stat('second').nlink).toBe(3);
  const { ino } = world.stat('third');
  take();
  expect([world.stat('second').nlink, world.stat('third').nlink]).toEqual([2, 2]);
  world.crash();
  expect([world.stat('second').nlink, world.stat('third').ino]).toEqual([2, ino]);
  world.unlink('third');
  expect([world.stat('second').nlink, world.read('second')]).toEqual([1, 'one']);
});
