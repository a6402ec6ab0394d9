// A workspace that is a connection of its own, where opens are not told: what holds there as everywhere else, and where
// there can be none.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { failure, run, until } from './harness.ts';
import { type LiveWorld, liveWorld, type Probe } from './liveWorld.ts';

const TIMEOUT_MS = 60_000;
const isRoot = process.getuid!() === 0;

let world: LiveWorld;
beforeEach(async () => {
  // Only root may mount in a view: anybody else is refused, and the rest of the view would tell nothing here.
  world = await liveWorld({ 'a.txt': 'of the host\n', 'sub/b.txt': 'below\n' }, undefined, isRoot ? 'cached' : 'open');
}, TIMEOUT_MS);
afterEach(() => world.end(), TIMEOUT_MS);

const onHost = (name: string) => path.join(world.home.workspace, name);
/** As Python writes it. */
const value = async (probe: Probe, expression: string) => (await probe.ask(`repr(${expression})`)).slice(1);
const served = async () =>
  (await world.client.call('who', {})).flatMap(({ profile }) => (profile === undefined ? [] : [profile]));

describe('what is promised', () => {
  test('the first read of a file is on record, once', async () => {
    const probe = world.probe();
    for (let round = 0; round < 2; round++) expect(await value(probe, "open('a.txt').read()")).toContain('of the host');
    const { text } = await world.client.call('audit', { agent: world.agent, offset: 0, lengthBytes: 1 << 20 });
    const reads = text.split('\n').filter((line) => line.includes('"op":"read"') && line.includes('/a.txt"'));
    expect(reads).toHaveLength(1);
  });

  test('what is written after an approval is a new change on the approved one', async () => {
    const probe = world.probe();
    await probe.ask("f = os.open('a.txt', os.O_RDWR | os.O_APPEND)");
    await probe.ask("os.write(f, b'once\\n')");
    await world.client.call('approve', { ids: [onHost('a.txt')] });
    expect(readFileSync(onHost('a.txt'), 'utf8')).toBe('of the host\nonce\n');
    await probe.ask("os.write(f, b'twice\\n')");
    expect(readFileSync(onHost('a.txt'), 'utf8')).toBe('of the host\nonce\n');
    expect(await value(probe, 'os.pread(f, 99, 0)')).toContain('of the host\\nonce\\ntwice\\n');
    await world.client.call('approve', { ids: [onHost('a.txt')] });
    expect(readFileSync(onHost('a.txt'), 'utf8')).toBe('of the host\nonce\ntwice\n');
  });

  test('who has a file open that is rejected keeps its bytes; the name is gone', async () => {
    const probe = world.probe();
    await probe.ask("f = os.open('new', os.O_RDWR | os.O_CREAT)");
    await probe.ask("os.write(f, b'mine')");
    await world.client.call('reject', { ids: [onHost('new')], reason: 'no' });
    expect(await until(async () => (await value(probe, "os.path.exists('new')")) === 'False')).toBe(true);
    expect(await value(probe, 'os.pread(f, 99, 0)')).toBe("b'mine'");
    await probe.ask("os.write(f, b' still')");
    expect(await value(probe, 'os.pread(f, 99, 0)')).toBe("b'mine still'");
    expect(await value(probe, 'os.fstat(f).st_nlink')).toBe('0');
    expect(await value(probe, "sorted(os.listdir('.'))")).toBe("['a.txt', 'sub']");
  });

  test('an edit on the host shows through an open file; a file put in its place only by the name', async () => {
    const probe = world.probe();
    await probe.ask("f = os.open('a.txt', os.O_RDONLY)");
    expect(await value(probe, 'os.pread(f, 99, 0)')).toContain('of the host');
    writeFileSync(onHost('a.txt'), 'edited there\n');
    expect(await until(async () => (await value(probe, 'os.pread(f, 99, 0)')).includes('edited there'))).toBe(true);
    writeFileSync(onHost('other'), 'another\n');
    renameSync(onHost('other'), onHost('a.txt'));
    expect(await until(async () => (await value(probe, "open('a.txt').read()")).includes('another'))).toBe(true);
    expect(await value(probe, 'os.pread(f, 99, 0)')).toContain('edited there');
  });

  test('names that come and go on the host show in a directory that the agent has changed', async () => {
    const probe = world.probe();
    const lists = (names: readonly string[]) =>
      until(
        async () => (await value(probe, "sorted(os.listdir('sub'))")) === `[${names.map((n) => `'${n}'`).join(', ')}]`,
      );
    await probe.ask("open('sub/mine', 'w').close()");
    expect(await lists(['b.txt', 'mine'])).toBe(true);
    writeFileSync(onHost('sub/c.txt'), '');
    await probe.ask("os.chmod('sub', 0o711)");
    expect(await lists(['b.txt', 'c.txt', 'mine'])).toBe(true);
    renameSync(onHost('sub/c.txt'), onHost('sub/d.txt'));
    expect(await lists(['b.txt', 'd.txt', 'mine'])).toBe(true);
    await probe.ask("os.utime('sub', (5, 5))");
    expect(await value(probe, "os.stat('sub').st_mtime")).toBe('5.0');
  });
});

