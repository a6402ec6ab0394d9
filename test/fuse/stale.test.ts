// A server that dies leaves callers an error at once, and a mount that is found and cleared away (T27); abort (T26).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abort, cleanStaleMounts, mountDirect, mountWithHelper, staleMounts } from '../../fs/fuse/mount.ts';
import { type MemoryMount, ROOT, run, startMemoryMount, stopMemoryMount } from './memoryMount.ts';

let directory: string;
let mounts: MemoryMount[];
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'agentsh stale-'));
  mounts = [];
});
afterEach(async () => {
  for (const mount of mounts) await stopMemoryMount(mount);
  rmSync(directory, { recursive: true });
});

async function startAt(name: string, options = {}): Promise<MemoryMount> {
  const mountpoint = path.join(directory, name);
  mkdirSync(mountpoint);
  const mount = await startMemoryMount({ ...options, mountpoint });
  mounts.push(mount);
  return mount;
}

function kill(mount: MemoryMount): Promise<void> {
  const ended = new Promise<void>((resolve) => mount.child.once('exit', () => resolve()));
  mount.child.kill('SIGKILL');
  return ended;
}

describe('a server killed with -9', () => {
  test('T27: a waiting reader and later callers get ENOTCONN or ECONNABORTED at once', async () => {
    const mount = await startAt('a');
    const reader = run('cat', [`${mount.mountpoint}/stream`]);
    const refused = expect(reader).rejects.toThrow(/not connected|abort/i);
    await run('sh', ['-c', `until [ $(stat -c %s '${mount.mountpoint}/held') = 0 ]; do :; done`]);
    await kill(mount);
    await refused;
    await expect(run('stat', [mount.mountpoint])).rejects.toThrow(/not connected/);
  });

  test('leaves mounts that are listed, odd names too, and cleaned, the last first', async () => {
    const first = await startAt('an odd\n\\name ä');
    const second = await startAt('b');
    expect(staleMounts(directory)).toEqual([second.mountpoint, first.mountpoint]);
    expect(staleMounts(`${directory}/b`)).toEqual([second.mountpoint]);
    expect(staleMounts(directory.slice(0, -1))).toEqual([]);
    await kill(first);
    await kill(second);
    expect(await cleanStaleMounts(directory)).toEqual([]);
    expect(staleMounts(directory)).toEqual([]);
  });

  test('can be cleaned by the ordinary user whose it was', async () => {
    await run('chmod', ['755', directory]);
    const mount = await startAt('user', { helper: true, asUser: true });
    await kill(mount);
    await run('fusermount3', ['-u', '-z', '--', mount.mountpoint], true);
    expect(staleMounts(directory)).toEqual([]);
  });
});

describe('abort', () => {
  // An ordinary user needs fusectl for it, which small machines do not mount.
  if (ROOT) {
    test('T26: frees a caller whose request is never answered', async () => {
      const mount = await startAt('hung');
      const reader = run('cat', [`${mount.mountpoint}/stream`]);
      const refused = expect(reader).rejects.toThrow(/not connected|abort/i);
      await run('stat', [`${mount.mountpoint}/held`]);
      expect(abort(mount.mountpoint)).toBe(true);
      await refused;
      expect((await mount.report).destroyed).toBe(1);
    });
  }

  test('of something that is no mount is false', () => {
    expect(abort(path.join(directory, 'nothing'))).toBe(false);
  });
});

describe('a mount that cannot be made', () => {
  test('fails with the reason, as root and through fusermount3, and leaves nothing', async () => {
    const missing = path.join(directory, 'missing');
    expect(() => mountDirect(missing)).toThrow(expect.objectContaining({ name: 'ENOENT' }));
    await expect(mountWithHelper(missing)).rejects.toThrow(/missing/);
    expect(staleMounts(directory)).toEqual([]);
  });
});
