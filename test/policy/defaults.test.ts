// With no file at all: an allow-list over the host's facts.

import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../policy/facts.ts';
import { effectivePolicy, type PolicyOptions } from '../../policy/layers.ts';
import { nameJudge } from '../../policy/names.ts';
import { ruleFor, ruleTree } from '../../policy/rules.ts';
import { FACTS } from './facts.ts';

function modeAt(path: string, facts: HostFacts = FACTS, options: PolicyOptions = {}): string {
  const rule = ruleFor(ruleTree(effectivePolicy({ options }, facts).rules), path);
  return rule.empty ? `${rule.mode} empty` : rule.mode;
}

describe('the default policy', () => {
  it.each([
    ['/usr/bin/ls', 'ro'],
    ['/bin/sh', 'ro'],
    ['/lib/x', 'ro'],
    ['/lib64/ld.so', 'ro'],
    ['/etc/passwd', 'ro'],
    ['/opt/x', 'ro'],
    ['/', 'hidden'],
    ['/var', 'hidden'],
    ['/var/log/syslog', 'hidden'],
    ['/var/lib/docker/x', 'hidden'],
    ['/boot/vmlinuz', 'hidden'],
    ['/srv/x', 'hidden'],
    ['/root/x', 'hidden'],
    ['/mnt/x', 'hidden'],
    ['/media/x', 'hidden'],
    ['/home/bob/x', 'hidden'],
    ['/home', 'hidden'],
    ['/etc/shadow', 'hidden'],
    ['/etc/shadow-', 'hidden'],
    ['/etc/gshadow', 'hidden'],
    ['/etc/ssl/private/key.pem', 'hidden'],
    ['/etc/ssl/certs/ca.pem', 'ro'],
    ['/etc/ssh/ssh_host_rsa_key', 'hidden'],
    ['/etc/ssh/ssh_host_rsa_key.pub', 'ro'],
    ['/etc/ssh/ssh_config', 'ro'],
    ['/tmp/x', 'ephemeral empty'],
    ['/var/tmp/x', 'ephemeral empty'],
    ['/run/docker.sock', 'ephemeral empty'],
    ['/run/user/1000/bus', 'ephemeral empty'],
    ['/run/systemd/resolve/stub-resolv.conf', 'ro'],
    ['/proc/1', 'ro empty'],
    ['/dev/fuse', 'ro empty'],
    ['/sys/x', 'ro empty'],
    ['/home/ada', 'private empty'],
    ['/home/ada/Documents', 'private empty'],
    ['/home/ada/work', 'private empty'],
    ['/home/ada/work/app', 'invisible'],
    ['/home/ada/work/app/src/x.c', 'invisible'],
    ['/home/ada/work/app-evil', 'private empty'],
    ['/home/ada/work/app/.git/HEAD', 'private'],
    ['/home/ada/.ssh/id_rsa', 'hidden'],
    ['/home/ada/.aws/credentials', 'hidden'],
    ['/home/ada/.config/gh/hosts.yml', 'hidden'],
    ['/home/ada/.config/git/ignore', 'private empty'],
    ['/home/ada/.netrc', 'hidden'],
    ['/home/ada/.docker/config.json', 'hidden'],
    ['/home/ada/.docker/x', 'private empty'],
  ])('%s is %s', (path, mode) => {
    expect(modeAt(path)).toBe(mode);
  });

  it('opens no top-level directory that it does not name, nor one that is not there', () => {
    expect(modeAt('/nix/store')).toBe('hidden');
    expect(modeAt('/nix/store', { ...FACTS, topLevel: ['nix'] })).toBe('ro');
    expect(modeAt('/libx32/a', { ...FACTS, topLevel: ['libx32'] })).toBe('ro');
  });

  it('keeps no hidden rule where all is hidden anyway, until a policy opens the parent', () => {
    const paths = (facts: HostFacts) => effectivePolicy({}, facts).rules.map((rule) => rule.path);
    expect(paths(FACTS)).not.toContain('/var/lib/docker');
    expect(paths(FACTS)).toContain('/etc/shadow');
    expect(paths({ ...FACTS, workspace: '/var', workspaceRealPath: '/var' })).toContain('/var/lib/docker');
  });

  it('has no network, half the free space, and passes a handful of variables', () => {
    const policy = effectivePolicy({}, FACTS);
    expect(policy.network).toEqual({ mode: 'none', allow: [], source: 'default' });
    expect(policy.quota.bytes).toBe(2048);
    expect(policy.env).toEqual({ pass: ['TERM', 'COLORTERM', 'LANG', 'LC_*', 'TZ'], secrets: [], set: {} });
  });

  it('hides and masks in workspace and home', () => {
    const policy = effectivePolicy({}, FACTS);
    const judge = nameJudge({ ...policy.names, scopes: policy.scopes });
    expect(judge.judge('/home/ada/work/app', '.env', false).masked).toBe(true);
    expect(judge.judge('/home/ada', 'id_rsa', false).hidden).toBe(true);
    expect(judge.judge('/usr', 'id_rsa', false).hidden).toBe(false);
  });
});

