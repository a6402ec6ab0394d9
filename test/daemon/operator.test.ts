// The operator's mount: reads and decides over every agent, served while the kernel does other things.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Client } from '../../fs/daemon/client.ts';
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
let client: Client;
beforeEach(async () => {
  home = makeHome();
  local = await bootLocal(home);
  client = await local.connect();
});
afterEach(async () => {
  await local.end();
  await removeHome(home);
});

const read = async (name: string) => (await run('cat', `${home.places.operator}/${name}`)).output;
const write = (text: string, name: string) =>
  run('sh', '-c', 'printf %s "$0" > "$1"', text, `${home.places.operator}/${name}`);

/** An agent with one pending change. */
async function work(name: string, cwd = home.workspace): Promise<number> {
  const { session } = await client.call('session.open', sessionRequest(home, { name, cwd }));
  await client.call('session.record', { session, op: 'exec', note: 'make', pid: 1 });
  return session;
}

test('it is where status says, and nobody else’s', async () => {
  const { operator } = await client.call('status', {});
  expect(operator).toBe(home.places.operator);
  expect(statSync(path.dirname(operator)).mode & 0o777).toBe(0o700);
});

test('what waits is listed and shown, and a written word decides', async () => {
  await work('alice');
  expect(await read('pending/index')).toContain('abcdefgh create alice');
  expect(await read('pending/abcdefgh')).toContain('+hello');
  expect((await write('approve', 'pending/abcdefgh')).status).toBe(0);
  expect(await read('pending/index')).not.toContain('abcdefgh');
  expect(await read('audit')).toMatch(/"op":"approve".*operator pid/);
});

test('many readers at once are all answered', async () => {
  await work('alice');
  const texts = await Promise.all(Array.from({ length: 20 }, () => read('pending/index')));
  expect(new Set(texts).size).toBe(1);
});

test('events.pipe brings what happens after it was opened', async () => {
  const followed = run('timeout', '5', 'head', '-n', '1', `${home.places.operator}/events.pipe`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await work('alice');
  expect((await followed).output).toMatch(/"agent":"(kernel|.*alice)"/);
});

test('who lists the operator’s connections and the agents’', async () => {
  await work('alice');
  const text = await read('who');
  expect(text).toMatch(/^operator socket \d+ agentsh /m);
  expect(text).toMatch(/alice mount 0 shell .*\/mnt\/0$/m);
});

test('it comes back after somebody unmounts it', async () => {
  await run('umount', home.places.operator);
  expect(await until(async () => (await read('health')) === 'ok\n')).toBe(true);
});

test('over the socket: an id that two agents list needs -n, a filter finds its own', async () => {
  const other = path.join(home.directory, 'other');
  mkdirSync(other);
  await work('alice');
  await work('bob', other);
  expect((await client.call('pending', {})).map(({ agent }) => agent).sort()).toEqual([
    `${other}:bob`,
    `${home.workspace}:alice`,
  ]);
  expect(await client.call('pending', { workspace: other })).toHaveLength(1);
  expect(await failure(client.call('approve', { ids: ['abcd'] }))).toMatchObject({ code: 'EINVAL' });
  expect(await client.call('approve', { ids: [`${other}/new`] })).toMatchObject([{ agent: `${other}:bob` }]);
  expect(await client.call('reject', { agent: 'alice', ids: ['abcd'], reason: 'no' })).toMatchObject([
    { agent: `${home.workspace}:alice`, rejected: ['abcd'] },
  ]);
  expect(await client.call('pending', {})).toEqual([]);
});

test('an id that nobody knows decides nothing', async () => {
  await work('alice');
  const other = path.join(home.directory, 'other');
  mkdirSync(other);
  await work('bob', other);
  expect(await failure(client.call('approve', { ids: [`${other}/new`, 'zzzz'] }))).toMatchObject({ code: 'ENOENT' });
  expect(await failure(client.call('approve', { ids: [] }))).toMatchObject({ code: 'EINVAL' });
  expect(await failure(client.call('pending', { agent: 'nobody' }))).toMatchObject({ code: 'ENOENT' });
  expect(await client.call('pending', {})).toHaveLength(2);
});

test('work at rest is reviewed without a session', async () => {
  const session = await work('alice');
  await client.call('session.close', { session });
  expect(await read('pending/index')).toContain('abcdefgh');
  expect(await client.call('detail', { id: 'abc' })).toMatchObject({ agent: `${home.workspace}:alice` });
});
