// How many links a file may have, and directories whose file system does not count them.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ERRNO, errno } from '../../fs/errno.ts';
import { CoreWorld } from './coreWorld.ts';

const LINK_MAX = 65_000;

let world: CoreWorld;
beforeEach(() => {
  world = new CoreWorld();
});
afterEach(() => world.end());

/** The agent's own record says so many links. */
function setLinks(id: number, nlink: number): void {
  const node = world.state.node(id);
  world.state.mutate((tx) => {
    if (node.record !== null) world.state.setRecord(tx, node, { ...node.record, nlink });
  });
}

test('EMLINK for one link more than 65 000, and nothing is made', () => {
  world.write('file', 'bytes');
  const node = world.node('file');
  setLinks(node, LINK_MAX - 1);
  expect(world.view.link(node, world.node(''), 'last', world.caller).attributes.nlink).toBe(LINK_MAX);
  expect(() => world.view.link(node, world.node(''), 'more', world.caller)).toThrow(errno(ERRNO.EMLINK));
  expect([world.exists('more'), world.stat('file').nlink]).toEqual([false, LINK_MAX]);
});

test('a directory that says 1, as where links are not counted, goes on saying it', () => {
  const { caller, view } = world;
  view.mkdir(world.node(''), 'directory', 0o755, caller);
  const directory = world.node('directory');
  setLinks(directory, 1);
  view.mkdir(directory, 'inner', 0o755, caller);
  expect(world.stat('directory').nlink).toBe(1);
  view.rmdir(directory, 'inner', caller);
  expect(world.stat('directory').nlink).toBe(1);
});
