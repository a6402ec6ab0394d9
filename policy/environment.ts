// The environment of a sandbox: which of the host's variables pass, what is set, and a PATH of visible directories.

import type { EffectivePolicy } from './effective.ts';
import { bytesOfText, normalizePath, ruleFor, ruleTree } from './rules.ts';

/**
 * Variables through which a program is made to load or run something else. They never pass from the host, whatever
 * the pattern; only `--env` and `[env].set` put them in.
 */
export const POISON = [
  'LD_*',
  'DYLD_*',
  'GCONV_PATH',
  'GLIBC_TUNABLES',
  'LOCPATH',
  'NLSPATH',
  'HOSTALIASES',
  'RES_OPTIONS',
  'RESOLV_HOST_CONF',
  'BASH_ENV',
  'BASH_FUNC_*',
  'BASHOPTS',
  'SHELLOPTS',
  'ENV',
  'IFS',
  'CDPATH',
  'PS4',
  'PROMPT_COMMAND',
  'ZDOTDIR',
  'GIT_*',
  'PYTHON*',
  'NODE_OPTIONS',
  'NODE_PATH',
  'PERL*',
  'RUBY*',
  'GEM_*',
  'BUNDLE_*',
  'LUA_*',
  'JAVA_TOOL_OPTIONS',
  '_JAVA_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'RUSTC_WRAPPER',
  'RUSTC_WORKSPACE_WRAPPER',
  'MAKEFLAGS',
  'MAKEFILES',
  'LESSOPEN',
  'LESSCLOSE',
] as const;

/** Those that name programs, configuration or channels of the host: they pass by their own name, by no wild card. */
export const BY_NAME_ONLY = [
  'NODE_*',
  'NPM_CONFIG_*',
  'npm_config_*',
  'CARGO_*',
  'MAVEN_OPTS',
  'GRADLE_OPTS',
  'CLASSPATH',
  'MALLOC_*',
  'PAGER',
  'MANPAGER',
  'EDITOR',
  'VISUAL',
  'BROWSER',
  'SSH_*',
  'SUDO_*',
  'GPG_*',
  'DBUS_*',
  'DOCKER_*',
  'XDG_*',
  'WAYLAND_DISPLAY',
  'DISPLAY',
  'XAUTHORITY',
] as const;

/** What agentsh alone sets. */
export const OWN_VARIABLES: ReadonlySet<string> = new Set(['AGENTSH', 'AGENTSH_NAME', 'HOME', 'USER', 'LOGNAME']);

const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface EnvironmentRequest {
  readonly policy: Pick<EffectivePolicy, 'rules' | 'env'>;
  /** The environment agentsh was called with. */
  readonly host: Readonly<Record<string, string | undefined>>;
  /** `--env NAME` and `--env NAME=VALUE`, in order. */
  readonly options: readonly string[];
  readonly agentName: string;
  readonly userName: string;
  /** Text, as the other values. */
  readonly home: string;
  /** Absolute path of the shell. */
  readonly shell: string;
}

/** A malformed `--env`, for the command line to refuse. */
export interface BadOption {
  readonly option: string;
  readonly reason: string;
}

/** The whole environment of the sandboxed program, or the first malformed option. */
export function sandboxEnvironment(request: EnvironmentRequest): Record<string, string> | BadOption {
  const { policy, host } = request;
  const environment: Record<string, string> = {
    SHELL: request.shell,
    TMPDIR: '/tmp',
    ...passed(policy.env, host),
    ...policy.env.set,
    HOME: request.home,
    USER: request.userName,
    LOGNAME: request.userName,
    PATH: visiblePath(policy.env.set.PATH ?? host.PATH ?? '', policy.rules),
  };
  for (const option of request.options) {
    const bad = applyOption(environment, option, host);
    if (bad !== undefined) return bad;
  }
  environment.AGENTSH = '1';
  environment.AGENTSH_NAME = request.agentName;
  return environment;
}

/** Whether `*` in the pattern can stand for parts of the name so that both are equal. */
export function matchesVariable(pattern: string, name: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0]!;
  if (parts.length === 1) return pattern === name;
  const last = parts[parts.length - 1]!;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}

/** Whether a variable never passes from the host. */
export function isPoison(name: string): boolean {
  return !VARIABLE_NAME.test(name) || matchesAny(POISON, name);
}

/** The directories of a PATH that the rules show, in order, then the system's where missing. */
export function visiblePath(path: string, rules: EffectivePolicy['rules']): string {
  const tree = ruleTree(rules);
  const isVisible = (directory: string): boolean => {
    const normal = normalizePath(bytesOfText(directory));
    if (normal === undefined) return false;
    const rule = ruleFor(tree, normal);
    return rule.mode !== 'hidden' && !rule.empty;
  };
  const wanted = [...path.split(':').filter((directory) => directory.startsWith('/')), ...SYSTEM_PATH];
  return [...new Set(wanted)].filter(isVisible).join(':');
}

function passed(env: EffectivePolicy['env'], host: EnvironmentRequest['host']): Record<string, string> {
  const named = new Set(env.secrets);
  const passes = (name: string): boolean => {
    if (named.has(name)) return true;
    if (isPoison(name)) return false;
    if (env.pass.includes(name)) return true;
    return !matchesAny(BY_NAME_ONLY, name) && matchesAny(env.pass, name);
  };
  const entries = Object.entries(host).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.filter(([name]) => passes(name)));
}

function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesVariable(pattern, name));
}

function applyOption(
  environment: Record<string, string>,
  option: string,
  host: EnvironmentRequest['host'],
): BadOption | undefined {
  const equals = option.indexOf('=');
  const name = equals === -1 ? option : option.slice(0, equals);
  if (!VARIABLE_NAME.test(name)) return { option, reason: `--env ${option}: expected NAME or NAME=VALUE` };
  if (name === 'AGENTSH' || name === 'AGENTSH_NAME')
    return { option, reason: `--env ${option}: set by agentsh itself` };
  const value = equals === -1 ? host[name] : option.slice(equals + 1);
  if (value === undefined) return { option, reason: `--env ${option}: not set in this environment; give NAME=VALUE` };
  if (value.includes('\0')) return { option, reason: `--env ${name}: the value contains a NUL byte` };
  environment[name] = value;
  return undefined;
}

/** Whether all names that `inner` matches match `outer`: exact for a star at the end, the usual case. */
export function patternCovers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  if (!inner.includes('*')) return matchesVariable(outer, inner);
  const isPrefix = outer.indexOf('*') === outer.length - 1;
  return isPrefix && inner.slice(0, inner.indexOf('*')).startsWith(outer.slice(0, -1));
}
