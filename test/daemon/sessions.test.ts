// Sessions through the socket: names, joining, the shared mount, and every way a session ends.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readAgentRecords } from '../../fs/daemon/agentRecords.ts';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import {
  bootLocal,
  failure,
  type Home,
  isRunning,
  type LocalKernel,
  makeHome,
  removeHome,
  run,
  sessionRequest,
  until,
} from './harness.ts';

let home: Home;
let local: LocalKernel;
beforeEach(async () => {
  home = makeHome();
  local = await bootLocal(home);
});
afterEach(async () => {
  await local.end();
  await removeHome(home);
});

const mounts = () => agentshMounts(`${home.directory}/runtime/agentsh/mnt`).map(({ mountpoint }) => mountpoint);

test('a session mounts the agent, its end unmounts it', async () => {
  const client = await local.connect();
  const session = await client.call('session.open', sessionRequest(home));
  expect(session).toMatchObject({
    agent: `${home.workspace}:shell`,
    name: 'shell',
    joined: false,
    workspace: home.workspace,
  });
  expect(mounts()).toEqual([session.mountpoint]);
  expect((await run('ls', session.mountpoint)).output).toBe('shell\n');
  expect(await client.call('session.close', { session: session.session })).toEqual({ pending: 0, ended: true });
  expect(mounts()).toEqual([]);
  client.close();
});

test('a second shell joins the first and both share the mount until the last has gone', async () => {
  const first = await local.connect();
  const second = await local.connect();
  const a = await first.call('session.open', sessionRequest(home));
  const b = await second.call('session.open', sessionRequest(home));
  expect(b).toMatchObject({ joined: true, mountpoint: a.mountpoint, agent: a.agent });
  expect((await first.call('session.close', { session: a.session })).ended).toBe(false);
  expect(mounts()).toEqual([a.mountpoint]);
  expect((await second.call('session.close', { session: b.session })).ended).toBe(true);
  expect(mounts()).toEqual([]);
});

test('two that come at the very same time share one mount too', async () => {
  const client = await local.connect();
  const [a, b] = await Promise.all([
    client.call('session.open', sessionRequest(home)),
    client.call('session.open', sessionRequest(home)),
  ]);
  expect(a.mountpoint).toBe(b.mountpoint);
  expect([a.joined, b.joined].sort()).toEqual([false, true]);
  expect(mounts()).toHaveLength(1);
});

test('a client that dies ends its session, and its sandbox', async () => {
  const client = await local.connect();
  const session = await client.call('session.open', sessionRequest(home));
  const sandbox = spawn('sleep', ['600'], { stdio: 'ignore' });
  await client.call('session.pid', { session: session.session, pid: sandbox.pid! });
  client.close();
  expect(await until(() => mounts().length === 0)).toBe(true);
  expect(await until(() => !isRunning(sandbox.pid!))).toBe(true);
});

test('programs get the first free name, a shell resumes the default agent', async () => {
  const client = await local.connect();
  const names = [];
  for (const program of ['claude', 'claude', 'codex', 'we ird!']) {
    names.push((await client.call('session.open', sessionRequest(home, { program }))).name);
  }
  expect(names).toEqual(['claude', 'claude-2', 'codex', 'we-ird-']);
});

test('agents of two workspaces with one name are two agents', async () => {
  const other = path.join(home.directory, 'other');
  mkdirSync(other);
  const client = await local.connect();
  const a = await client.call('session.open', sessionRequest(home));
  const b = await client.call('session.open', sessionRequest(home, { cwd: other }));
  expect(b.joined).toBe(false);
  expect(b.mountpoint).not.toBe(a.mountpoint);
  expect(b.idShift === a.idShift).toBe(b.idShift === 0);
});

test.each(['', '.hidden', 'a/b', '../x', 'kernel', 'operator', 'x'.repeat(65), 'a\nb'])(
  'the name %j is refused',
  async (name) => {
    const client = await local.connect();
    expect(await failure(client.call('session.open', sessionRequest(home, { name })))).toMatchObject({
      code: 'EINVAL',
    });
    expect(mounts()).toEqual([]);
  },
);