describe('the workspace', () => {
  const at = (workspace: string, more: Partial<HostFacts> = {}): HostFacts => {
    return { ...FACTS, workspace, workspaceRealPath: workspace, gitDirectories: [], ...more };
  };

  it.each(['/tmp/w', '/run/w', '/dev/shm/w', '/mnt/disk/w', '/srv/w', '/var/tmp/w', '/root/w'])(
    'works below %s',
    (path) => {
      expect(modeAt(`${path}/x`, at(path))).toBe('invisible');
    },
  );

  it('by its literal and its real path', () => {
    const facts = at('/home/ada/link', { workspaceRealPath: '/srv/real' });
    expect(modeAt('/home/ada/link/x', facts)).toBe('invisible');
    expect(modeAt('/srv/real/x', facts)).toBe('invisible');
  });

  it('may be home: what is hidden there stays so', () => {
    const facts = at('/home/ada');
    expect(modeAt('/home/ada/x', facts)).toBe('invisible');
    expect(modeAt('/home/ada/.ssh/id_rsa', facts)).toBe('hidden');
  });

  it('may be the root: the system stays read-only', () => {
    const facts = at('/');
    expect(modeAt('/srv/x', facts)).toBe('invisible');
    expect(modeAt('/usr/x', facts)).toBe('ro');
    expect(modeAt('/home/ada/x', facts)).toBe('invisible');
    expect(modeAt('/home/ada/.ssh/x', facts)).toBe('hidden');
    expect(modeAt('/home/bob/x', facts)).toBe('hidden');
    expect(modeAt('/root/x', facts)).toBe('hidden');
  });

  it('of root may lie in /root, which is then home', () => {
    const facts = at('/root/w', { home: '/root', homeRealPath: '/root', otherHomes: ['/home/ada'] });
    expect(modeAt('/root/x', facts)).toBe('private empty');
    expect(modeAt('/root/w/x', facts)).toBe('invisible');
    expect(modeAt('/root/.ssh/x', facts)).toBe('hidden');
    expect(modeAt('/home/ada/x', facts)).toBe('hidden');
  });

  it('has its git directory private, wherever that lies', () => {
    const facts = at('/srv/tree', { gitDirectories: ['/srv/main/.git', '/srv/main/.git/worktrees/tree'] });
    expect(modeAt('/srv/main/.git/HEAD', facts)).toBe('private');
    expect(modeAt('/srv/main/x', facts)).toBe('hidden');
  });

  it('is thrown away on demand, with its git directory', () => {
    const facts = at('/srv/w', { gitDirectories: ['/srv/w/.git'] });
    expect(modeAt('/srv/w/x', facts, { throwaway: true })).toBe('ephemeral');
    expect(modeAt('/srv/w/.git/x', facts, { throwaway: true })).toBe('ephemeral');
    expect(modeAt('/home/ada/x', facts, { throwaway: true })).toBe('private empty');
  });
});

describe('real paths of rule roots', () => {
  it('carry the rule too', () => {
    const facts = {
      ...FACTS,
      realPaths: new Map([
        ['/opt', '/srv/opt'],
        ['/home/ada/.ssh', '/home/ada/keys'],
      ]),
    };
    expect(modeAt('/srv/opt/x', facts)).toBe('ro');
    expect(modeAt('/home/ada/keys/id', facts)).toBe('hidden');
  });

  it('yield to a rule that names the path itself', () => {
    const facts = { ...FACTS, realPaths: new Map([['/opt', '/tmp']]) };
    expect(modeAt('/tmp/x', facts)).toBe('ephemeral empty');
  });
});

