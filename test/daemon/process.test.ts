// The kernel as a process: one a home, started by whoever needs it first, gone when nobody does, survived when killed.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bootKernel, connect, ensureKernel } from '../../fs/daemon/client.ts';
import { makePlaces } from '../../fs/daemon/places.ts';
import { programPath } from '../../fs/daemon/program.ts';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { boot, failure, type Home, isRunning, kernelPid, makeHome, removeHome, run, until } from './harness.ts';

let home: Home;
beforeEach(() => {
  home = makeHome();
});
afterEach(() => removeHome(home));

const operatorMounts = () => agentshMounts(home.directory).map(({ mountpoint }) => mountpoint);

test('the first command starts the kernel, the next one finds it', async () => {
  const first = await boot(home);
  const second = await boot(home);
  expect(second.kernel.pid).toBe(first.kernel.pid);
  expect(first.kernel.pid).not.toBe(process.pid);
  expect((await first.call('status', {})).health).toEqual(['ok']);
  expect(operatorMounts()).toEqual([home.places.operator]);
  expect((await run('cat', `${home.places.operator}/health`)).output).toBe('ok\n');
});

test('four commands at once get one kernel', async () => {
  const clients = await Promise.all([boot(home), boot(home), boot(home), boot(home)]);
  expect(new Set(clients.map(({ kernel }) => kernel.pid)).size).toBe(1);
});

test('a second kernel on the home refuses and names the first', async () => {
  const client = await boot(home);
  const refused = await failure(bootKernel({ environment: home.environment }));
  expect(refused.code).toBe('EBUSY');
  expect(refused.message).toContain(`pid ${client.kernel.pid}`);
  expect((await client.call('status', {})).pid).toBe(client.kernel.pid);
});

test('a home that cannot be is refused with the reason, at the client', async () => {
  makePlaces(home.places);
  chmodSync(home.places.keys, 0o755);
  expect((await failure(boot(home))).message).toContain('chmod 700');
  const refused = await failure(
    ensureKernel({ environment: { ...home.environment, AGENTSH_IDLE_TIMEOUT_SECS: 'soon' } }),
  );
  expect(refused.code).toBe('EPERM');
  chmodSync(home.places.keys, 0o700);
  expect(
    (await failure(ensureKernel({ environment: { ...home.environment, AGENTSH_IDLE_TIMEOUT_SECS: 'soon' } }))).message,
  ).toContain('AGENTSH_IDLE_TIMEOUT_SECS=soon');
  expect(kernelPid(home)).toBeUndefined();
});

test('a damaged ledger is refused, not repaired', async () => {
  const client = await boot(home);
  const { pid } = client.kernel;
  await client.call('shutdown', { force: false });
  expect(await until(() => !isRunning(pid))).toBe(true);
  const file = `${home.places.keys}/kernel.key`;
  writeFileSync(file, 'not a key\n');
  expect((await failure(boot(home))).message).toContain('not a key');
  expect(readFileSync(file, 'utf8')).toBe('not a key\n');
});

test('without clients and mounts it ends by itself', async () => {
  const client = await ensureKernel({ environment: { ...home.environment, AGENTSH_IDLE_TIMEOUT_SECS: '0.2' } });
  const { pid } = client.kernel;
  // Longer than the time-out: a client keeps it alive.
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect((await client.call('status', {})).pid).toBe(pid);
  client.close();
  expect(await until(() => !isRunning(pid))).toBe(true);
  expect(existsSync(home.places.socket)).toBe(false);
  expect(operatorMounts()).toEqual([]);
});

test('SIGTERM answers what was asked, then unmounts and removes the socket', async () => {
  const client = await boot(home);
  const { pid } = client.kernel;
  const asked = client.call('audit', { agent: 'kernel', offset: 0, lengthBytes: 65_536 });
  await client.call('status', {});
  process.kill(pid, 'SIGTERM');
  expect((await asked).text).toContain('"op":"boot"');
  await client.closed;
  expect(await until(() => !isRunning(pid))).toBe(true);
  expect(existsSync(home.places.socket)).toBe(false);
  expect(operatorMounts()).toEqual([]);
  expect(await connect({ environment: home.environment })).toBeUndefined();
});

test('after SIGKILL the next command starts a new kernel, which clears what was mounted', async () => {
  const first = await boot(home);
  process.kill(first.kernel.pid, 'SIGKILL');
  await first.closed;
  expect(await failure(first.call('status', {}))).toMatchObject({ code: 'ECONNRESET' });
  const second = await boot(home);
  expect(second.kernel.pid).not.toBe(first.kernel.pid);
  expect(operatorMounts()).toEqual([home.places.operator]);
  expect((await run('cat', `${home.places.operator}/health`)).output).toBe('ok\n');
  const { text } = await second.call('audit', { agent: 'kernel', offset: 0, lengthBytes: 65_536 });
  expect(text.match(/"op":"boot"/g)).toHaveLength(2);
});

test('the environment that changes how programs run does not reach it', async () => {
  const client = await ensureKernel({
    environment: { ...home.environment, NODE_OPTIONS: '--no-such-option', LD_PRELOAD: '/nowhere.so', SECRET_KEY: 'x' },
  });
  const environment = readFileSync(`/proc/${client.kernel.pid}/environ`, 'latin1');
  expect(environment).not.toMatch(/NODE_OPTIONS|LD_PRELOAD|SECRET_KEY/);
});

test('it holds no descriptor of whoever started it, and has its own session', async () => {
  const client = await boot(home);
  const stat = readFileSync(`/proc/${client.kernel.pid}/stat`, 'latin1');
  const [, , , group, session] = stat.slice(stat.lastIndexOf(')')).split(' ');
  expect([group, session]).toEqual([`${client.kernel.pid}`, `${client.kernel.pid}`]);
});

test('a kernel in the foreground says on stderr why it cannot start', async () => {
  await boot(home);
  const child = spawn(process.execPath, [programPath('main')], {
    env: home.environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect([code, JSON.parse(said).error.code]).toEqual([1, 'EBUSY']);
});
