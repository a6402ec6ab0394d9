// Edits of policy files while an agent lives: what tightens holds at once, what loosens waits, what is broken is ignored.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from './harness.ts';
import { type LiveWorld, liveWorld, type Probe } from './liveWorld.ts';

let world: LiveWorld;
let probe: Probe;
beforeEach(async () => {
  world = await liveWorld({ 'a.key': 'secret\n', 'b.txt': 'b\n' });
  probe = world.probe();
  await probe.ask("f = os.open('a.key', os.O_RDONLY)");
});
afterEach(() => world.end());

const project = () => path.join(world.home.workspace, '.agentsh/policy.toml');
const user = () => path.join(world.home.directory, 'user/.config/agentsh/policy.toml');
function save(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}~`, `version = 1\n${text}`);
  renameSync(`${file}~`, file);
}
const seen = (name: string) => probe.ask(`os.path.exists('${name}')`);
const events = async (pattern: RegExp) => until(async () => pattern.test(await world.read('events')));

test('a project file that comes into being tightens what is open', async () => {
  expect(await probe.ask('os.pread(f, 6, 0)')).toBe("=b'secret'");
  save(project(), '[files]\nhide = ["*.key"]\n');
  expect(await until(async () => (await seen('a.key')) === '=False')).toBe(true);
  // Pages that are cached go a moment after the name: nobody waits for an edit as a writer of `policy` does.
  expect(await until(async () => (await probe.ask('os.pread(f, 6, 0)')) === '!ESTALE')).toBe(true);
  expect(await world.read('audit')).toMatch(/"op":"policy".*policy\.toml: old sha256:/);
});

test('taking it back loosens: it waits for a new session, and says so', async () => {
  save(project(), '[files]\nhide = ["*.key"]\n');
  expect(await until(async () => (await seen('a.key')) === '=False')).toBe(true);
  rmSync(project());
  expect(await events(/what it loosens counts in a new session/)).toBe(true);
  expect(await seen('a.key')).toBe('=False');
});

test('an edit that does both: only the tighter half', async () => {
  save(user(), `mount = [ { path = "${world.home.workspace}/b.txt", mode = "ro" } ]\n[network]\nmode = "host"\n`);
  expect(await until(async () => (await probe.ask("os.open('b.txt', os.O_WRONLY)")) === '!EROFS')).toBe(true);
  expect(await world.read('policy')).toContain('mode = "none"');
  expect(await events(/what it loosens/)).toBe(true);
});

test('a broken file is ignored with its reason, and the policy stays', async () => {
  const before = await world.read('policy');
  save(project(), '[files]\nhidden = ["*.key"]\n');
  expect(await events(/ignored, the policy stays as it is: .*policy\.toml:3:1: unknown key/)).toBe(true);
  expect(await world.read('policy')).toBe(before);
  save(project(), '[files]\nhide = ["*.key"]\n');
  expect(await until(async () => (await seen('a.key')) === '=False')).toBe(true);
});

test('a project file that would loosen is refused as a whole', async () => {
  save(project(), `mount = [ { path = "${world.home.workspace}/b.txt", mode = "rw" } ]\n`);
  expect(await events(/ignored.*a project file may only tighten/)).toBe(true);
});

test('a policy file that the agent writes is its own business: no edit, no reload, no next session reads it', async () => {
  const text = `version = 1\\nmount = [ { path = \\"/srv\\", mode = \\"rw\\" } ]`;
  const before = await world.read('policy');
  expect(await probe.ask(`os.mkdir('.agentsh') or open('.agentsh/policy.toml', 'w').write("${text}") > 0`)).toBe(
    '=True',
  );
  save(user(), '[files]\nhide = ["*.key"]\n');
  expect(await until(async () => (await seen('a.key')) === '=False')).toBe(true);
  expect(await world.read('policy')).not.toContain('/srv');
  expect(before).not.toContain('/srv');
  expect(await world.read('pending/index')).toMatch(/\.agentsh/);
  expect(await world.read('events')).not.toContain('a project file may only tighten');
});

test('a file that is replaced again and again, and one behind a link, are watched on', async () => {
  const real = path.join(world.home.directory, 'real.toml');
  writeFileSync(real, 'version = 1\n');
  mkdirSync(path.dirname(project()), { recursive: true });
  symlinkSync(real, project());
  await new Promise((resolve) => setTimeout(resolve, 500));
  writeFileSync(real, 'version = 1\n[files]\nhide = ["b.txt"]\n');
  expect(await until(async () => (await seen('b.txt')) === '=False')).toBe(true);
  rmSync(project());
  save(project(), '[files]\nhide = ["b.txt", "*.key"]\n');
  expect(await until(async () => (await seen('a.key')) === '=False')).toBe(true);
  await probe.ask("open('new', 'w').write('x')");
  save(project(), '[files]\nhide = ["b.txt", "*.key", "new"]\n');
  expect(await until(async () => (await seen('new')) === '=False')).toBe(true);
});
