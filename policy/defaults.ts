// The policy where there is no file: an allow-list, computed from facts about the host.

import type { EffectivePolicy } from './effective.ts';
import type { HostFacts } from './facts.ts';
import type { Mode, Rule } from './model.ts';
import { isAtOrBelow } from './rules.ts';
import { toolchainPaths } from './toolchains.ts';

/** The source of a rule that no file wrote. */
export const DEFAULT_SOURCE = 'default';
const HOUR_MS = 3_600_000;

/** Names in `/` that are shown read-only; `lib*` besides. */
const SYSTEM_NAMES: ReadonlySet<string> = new Set(['usr', 'bin', 'sbin', 'etc', 'opt', 'nix', 'snap']);

/** Begin empty and are thrown away. */
const SCRATCH = ['/tmp', '/var/tmp', '/run'] as const;

/** The sandbox mounts over the first two; what is under all three is never the host's. */
const KERNEL_TREES = ['/proc', '/dev', '/sys'] as const;

/** Secrets within trees that are shown. */
const HIDDEN_SYSTEM = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/security/opasswd',
  '/etc/ssl/private',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/krb5.keytab',
  '/etc/letsencrypt',
  '/etc/wireguard',
  '/etc/NetworkManager/system-connections',
  '/etc/kubernetes',
  '/etc/rancher',
] as const;

/** Hidden already by not being allowed; in force only where a policy opens a parent. */
const HIDDEN_OUTSIDE = ['/root', '/mnt', '/media', '/var/lib/docker'] as const;

/** Relative to home. Hidden means that the agent cannot make them either. Others are hidden by their names. */
const HIDDEN_AT_HOME = ['.ssh', '.aws', '.config/gh', '.netrc', '.docker/config.json'] as const;

/** The defaults as an effective policy. */
export function defaultPolicy(facts: HostFacts): EffectivePolicy {
  return {
    rules: defaultRules(facts),
    names: { hide: [], mask: [], protect: [] },
    scopes: unique([facts.workspace, facts.workspaceRealPath, facts.home, facts.homeRealPath]).sort(),
    ignored: 'private',
    env: { pass: ['TERM', 'COLORTERM', 'LANG', 'LC_*', 'TZ'], secrets: [], set: {} },
    network: { mode: 'none', allow: [], source: DEFAULT_SOURCE },
    exec: { default: 'allow', rules: [] },
    quota: {
      bytes: facts.freeBytes === undefined ? 'max' : Math.floor(facts.freeBytes / 2),
      files: 'max',
      wallMs: 'max',
      processes: 'max',
      memoryBytes: 'max',
      children: 'max',
      inputTokens: 'max',
      outputTokens: 'max',
      usd: 'max',
      warn: 0.8,
    },
    audit: { reads: 'first' },
    approval: { expireMs: 72 * HOUR_MS, timeoutMs: HOUR_MS / 6 },
    taint: [],
    requests: [],
  };
}

/** The default rules; of several for one path the last counts. */
function defaultRules(facts: HostFacts): Rule[] {
  const shown = [...systemRules(facts), ...homeRules(facts), ...workspaceRules(facts)];
  const outside = hiddenOutside(facts).filter((path) => !shown.some((rule) => isAtOrBelow(rule.path, path)));
  return [...outside.map((path) => rule(path, 'hidden')), ...shown];
}

function systemRules(facts: HostFacts): Rule[] {
  const names = facts.topLevel.filter((name) => SYSTEM_NAMES.has(name) || name.startsWith('lib'));
  const keys = facts.sshHostKeys.map((name) => `/etc/ssh/${name}`);
  const { resolvConf } = facts;
  return [
    ...names.map((name) => rule(`/${name}`, 'ro')),
    ...KERNEL_TREES.map((path) => rule(path, 'ro', true)),
    ...SCRATCH.map((path) => rule(path, 'ephemeral', true)),
    ...(resolvConf === undefined || isAtOrBelow(resolvConf, '/etc') ? [] : [rule(resolvConf, 'ro')]),
    ...[...HIDDEN_SYSTEM, ...keys].map((path) => rule(path, 'hidden')),
  ];
}

/** Nothing where the workspace is above home: then home is the workspace's, but for what is hidden. */
function homeRules(facts: HostFacts): Rule[] {
  const homes = unique([facts.home, facts.homeRealPath]);
  const hidden = homes.flatMap((home) => HIDDEN_AT_HOME.map((path) => rule(`${home}/${path}`, 'hidden')));
  if (workspacesOf(facts).some((workspace) => isAtOrBelow(facts.home, workspace))) return hidden;
  const { roots, secrets } = toolchainPaths(facts);
  return [
    ...homes.map((home) => rule(home, 'private', true)),
    ...roots.map((path) => rule(path, 'private')),
    ...secrets.map((path) => rule(path, 'hidden')),
    ...hidden,
  ];
}

function workspaceRules(facts: HostFacts): Rule[] {
  return [
    ...workspacesOf(facts).map((path) => rule(path, 'invisible')),
    ...facts.gitDirectories.map((path) => rule(path, 'private')),
  ];
}

function hiddenOutside(facts: HostFacts): string[] {
  return unique([...HIDDEN_OUTSIDE, ...facts.otherHomes.filter(isRealHome)]);
}

/** System users have `/`, `/bin`, `/nonexistent` … as their homes. */
function isRealHome(home: string): boolean {
  return /^\/(?:home|root|Users|export)(?:\/|$)/.test(home);
}

function workspacesOf(facts: HostFacts): string[] {
  return unique([facts.workspace, facts.workspaceRealPath]);
}

function rule(path: string, mode: Mode, empty = false): Rule {
  return { path, mode, empty, source: DEFAULT_SOURCE };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
