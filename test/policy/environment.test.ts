// The environment holds what the policy lets pass, and no poison (T54).

import { describe, expect, it } from 'vitest';
import {
  type EnvironmentRequest,
  isPoison,
  matchesVariable,
  sandboxEnvironment,
  visiblePath,
} from '../../policy/environment.ts';
import { effectivePolicy } from '../../policy/layers.ts';
import { FACTS } from './facts.ts';

const POLICY = effectivePolicy({}, FACTS);

function environment(more: Partial<EnvironmentRequest> = {}) {
  return sandboxEnvironment({
    policy: POLICY,
    host: {},
    options: [],
    agentName: 'claude',
    userName: 'ada',
    home: '/home/ada',
    shell: '/bin/bash',
    ...more,
  });
}

const POISONED = [
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'LD_AUDIT',
  'BASH_ENV',
  'ENV',
  'BASH_FUNC_ls%%',
  'GIT_DIR',
  'GIT_SSH_COMMAND',
  'GIT_CONFIG_COUNT',
  'PYTHONPATH',
  'PYTHONSTARTUP',
  'NODE_OPTIONS',
  'NODE_PATH',
  'PERL5LIB',
  'PERL5OPT',
  'RUBYOPT',
  'RUBYLIB',
  'PROMPT_COMMAND',
  'JAVA_TOOL_OPTIONS',
  'IFS',
];

describe('what passes', () => {
  it('is named by the policy; the rest is made', () => {
    const host = {
      TERM: 'xterm',
      LC_TIME: 'C',
      LANG: 'de',
      SECRET: 's',
      AWS_SECRET_ACCESS_KEY: 'k',
      HOME: '/x',
      USER: 'x',
      UNSET: undefined,
    };
    expect(environment({ host })).toEqual({
      TERM: 'xterm',
      LC_TIME: 'C',
      LANG: 'de',
      HOME: '/home/ada',
      USER: 'ada',
      LOGNAME: 'ada',
      SHELL: '/bin/bash',
      TMPDIR: '/tmp',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin',
      AGENTSH: '1',
      AGENTSH_NAME: 'claude',
    });
  });

  it('a key only by the name in a profile', () => {
    const host = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'a' };
    const policy = { ...POLICY, env: { ...POLICY.env, secrets: ['OPENAI_API_KEY'] } };
    const result = environment({ host, policy });
    expect(result).toHaveProperty('OPENAI_API_KEY', 'k');
    expect(result).not.toHaveProperty('ANTHROPIC_API_KEY');
  });

  it('SHELL, TMPDIR and PATH may be set by the policy, HOME may not', () => {
    const set = { SHELL: '/bin/dash', TMPDIR: '/var/tmp', PATH: '/opt/x/bin:/srv/bin', HOME: '/root' };
    const result = environment({ policy: { ...POLICY, env: { ...POLICY.env, set } } });
    expect(result).toMatchObject({ SHELL: '/bin/dash', TMPDIR: '/var/tmp', HOME: '/home/ada' });
    expect(result).toHaveProperty('PATH', expect.stringMatching(/^\/opt\/x\/bin:\/usr/));
  });

  it('or by --env, in the order given', () => {
    const result = environment({ host: { TOKEN: 't' }, options: ['TOKEN', 'A=1', 'A=2=3', 'EMPTY='] });
    expect(result).toMatchObject({ TOKEN: 't', A: '2=3', EMPTY: '' });
  });

  it.each(['', '=x', '1A=x', 'A-B', 'MISSING', 'AGENTSH=0', 'AGENTSH_NAME=root', 'A=\0'])(
    'refuses --env %j',
    (option) => {
      expect(environment({ options: [option] })).toEqual({ option, reason: expect.stringContaining('--env') });
    },
  );
});

describe("what names the host's programs and channels", () => {
  it.each(['SSH_AUTH_SOCK', 'DBUS_SESSION_BUS_ADDRESS', 'DOCKER_HOST', 'XDG_RUNTIME_DIR', 'EDITOR', 'NODE_ENV'])(
    '%s passes by name only',
    (name) => {
      const withPass = (pass: string[]) =>
        environment({ host: { [name]: 'x' }, policy: { ...POLICY, env: { ...POLICY.env, pass } } });
      expect(withPass(['*'])).not.toHaveProperty(name);
      expect(withPass([`${name.slice(0, 2)}*`])).not.toHaveProperty(name);
      expect(withPass([name])).toHaveProperty(name, 'x');
    },
  );
});

describe('T54 poison', () => {
  it.each(POISONED)('%s does not pass even with pass = ["*"]', (name) => {
    const policy = { ...POLICY, env: { ...POLICY.env, pass: ['*'] } };
    expect(isPoison(name)).toBe(true);
    expect(environment({ policy, host: { [name]: 'x', FINE: 'y' } })).not.toHaveProperty(name, 'x');
    expect(environment({ policy, host: { [name]: 'x', FINE: 'y' } })).toHaveProperty('FINE', 'y');
  });

  it('is set when the operator sets it', () => {
    expect(environment({ options: ['NODE_OPTIONS=--max-old-space-size=100'] })).toHaveProperty('NODE_OPTIONS');
  });
});

describe('PATH', () => {
  const rules = [
    ...POLICY.rules,
    { path: '/home/ada/.cargo', mode: 'private', empty: false, source: 'default' },
  ] as const;
  it.each([
    ['/usr/bin:/home/ada/.cargo/bin', '/usr/bin:/home/ada/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/bin'],
    ['/home/ada/bin:/srv/bin:/tmp:/root/bin', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin'],
    ['.::bin:../x:/usr/../home/ada/.cargo', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin'],
    [
      '/home/ada/work/app/node_modules/.bin',
      '/home/ada/work/app/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin',
    ],
  ])('%s becomes %s', (path, expected) => {
    expect(visiblePath(path, rules)).toBe(expected);
  });
});

describe('matchesVariable', () => {
  it.each([
    ['LC_*', 'LC_ALL', true],
    ['LC_*', 'LC_', true],
    ['LC_*', 'XLC_ALL', false],
    ['LANG', 'LANGUAGE', false],
    ['*_KEY', 'A_KEY', true],
    ['A*B*C', 'AxBxC', true],
    ['A*B*C', 'AxC', false],
    ['A*A', 'A', false],
    ['*', '', true],
  ])('%s against %s: %s', (pattern, name, expected) => {
    expect(matchesVariable(pattern, name)).toBe(expected);
  });
});
