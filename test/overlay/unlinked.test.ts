// What has lost its name stays for those who hold it, and comes back for nobody.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Errno } from '../../fs/errno.ts';
import { CoreWorld, O_RDONLY, O_RDWR } from './coreWorld.ts';

describe.each([
  ['with handles', false],
  ['where opens are not told', true],
])('%s', (_where, withoutOpens) => {
  let world: CoreWorld;
  beforeEach(() => {
    world = new CoreWorld({ withoutOpens });
    writeFileSync(`${world.host}/host`, 'of the host');
  });
  afterEach(() => world.end());

  it('reads, writes and describes a file of the host that was unlinked while it was open', () => {
    const file = world.openFile('host', O_RDWR);
    world.unlink('host');
    expect(world.pread(file)).toBe('of the host');
    world.pwrite(file, 0, 'OF');
    expect(world.pread(file)).toBe('OF the host');
    expect(world.view.getattr(file.node, file.handle, world.caller).attributes).toMatchObject({ nlink: 0, size: 11 });
    expect(world.exists('host')).toBe(false);
    world.closeFile(file);
    world.forgetAll();
    expect(world.stagingNames()).toEqual([]);
    expect(readFileSync(`${world.host}/host`, 'latin1')).toBe('of the host');
  });

  it('gives no name back to a file that is changed by its inode after it was unlinked', () => {
    const node = world.node('host');
    world.unlink('host');
    world.view.setattr(node, { mode: 0o600 }, world.caller);
    expect([world.exists('host'), world.list('')]).toEqual([false, []]);
  });

  it('keeps the content of an open file that a rename replaced', () => {
    const file = world.openFile('host', O_RDONLY);
    world.write('new', 'new');
    world.rename('new', 'host');
    expect([world.pread(file), world.read('host')]).toEqual(['of the host', 'new']);
    world.closeFile(file);
  });

  it('names a file that was made without a name, or leaves nothing of it', () => {
    const kept = world.unnamed('');
    world.pwrite(kept, 0, 'kept');
    world.view.link(kept.node, world.node(''), 'named', world.caller);
    world.closeFile(kept);
    world.closeFile(world.unnamed(''));
    world.forgetAll();
    world.crash();
    expect([world.read('named'), world.stat('named').nlink, world.stagingNames().length]).toEqual(['kept', 1, 1]);
  });

  it('leaves nothing of a file whose creation fails half way', () => {
    const { state } = world;
    const nodes = state.nodes.size;
    state.putDirent = () => {
      throw new Errno(28);
    };
    expect(() => world.createFile('f')).toThrow();
    Reflect.deleteProperty(state, 'putDirent');
    expect([world.stagingNames(), world.list(''), state.nodes.size]).toEqual([[], ['host'], nodes]);
    world.write('f', 'later');
    expect(world.read('f')).toBe('later');
  });

  it('leaves nothing of a copy-up that fails half way', () => {
    const file = world.openFile('host', O_RDWR);
    const { state } = world;
    state.putDirent = () => {
      throw new Errno(28);
    };
    expect(() => world.pwrite(file, 0, 'x')).toThrow();
    Reflect.deleteProperty(state, 'putDirent');
    expect([world.stagingNames(), world.pread(file)]).toEqual([[], 'of the host']);
    world.pwrite(file, 0, 'OF');
    world.closeFile(file);
    expect(world.read('host')).toBe('OF the host');
  });
});
