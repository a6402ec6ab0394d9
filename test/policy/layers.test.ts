// Later layers win; the project's may only tighten, and an error names the line that does not.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the policy's variables are spelt like templates.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../policy/facts.ts';
import { parsePolicy } from '../../policy/file.ts';
import { effectivePolicy, type PolicyLayers } from '../../policy/layers.ts';
import { parseProfile } from '../../policy/profile.ts';
import { ruleFor, ruleTree } from '../../policy/rules.ts';
import { FACTS } from './facts.ts';

interface Texts {
  readonly user?: string;
  readonly project?: string;
  readonly explicit?: string;
}

function layersOf(texts: Texts): PolicyLayers {
  const parsed = (text: string | undefined, file: string) => {
    return text === undefined ? undefined : parsePolicy(`version = 1\n${text}`, file);
  };
  return {
    user: parsed(texts.user, 'user.toml'),
    project: parsed(texts.project, 'project.toml'),
    explicit: parsed(texts.explicit, 'explicit.toml'),
  };
}

function effective(texts: Texts, facts: HostFacts = FACTS) {
  return effectivePolicy(layersOf(texts), facts);
}

function ruleAt(texts: Texts, path: string, facts: HostFacts = FACTS) {
  const { mode, empty, source } = ruleFor(ruleTree(effective(texts, facts).rules), path);
  return [empty ? `${mode} empty` : mode, source];
}

const mount = (path: string, mode: string, more = '') => `mount = [ { path = "${path}", mode = "${mode}"${more} } ]\n`;
const claude = parseProfile(
  readFileSync(new URL('../../policy/profiles/claude.json', import.meta.url), 'utf8'),
  'claude.json',
);

describe('the later layer wins', () => {
  it('path by path', () => {
    const texts = {
      user: mount('${workspace}', 'rw'),
      project: mount('${workspace}/vendor', 'ro'),
      explicit: mount('${workspace}/vendor', 'ephemeral'),
    };
    expect(ruleAt(texts, '/home/ada/work/app/x')).toEqual(['rw', 'user.toml:2']);
    expect(ruleAt(texts, '/home/ada/work/app/vendor/x')).toEqual(['ephemeral', 'explicit.toml:2']);
    expect(ruleAt({ ...texts, explicit: '' }, '/home/ada/work/app/vendor/x')).toEqual(['ro', 'project.toml:2']);
  });

  it('and an opened parent does not open what is hidden below', () => {
    expect(ruleAt({ user: mount('~', 'ro') }, '/home/ada/x')).toEqual(['ro', 'user.toml:2']);
    expect(ruleAt({ user: mount('~', 'ro') }, '/home/ada/.ssh/x')).toEqual(['hidden', 'default']);
    expect(ruleAt({ user: mount('/', 'ro') }, '/home/bob/x')).toEqual(['hidden', 'default']);
  });

  it('variables expand to bytes', () => {
    const facts = { ...FACTS, workspace: '/srv/\xc3\xa4', workspaceRealPath: '/srv/\xc3\xa4' };
    expect(ruleAt({ user: mount('${workspace}/ö', 'ro') }, '/srv/\xc3\xa4/\xc3\xb6/x', facts)[0]).toBe('ro');
    expect(ruleAt({ user: mount('/srv/ä', 'ro') }, '/srv/\xc3\xa4/x', facts)).toEqual(['ro', 'user.toml:2']);
  });

  it('setting by setting, while lists grow', () => {
    const policy = effective({
      user: '[files]\nhide = ["*.key"]\nignored = "invisible"\n[quota]\nbytes = "1GiB"\nfiles = 7\n[env]\nset = { A = "1", B = "2" }\n',
      project: '[files]\nhide = ["*.crt", "*.key"]\nprotect = ["x"]\n',
      explicit: '[quota]\nbytes = "2GiB"\n[env]\nset = { B = "3" }\n[files]\nmask = ["m"]\n',
    });
    expect(policy.names).toEqual({ hide: ['*.key', '*.crt'], mask: ['m'], protect: ['x'] });
    expect(policy.ignored).toBe('invisible');
    expect(policy.quota).toMatchObject({ bytes: 2 ** 31, files: 7, wallMs: 'max' });
    expect(policy.env.set).toEqual({ A: '1', B: '3' });
  });

  it('refuses a path that its variables make too long', () => {
    const long = '/x'.repeat(1500);
    const facts = { ...FACTS, workspace: long, workspaceRealPath: long };
    expect(() => effective({ user: mount(`\${workspace}${long}`, 'ro') }, facts)).toThrow(
      'user.toml:2:20: impossible rule: the path is longer',
    );
  });

  it('finds two rules that turn out to be for one path', () => {
    const user =
      'mount = [\n  { path = "${home}/work/app", mode = "ro" },\n  { path = "${workspace}", mode = "rw" },\n]\n';
    expect(() => effective({ user })).toThrow('user.toml:4:12: duplicate rule for ${workspace}, already in line 3');
  });
});

