// What the name patterns hide, mask and protect (T12, T14).

import { describe, expect, it } from 'vitest';
import { nameJudge } from '../../policy/names.ts';
import { bytesOfText } from '../../policy/rules.ts';

const HOME = '/home/ada';
const WORKSPACE = '/home/ada/app';
const NONE = { hide: [], mask: [], protect: [], scopes: [WORKSPACE, HOME] };
const judge = nameJudge(NONE);

/** @param path below the workspace; a trailing slash makes it a directory */
function judged(path: string, by = judge, root = WORKSPACE) {
  const bytes = bytesOfText(path);
  const full = `${root}/${bytes.replace(/\/$/, '')}`;
  const slash = full.lastIndexOf('/');
  return by.judge(full.slice(0, slash), full.slice(slash + 1), bytes.endsWith('/'));
}

describe('hidden by default', () => {
  it.each(['id_rsa', 'a/b/id_ed25519', 'id_ecdsa'])('%s', (path) => {
    expect(judged(path)).toMatchObject({ hidden: true, byDefault: true });
  });

  it.each(['id_rsa.pub', 'id_rsa/', 'my_id_rsa', 'node_modules/p/id_rsa', 'lib/site-packages/t/id_rsa'])(
    'not %s',
    (path) => {
      expect(judged(path).hidden).toBe(false);
    },
  );

  it('looks into *.pem files, but not in packages', () => {
    expect(judged('certs/server.pem')).toMatchObject({ hidden: false, hiddenIfPrivateKey: true, byDefault: true });
    expect(judged('node_modules/p/test.pem').hiddenIfPrivateKey).toBe(false);
    expect(judged('server.pem/').hiddenIfPrivateKey).toBe(false);
  });

  it('hides what programs keep credentials in', () => {
    expect(judged('.gnupg/private-keys-v1.d/A.key', judge, HOME).hidden).toBe(true);
    expect(judged('.gnupg/pubring.kbx', judge, HOME).hidden).toBe(false);
    expect(judged('.kube/config', judge, HOME).hidden).toBe(true);
    expect(judged('.git-credentials', judge, HOME).hidden).toBe(true);
  });

  it('holds in home too, and nowhere else', () => {
    expect(judged('id_rsa', judge, HOME).hidden).toBe(true);
    expect(judged('id_rsa', judge, '/usr/share/doc').hidden).toBe(false);
    expect(judged('id_rsa', judge, '/home/ada-evil').hidden).toBe(false);
    expect(judged('.env', judge, '/usr/share/doc').masked).toBe(false);
  });
});

describe('masked by default', () => {
  it.each(['.env', '.env.local', 'packages/api/.env.production', '.env.examples'])('%s', (path) => {
    expect(judged(path)).toMatchObject({ masked: true, hidden: false, byDefault: true });
  });

  it.each([
    '.env.example',
    '.env.sample',
    '.env.template',
    '.env.dist',
    '.env.defaults',
    '.env.local.example',
    '.envrc',
    'env',
    '.environment',
    '.env/',
  ])('not %s', (path) => {
    expect(judged(path).masked).toBe(false);
  });
});

const PROTECTED = [
  '.git/hooks',
  '.git/hooks/pre-commit',
  '.git/hooks/pre-commit/',
  'sub/.git/hooks/post-checkout',
  '.git/config',
  '.git',
  '.git/',
  '.gitattributes',
  'deep/down/.gitattributes',
  '.gitmodules',
  '.agentsh/policy.toml',
  '.agentsh/',
  '.envrc',
  '.husky/pre-push',
  '.husky',
  '.pre-commit-config.yaml',
  '.github/workflows/ci.yml',
  '.github/workflows/',
  '.gitlab-ci.yml',
  '.vscode/tasks.json',
  '.idea/workspace.xml',
  '.devcontainer/devcontainer.json',
  '.claude/settings.json',
  '.mcp.json',
  'CLAUDE.md',
  'docs/AGENTS.md',
  '.codex/config.toml',
  '.cursor/rules/a.mdc',
  '.aider.conf.yml',
  '.npmrc',
  '.yarnrc.yml',
  '.cargo/config.toml',
  'tests/conftest.py',
  'lib/evil.pth',
  '.bashrc',
  '.profile',
  '.zshenv',
  '.config/fish/config.fish',
];

