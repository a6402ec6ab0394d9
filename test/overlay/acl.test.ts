// Access control lists follow the mode, and the mode follows them; a default list stands in for the umask.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ACL_ACCESS, ACL_DEFAULT } from '../../fs/overlay/acl.ts';
import { CoreWorld } from './coreWorld.ts';

const NOBODY = 65_534;
const ANY = 0xffff_ffff;

/** Entries: tag, permissions, id. */
function acl(...entries: readonly (readonly [number, number, number])[]): string {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [index, [tag, bits, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(bits, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  }
  return bytes.toString('latin1');
}
const listOf = (owner: number, user: number, group: number, mask: number, other: number) =>
  acl([1, owner, ANY], [2, user, NOBODY], [4, group, ANY], [16, mask, ANY], [32, other, ANY]);
const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex');

let world: CoreWorld;
beforeEach(() => {
  world = new CoreWorld();
});
afterEach(() => world.end());

const modeOf = (path: string) => world.stat(path).mode & 0o7777;

it('shows the mask as the group bits, and lets chmod change owner, mask and others', () => {
  world.write('f', '');
  world.setxattr('f', ACL_ACCESS, listOf(6, 4, 4, 6, 0));
  expect(modeOf('f')).toBe(0o660);
  world.chmod('f', 0o705);
  expect(world.xattrs('f')[ACL_ACCESS]).toBe(hex(listOf(7, 4, 4, 0, 5)));
  expect(modeOf('f')).toBe(0o705);
});

it('keeps a list that says no more than the mode as the mode alone', () => {
  world.write('f', '');
  world.setxattr('f', ACL_ACCESS, acl([1, 7, ANY], [4, 5, ANY], [32, 1, ANY]));
  expect([modeOf('f'), world.xattrs('f')]).toEqual([0o751, {}]);
});

it('gives new objects what the default list of their directory and the mode asked for both grant', () => {
  world.mkdir('d');
  world.setxattr('d', ACL_DEFAULT, listOf(7, 7, 5, 7, 0));
  const { nodeId } = world.view.mkdir(world.node('d'), 'below', 0o700, { ...world.caller, modeRequested: 0o777 });
  world.view.forget(nodeId, 1);
  expect(world.xattrs('d/below')).toEqual({
    [ACL_ACCESS]: hex(listOf(7, 7, 5, 7, 0)),
    [ACL_DEFAULT]: hex(listOf(7, 7, 5, 7, 0)),
  });
  expect(modeOf('d/below')).toBe(0o770);
  world.write('d/file', '');
  expect(world.xattrs('d/file')).toEqual({ [ACL_ACCESS]: hex(listOf(6, 7, 5, 4, 0)) });
  expect(modeOf('d/file')).toBe(0o640);
});

it('gives a file without a name its access list, which it keeps once it is named, and leaves nothing of it else', () => {
  world.mkdir('d');
  world.setxattr('d', ACL_DEFAULT, listOf(7, 7, 5, 7, 0));
  const rows = () => [...world.state.ledger.range('xattrs', Buffer.alloc(1), undefined)].length;
  const before = rows();
  const make = () => {
    const { nodeId, handle } = world.view.tmpfile(world.node('d'), 2, 0o644, { ...world.caller, modeRequested: 0o666 });
    return { node: nodeId, handle };
  };
  const named = make();
  world.view.link(named.node, world.node('d'), 'named', world.caller);
  world.closeFile(named);
  expect(world.xattrs('d/named')).toEqual({ [ACL_ACCESS]: hex(listOf(6, 7, 5, 6, 0)) });
  expect(modeOf('d/named')).toBe(0o660);
  world.unlink('d/named');
  const dropped = make();
  world.closeFile(dropped);
  world.view.forget(dropped.node, 1);
  world.view.forget(named.node, 2);
  expect(rows()).toBe(before);
});

it('under rw inherits, keeps and follows lists as the host does', () => {
  world.end();
  world = new CoreWorld({ mode: 'rw' });
  world.mkdir('d');
  world.setxattr('d', ACL_DEFAULT, listOf(7, 7, 5, 7, 0));
  const asked = { ...world.caller, modeRequested: 0o777 };
  world.view.forget(world.view.mkdir(world.node('d'), 'below', 0o700, asked).nodeId, 1);
  expect(world.xattrs('d/below')).toEqual({
    [ACL_ACCESS]: hex(listOf(7, 7, 5, 7, 0)),
    [ACL_DEFAULT]: hex(listOf(7, 7, 5, 7, 0)),
  });
  expect(modeOf('d/below')).toBe(0o770);
  const made = world.view.create(world.node('d'), 'f', 0o302, 0o600, { ...world.caller, modeRequested: 0o666 });
  const file = { node: made.nodeId, handle: made.handle };
  world.pwrite(file, 0, 'agent');
  expect(world.xattrs('d/f')).toEqual({ [ACL_ACCESS]: hex(listOf(6, 7, 5, 6, 0)) });
  world.view.setattr(file.node, { mode: 0o604 }, world.caller);
  world.closeFile(file);
  expect(world.xattrs('d/f')).toEqual({ [ACL_ACCESS]: hex(listOf(6, 7, 5, 0, 4)) });
  world.chmod('d/f', 0o750);
  expect(world.xattrs('d/f')).toEqual({ [ACL_ACCESS]: hex(listOf(7, 7, 5, 5, 0)) });
  expect([modeOf('d/f'), world.read('d/f')]).toEqual([0o750, 'agent']);
  world.removexattr('d/f', ACL_ACCESS);
  expect(world.xattrs('d/f')).toEqual({});
});
