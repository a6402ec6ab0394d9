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