describe('T14 protected by default, whether it exists or not', () => {
  it.each(PROTECTED)('%s', (path) => {
    expect(judged(path).protected).toBe(true);
  });

  it('everywhere, not only in workspace and home', () => {
    expect(judged('.envrc', judge, '/srv/data').protected).toBe(true);
    expect(judged('.git/hooks/x', judge, '').protected).toBe(true);
  });

  it.each([
    'src/main.c',
    '.git/objects/aa/bb',
    '.git/HEAD',
    '.gitignore',
    '.github/ISSUE_TEMPLATE.md',
    'git/hooks/x',
    'hooks/pre-commit',
    'README.md',
    'config',
  ])('not %s', (path) => {
    expect(judged(path).protected).toBe(false);
  });
});

const ALIASES = [
  '.GIT/Hooks/pre-commit',
  '.Git',
  '.git/CONFIG',
  '.g\u200cit/hooks/x',
  '\u200d.git/config',
  '.gi\ufefft/config',
  '.git\u2060/hooks/pre-commit',
  '\u206a.gitmodules',
  '.gi\u00adt/config',
  '．ｇｉｔ/ｈｏｏｋｓ/x',
  '.ＧＩＴ/config',
  '.Envrc',
  'Claude.MD',
  'agents.md',
  '.gitmodules.',
  '.git ./config',
  'git~1',
  'GIT~1',
  '.hus\u212ay/pre-push',
  '.hu\u017fky/pre-push',
  'CONFTEST.PY',
];

describe('T12 what some file system takes for a protected name is protected', () => {
  it.each(ALIASES)('%j', (path) => {
    expect(judged(path).protected).toBe(true);
  });

  it.each(['.gít/hooks/x', '.gitx/config', 'claude.mdx', '.g it/config'])('but not %j', (path) => {
    expect(judged(path).protected).toBe(false);
  });

  it("a person's patterns too", () => {
    const by = nameJudge({ ...NONE, protect: [bytesOfText('**/Straße/**')] });
    expect(judged('straße/x', by).protected).toBe(true);
    expect(judged('Stra\u00adße/x', by).protected).toBe(true);
    expect(judged('strasse/x', by).protected).toBe(false);
  });

  it('survives bytes that are not UTF-8', () => {
    expect(judge.judge(WORKSPACE, '\xff\xfe.git', false).protected).toBe(false);
    expect(judge.judge(`${WORKSPACE}/\xff`, '.envrc', false).protected).toBe(true);
  });
});

describe('what leads to a protected name', () => {
  const by = nameJudge({ ...NONE, protect: [bytesOfText('/ops/run/deploy.sh'), '**/hooks/**'] });
  it.each(['.github', 'a/.cargo', '.CARGO', '.config', '.git', '.hg', 'ops', 'ops/run'])('%s', (path) => {
    expect(
      by.leads(
        path.includes('/') ? `${WORKSPACE}/${path.slice(0, path.lastIndexOf('/'))}` : WORKSPACE,
        path.slice(path.lastIndexOf('/') + 1),
      ),
    ).toBe(true);
  });

  it.each(['src', 'cargo', 'run', 'deploy.sh'])('not %s', (name) => {
    expect(by.leads(WORKSPACE, name)).toBe(false);
  });

  it('not a directory of that name elsewhere, where the pattern is anchored', () => {
    expect(by.leads(`${WORKSPACE}/a`, 'ops')).toBe(false);
  });
});

