// A change whose approval met a conflict is kept as the sealed copy that was reviewed, until the agent writes again.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { CONTENT } from '../../fs/overlay/records.ts';
import { CoreWorld } from './coreWorld.ts';

const worlds: CoreWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.end();
});

/** The agent has changed `file`, then the host did, and the approval was a conflict. */
function conflictedWorld(): CoreWorld {
  const world = new CoreWorld({ mode: 'invisible' });
  worlds.push(world);
  writeFileSync(`${world.host}/file`, 'base');
  world.write('file', 'the agent wrote this');
  writeFileSync(`${world.host}/file`, 'the host moved on');
  expect(world.book.approve([`${world.host}/file`], undefined, 'test').conflicts).toHaveLength(1);
  return world;
}

test('it becomes a blob, its staging file goes, and it reads as before', () => {
  const world = conflictedWorld();
  const before = world.stat('file');
  expect(world.inner('file').record?.content).toBe(CONTENT.blob);
  expect(world.stagingNames()).toEqual([]);
  expect(world.read('file')).toBe('the agent wrote this');
  world.reopen();
  expect(world.inner('file').record?.content).toBe(CONTENT.blob);
  expect(world.read('file')).toBe('the agent wrote this');
  const { ino, size, mode, nlink } = world.stat('file');
  expect({ ino, size, mode, nlink }).toEqual({ ino: before.ino, size: 20, mode: before.mode, nlink: 1 });
});

test('the next write copies up and leaves the blob as it is', () => {
  const world = conflictedWorld();
  world.append('file', ', and more');
  expect(world.inner('file').record?.content).toBe(CONTENT.staging);
  expect(world.read('file')).toBe('the agent wrote this, and more');
  expect(world.book.list().items.map(({ change }) => change.kind)).toEqual(['modify']);
});

test('a new time is kept, and truncating it works', () => {
  const world = conflictedWorld();
  const node = world.node('file');
  world.view.setattr(node, { mtime: { sec: 1_000_000, nsec: 5 } }, world.caller);
  expect(world.inner('file').record?.content).toBe(CONTENT.blob);
  expect([world.stat('file').mtimeSec, world.stat('file').mtimeNsec]).toEqual([1_000_000, 5]);
  world.truncate('file', 3);
  expect(world.read('file')).toBe('the');
});

test('it can be approved once the host is back where it was', () => {
  const world = conflictedWorld();
  writeFileSync(`${world.host}/file`, 'base');
  expect(world.book.approve([`${world.host}/file`], undefined, 'test').conflicts).toEqual([]);
  expect(readFileSync(`${world.host}/file`, 'utf8')).toBe('the agent wrote this');
  expect(world.book.list().items).toEqual([]);
  expect(world.read('file')).toBe('the agent wrote this');
});

test('it can be rejected', () => {
  const world = conflictedWorld();
  world.book.reject([`${world.host}/file`], 'no', 'test');
  world.forgetAll();
  expect(world.read('file')).toBe('the host moved on');
});
