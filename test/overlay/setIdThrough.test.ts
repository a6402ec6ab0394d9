// Under `rw` set-id bits never reach the host, and the view once dropped them without a word. They are kept for the
// view, bound to the host's object: they go with its names, and end with it or with any change that is not the view's.
import { chmodSync, chownSync, linkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CoreWorld, O_RDWR } from './coreWorld.ts';

const isRoot = process.getuid?.() === 0;
let world: CoreWorld;
beforeEach(() => {
  world = new CoreWorld({ mode: 'rw' });
});
afterEach(() => world.end());

const modeOf = (path: string) => (world.stat(path).mode & 0o7777).toString(8);
const hostMode = (path: string) => (statSync(`${world.host}/${path}`).mode & 0o7777).toString(8);

test('the view shows the bits, the host does not have them', () => {
  writeFileSync(`${world.host}/f`, 'host', { mode: 0o644 });
  world.chmod('f', 0o4755);
  expect([modeOf('f'), hostMode('f')]).toEqual(['4755', '755']);
  world.closeFile(world.createFile('made', 0o6755));
  expect([modeOf('made'), hostMode('made')]).toEqual(['6755', '755']);
  world.mkdir('d', 0o755);
  world.chmod('d', 0o7755);
  expect([modeOf('d'), hostMode('d')]).toEqual(['7755', '1755']);
});

test('they outlive the session, a crash, renames, links, and other changes made in the view', () => {
  writeFileSync(`${world.host}/f`, 'host', { mode: 0o755 });
  world.chmod('f', 0o4755);
  world.reopen();
  expect(modeOf('f')).toBe('4755');
  world.rename('f', 'g');
  world.link('g', 'h');
  world.setxattr('h', 'user.note', 'one');
  world.view.setattr(world.node('g'), { mtime: { sec: 1, nsec: 0 } }, world.caller);
  world.unlink('g');
  world.crash();
  expect([modeOf('h'), hostMode('h')]).toEqual(['4755', '755']);
  world.write('other', '');
  world.rename('h', 'other', 2);
  expect([modeOf('h'), modeOf('other')]).toEqual(['644', '4755']);
});

test('what is written with the right to keep them lands with them in the view', () => {
  writeFileSync(`${world.host}/f`, 'host', { mode: 0o755 });
  world.chmod('f', 0o4755);
  const file = world.openFile('f', O_RDWR);
  world.pwrite(file, 0, 'agent');
  world.closeFile(file);
  expect([modeOf('f'), hostMode('f'), world.read('f')]).toEqual(['4755', '755', 'agent']);
  world.reopen();
  expect(modeOf('f')).toBe('4755');
});

test('chmod of an open file lands with its bytes', () => {
  const file = world.createFile('f', 0o644);
  world.pwrite(file, 0, 'one');
  world.view.fsync(file.node, file.handle, false, world.caller);
  world.view.setattr(file.node, { mode: 0o4711, handle: file.handle }, world.caller);
  world.closeFile(file);
  expect([modeOf('f'), hostMode('f')]).toEqual(['4711', '711']);
  expect(world.book.list().items).toEqual([]);
});

test('chmod, chown, and a write or truncation without the right to keep them clear them', () => {
  for (const name of ['mode', 'owner', 'written', 'cut', 'killed']) {
    writeFileSync(`${world.host}/${name}`, 'host', { mode: 0o755 });
    world.chmod(name, 0o6755);
  }
  world.chmod('mode', 0o755);
  const { uid, gid } = statSync(`${world.host}/owner`);
  world.view.setattr(world.node('owner'), { uid, gid }, world.caller);
  const file = world.openFile('written', O_RDWR);
  world.view.write(file.node, file.handle, 0, Buffer.from('x'), true, world.caller);
  world.closeFile(file);
  world.view.setattr(world.node('cut'), { size: 1, killSetId: true }, world.caller);
  world.view.setattr(world.node('killed'), { killSetId: true }, world.caller);
  for (const name of ['mode', 'owner', 'written', 'cut', 'killed']) expect([name, modeOf(name)]).toEqual([name, '755']);
  world.reopen();
  for (const name of ['mode', 'owner', 'written', 'cut', 'killed']) expect([name, modeOf(name)]).toEqual([name, '755']);
});

test('a change that the host makes ends them, and so does another object of the same name or number', () => {
  const changes: Record<string, (path: string) => void> = {
    write: (path) => writeFileSync(path, 'other'),
    chmod: (path) => chmodSync(path, 0o755),
    times: (path) => utimesSync(path, 1, 1),
    link: (path) => linkSync(path, `${path}2`),
    replace: (path) => {
      rmSync(path);
      writeFileSync(path, 'new', { mode: 0o755 });
    },
    ...(isRoot ? { chown: (path: string) => chownSync(path, 1, 1) } : {}),
  };
  for (const [name, change] of Object.entries(changes)) {
    writeFileSync(`${world.host}/${name}`, 'host', { mode: 0o755 });
    world.chmod(name, 0o4755);
    change(`${world.host}/${name}`);
    expect([name, modeOf(name)]).toEqual([name, '755']);
  }
});

test('they end with the file, in the store too', () => {
  const rows = () => [...world.state.ledger.range('meta', Buffer.from('setId:'), Buffer.from('setId;'))].length;
  writeFileSync(`${world.host}/f`, 'host', { mode: 0o755 });
  world.chmod('f', 0o4755);
  const file = world.openFile('f', 0);
  world.unlink('f');
  expect(world.view.getattr(file.node, file.handle, world.caller).attributes.mode & 0o7777).toBe(0o4755);
  world.closeFile(file);
  world.mkdir('d');
  world.chmod('d', 0o2755);
  expect(rows()).toBe(1);
  world.rmdir('d');
  writeFileSync(`${world.host}/g`, 'host', { mode: 0o755 });
  world.chmod('g', 0o4755);
  world.write('h', '');
  world.rename('h', 'g');
  expect(rows()).toBe(0);
});

test('a set-group-id directory of the view hands on its group and its bit', () => {
  world.mkdir('d');
  if (isRoot) chownSync(`${world.host}/d`, 0, 77);
  world.chmod('d', 0o2775);
  const { gid } = statSync(`${world.host}/d`);
  world.write('d/f', '');
  world.mkdir('d/below', 0o755);
  world.symlink('to', 'd/l');
  expect([world.stat('d/f').gid, world.stat('d/below').gid, world.stat('d/l').gid]).toEqual([gid, gid, gid]);
  expect(statSync(`${world.host}/d/below`).gid).toBe(gid);
  expect([modeOf('d/f'), modeOf('d/below'), hostMode('d/below')]).toEqual(['644', '2755', '755']);
  world.mkdir('d/below/more', 0o755);
  expect([world.stat('d/below/more').gid, modeOf('d/below/more')]).toEqual([gid, '2755']);
});

test('a directory keeps the bit that the host gave it until the view takes it away', () => {
  world.mkdir('d');
  chmodSync(`${world.host}/d`, 0o2755);
  world.chmod('d', 0o2750);
  expect([modeOf('d'), hostMode('d')]).toEqual(['2750', '2750']);
  world.mkdir('d/below', 0o755);
  expect([modeOf('d/below'), hostMode('d/below')]).toEqual(['2755', '2755']);
  world.chmod('d', 0o755);
  expect([modeOf('d'), hostMode('d')]).toEqual(['755', '755']);
});