describe("a person's patterns", () => {
  it.each([
    // pattern, path, hidden
    ['*.key', 'a/b.key', true],
    ['**/*.key', 'b.key', true],
    ['**/*.key', 'a/b/c.key', true],
    ['secrets', 'secrets', true],
    ['secrets', 'a/secrets/b/c', true],
    ['secrets/', 'secrets', false],
    ['secrets/', 'secrets/', true],
    ['secrets/', 'secrets/a', true],
    ['/secrets', 'secrets', true],
    ['/secrets', 'a/secrets', false],
    ['a/secrets', 'a/secrets', true],
    ['a/secrets', 'b/a/secrets', false],
    ['a/**', 'a/', false],
    ['a/**', 'a/b', true],
    ['a/**/z', 'a/z', true],
    ['a/**/z', 'a/b/c/z', true],
    ['a/**/z', 'a/b/c/zz', false],
    ['**/b/*.c', 'a/b/x.c', true],
    ['**/b/*.c', 'a/b/x/y.c', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[ab].txt', 'b.txt', true],
    ['[!ab].txt', 'b.txt', false],
    ['[a-c]x', 'bx', true],
    ['\\*.txt', '*.txt', true],
    ['\\*.txt', 'a.txt', false],
    ['\\!a', '!a', true],
    ['[', '[', true],
    ['*', 'anything', true],
  ])('hide %j: %j is hidden: %s', (pattern, path, hidden) => {
    expect(judged(path, nameJudge({ ...NONE, hide: [bytesOfText(pattern)] })).hidden).toBe(hidden);
  });

  it('wins over the built-in list, both ways', () => {
    const by = nameJudge({ ...NONE, mask: ['!.env.test', 'token.txt'], hide: ['!id_rsa', '!ca.pem'] });
    expect(judged('.env.test', by).masked).toBe(false);
    expect(judged('.env', by)).toMatchObject({ masked: true, byDefault: true });
    expect(judged('token.txt', by)).toMatchObject({ masked: true, byDefault: false });
    expect(judged('id_rsa', by).hidden).toBe(false);
    expect(judged('ca.pem', by).hiddenIfPrivateKey).toBe(false);
  });

  it('takes the last match', () => {
    const by = nameJudge({ ...NONE, hide: ['*.key', '!public.key', '/x/public.key'] });
    expect(judged('a.key', by).hidden).toBe(true);
    expect(judged('public.key', by).hidden).toBe(false);
    expect(judged('x/public.key', by).hidden).toBe(true);
  });

  it('cannot reopen a file below a hidden directory', () => {
    const by = nameJudge({ ...NONE, hide: ['secret/', '!secret/open.txt'] });
    expect(judged('secret/open.txt', by).hidden).toBe(true);
  });

  it.each([
    ['deploy/**', 'deploy', true],
    ['deploy/**', 'deploy/', true],
    ['deploy/**', 'deploy/a/b', true],
    ['deploy/**', 'x/deploy', false],
    ['**/deploy/**', 'x/deploy', true],
    ['deploy/', 'x/deploy', true],
    ['deploy/', 'deploy', true],
    ['*.tf', 'infra/main.tf', true],
  ])('protect %j: %j is protected: %s', (pattern, path, expected) => {
    expect(judged(path, nameJudge({ ...NONE, protect: [pattern] })).protected).toBe(expected);
  });

  it('is anchored at the innermost scope', () => {
    const by = nameJudge({ ...NONE, hide: ['/notes'] });
    expect(judged('notes', by).hidden).toBe(true);
    expect(judged('notes', by, HOME).hidden).toBe(true);
    expect(judged('notes', by, '/srv').hidden).toBe(false);
  });
});

describe('a judge', () => {
  it('answers the same when it remembers', () => {
    const names = ['.env', 'a.pem', 'x', '.git', 'id_rsa'];
    const first = names.map((name) => judge.judge(WORKSPACE, name, false));
    expect(names.map((name) => judge.judge(WORKSPACE, name, false))).toEqual(first);
    expect(judge.judge(WORKSPACE, 'id_rsa', true).hidden).toBe(false);
  });

  it('forgets nothing that matters after many names', () => {
    for (let index = 0; index < 20_000; index++) judge.judge(`${WORKSPACE}/d${index}`, `n${index}`, false);
    expect(judged('d1/.env').masked).toBe(true);
    expect(judged('node_modules/a/id_rsa').hidden).toBe(false);
  });

  it('can go without the built-in lists', () => {
    const by = nameJudge({ ...NONE, builtin: false });
    expect(judged('.env', by)).toEqual(judged('plain', by));
    expect(judged('.git/config', by).protected).toBe(false);
  });

  it('answers a hostile pattern and name quickly', () => {
    const by = nameJudge({ ...NONE, hide: [`${'*a'.repeat(500)}b`, `${'**/a/'.repeat(100)}b`] });
    expect(judged(`${'a'.repeat(255)}`, by).hidden).toBe(false);
    expect(judged(`${'a/'.repeat(200)}c`, by).hidden).toBe(false);
  });
});
