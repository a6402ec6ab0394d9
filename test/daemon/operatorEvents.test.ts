// What the operator's mount tells of live agents: their changes and refusals as they happen, who is connected, the rules.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OUTBOX_EVENTS_MAX, OUTBOX_INTERVAL_MS, Outbox, type OutboxEvent } from '../../fs/daemon/outbox.ts';
import { run, until } from './harness.ts';
import { type LiveWorld, liveWorld } from './liveWorld.ts';

let world: LiveWorld;
beforeEach(async () => {
  world = await liveWorld({ 'a.txt': 'a\n' });
});
afterEach(() => world.end());

interface Event {
  readonly agent: string;
  readonly kind?: string;
  readonly op: string;
  readonly path: string;
}
const events = async (): Promise<Event[]> =>
  (await world.read('events'))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Event);

test('a change of an agent reaches the operator’s events, with its path as every other text shows it', async () => {
  await world.probe().ask("os.mkdir('new dir')");
  const path = `"${world.home.workspace}/new dir"`;
  expect(await until(async () => (await events()).some((each) => each.path === path))).toBe(true);
  expect((await events()).find((each) => each.path === path)).toMatchObject({
    agent: world.agent,
    kind: 'change',
    op: 'mkdir',
  });
});

test('a follower of events.pipe sees it without asking again', async () => {
  const followed = run('timeout', '8', 'grep', '-m', '1', 'followed', world.operator('events.pipe'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await world.probe().ask("os.mkdir('followed')");
  expect((await followed).output).toContain('"op":"mkdir"');
});

test('a refusal is in denials with its rule, and an attempt under /.kernel is one', async () => {
  const probe = world.probe();
  expect(
    await probe.ask("os.mkdir('/usr/x' if False else os.getcwd()[:-len('" + world.home.workspace + "')] + '/usr/x')"),
  ).toBe('!EROFS');
  const control = world.view.slice(0, -world.home.workspace.length);
  for (const [line, op] of [
    [`os.unlink('${control}/.kernel/version')`, 'unlink'],
    [`os.mkdir('${control}/.kernel/x')`, 'mkdir'],
    [`os.rename('a.txt', '${control}/.kernel/a')`, 'rename'],
    [`os.setxattr('${control}/.kernel/version', 'user.x', b'1')`, 'setxattr'],
    [`os.rmdir('${control}/.kernel')`, 'rmdir'],
  ]) {
    expect(await probe.ask(line!)).toBe('!EPERM');
    expect(await until(async () => new RegExp(` ${op} /.kernel`).test(await world.read('denials')))).toBe(true);
  }
  const line = (await world.read('denials')).split('\n').find((each) => each.includes('/usr/x'));
  expect(line).toMatch(/^\d{4}-\S+ \S+:alice mkdir \/usr\/x default EROFS$/);
});

test('who and mounts show the agent as it is', async () => {
  expect(await world.read('who')).toMatch(/^operator socket \d+ \S+ \S+ .*kernel\.sock$/m);
  expect(await world.read('who')).toMatch(new RegExp(`^${world.agent} mount .* ${world.home.directory}/mnt$`, 'm'));
  const mounts = await world.read('mounts');
  expect(mounts).toContain(`# ${world.agent}\n`);
  expect(mounts).toMatch(new RegExp(`^invisible .* default ${world.home.workspace}$`, 'm'));
  await world.client.call('umount', { mountpoint: `${world.home.directory}/mnt` });
  expect(await world.read('who')).not.toContain(world.agent);
  expect(await world.read('mounts')).toBe('');
});

test('an agent that changes much is not held up: what is beyond the bound is counted', () => {
  let now = 1000;
  const sent: (readonly OutboxEvent[])[] = [];
  const outbox = new Outbox(
    (each) => sent.push(each),
    () => now,
  );
  expect(outbox.flush()).toBe(-1);
  outbox.add({ op: 'first' });
  expect(outbox.flush()).toBe(-1);
  for (let count = 0; count < OUTBOX_EVENTS_MAX + 7; count++) outbox.add({ op: 'more' });
  now += 1;
  expect(outbox.flush()).toBe(OUTBOX_INTERVAL_MS - 1);
  now += OUTBOX_INTERVAL_MS;
  expect(outbox.flush()).toBe(-1);
  expect(sent.map((each) => each.length)).toEqual([1, OUTBOX_EVENTS_MAX + 1]);
  expect(sent[1]?.at(-1)).toMatchObject({ kind: 'dropped', count: 7 });
});
