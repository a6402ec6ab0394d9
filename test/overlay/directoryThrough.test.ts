// Under `rw` an attribute that a directory was given while a file below it waited for its close was lost with that close.
import { afterEach, expect, test } from 'vitest';
import { lgetxattr } from '../../fs/host/syscall.ts';
import { CoreWorld, O_RDWR } from './coreWorld.ts';

let world: CoreWorld;
afterEach(() => world.end());

test('attributes of a directory are on the host at once, and gone there at once', () => {
  world = new CoreWorld({ mode: 'rw' });
  world.mkdir('directory');
  world.write('directory/file', 'one');
  const file = world.openFile('directory/file', O_RDWR);
  world.pwrite(file, 0, 'two');
  world.setxattr('directory', 'user.first', 'kept');
  world.setxattr('directory', 'user.second', 'gone');
  world.removexattr('directory', 'user.second');
  const onHost = (name: string) => lgetxattr(`${world.host}/directory`, name, Buffer.alloc(16));
  expect([onHost('user.first'), onHost('user.second')]).toEqual([4, -61]);
  world.closeFile(file);
  expect(world.xattrs('directory')).toEqual({ 'user.first': Buffer.from('kept').toString('hex') });
});
