// From a request to what an agent is opened with: layers, options, profiles, tracked paths, and errors that help.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadView, type ViewRequest } from '../../fs/daemon/policyView.ts';
import { RequestError } from '../../fs/daemon/requestError.ts';

let root: string;
let workspace: string;
let home: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync('/var/tmp/agentsh-view-'));
  workspace = path.join(root, 'work');
  home = path.join(root, 'home');
  for (const place of [workspace, path.join(workspace, '.agentsh'), path.join(home, '.config/agentsh')]) {
    mkdirSync(place, { recursive: true });
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const load = (more: Partial<ViewRequest> = {}) =>
  loadView(
    { cwd: workspace, program: 'shell', environment: { HOME: home, PATH: '/usr/bin' }, ...more },
    { home: root, forbidden: [] },
  );
const modeOf = (view: ReturnType<typeof load>, place: string) =>
  view.policy.rules.find((rule) => rule.path === place)?.mode;
function problem(action: () => unknown): RequestError {
  try {
    action();
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('without any file the workspace is invisible and home private', () => {
  const view = load();
  expect([modeOf(view, workspace), modeOf(view, home)]).toEqual(['invisible', 'private']);
  expect(view.summary.network.mode).toBe('none');
  expect(view.files).toEqual([]);
});

test('the same request gives the same view, so that a session keeps its worker', () => {
  expect(JSON.stringify(load())).toBe(JSON.stringify(load()));
});

test('files are read in their order, and named', () => {
  const user = path.join(home, '.config/agentsh/policy.toml');
  const project = path.join(workspace, '.agentsh/policy.toml');
  writeFileSync(user, `version = 1\nmount = [ { path = "${root}/data", mode = "rw" } ]\n`);
  writeFileSync(project, `version = 1\nmount = [ { path = "${root}/data", mode = "ro" } ]\n`);
  const view = load();
  expect(modeOf(view, `${root}/data`)).toBe('ro');
  expect(view.files).toEqual([user, project]);
  const text = `version = 1\nmount = [ { path = "${root}/data", mode = "hidden" } ]\n`;
  expect(modeOf(load({ policy: { file: 'given.toml', text } }), `${root}/data`)).toBe('hidden');
});

test('a user file is looked for in XDG_CONFIG_HOME', () => {
  const config = path.join(root, 'config');
  mkdirSync(path.join(config, 'agentsh'), { recursive: true });
  writeFileSync(path.join(config, 'agentsh/policy.toml'), 'version = 1\n');
  expect(load({ environment: { HOME: home, XDG_CONFIG_HOME: config } }).files).toEqual([
    `${config}/agentsh/policy.toml`,
  ]);
});

test('a mistake is told with file, line and column', () => {
  const error = problem(() => load({ policy: { file: 'given.toml', text: 'version = 1\nmuont = []\n' } }));
  expect(error.code).toBe('policy');
  expect(error.problems).toEqual([expect.stringMatching(/^given\.toml:2:1: unknown key "muont".*"mount"/)]);
});

test('a policy that is no file, or too large, is refused without being read', () => {
  const file = path.join(workspace, '.agentsh/policy.toml');
  execFileSync('mkfifo', [file]);
  expect(problem(load).code).toBe('policy');
  rmSync(file);
  writeFileSync(file, '#'.repeat(1024 * 1024));
  expect(problem(load).code).toBe('policy');
});

test.each([
  ['none', { mode: 'none', allow: [] }],
  ['host', { mode: 'host', allow: [] }],
  ['example.org:443,10.0.0.1:80', { mode: 'allow', allow: ['example.org:443', '10.0.0.1:80'] }],
])('--net %s', (net, expected) => {
  expect(load({ net }).summary.network).toEqual(expected);
});

test.each([
  [{ net: 'example.org' }, '--net'],
  [{ profile: 'claud' }, 'did you mean claude'],
  [{ mode: 'invisble' }, 'invisible'],
])('%j is refused with what would be right', (more, hint) => {
  const error = problem(() => load(more));
  expect(error.code).toBe('EINVAL');
  expect(error.message).toContain(hint);
});

test('--throwaway makes the workspace ephemeral, --mode anything', () => {
  expect(modeOf(load({ throwaway: true }), workspace)).toBe('ephemeral');
  expect(modeOf(load({ mode: 'read-only' }), workspace)).toBe('ro');
});

test('a profile is chosen by the program, and what it grants is told', () => {
  const view = load({ program: 'claude' });
  expect(view.summary.profile).toBe('claude');
  expect(view.grants.join('\n')).toContain('profile claude');
  expect(load({ program: 'cat' }).summary.profile).toBeUndefined();
});

test('tracked files that default patterns would mask are named; untracked and ordinary ones are not', () => {
  const git = (...words: string[]) => execFileSync('git', words, { cwd: workspace, stdio: 'ignore' });
  git('init', '-q');
  for (const name of ['.env', 'id_rsa', 'a.txt', '.env.local']) writeFileSync(path.join(workspace, name), '');
  git('add', '-f', '.env', 'id_rsa', 'a.txt');
  expect([...load().tracked].sort()).toEqual([`${workspace}/.env`, `${workspace}/id_rsa`]);
});

test('tracked paths go by the name of a symlinked workspace, too', () => {
  execFileSync('git', ['init', '-q'], { cwd: workspace });
  writeFileSync(path.join(workspace, '.env'), '');
  execFileSync('git', ['add', '-f', '.env'], { cwd: workspace });
  symlinkSync(workspace, path.join(root, 'link'));
  expect([...load({ workspace: path.join(root, 'link') }).tracked].sort()).toEqual([
    `${root}/link/.env`,
    `${workspace}/.env`,
  ]);
});

test('an index that cannot be read protects more, and says so', () => {
  execFileSync('git', ['init', '-q'], { cwd: workspace });
  writeFileSync(path.join(workspace, '.git/index'), 'garbage'.repeat(20));
  const view = load();
  expect(view.tracked).toEqual([]);
  expect(view.grants.join('\n')).toContain('git index cannot be read');
});
