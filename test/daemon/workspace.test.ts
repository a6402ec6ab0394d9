// Which directory becomes the workspace, and which repository counts.
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findWorkspace } from '../../fs/daemon/workspace.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync('/var/tmp/agentsh-workspace-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const make = (...names: string[]) => {
  const directory = path.join(root, ...names);
  mkdirSync(directory, { recursive: true });
  return directory;
};
function makeRepository(...names: string[]): string {
  const directory = make(...names);
  mkdirSync(path.join(directory, '.git'));
  writeFileSync(path.join(directory, '.git/HEAD'), 'ref: refs/heads/main\n');
  return directory;
}
const owners = new Set([process.getuid!()]);
const find = (cwd: string, explicit?: string, home = '/nonexistent/home') =>
  findWorkspace({ cwd, explicit, home, owners, forbidden: [path.join(root, 'stores')] });

test('without git it is the current directory', () => {
  const cwd = make('a/b');
  expect(find(cwd)).toMatchObject({ directory: cwd, realPath: cwd, repository: undefined });
});

test('in a repository it is the root, however deep', () => {
  const repository = makeRepository('r');
  expect(find(make('r/deep/er'))).toMatchObject({ directory: repository, realPath: repository });
});

test('-w is taken as it is, relative to the current directory, also inside a repository', () => {
  const repository = makeRepository('r');
  const sub = make('r/sub');
  expect(find(repository, 'sub')).toMatchObject({ directory: sub, realPath: sub, repository: { root: repository } });
});

test('a symlinked directory keeps its name beside its real path', () => {
  const real = make('real');
  symlinkSync(real, path.join(root, 'link'));
  expect(find(root, 'link')).toMatchObject({ directory: path.join(root, 'link'), realPath: real });
});

test('a .git that somebody else planted above does not widen the workspace', () => {
  makeRepository('planted');
  chownSync(path.join(root, 'planted/.git'), 12_345, 12_345);
  const cwd = make('planted/mine');
  expect(find(cwd)).toMatchObject({ realPath: cwd, repository: undefined });
});

test.each(['', 'nothing useful', 'gitdir: /nonexistent/place'])('a .git file saying %j is no repository', (text) => {
  const cwd = make('x/y');
  writeFileSync(path.join(root, 'x/.git'), text);
  expect(find(cwd).repository).toBeUndefined();
});

test('a .git file that leads to what does not point back is no repository: what it names is not shown', () => {
  const secrets = make('secrets');
  writeFileSync(path.join(secrets, 'HEAD'), '');
  const cwd = make('x');
  writeFileSync(path.join(cwd, '.git'), `gitdir: ${secrets}\n`);
  expect(find(cwd).repository).toBeUndefined();
  writeFileSync(path.join(secrets, 'config'), `[core]\n\tworktree = ${cwd}\n`);
  expect(find(cwd).repository).toMatchObject({ root: cwd, gitDirectory: secrets });
});

test('a repository that names another place as its shared part is none', () => {
  const repository = makeRepository('r');
  make('secrets');
  writeFileSync(path.join(repository, '.git/commondir'), `${path.join(root, 'secrets')}\n`);
  expect(find(repository).repository).toBeUndefined();
});

test('home and everything above need an explicit -w', () => {
  const home = make('home/user');
  for (const cwd of [home, path.dirname(home), '/']) {
    expect(() => find(cwd, undefined, home)).toThrow(`-w ${cwd}`);
    expect(find(cwd, cwd, home).realPath).toBe(cwd);
  }
});

test('a home that is itself a repository is not the workspace of what lies in it', () => {
  const home = makeRepository('home/user');
  const cwd = make('home/user/project');
  expect(find(cwd, undefined, home)).toMatchObject({ realPath: cwd });
  expect(() => find(home, undefined, home)).toThrow('home directory');
});

test('the stores of agentsh are nobody’s workspace', () => {
  const stores = make('stores/agents');
  expect(() => find(stores)).toThrow('belongs to agentsh');
  symlinkSync(stores, path.join(root, 'way-in'));
  expect(() => find(root, 'way-in')).toThrow('belongs to agentsh');
});

test.each([
  ['/does/not/exist', 'ENOENT'],
  ['relative', 'ENOENT'],
  ['file', 'ENOTDIR'],
])('-w %s is refused', (explicit, code) => {
  writeFileSync(path.join(root, 'file'), '');
  expect(() => find(root, explicit)).toThrow(expect.objectContaining({ code }));
});

test('a name that is no UTF-8 stays what it is', () => {
  const bytes = `${root}/f\u00ff\u00fe`;
  mkdirSync(Buffer.from(bytes, 'latin1'));
  expect(find(bytes)).toMatchObject({ directory: bytes, realPath: bytes });
});