test('work is kept for the next session of that name, and ps lists it', async () => {
  const client = await local.connect();
  const first = await client.call('session.open', sessionRequest(home, { name: 'alice' }));
  await client.call('session.record', { session: first.session, op: 'exec', note: 'make', pid: 1 });
  expect(await client.call('session.close', { session: first.session })).toEqual({ pending: 1, ended: true });
  expect(await client.call('ps', {})).toMatchObject([{ name: 'alice', state: 'kept', sessions: 0 }]);
  const second = await client.call('session.open', sessionRequest(home, { name: 'alice' }));
  expect(second).toMatchObject({ joined: false, resumed: true });
});

test('throwaway never takes the name of kept work', async () => {
  const client = await local.connect();
  const first = await client.call('session.open', sessionRequest(home, { name: 'alice' }));
  await client.call('session.record', { session: first.session, op: 'exec', note: 'make', pid: 1 });
  await client.call('session.close', { session: first.session });
  const request = sessionRequest(home, { name: 'alice', throwaway: true });
  expect(await failure(client.call('session.open', request))).toMatchObject({ code: 'EEXIST' });
  const free = await client.call('session.open', sessionRequest(home, { throwaway: true }));
  expect(free.name).toBe('throwaway');
  await client.call('session.close', { session: free.session });
  expect((await client.call('ps', {})).map(({ name }) => name)).toEqual(['alice']);
});

test('a session belongs to the connection that opened it', async () => {
  const owner = await local.connect();
  const other = await local.connect();
  const { session } = await owner.call('session.open', sessionRequest(home));
  expect(await failure(other.call('session.close', { session }))).toMatchObject({ code: 'ENOENT' });
  expect(mounts()).toHaveLength(1);
});

test('kill ends the registered process only', async () => {
  const client = await local.connect();
  const { session, name } = await client.call('session.open', sessionRequest(home));
  const sandbox = spawn('sleep', ['600'], { stdio: 'ignore' });
  await client.call('session.pid', { session, pid: sandbox.pid! });
  expect(await client.call('kill', { agent: name })).toEqual({ killed: [sandbox.pid] });
  expect(await until(() => !isRunning(sandbox.pid!))).toBe(true);
  expect(await client.call('kill', { agent: name })).toEqual({ killed: [] });
});

test('discard refuses a live agent and forgets one at rest', async () => {
  const client = await local.connect();
  const { session, name } = await client.call('session.open', sessionRequest(home));
  await client.call('session.record', { session, op: 'exec', note: 'make', pid: 1 });
  expect(await failure(client.call('discard', { agent: name }))).toMatchObject({ code: 'EBUSY' });
  await client.call('session.close', { session });
  await client.call('discard', { agent: name });
  expect(await client.call('ps', {})).toEqual([]);
  expect(await failure(client.call('discard', { agent: name }))).toMatchObject({ code: 'ENOENT' });
});

test('a worker that dies takes its mount with it; status says so; the next session opens a new one', async () => {
  const client = await local.connect();
  const first = await client.call('session.open', sessionRequest(home));
  expect((await run('stat', `${first.mountpoint}/crash`)).status).not.toBe(0);
  expect(await until(() => mounts().length === 0)).toBe(true);
  expect((await client.call('status', {})).health[0]).toMatch(/shell: /);
  expect(await client.call('ps', {})).toMatchObject([{ name: 'shell', state: 'failed' }]);
  const second = await client.call('session.open', sessionRequest(home));
  expect((await run('ls', second.mountpoint)).output).toBe('shell\n');
  expect((await client.call('status', {})).health).toEqual(['ok']);
});

test('work of a kernel that was killed is found by the next one, without a session', async () => {
  const client = await local.connect();
  const { session } = await client.call('session.open', sessionRequest(home, { name: 'alice' }));
  await client.call('session.record', { session, op: 'exec', note: 'make', pid: 1 });
  // The record on disk is all that a killed kernel leaves: it must not claim that there is nothing.
  expect(readAgentRecords(home.places, () => {})).toMatchObject([{ record: { name: 'alice' } }]);
  expect(readAgentRecords(home.places, () => {})[0]?.record.status).toBeUndefined();
  await client.call('session.close', { session });
  expect(readAgentRecords(home.places, () => {})[0]?.record.status).toMatchObject({ files: 1 });
});
