// agentsh mount and umount: an agent's view at a directory, with or without sessions beside it.
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MountOpen } from '../../fs/daemon/clientProtocol.ts';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import {
  bootLocal,
  failure,
  type Home,
  type LocalKernel,
  makeHome,
  removeHome,
  run,
  sessionRequest,
  until,
} from './harness.ts';

let home: Home;
let local: LocalKernel;
let place: string;
beforeEach(async () => {
  home = makeHome();
  local = await bootLocal(home);
  place = path.join(realpathSync(home.directory), 'view');
  mkdirSync(place);
});
afterEach(async () => {
  await local.end();
  await removeHome(home);
});

const request = (more: Partial<MountOpen> = {}): MountOpen => ({
  ...sessionRequest(home),
  ...{ mountpoint: place, readOnly: false, allowOther: false, suid: false, dev: false },
  ...more,
});
const isMounted = () => agentshMounts(home.directory).some(({ mountpoint }) => mountpoint === place);

test('a mount outlives the client that asked for it, until umount', async () => {
  const client = await local.connect();
  expect(await client.call('mount', request())).toMatchObject({ mountpoint: place, joined: false });
  client.close();
  await client.closed;
  expect((await run('ls', place)).output).toBe('shell\n');
  const other = await local.connect();
  expect(await other.call('ps', {})).toMatchObject([{ state: 'live', sessions: 0, mountpoints: [place] }]);
  expect(await other.call('umount', { mountpoint: place })).toMatchObject({ pending: 0 });
  expect(isMounted()).toBe(false);
  expect(await other.call('ps', {})).toEqual([]);
});

test('a session and a mount of one agent share its worker; each goes by itself', async () => {
  const client = await local.connect();
  const session = await client.call('session.open', sessionRequest(home));
  expect(await client.call('mount', request())).toMatchObject({ joined: true });
  expect((await client.call('ps', {}))[0]?.status?.connections).toBe(2);
  expect((await client.call('session.close', { session: session.session })).ended).toBe(false);
  expect((await run('ls', place)).output).toBe('shell\n');
  await client.call('umount', { mountpoint: place });
});

test('unmounted from outside is as good as umount', async () => {
  const client = await local.connect();
  await client.call('mount', request());
  await run('umount', place);
  expect(await until(async () => (await client.call('status', {})).mounts === 0)).toBe(true);
  expect(await failure(client.call('umount', { mountpoint: place }))).toMatchObject({ code: 'EINVAL' });
  await client.call('mount', request());
  expect(isMounted()).toBe(true);
  // The worker knows, too: it went on notifying through the number of a descriptor that was another file's by then.
  expect(await client.call('ps', {})).toMatchObject([{ status: { connections: 1 } }]);
});

test('read-only is the system’s to keep', async () => {
  const client = await local.connect();
  await client.call('mount', request({ readOnly: true }));
  expect((await run('touch', `${place}/x`)).error).toContain('Read-only file system');
});

test('a directory that cannot be a mountpoint is refused, and nothing is live afterwards', async () => {
  const client = await local.connect();
  const full = path.join(home.directory, 'full');
  mkdirSync(full);
  writeFileSync(path.join(full, 'x'), '');
  symlinkSync(home.places.home, path.join(home.directory, 'way-in'));
  for (const [mountpoint, code] of [
    [full, 'ENOTEMPTY'],
    [path.join(full, 'x'), 'ENOTDIR'],
    [path.join(full, 'none'), 'ENOENT'],
    ['relative', 'EINVAL'],
    [home.places.mounts, 'EINVAL'],
    [home.places.operator, 'EINVAL'],
    [path.join(home.directory, 'way-in'), 'ENOTDIR'],
  ] as const) {
    expect([mountpoint, (await failure(client.call('mount', request({ mountpoint })))).code]).toEqual([
      mountpoint,
      code,
    ]);
  }
  await client.call('mount', request());
  expect(await failure(client.call('mount', request()))).toMatchObject({ code: 'EBUSY' });
  await client.call('umount', { mountpoint: place });
  expect((await client.call('status', {})).agents).toBe(0);
});
