// Under `rw`, what was written but not yet closed when the policy tightens does not land on the host.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LiveWorld, liveWorld, withHidden, withRule } from './liveWorld.ts';

let world: LiveWorld;
beforeEach(async () => {
  world = await liveWorld({ 'a.txt': 'before\n', 'b.txt': 'before\n' }, 'rw');
});
afterEach(() => world.end());

const onHost = (name: string) => readFileSync(path.join(world.home.workspace, name), 'utf8');
async function replace(change: (policy: string) => string): Promise<void> {
  expect(await world.write('policy', change(await world.read('policy')))).toMatchObject({ status: 0, error: '' });
}

test.each([
  ['ro', (policy: string) => withRule(policy, `{ path = "${world.home.workspace}/a.txt", mode = "ro" }`)],
  ['hidden', (policy: string) => withHidden(policy, 'a.txt')],
  ['invisible', (policy: string) => policy.replaceAll('mode = "rw"', 'mode = "invisible"')],
])('to %s', async (mode, change) => {
  const probe = world.probe();
  await probe.ask("f = os.open('a.txt', os.O_RDWR)");
  expect(await probe.ask("os.pwrite(f, b'after!\\n', 0)")).toBe('=7');
  await replace(change);
  await probe.ask('os.close(f)');
  expect(onHost('a.txt')).toBe('before\n');
  const pending = await world.read('pending/index');
  if (mode === 'invisible') expect(pending).toMatch(/modify .*a\.txt/);
  else expect(pending).not.toContain('a.txt');
});

test('what the rule still allows lands as before', async () => {
  const probe = world.probe();
  await probe.ask("f = os.open('b.txt', os.O_RDWR)");
  await probe.ask("os.pwrite(f, b'after!\\n', 0)");
  await replace((policy) => withHidden(policy, 'a.txt'));
  expect(await probe.ask('os.close(f)')).toBe('=None');
  expect(onHost('b.txt')).toBe('after!\n');
});
