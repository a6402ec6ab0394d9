// T18: a policy that comes later holds for what is cached, open, mapped or known to be absent.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LiveWorld, liveWorld, withHidden, withRule } from './liveWorld.ts';

let world: LiveWorld;
beforeEach(async () => {
  world = await liveWorld({
    'a.key': 'secret\n',
    'b.key': 'other\n',
    'map.key': 'm'.repeat(20_000),
    'plain.txt': 'plain\n',
    'config/inner': 'inner\n',
    'config/deep/leaf': 'leaf\n',
    'log/one': '1\n',
    'log/two.key': '2\n',
    'log/three': '3\n',
  });
});
afterEach(() => world.end());

const rule = (name: string, mode: string) => `{ path = "${world.home.workspace}/${name}", mode = "${mode}" }`;
async function replace(change: (policy: string) => string): Promise<void> {
  expect(await world.write('policy', change(await world.read('policy')))).toMatchObject({ status: 0, error: '' });
}

test('an open file: reads, attributes and new opens are refused', async () => {
  const probe = world.probe();
  await probe.ask("f = os.open('a.key', os.O_RDONLY)");
  expect(await probe.ask('os.pread(f, 99, 0)')).toBe("=b'secret\\n'");
  await replace((policy) => withHidden(policy, '*.key'));
  expect(await probe.ask('os.pread(f, 99, 0)')).toBe('!ESTALE');
  expect(await probe.ask('os.fstat(f)')).toBe('!ESTALE');
  expect(await probe.ask("os.open('a.key', os.O_RDONLY)")).toBe('!ENOENT');
  expect(await probe.ask("os.open('a.key', os.O_CREAT | os.O_RDWR)")).toBe('!EPERM');
  expect(await probe.ask('os.close(f)')).toMatch(/^(=None|!ESTALE)$/);
  expect(await probe.ask("os.stat('plain.txt').st_size")).toBe('=6');
});

test('a cached name and cached attributes are gone, and no listing shows them', async () => {
  const probe = world.probe();
  expect(await probe.ask("os.stat('b.key').st_size")).toBe('=6');
  expect(await probe.ask("sorted(os.listdir('.'))")).toContain('b.key');
  await replace((policy) => withHidden(policy, '*.key'));
  expect(await probe.ask("os.stat('b.key')")).toBe('!ENOENT');
  expect(await probe.ask("sorted(os.listdir('.'))")).not.toContain('key');
});

test('a mapped file: pages are gone, the next touch is SIGBUS', async () => {
  const probe = world.probe();
  await probe.ask("m = mmap.mmap(os.open('map.key', os.O_RDONLY), 0, prot=mmap.PROT_READ)");
  expect(await probe.ask('m[9000]')).toBe('=109');
  await replace((policy) => withHidden(policy, '*.key'));
  expect(await probe.ask('m[9000]')).toBe('ended SIGBUS');
});

test('a working directory and what was cached below it', async () => {
  const probe = world.probe();
  await probe.ask("os.chdir('config')");
  expect(await probe.ask("os.stat('deep/leaf').st_size")).toBe('=5');
  expect(await probe.ask("open('inner').read()")).toBe('=inner\n'.trim());
  await probe.ask('');
  await replace((policy) => withRule(policy, rule('config', 'hidden')));
  expect(await probe.ask("open('inner').read()")).toMatch(/^!(ESTALE|ENOENT)$/);
  expect(await probe.ask("os.stat('deep/leaf')")).toMatch(/^!(ESTALE|ENOENT)$/);
  expect(await probe.ask("os.listdir('.')")).toMatch(/^!(ESTALE|ENOENT)$/);
  expect(await probe.ask("os.stat('../config')")).toMatch(/^!(ESTALE|ENOENT)$/);
});

test('a listing under way goes on without what is hidden', async () => {
  const probe = world.probe();
  await probe.ask("d = os.open('log', os.O_RDONLY); s = os.scandir(d)");
  await replace((policy) => withHidden(policy, '*.key'));
  expect(await probe.ask('sorted(e.name for e in s)')).toBe("=['one', 'three']");
});

test('what is absent stays absent, and what a wider policy shows is there within a second', async () => {
  const probe = world.probe();
  await replace((policy) => withHidden(policy, '*.key'));
  expect(await probe.ask("os.path.exists('a.key')")).toBe('=False');
  await replace((policy) => policy.replace('hide = ["*.key"]', 'hide = []'));
  await probe.ask('__import__("time").sleep(1.1)');
  expect(await probe.ask("open('a.key').read().strip()")).toBe('=secret');
});

test('writes through a handle from before are refused where the rule is read-only now', async () => {
  const probe = world.probe();
  await probe.ask("f = os.open('plain.txt', os.O_RDWR)");
  await replace((policy) => withRule(policy, rule('plain.txt', 'ro')));
  expect(await probe.ask("os.pwrite(f, b'x', 0)")).toBe('!EROFS');
  expect(await probe.ask('os.pread(f, 5, 0)')).toBe("=b'plain'");
  expect(await probe.ask('os.ftruncate(f, 0)')).toBe('!EROFS');
  expect(await probe.ask("os.open('plain.txt', os.O_WRONLY)")).toBe('!EROFS');
  expect(await world.read('denials')).toContain('plain.txt');
});

test('a hidden unlinked file is not read on through its handle; one that is not hidden is', async () => {
  const probe = world.probe();
  await probe.ask("f = os.open('a.key', os.O_RDONLY); os.unlink('a.key')");
  await probe.ask("g = os.open('plain.txt', os.O_RDONLY); os.unlink('plain.txt')");
  await replace((policy) => withHidden(policy, '*.key'));
  expect(await probe.ask('os.pread(f, 9, 0)')).toBe('!ESTALE');
  expect(await probe.ask('os.pread(g, 5, 0)')).toBe("=b'plain'");
});

test('work under a directory that becomes a rule’s root is found again by the next session', async () => {
  const probe = world.probe();
  await probe.ask("os.listdir('config')");
  await probe.ask("i = os.stat('config').st_ino");
  await replace((policy) => withRule(policy, rule('config', 'private')));
  expect(await probe.ask("os.stat('config').st_ino == i")).toBe('=True');
  await probe.ask("open('config/new', 'w').write('kept')");
  expect(await world.read('pending/index')).not.toContain('config/new');
  probe.kill();
  await probe.ended;
  await world.remount(`version = 1\nmount = [${rule('config', 'private')}]\n`);
  expect(await world.probe().ask("open('config/new').read()")).toBe('=kept');
});

test('a hard link whose other name is not hidden is still there by that one', async () => {
  const probe = world.probe();
  await probe.ask("os.link('a.key', 'second'); f = os.open('a.key', os.O_RDONLY)");
  await probe.ask("g = os.stat('second'), os.stat('a.key')");
  await replace((policy) => withHidden(policy, '*.key'));
  expect(await probe.ask("open('second').read().strip()")).toBe('=secret');
  expect(await probe.ask("os.stat('a.key')")).toBe('!ENOENT');
});

test('what was moved away shows nothing of where it came from, once that is hidden', async () => {
  const probe = world.probe();
  await probe.ask("os.rename('config', 'cfg')");
  expect(await probe.ask("open('cfg/deep/leaf').read().strip()")).toBe('=leaf');
  await replace((policy) => withRule(policy, rule('config/deep', 'hidden')));
  expect(await probe.ask("open('cfg/deep/leaf').read()")).toMatch(/^!(ENOENT|ESTALE)$/);
  expect(await probe.ask("open('cfg/inner').read().strip()")).toBe('=inner');
});
