// The operator's `policy`: TOML of what is in force; what is read can be written back; what is wrong changes nothing.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isWholeText, policyBlocks, renderBlocks } from '../../fs/daemon/policyBlocks.ts';
import { run, sessionRequest } from './harness.ts';
import { type LiveWorld, liveWorld, withHidden } from './liveWorld.ts';

let world: LiveWorld;
beforeEach(async () => {
  world = await liveWorld({ 'a.key': 'secret\n' });
});
afterEach(() => world.end());

const body = (text: string) => text.split('\n').filter((line) => !line.startsWith('#'));
const withoutSources = (text: string) => body(text).map((line) => line.replace(/ # .*$/, ''));

test('reading names the agent; written back as it is, nothing changes', async () => {
  const before = await world.read('policy');
  expect(before).toMatch(new RegExp(`^# agent ${world.agent}\nversion = 1\n`));
  expect(before.endsWith('\n# end\n')).toBe(true);
  expect(await world.write('policy', before)).toMatchObject({ status: 0 });
  expect(withoutSources(await world.read('policy'))).toEqual(withoutSources(before));
});

test('sed writes it in pieces of 4 KiB', async () => {
  const padding = Array.from({ length: 200 }, (_, index) => `"**/pad-${index}-${'x'.repeat(40)}"`).join(', ');
  const text = (await world.read('policy')).replace('protect = []', `protect = [${padding}]`);
  expect(text.length).toBeGreaterThan(10_000);
  expect(await world.write('policy', text)).toMatchObject({ status: 0 });
  const { status } = await run(
    'sh',
    '-c',
    'sed "s/^hide = .*/hide = [\\"*.key\\"]/" "$0" > "$1.new" && dd bs=512 status=none < "$1.new" > "$0"',
    world.operator('policy'),
    path.join(world.home.directory, 'text'),
  );
  expect(status).toBe(0);
  expect(await world.read('policy')).toContain('hide = ["*.key"]');
  expect(await world.probe().ask("os.path.exists('a.key')")).toBe('=False');
});

test('both hashes are on record with the kernel and with the agent', async () => {
  await world.write('policy', withHidden(await world.read('policy'), '*.key'));
  const entries = (await world.read('audit'))
    .split('\n')
    .filter((line) => line.includes('"op":"policy"'))
    .map((line) => JSON.parse(line) as { agent: string; note: string });
  expect(entries.map(({ agent }) => agent).sort()).toEqual(['alice', 'kernel']);
  const hashes = entries.map(({ note }) => /old sha256:([0-9a-f]{64}) new sha256:([0-9a-f]{64})$/.exec(note)?.slice(1));
  expect(hashes[0]).toEqual(hashes[1]);
  expect(hashes[0]?.[0]).not.toBe(hashes[0]?.[1]);
  expect(entries[0]?.note).toMatch(/operator pid \d+/);
});

test.each([
  ['an unknown key', (text: string) => text.replace('[audit]', '[audits]'), /unknown key "audits"/],
  ['no TOML', (text: string) => text.replace('version = 1', 'version = = 1'), /not TOML/],
  ['a cut text', (text: string) => text.slice(0, text.indexOf('[quota]')), /ends before its last line/],
  ['another agent', (text: string) => text.replace('# agent ', '# agent /nowhere'), /no live agent/],
])('%s: an error, its reason in the next read, and the old policy', async (_what, change, reason) => {
  const before = await world.read('policy');
  expect((await world.write('policy', change(before))).status).not.toBe(0);
  const after = await world.read('policy');
  expect(after).toMatch(/^# agent .*\n# refused: /);
  expect(after).toMatch(reason);
  expect(body(after)).toEqual(body(before));
  expect(await world.read('events')).toMatch(/"op":"policy".*"verdict":"deny"/);
  expect(await world.write('policy', after)).toMatchObject({ status: 0 });
  expect(await world.read('policy')).not.toContain('# refused');
});

test('an error names the line of the text as it was written', async () => {
  const text = (await world.read('policy')).replace(/^reads = .*$/m, 'reads = "some"');
  await world.write('policy', text);
  const line = text.split('\n').indexOf('reads = "some"') + 1;
  expect(await world.read('policy')).toContain(`/.kernel/policy:${line}:`);
});

test('two live agents: a text says whose it is, and one text can hold both', async () => {
  const other = path.join(world.home.directory, 'other');
  const mountpoint = path.join(world.home.directory, 'mnt2');
  for (const place of [other, mountpoint]) mkdirSync(place);
  const flags = { readOnly: false, allowOther: false, suid: false, dev: false };
  const request = sessionRequest(world.home, { name: 'bob', cwd: other });
  const { agent } = await world.client.call('mount', { ...request, mountpoint, ...flags });
  const both = await world.read('policy');
  expect(both.match(/^# agent /gm)).toHaveLength(2);
  expect((await world.write('policy', 'version = 1\n')).status).not.toBe(0);
  expect(await world.read('policy')).toContain('2 agents are live');
  const blocks = policyBlocks(both);
  const bobs = blocks.find(({ key }) => key === agent)!;
  const own = `${withHidden(bobs.text.trim(), 'bobs')}\n# end\n`;
  expect(await world.write('policy', own.replace(/\n# end\n# end\n$/, '\n# end\n'))).toMatchObject({ status: 0 });
  const text = await world.read('policy');
  expect(text.match(/hide = \["bobs"\]/g)).toHaveLength(1);
  expect(await world.write('policy', text.replaceAll(/^mask = \[\]$/gm, 'mask = ["both"]'))).toMatchObject({
    status: 0,
  });
  expect((await world.read('policy')).match(/mask = \["both"\]/g)).toHaveLength(2);
});

test('blocks come back as they were rendered, whatever the workspace is called', () => {
  const keys = ['/a b:x', '/p\xc3\xa4th:y', '/raw\xff:z'];
  const text = renderBlocks(
    keys.map((key) => ({ key, text: 'version = 1\n' })),
    'two\nlines',
  );
  expect(text.split('\n').filter((line) => line.startsWith('# refused'))).toEqual(['# refused: two lines']);
  const written = Buffer.from(text).toString();
  expect(policyBlocks(written).map(({ key }) => key)).toEqual(keys);
  expect(isWholeText(written)).toBe(true);
  for (let length = 1; length < written.length - 1; length++) {
    const part = written.slice(0, length);
    if (part.startsWith('# agent ')) expect(isWholeText(part)).toBe(false);
  }
});
