// Set-id bits stayed when another user allocated space; a new size and a copied range end them where they should, too.
import { afterEach, expect, test } from 'vitest';
import type { Caller } from '../../fs/operations.ts';
import { CoreWorld, O_RDWR } from './coreWorld.ts';

let world: CoreWorld;
afterEach(() => world.end());

const SET_ID = 0o6755;
const ids: readonly (readonly [string, number, number])[] = [
  ['root', 0, SET_ID],
  ['another user', 1000, 0o755],
];

function setIdFile(): ReturnType<CoreWorld['openFile']> {
  world = new CoreWorld();
  world.write('file', 'text');
  world.write('source', 'source');
  world.chmod('file', SET_ID);
  return world.openFile('file', O_RDWR);
}
const mode = () => world.stat('file').mode & 0o7777;

test('a new size alone leaves them: the kernel says whose size ends them', () => {
  const file = setIdFile();
  world.truncate('file', 2);
  expect(mode()).toBe(SET_ID);
  world.view.setattr(file.node, { size: 1, killSetId: true }, world.caller);
  expect(mode()).toBe(0o755);
  world.closeFile(file);
});

test.each(ids)('space allocated by %s', (_who, uid, wanted) => {
  const file = setIdFile();
  const caller: Caller = { ...world.caller, uid };
  world.view.fallocate(file.node, file.handle, 0, 0, 10, caller);
  expect(mode()).toBe(wanted);
  world.closeFile(file);
});

test.each(ids)('a range copied by %s', (_who, uid, wanted) => {
  const file = setIdFile();
  const source = world.openFile('source', O_RDWR);
  const caller: Caller = { ...world.caller, uid };
  const range = { fromOffset: 0, toOffset: 0, length: 6, toNode: file.node, toHandle: file.handle };
  world.view.copyFileRange({ ...range, fromNode: source.node, fromHandle: source.handle }, caller);
  expect([mode(), world.read('file')]).toEqual([wanted, 'source']);
  for (const each of [file, source]) world.closeFile(each);
});
