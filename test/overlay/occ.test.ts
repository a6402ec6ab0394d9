// What the host did meanwhile is never overwritten, and who has a file open keeps it through any decision.
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import type { Mode } from '../../policy/model.ts';
import { CoreWorld, O_RDWR } from './coreWorld.ts';

let world: CoreWorld;
afterEach(() => world.end());

function begin(mode: Mode = 'invisible'): void {
  world = new CoreWorld({ mode });
  writeFileSync(`${world.host}/f`, 'base');
}
const host = (name: string) => readFileSync(`${world.host}/${name}`, 'latin1');
const ids = () => world.book.list().items.map(({ id }) => id);
const approve = () => world.book.approve(ids(), undefined, 'operator');

it.each([
  ['written', () => world.write('f', 'agent'), () => writeFileSync(`${world.host}/f`, 'host!')],
  ['unlinked', () => world.unlink('f'), () => writeFileSync(`${world.host}/f`, 'host!')],
  ['renamed', () => world.rename('f', 'g'), () => writeFileSync(`${world.host}/f`, 'host!')],
  ['made', () => world.write('g', 'agent'), () => writeFileSync(`${world.host}/g`, 'host!')],
  ['replaced by a rename', replace, () => writeFileSync(`${world.host}/f`, 'host!')],
])('a file that the agent has %s and the host changed before any listing is a conflict', (_what, change, meanwhile) => {
  begin();
  change();
  meanwhile();
  const seen = world.tree();
  const { conflicts, commit } = approve();
  expect([conflicts.length > 0, commit]).toEqual([true, '']);
  expect([host('f') === 'host!' || host('g') === 'host!', world.tree()]).toEqual([true, seen]);
});

function replace(): void {
  world.write('new', 'agent');
  world.rename('new', 'f');
}

it('lets a writer go on after an approval: what comes later is a new change on what has landed', () => {
  begin();
  const file = world.openFile('f', O_RDWR);
  world.pwrite(file, 0, 'AGENT');
  expect(approve().conflicts).toEqual([]);
  expect([host('f'), world.pread(file), world.book.list().items.length]).toEqual(['AGENT', 'AGENT', 0]);
  world.pwrite(file, 0, 'later');
  expect(host('f')).toBe('AGENT');
  expect(world.book.list().items.map(({ change }) => change.kind)).toEqual(['modify']);
  world.closeFile(file);
  expect(approve().conflicts).toEqual([]);
  expect([host('f'), world.read('f')]).toEqual(['later', 'later']);
});

it('leaves what was rejected to whoever has it open', () => {
  begin();
  const file = world.openFile('f', O_RDWR);
  world.pwrite(file, 0, 'AGENT');
  world.book.reject(ids(), 'no', 'operator');
  world.forgetAll();
  expect([world.read('f'), host('f'), world.pread(file)]).toEqual(['base', 'base', 'AGENT']);
  world.pwrite(file, 0, 'still');
  expect([world.read('f'), world.pread(file), world.book.list().items]).toEqual(['base', 'still', []]);
  world.closeFile(file);
  world.forgetAll();
  expect(world.stagingNames()).toEqual([]);
});

it('shows the host again at a name once its change has landed', () => {
  begin();
  world.write('f', 'agent');
  const { ino } = world.stat('f');
  approve();
  expect(world.stat('f').ino).toBe(ino);
  world.reopen();
  expect(world.stat('f').ino).toBe(ino);
  writeFileSync(`${world.host}/f`, 'edited by the host');
  expect(world.read('f')).toBe('edited by the host');
});

it('lists a directory that took the name of another on the host', () => {
  begin();
  mkdirSync(`${world.host}/d`);
  writeFileSync(`${world.host}/d/old`, '');
  expect(world.list('d')).toEqual(['old']);
  renameSync(`${world.host}/d`, `${world.host}/away`);
  mkdirSync(`${world.host}/d`);
  writeFileSync(`${world.host}/d/new`, '');
  expect([world.list('d'), world.list('away')]).toEqual([['new'], ['old']]);
  rmSync(`${world.host}/d`, { recursive: true });
  expect(world.exists('d')).toBe(false);
});

it('under rw tells the loser ESTALE, overwrites nothing, and keeps what the loser wrote', () => {
  begin('rw');
  const file = world.openFile('f', O_RDWR);
  world.pwrite(file, 0, 'agent');
  writeFileSync(`${world.host}/f`, 'host!');
  expect(() => world.closeFile(file)).toThrow(expect.objectContaining({ name: 'ESTALE' }));
  expect([host('f'), world.read('f')]).toEqual(['host!', 'agent']);
  expect(world.book.list().items.map(({ change }) => change.kind)).toEqual(['modify']);
  world.book.reject(ids(), 'no', 'operator');
  expect(world.read('f')).toBe('host!');
});

it('under rw dates what is written anew with the same bytes', () => {
  begin('rw');
  utimesSync(`${world.host}/f`, 1, 1);
  world.write('f', 'base');
  expect(statSync(`${world.host}/f`).mtimeMs).toBeGreaterThan(1000);
});

it('lands a big file that is written again right after its close', () => {
  // Too big to be identified by its content; its times were too fresh to vouch for it: ESTALE.
  begin('rw');
  truncateSync(`${world.host}/f`, 17 * 1024 * 1024);
  for (const text of ['one', 'two', 'six']) {
    const file = world.openFile('f', O_RDWR);
    world.pwrite(file, 0, text);
    world.closeFile(file);
    expect(host('f').slice(0, 4)).toBe(`${text}e`);
  }
});