const TIGHTER: readonly string[] = [
  mount('${workspace}', 'private'),
  mount('${workspace}/a', 'hidden'),
  mount('${workspace}/a', 'ephemeral', ', empty = true'),
  mount('${workspace}/a', 'invisible'),
  mount('/usr/share', 'hidden'),
  mount('/tmp', 'ro', ', empty = true'),
  mount('~/.ssh/x', 'hidden'),
  '[files]\nhide = ["a"]\nmask = ["b"]\nprotect = ["c"]\nignored = "ephemeral"\n',
  '[env]\npass = ["TERM", "LC_ALL", "LC_A*"]\n',
  '[network]\nmode = "none"\n',
  '[exec]\ndefault = "review"\nrules = [ { verdict = "block", match = ["x"] }, { verdict = "review", match = ["y"] } ]\n',
  '[quota]\nbytes = "1KiB"\nprocesses = 5\nusd = 0.5\nwarn = 0.5\n',
  '[audit]\nreads = "all"\n',
  '[approval]\nexpire = "1h"\ntimeout = "10m"\n',
  '[[taint]]\npath = "${workspace}/x/**"\nlabel = "web"\n',
];

const LOOSER: readonly (readonly [string, string])[] = [
  [
    mount('${workspace}', 'rw'),
    '2:43: a project file may only tighten: "rw" is wider than "invisible" (default); ask for it in [request]',
  ],
  [mount('/srv', 'ro'), '2:35: a project file may only tighten: "ro" is wider than "hidden" (default)'],
  [mount('~/.ssh', 'ro'), '"ro" is wider than "hidden"'],
  [mount('/usr', 'private'), '2:35: a project file may only tighten: "private" is wider than "ro"'],
  [
    mount('~/docs', 'ro'),
    '2:20: a project file may only tighten: the tree begins empty (default), this would show the host',
  ],
  [mount('~', 'private'), 'the tree begins empty'],
  [mount('/run/docker.sock', 'ro'), 'the tree begins empty'],
  ['[files]\nhide = ["a", "!b"]\n', '3:14: a project file may only tighten: "!" takes a name back out of hide'],
  ['[files]\nmask = ["!.env"]\n', 'out of mask'],
  ['[files]\nignored = "invisible"\n', '3:11: a project file may only tighten: "invisible" is wider than "private"'],
  [
    '[env]\npass = ["TERM", "OPENAI_API_KEY"]\n',
    '3:17: a project file may only tighten: "OPENAI_API_KEY" does not pass without it',
  ],
  ['[env]\npass = ["*"]\n', '"*" does not pass'],
  ['[env]\nset = { LD_PRELOAD = "/x.so" }\n', '3:22: a project file may only tighten: it would set LD_PRELOAD'],
  ['[network]\nmode = "host"\n', '3:8: a project file may only tighten: "host" is wider than "none" (default)'],
  ['[network]\nmode = "allow"\n', '"allow" is wider than "none"'],
  [
    '[network]\nallow = ["a.example:443"]\n',
    '3:10: a project file may only tighten: "a.example:443" is not allowed without it',
  ],
  [
    '[exec]\nrules = [ { verdict = "allow", match = ["x"] } ]\n',
    '3:23: a project file may only tighten: it cannot allow commands',
  ],
  ['[exec]\nrules = [ { verdict = "redirect", match = ["x"], to = "y" } ]\n', 'it cannot redirect commands'],
  ['[quota]\nbytes = "1TiB"\n', '3:9: a project file may only tighten: the limit in force is 2KiB'],
  ['[quota]\nbytes = "max"\n', 'the limit in force is 2KiB'],
  ['[quota]\nwarn = 1\n', 'the limit in force is 0.8'],
  ['[audit]\nreads = "none"\n', '"none" is wider than "first"'],
  ['[approval]\nexpire = "30d"\n', '3:10: a project file may only tighten: the time in force is'],
  ['[hooks]\nx = "y"\n', '2:2: unknown key "hooks"'],
];

