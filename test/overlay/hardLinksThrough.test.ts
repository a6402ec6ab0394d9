// Under `rw` a file once changed its node when a second link was made, and could not be reached when the name it was
// found by was the one removed.
import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { CoreWorld, O_RDONLY, O_RDWR } from './coreWorld.ts';

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

// git writes an object under a temporary name, links it to its own, removes the temporary name and reads the object:
// the kernel has the new name from the link's reply and does not look it up.
test.each<readonly [string, (world: CoreWorld, file: number, soft: number) => unknown, unknown]>([
  ['its bytes', (world, file) => readOpened(world, file, O_RDONLY), 'one'],
  ['its bytes for a writer', (world, file) => readOpened(world, file, O_RDWR), 'one'],
  ['an attribute', (world, file) => world.view.getxattr(file, 'user.note', world.caller).toString(), 'kept'],
  [
    'another attribute',
    (world, file) => world.view.setxattr(file, 'user.more', Buffer.of(), 0, world.caller),
    undefined,
  ],
  ['its link text', (world, _file, soft) => world.view.readlink(soft), 'first'],
])('what is asked next of a file whose first name went: %s', (_what, ask, answer) => {
  const { world, root } = openWorld();
  world.write('first', 'one');
  world.setxattr('first', 'user.note', 'kept');
  world.symlink('first', 'once');
  const [file, soft] = [world.node('first'), world.node('once')];
  world.view.link(file, root, 'second', world.caller);
  world.view.link(soft, root, 'soft', world.caller);
  world.view.unlink(root, 'first', world.caller);
  world.view.unlink(root, 'once', world.caller);
  expect(ask(world, file, soft)).toEqual(answer);
});

function readOpened(world: CoreWorld, node: number, flags: number): string {
  const opened = { node, handle: world.view.open(node, flags, world.caller).handle };
  const text = world.pread(opened);
  world.closeFile(opened);
  return text;
}

test('data that waits for its close lands when another name of its file is removed', () => {
  const { world } = openWorld();
  writeFileSync(`${world.host}/first`, 'one');
  linkSync(`${world.host}/first`, `${world.host}/second`);
  const file = world.openFile('first', 2);
  world.pwrite(file, 0, 'two');
  world.unlink('second');
  expect(readFileSync(`${world.host}/first`, 'utf8')).toBe('two');
  world.closeFile(file);
  expect(world.read('first')).toBe('two');
});
