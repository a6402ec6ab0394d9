// Inside a sandbox the command reads the agent's own control files: here a directory with the same files.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dispatch } from '../../agentsh/dispatch.ts';
import { EXIT } from '../../agentsh/exitCodes.ts';
import { fakeContext } from './fakeContext.ts';

const root = mkdtempSync(path.join(tmpdir(), 'agentsh-inside-'));
const CHANGE = 'kind create\npath /w/new\nagent main\nsize 2\nprotected no\n\n+++ b/w/new\n+x\x1b[2J\n';

beforeAll(() => {
  for (const name of ['pending', 'commits']) mkdirSync(path.join(root, name));
  writeFileSync(path.join(root, 'pending/index'), 'set abc\nabcd2345 create main 2 0 - /w/new\n');
  writeFileSync(path.join(root, 'pending/abcd2345'), CHANGE);
  writeFileSync(path.join(root, 'commits/c1'), 'by operator pid 7\n');
  writeFileSync(path.join(root, 'agent'), 'id w:main\nname main\n');
  writeFileSync(path.join(root, 'health'), 'ok\n');
  writeFileSync(path.join(root, 'audit'), '{"seq":1,"op":"read"}\n{"seq":2,"op":"create"}\n');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function call(...words: string[]) {
  const context = fakeContext({}, undefined, { insideKernel: root });
  const code = await dispatch(words, context);
  // The kernel's socket is never asked: it is not there.
  expect(context.calls).toEqual([]);
  return { code, text: context.lines.join('\n'), errors: context.errors.join('') };
}

test('pending is the index, and flat objects with --json', async () => {
  expect((await call('pending')).text).toContain('abcd2345 create');
  expect(JSON.parse((await call('pending', '--json')).text)).toEqual([
    { id: 'abcd2345', kind: 'create', path: '/w/new', agent: 'main', size: '2', protected: 'no' },
  ]);
});

test.each([['abc'], ['new'], ['/w/new']])('diff %s shows the change, escaped', async (word) => {
  const { code, text } = await call('diff', word);
  expect(code).toBe(EXIT.ok.code);
  expect(text).toContain('+x\\x1b[2J');
});

test('diff of what is not pending exits 2', async () => {
  expect(await call('diff', 'zzz')).toMatchObject({ code: EXIT.usage.code, text: '' });
});

test('status, commits and log answer in both forms', async () => {
  expect((await call('status')).text).toContain('name main');
  expect(JSON.parse((await call('status', '--json')).text)).toEqual({ id: 'w:main', name: 'main', health: 'ok' });
  expect((await call('commits')).text).toContain('by operator pid 7');
  expect(JSON.parse((await call('log', '--json')).text)).toHaveLength(2);
});