describe('where there can be none', () => {
  const policies = {
    'another mode': ['rw', ''],
    'a rule below that is not': ['invisible', `mount = [{ path = "\${workspace}/sub", mode = "ro" }]`],
    'exec rules': ['invisible', '[exec]\ndefault = "review"'],
    'every read on record': ['invisible', '[audit]\nreads = "all"'],
  } as const;
  test.each(Object.keys(policies) as (keyof typeof policies)[])(
    '%s: it is refused, and nothing is mounted',
    async (what) => {
      const [mode, text] = policies[what];
      const mountpoint = path.join(world.home.directory, 'second');
      mkdirSync(mountpoint);
      const { cwd, environment } = { cwd: world.home.workspace, environment: world.home.environment };
      const flags = { readOnly: false, allowOther: false, suid: false, dev: false, throwaway: false };
      const asked = {
        cwd,
        environment,
        program: 'shell',
        name: 'bob',
        mountpoint,
        mode,
        connection: 'cached',
        ...flags,
      };
      const policy = { file: 'given.toml', text: `version = 1\n${text}` };
      const refused = await failure(world.client.call('mount', { ...asked, connection: 'cached', policy }));
      expect(refused.code).toBe('environment');
      expect(refused.message).toMatch(isRoot ? /opens/ : /ordinary user/);
      expect(agentshMounts(mountpoint)).toEqual([]);
      expect((await world.client.call('ps', {})).map(({ name }) => name)).toEqual(['alice']);
    },
  );

  test('a later policy that needs opens ends it: what was open fails, the view goes on and keeps what it promises', async () => {
    const probe = world.probe();
    await probe.ask("f = os.open('a.txt', os.O_RDWR)");
    await value(probe, 'os.pread(f, 99, 0)');
    const policy = (await world.read('policy')).replaceAll('mode = "invisible"', 'mode = "rw"');
    expect(await world.write('policy', policy)).toMatchObject({ status: 0, error: '' });
    expect(await served()).toEqual([isRoot ? 'open' : (await served())[0]]);
    if (isRoot) expect(await probe.ask("os.write(f, b'lost')")).toMatch(/^!/);
    expect(await run('sh', '-c', 'echo through > "$0"', path.join(world.view, 'a.txt'))).toMatchObject({ error: '' });
    expect(readFileSync(onHost('a.txt'), 'utf8')).toBe('through\n');
  });
});

test('unmounted from outside, the view shows the workspace still, and ends as one', async () => {
  if (isRoot) {
    expect(await served()).toEqual(['open', 'cached']);
    await run('umount', world.view);
    expect(await until(async () => (await served()).length === 1)).toBe(true);
  }
  expect((await run('cat', path.join(world.view, 'a.txt'))).output).toBe('of the host\n');
  await world.client.call('umount', { mountpoint: path.join(world.home.directory, 'mnt') });
  expect(agentshMounts(world.home.directory).map(({ mountpoint }) => path.basename(mountpoint))).toEqual(['kernel']);
});