describe('a project file', () => {
  it.each(TIGHTER)('may say %j', (project) => {
    expect(effective({ project })).toBeTypeOf('object');
  });

  it.each(LOOSER)('may not say %j', (project, message) => {
    expect(() => effective({ project })).toThrow(/^project\.toml:\d+:\d+: /);
    expect(() => effective({ project })).toThrow(message);
  });

  it('is measured against the layers before it', () => {
    const user = mount('${workspace}', 'rw');
    expect(ruleAt({ user, project: mount('${workspace}/a', 'rw') }, '/home/ada/work/app/a')[0]).toBe('rw');
    const net = '[network]\nmode = "allow"\nallow = ["*.example.com:443", "b.org:*"]\n';
    const narrowed = effective({ user: net, project: '[network]\nallow = ["api.example.com:443"]\n' });
    expect(narrowed.network).toMatchObject({ mode: 'allow', allow: ['api.example.com:443'] });
    expect(() => effective({ user: net, project: '[network]\nallow = ["example.com:443"]\n' })).toThrow('not allowed');
    expect(() => effective({ user: mount('${workspace}', 'ro'), project: mount('${workspace}', 'invisible') })).toThrow(
      '"invisible" is wider than "ro" (user.toml:2)',
    );
  });

  it('names the right one of two rules in one line', () => {
    const project = 'mount = [ { path = "/tmp", mode = "hidden" }, { path = "/usr", mode = "rw" } ]\n';
    expect(() => effective({ project })).toThrow('project.toml:2:71: ');
  });

  it('opens nothing through a link either', () => {
    const realPaths = new Map([['/home/ada/work/app/link', '/home/ada/.ssh']]);
    expect(() => effective({ project: mount('${workspace}/link', 'invisible') }, { ...FACTS, realPaths })).toThrow(
      '"invisible" is wider than "hidden"',
    );
  });

  it('asks for more in [request], which changes nothing', () => {
    const project = `[request]
reason = "tests"
mount = [
  { path = "/srv/x", mode = "ro", reason = "data" },
]
env.pass = ["CI"]
network = { mode = "allow", allow = ["a.org:443"] }
`;
    const policy = effective({ project });
    expect(policy.requests).toEqual([
      { text: 'mount { path = "/srv/x", mode = "ro" }', reason: 'data', source: 'project.toml:5' },
      { text: 'env.pass "CI"', reason: 'tests', source: 'project.toml:7' },
      { text: 'network.mode "allow"', reason: 'tests', source: 'project.toml:8' },
      { text: 'network.allow "a.org:443"', reason: 'tests', source: 'project.toml:8' },
    ]);
    expect({ ...policy, requests: [] }).toEqual(effective({}));
  });
});

describe('a link inside the workspace', () => {
  const realPaths = new Map([['/home/ada/work/app/data', '/home/ada/.ssh']]);
  it("does not let a person's rule open what is closed", () => {
    const facts = { ...FACTS, realPaths };
    expect(ruleAt({ user: mount('${workspace}/data', 'rw') }, '/home/ada/.ssh/id_rsa', facts)[0]).toBe('hidden');
    expect(ruleAt({ user: mount('${workspace}/data', 'hidden') }, '/home/ada/.ssh/id_rsa', facts)[0]).toBe('hidden');
  });

  it('outside of it, a person means what they say', () => {
    const facts = { ...FACTS, realPaths: new Map([['/data', '/mnt/disk/data']]) };
    expect(ruleAt({ user: mount('/data', 'ro') }, '/mnt/disk/data/x', facts)[0]).toBe('ro');
  });
});

describe('a profile', () => {
  it('opens state and hosts, and lets its variables pass', () => {
    const policy = effectivePolicy({ profile: claude }, FACTS);
    expect(ruleFor(ruleTree(policy.rules), '/home/ada/.claude/x')).toMatchObject({
      mode: 'private',
      empty: false,
      source: 'profile:claude',
    });
    expect(policy.network).toMatchObject({ mode: 'allow', source: 'profile:claude' });
    expect(policy.env.secrets).toContain('ANTHROPIC_API_KEY');
    expect(policy.env.pass).not.toContain('ANTHROPIC_API_KEY');
  });

  it('yields to the files', () => {
    const layers = layersOf({ user: `${mount('~/.claude', 'hidden')}[network]\nmode = "none"\n` });
    const policy = effectivePolicy({ ...layers, profile: claude }, FACTS);
    expect(ruleFor(ruleTree(policy.rules), '/home/ada/.claude/x').mode).toBe('hidden');
    expect(policy.network.mode).toBe('none');
  });

  it("keeps its hosts beside the user's", () => {
    const layers = layersOf({ user: '[network]\nmode = "allow"\nallow = ["a.org:443"]\n' });
    const { allow } = effectivePolicy({ ...layers, profile: claude }, FACTS).network;
    expect(allow).toEqual([...claude.network, 'a.org:443']);
  });

  it('gives way to --net', () => {
    const options = { network: { mode: 'host', allow: [] } } as const;
    expect(effectivePolicy({ profile: claude, options }, FACTS).network).toEqual({
      mode: 'host',
      allow: [],
      source: '--net',
    });
  });
});
