// Passthrough cannot be taken back: who holds a file that way is ended, whoever does not is left alone.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LiveWorld, liveWorld, withHidden, withRule } from './liveWorld.ts';

/** Only root in the initial user namespace may register backing files. */
const passes = process.getuid?.() === 0;
let world: LiveWorld;
beforeEach(async () => {
  world = await liveWorld({ 'a.txt': 'a\n', 'b.txt': 'b\n' });
  const writer = world.probe();
  await writer.ask("open('a.txt', 'w').write('x' * 9000)");
  await writer.ask("open('b.txt', 'w').write('y' * 9000)");
});
afterEach(() => world.end());

const rule = (name: string, mode: string) => `{ path = "${world.home.workspace}/${name}", mode = "${mode}" }`;
async function replace(change: (policy: string) => string): Promise<void> {
  expect(await world.write('policy', change(await world.read('policy')))).toMatchObject({ status: 0, error: '' });
}

test('a handle that can write past the daemon: its process ends, another one goes on', async () => {
  const holder = world.probe();
  const other = world.probe();
  await holder.ask("f = os.open('a.txt', os.O_RDWR)");
  expect(await holder.ask("os.pwrite(f, b'z', 0)")).toBe('=1');
  await other.ask("g = os.open('b.txt', os.O_RDWR)");
  await replace((policy) => withRule(policy, rule('a.txt', 'ro')));
  expect(await holder.ask("os.pwrite(f, b'z', 1)")).toBe(passes ? 'ended SIGKILL' : '!EROFS');
  expect(await other.ask("os.pwrite(g, b'z', 1)")).toBe('=1');
  if (passes) expect(await world.read('events')).toMatch(/ended \d+: held files/);
});

test('a mapping that outlived its descriptor', async () => {
  const holder = world.probe();
  await holder.ask("f = os.open('a.txt', os.O_RDWR); m = mmap.mmap(f, 0); os.close(f)");
  expect(await holder.ask('m[100]')).toBe('=120');
  await replace((policy) => withHidden(policy, 'a.txt'));
  expect(await holder.ask('m[100]')).toMatch(/^ended SIG(KILL|BUS)$/);
});