describe('toolchains on PATH under home', () => {
  const H = '/home/ada';
  const withTools = (pathEntries: HostFacts['pathEntries'], existing: readonly string[] = []): HostFacts => {
    return { ...FACTS, pathEntries, existing: new Set(existing.map((path) => `${H}/${path}`)) };
  };

  it.each<[string, HostFacts['pathEntries'], readonly string[], readonly (readonly [string, string])[]]>([
    [
      'nvm',
      [
        {
          path: `${H}/.nvm/versions/node/v20/bin`,
          targets: [`${H}/.nvm/versions/node/v20/lib/node_modules/npm/bin/npm-cli.js`],
        },
      ],
      ['.nvm'],
      [
        ['.nvm/nvm.sh', 'private'],
        ['.nvm-evil', 'private empty'],
      ],
    ],
    [
      'cargo and rustup, without the token',
      [{ path: `${H}/.cargo/bin`, targets: [] }],
      ['.cargo', '.rustup'],
      [
        ['.cargo/bin/cargo', 'private'],
        ['.rustup/toolchains', 'private'],
        ['.cargo/credentials.toml', 'hidden'],
        ['.cargo/credentials', 'hidden'],
      ],
    ],
    ['volta', [{ path: `${H}/.volta/bin`, targets: [] }], ['.volta'], [['.volta/tools', 'private']]],
    [
      'pipx in ~/.local/bin',
      [{ path: `${H}/.local/bin`, targets: [`${H}/.local/share/pipx/venvs/aider/bin/aider`] }],
      ['.local/bin', '.local/share/pipx'],
      [
        ['.local/bin/aider', 'private'],
        ['.local/share/pipx/venvs/aider/lib/x', 'private'],
        ['.local/share/other', 'private empty'],
        ['.local/share/keyrings/x', 'private empty'],
      ],
    ],
    [
      'mise',
      [{ path: `${H}/.local/share/mise/shims`, targets: [] }],
      ['.local/share/mise', '.config/mise'],
      [
        ['.local/share/mise/installs/x', 'private'],
        ['.config/mise/config.toml', 'private'],
        ['.config/other', 'private empty'],
      ],
    ],
    [
      'a link to a program in a node_modules',
      [{ path: `${H}/bin`, targets: [`${H}/tools/lib/node_modules/prettier/bin/p.js`] }],
      [],
      [
        ['bin/prettier', 'private'],
        ['tools/lib/node_modules/left-pad', 'private'],
        ['tools/lib/x', 'private empty'],
      ],
    ],
    [
      'a link to a program with a bin directory of its own',
      [{ path: `${H}/bin`, targets: [`${H}/apps/foo-1/bin/foo`] }],
      [],
      [
        ['apps/foo-1/lib/x', 'private'],
        ['apps/other', 'private empty'],
      ],
    ],
    [
      'a single program right in home',
      [{ path: `${H}/bin`, targets: [`${H}/foo.sh`] }],
      [],
      [
        ['foo.sh', 'private'],
        ['other.sh', 'private empty'],
      ],
    ],
    [
      'an unknown directory: itself only',
      [{ path: `${H}/projects/tool/bin`, targets: [] }],
      [],
      [
        ['projects/tool/bin/x', 'private'],
        ['projects/tool/src', 'private empty'],
      ],
    ],
    [
      'what is not there is not opened',
      [{ path: `${H}/.cargo/bin`, targets: [] }],
      [],
      [['.rustup/x', 'private empty']],
    ],
    [
      'the workspace, which has its own rule',
      [{ path: `${H}/work/app/node_modules/.bin`, targets: [`${H}/work/app/node_modules/x/cli.js`] }],
      [],
      [['work/app/node_modules/.bin/x', 'invisible']],
    ],
    [
      'a target that is home, an ancestor, or elsewhere',
      [{ path: `${H}/bin`, targets: [H, '/home', '/', '/srv/secret/x'] }],
      [],
      [['x', 'private empty']],
    ],
    [
      'a link into what is hidden',
      [{ path: `${H}/bin`, targets: [`${H}/.ssh/tool`] }],
      [],
      [['.ssh/id_rsa', 'hidden']],
    ],
  ])('%s', (_, entries, existing, expected) => {
    const facts = withTools(entries, existing);
    for (const [path, mode] of expected) expect([path, modeAt(`${H}/${path}`, facts)]).toEqual([path, mode]);
    expect(modeAt('/srv/secret/x', facts)).toBe('hidden');
    expect(modeAt('/home/bob', facts)).toBe('hidden');
  });
});
