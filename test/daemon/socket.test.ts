// The socket: what may lie in its place, who may connect, and what the first message must be.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../fs/daemon/client.ts';
import { clearSocketPlace } from '../../fs/daemon/socketServer.ts';
import { bootLocal, failure, type Home, type LocalKernel, makeHome, removeHome, run, until } from './harness.ts';

let home: Home;
let local: LocalKernel | undefined;
beforeEach(() => {
  home = makeHome();
});
afterEach(async () => {
  await local?.end();
  local = undefined;
  await removeHome(home);
});

const prepare = () => {
  mkdirSync(home.places.run, { mode: 0o700 });
  return home.places.socket;
};

test('a symlink in the socket’s place is removed, what it names is not', async () => {
  const target = path.join(home.directory, 'precious');
  writeFileSync(target, 'kept');
  symlinkSync(target, prepare());
  local = await bootLocal(home);
  expect(lstatSync(home.places.socket).isSocket()).toBe(true);
  expect(readFileSync(target, 'utf8')).toBe('kept');
});

test('a stale socket is found by connecting, and removed', async () => {
  const file = prepare();
  const script = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await run(process.execPath, '-e', script);
  expect(existsSync(file)).toBe(true);
  await clearSocketPlace(file);
  expect(existsSync(file)).toBe(false);
});

test('a live socket is respected', async () => {
  const file = prepare();
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(file, resolve));
  expect(await failure(clearSocketPlace(file))).toMatchObject({ code: 'EBUSY' });
  expect(existsSync(file)).toBe(true);
  server.close();
});

test('a file that is no socket is left alone', async () => {
  const file = prepare();
  writeFileSync(file, 'mine');
  expect(await failure(clearSocketPlace(file))).toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

test('a directory that others may enter holds no socket', async () => {
  const file = prepare();
  chmodSync(home.places.run, 0o755);
  expect(await failure(clearSocketPlace(file))).toMatchObject({ code: 'EPERM' });
});

/** Sends raw text; everything that comes back until the kernel closes. */
async function talk(...texts: readonly string[]): Promise<string> {
  const socket = net.connect(home.places.socket);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  for (const text of texts) socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}
const token = () => readFileSync(home.places.token, 'latin1').trim();
const first = (fields: object) => `${JSON.stringify({ version: 1, program: 'test', ...fields })}\n`;
const status = `${JSON.stringify({ id: 1, method: 'status', params: {} })}\n`;

test('the token is 256 bits in a 0600 file, the socket 0600, both new at each boot', async () => {
  local = await bootLocal(home);
  const before = token();
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  for (const file of [home.places.token, home.places.socket]) expect(statSync(file).mode & 0o777).toBe(0o600);
  await local.end();
  local = await bootLocal(home);
  expect(token()).not.toBe(before);
});

test.each([
  ['another token', () => first({ token: 'f'.repeat(64) }), 'EACCES'],
  ['a prefix of the token', () => first({ token: token().slice(0, 63) }), 'EACCES'],
  ['an empty token', () => first({ token: '' }), 'EACCES'],
  ['a token that is no text', () => first({ token: [token()] }), 'EACCES'],
  ['no JSON', () => 'hello\n', 'EACCES'],
  ['a request first', () => status, 'EACCES'],
  ['a line without end', () => 'x'.repeat(70_000), 'EMSGSIZE'],
  ['another version', () => first({ token: token(), version: 2 }), 'version'],
])('%s is refused, and no request after it is served', async (_what, text, code) => {
  local = await bootLocal(home);
  const answer = await talk(text() + status);
  expect(JSON.parse(answer.split('\n')[0]!)).toMatchObject({ ok: false, error: { code } });
  expect(answer).not.toContain(home.places.home);
});

test('the token and requests may come in one packet, or byte by byte', async () => {
  local = await bootLocal(home);
  const text = `${first({ token: token() })}${status}nonsense\n`;
  for (const parts of [[text], [...text]]) {
    const lines = (await talk(...parts))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ ok: true, result: { version: 1, pid: process.pid } });
    expect(lines.find((line) => line.id === 0)).toMatchObject({ ok: false, error: { code: 'EINVAL' } });
  }
});

test.each([
  ['nosuch', {}, 'ENOSYS'],
  ['toString', {}, 'ENOSYS'],
  ['detail', {}, 'EINVAL'],
  ['detail', { id: 7 }, 'EINVAL'],
  ['audit', { agent: 'kernel', offset: -1, lengthBytes: 1 }, 'EINVAL'],
  ['session.open', { cwd: '/', program: 'x' }, 'EINVAL'],
  ['umount', { mountpoint: '/nowhere' }, 'EINVAL'],
])('%s with %j is answered with %s', async (method, params, code) => {
  local = await bootLocal(home);
  const client = await local.connect();
  expect(await failure(client.call(method as 'status', params as Record<string, never>))).toMatchObject({ code });
  client.close();
});

test('changes are limited by rate, reads are not', async () => {
  local = await bootLocal(home);
  const client = await local.connect();
  let refused = 0;
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 25 }, () => failure(client.call('umount', { mountpoint: '/nowhere' })));
    refused += (await Promise.all(calls)).filter(({ code }) => code === 'EAGAIN').length;
  }
  expect(refused).toBe(100);
  for (let count = 0; count < 100; count++) await client.call('status', {});
});

test('without a kernel connecting says so, quietly', async () => {
  expect(await connect({ environment: home.environment })).toBeUndefined();
});

test('a kernel of another home on the same socket is told apart', async () => {
  local = await bootLocal(home);
  const other = { ...home.environment, AGENTSH_HOME: path.join(home.directory, 'other') };
  expect(await failure(connect({ environment: other }))).toMatchObject({ code: 'EACCES' });
});

test('who tells the system’s word on a client’s pid', async () => {
  local = await bootLocal(home);
  const client = await local.connect();
  expect(await client.call('who', {})).toMatchObject([{ principal: 'operator', pid: process.pid, program: 'agentsh' }]);
  client.close();
  expect(await until(() => local!.kernel.who().length === 0)).toBe(true);
});
