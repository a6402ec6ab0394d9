// Under `rw` a file once changed its node when a second link was made, and could not be reached when the name it was
// found by was the one removed.
import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { CoreWorld } from './coreWorld.ts';

const worlds: CoreWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.end();
});

function openWorld(): { world: CoreWorld; root: number } {
  const world = new CoreWorld({ mode: 'rw' });
  worlds.push(world);
  return { world, root: world.node('') };
}

test('a link made in the view keeps the node, and outlives the name it was found by', () => {
  const { world, root } = openWorld();
  writeFileSync(`${world.host}/first`, 'one');
  const node = world.node('first');
  const second = world.view.link(node, root, 'second', world.caller);
  expect(second.nodeId).toBe(node);
  expect(second.attributes.nlink).toBe(2);
  world.view.unlink(root, 'first', world.caller);
  expect(world.view.getattr(node, undefined, world.caller).attributes.nlink).toBe(1);
  expect(world.view.link(node, root, 'third', world.caller).nodeId).toBe(node);
  expect(readFileSync(`${world.host}/third`, 'utf8')).toBe('one');
});

test('a link made on the host joins the node that is there', () => {
  const { world } = openWorld();
  writeFileSync(`${world.host}/first`, 'one');
  const node = world.node('first');
  linkSync(`${world.host}/first`, `${world.host}/second`);
  expect(world.node('second')).toBe(node);
  expect(world.node('first')).toBe(node);
});
