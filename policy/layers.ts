// The effective policy out of its layers: defaults, profile, user file, project file, `--policy` file, options.
//
// A later layer wins, path by path and setting by setting; the lists of names, of command rules and of taints grow.
// The project file comes with the code the agent works on, so it may only tighten.

import { DEFAULT_SOURCE, defaultPolicy } from './defaults.ts';
import type { EffectivePolicy, ExecRule, PolicyRequest, Quota, TaintRule } from './effective.ts';
import type { HostFacts } from './facts.ts';
import { errorAt, type PolicyFile } from './file.ts';
import type { Rule } from './model.ts';
import type { KeyPath } from './positions.ts';
import type { Profile } from './profile.ts';
import { bytesOfText, isAtOrBelow, isWider, pathProblem, ruleFor, ruleTree, strictness } from './rules.ts';
import { checkTightens } from './tighten.ts';
import { expandPath } from './variables.ts';

export interface PolicyLayers {
  readonly profile?: Profile | undefined;
  /** `~/.config/agentsh/policy.toml` */
  readonly user?: PolicyFile | undefined;
  /** `<workspace>/.agentsh/policy.toml`, read from the host. */
  readonly project?: PolicyFile | undefined;
  /** `--policy FILE` */
  readonly explicit?: PolicyFile | undefined;
  readonly options?: PolicyOptions | undefined;
}

/** What the operator says on the command line: over every file. */
export interface PolicyOptions {
  /** `--throwaway`: nothing in the workspace is kept. */
  readonly throwaway?: boolean;
  /** `--net` */
  readonly network?: { readonly mode: EffectivePolicy['network']['mode']; readonly allow: readonly string[] };
}

/**
 * The policy in force.
 * @throws InputError when the project file loosens anything, or two rules of a file turn out to be for one path
 */
export function effectivePolicy(layers: PolicyLayers, facts: HostFacts): EffectivePolicy {
  const defaults = defaultPolicy(facts);
  let policy = withRules({ ...defaults, rules: [] }, defaults.rules, facts);
  if (layers.profile !== undefined) policy = withProfile(policy, layers.profile, facts);
  if (layers.user !== undefined) policy = withFile(policy, layers.user, facts, 'extend');
  if (layers.project !== undefined) {
    checkTightens(policy, layers.project, mountRules(layers.project, facts), facts.realPaths);
    policy = withFile(policy, layers.project, facts, 'replace');
    policy = { ...policy, requests: requestsOf(layers.project) };
  }
  if (layers.explicit !== undefined) policy = withFile(policy, layers.explicit, facts, 'replace');
  return withoutRedundant(withOptions(policy, layers.options ?? {}, facts));
}

/**
 * A whole policy as the operator wrote it: its rules are all the rules there are, and what it leaves out is as in the
 * defaults. `before` is what was in force: whatever a file cannot say is taken from there.
 * @throws InputError when two rules turn out to be for one path
 */
export function completePolicy(file: PolicyFile, before: EffectivePolicy, facts: HostFacts): EffectivePolicy {
  const rules = mountRules(file, facts);
  const opened = rules.filter((rule) => isOpening(rule, before.rules)).map(({ path }) => path);
  const base = {
    ...defaultPolicy(facts),
    rules: [],
    env: { ...defaultPolicy(facts).env, secrets: before.env.secrets },
  };
  return {
    ...withFile(base, file, facts, 'replace'),
    scopes: unique([...before.scopes, ...opened]).sort(),
    requests: before.requests,
  };
}

/**
 * Drops the defaults' hidden rules below what is hidden anyway. They matter where a policy opens a parent; else they
 * would only make placeholders of their ancestors.
 */
function withoutRedundant(policy: EffectivePolicy): EffectivePolicy {
  const tree = ruleTree(policy.rules);
  const rules = policy.rules.filter((rule) => {
    if (rule.mode !== 'hidden' || rule.source !== DEFAULT_SOURCE || rule.path === '/') return true;
    const parent = rule.path.slice(0, rule.path.lastIndexOf('/')) || '/';
    return ruleFor(tree, parent).mode !== 'hidden';
  });
  return { ...policy, rules };
}

/** The rules of a file, expanded; later code decides which win. */
function mountRules(file: PolicyFile, facts: HostFacts): Rule[] {
  const lines = new Map<string, number>();
  return (file.data.mount ?? []).map((mount, index) => {
    const at: KeyPath = ['mount', index, 'path'];
    const path = mountPath(file, at, mount.path, facts);
    const { line } = file.positions.value(at);
    const first = lines.get(path);
    if (first !== undefined) throw errorAt(file, at, `duplicate rule for ${mount.path}, already in line ${first}`);
    lines.set(path, line);
    return { path, mode: mount.mode, empty: mount.empty ?? false, source: `${file.file}:${line}` };
  });
}

/** With the variables' values in it a path can be longer than any path may be. */
function mountPath(file: PolicyFile, at: KeyPath, text: string, facts: HostFacts): string {
  const path = expanded(text, facts);
  const problem = pathProblem(path);
  if (problem !== undefined) throw errorAt(file, at, `impossible rule: ${problem}`);
  return path;
}

/** Adds rules to the policy's; a rule holds for its root's real path too, unless one beside it names that path. */
function withRules(policy: EffectivePolicy, rules: readonly Rule[], facts: HostFacts): EffectivePolicy {
  const byPath = new Map(policy.rules.map((rule) => [rule.path, rule]));
  for (const rule of derivedRules(policy.rules, rules, facts)) byPath.set(rule.path, rule);
  for (const rule of rules) byPath.set(rule.path, rule);
  const sorted = [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return { ...policy, rules: sorted };
}

/**
 * The rules again at the real paths of their roots. A link inside the workspace may be the agent's or come with
 * the code: through it a rule must not open what another one closes.
 */
function derivedRules(base: readonly Rule[], rules: readonly Rule[], facts: HostFacts): Rule[] {
  const tree = ruleTree(base);
  const workspaces = [facts.workspace, facts.workspaceRealPath];
  const derived = rules.flatMap((rule): Rule[] => {
    const path = facts.realPaths.get(rule.path);
    if (path === undefined || path === rule.path || path === '/') return [];
    const isPlanted = workspaces.some((workspace) => rule.path !== workspace && isAtOrBelow(rule.path, workspace));
    return isPlanted && isWider(rule, ruleFor(tree, path)) ? [] : [{ ...rule, path }];
  });
  // Two links to one place: the tighter rule comes last and wins.
  return derived.sort((a, b) => strictness(a.mode) - strictness(b.mode));
}

function withProfile(policy: EffectivePolicy, profile: Profile, facts: HostFacts): EffectivePolicy {
  const source = `profile:${profile.name}`;
  const rules = profile.state.map(
    (path): Rule => ({ path: expanded(path, facts), mode: 'private', empty: false, source }),
  );
  const opensNetwork = policy.network.mode === 'none' && profile.network.length > 0;
  return {
    ...withRules(policy, rules, facts),
    env: {
      pass: policy.env.pass,
      secrets: unique([...policy.env.secrets, ...profile.environment]),
      set: { ...policy.env.set, ...profile.set },
    },
    network: opensNetwork ? { mode: 'allow', allow: profile.network, source } : policy.network,
  };
}

/** `extend` keeps the hosts that a profile allowed. */
type NetworkMerge = 'extend' | 'replace';

function withFile(policy: EffectivePolicy, file: PolicyFile, facts: HostFacts, merge: NetworkMerge): EffectivePolicy {
  const { data } = file;
  const rules = mountRules(file, facts);
  const opened = rules.filter((rule) => isOpening(rule, policy.rules)).map((rule) => rule.path);
  return {
    ...withRules(policy, rules, facts),
    names: {
      hide: grown(policy.names.hide, data.files?.hide),
      mask: grown(policy.names.mask, data.files?.mask),
      protect: grown(policy.names.protect, data.files?.protect),
    },
    scopes: unique([...policy.scopes, ...opened]).sort(),
    ignored: data.files?.ignored ?? policy.ignored,
    env: {
      pass: data.env?.pass ?? policy.env.pass,
      secrets: policy.env.secrets,
      set: { ...policy.env.set, ...data.env?.set },
    },
    network: mergedNetwork(policy.network, file, merge),
    exec: {
      default: data.exec?.default ?? policy.exec.default,
      rules: [...policy.exec.rules, ...execRules(file)],
    },
    quota: mergedQuota(policy.quota, data.quota ?? {}),
    audit: { reads: data.audit?.reads ?? policy.audit.reads },
    approval: {
      expireMs: data.approval?.expire ?? policy.approval.expireMs,
      timeoutMs: data.approval?.timeout ?? policy.approval.timeoutMs,
    },
    taint: [...policy.taint, ...taintRules(file, facts)],
  };
}

/** Whether a person shows a tree here that was not shown so before: their patterns and the built-in ones hold there too. */
function isOpening(rule: Rule, before: readonly Rule[]): boolean {
  if (rule.mode === 'hidden' || rule.path === '/') return false;
  const same = before.find(({ path }) => path === rule.path);
  return same === undefined || same.mode !== rule.mode || same.empty !== rule.empty;
}

function mergedNetwork(
  base: EffectivePolicy['network'],
  file: PolicyFile,
  merge: NetworkMerge,
): EffectivePolicy['network'] {
  const wanted = file.data.network;
  if (wanted === undefined || (wanted.mode === undefined && wanted.allow === undefined)) return base;
  const at: KeyPath = wanted.mode === undefined ? ['network', 'allow'] : ['network', 'mode'];
  const source = `${file.file}:${file.positions.value(at).line}`;
  const mode = wanted.mode ?? (wanted.allow!.length > 0 ? 'allow' : base.mode);
  if (mode !== 'allow') return { mode, allow: [], source };
  const own = wanted.allow ?? base.allow;
  return { mode, allow: unique(merge === 'extend' ? [...base.allow, ...own] : own), source };
}

function execRules(file: PolicyFile): ExecRule[] {
  return (file.data.exec?.rules ?? []).map((rule, index) => ({
    verdict: rule.verdict,
    match: rule.match,
    notMatch: rule.not_match ?? [],
    reason: rule.reason ?? '',
    ...(rule.to === undefined ? {} : { to: rule.to }),
    source: `${file.file}:${file.positions.value(['exec', 'rules', index]).line}`,
  }));
}

type QuotaData = NonNullable<PolicyFile['data']['quota']>;

function mergedQuota(base: Quota, own: QuotaData): Quota {
  return {
    bytes: own.bytes ?? base.bytes,
    files: own.files ?? base.files,
    wallMs: own.wall ?? base.wallMs,
    processes: own.processes ?? base.processes,
    memoryBytes: own.memory ?? base.memoryBytes,
    children: own.children ?? base.children,
    inputTokens: own.input_tokens ?? base.inputTokens,
    outputTokens: own.output_tokens ?? base.outputTokens,
    usd: own.usd ?? base.usd,
    warn: own.warn ?? base.warn,
  };
}

function taintRules(file: PolicyFile, facts: HostFacts): TaintRule[] {
  return (file.data.taint ?? []).map((taint, index) => ({
    path: expanded(taint.path, facts),
    label: taint.label,
    source: `${file.file}:${file.positions.value(['taint', index]).line}`,
  }));
}

function requestsOf(file: PolicyFile): PolicyRequest[] {
  const { request } = file.data;
  if (request === undefined) return [];
  const entry = (text: string, at: KeyPath, reason = request.reason ?? ''): PolicyRequest => {
    return { text, reason, source: `${file.file}:${file.positions.value(['request', ...at]).line}` };
  };
  const mounts = (request.mount ?? []).map((mount, index) => {
    const empty = mount.empty === true ? ', empty = true' : '';
    const text = `mount { path = ${JSON.stringify(mount.path)}, mode = "${mount.mode}"${empty} }`;
    return entry(text, ['mount', index], mount.reason);
  });
  const pass = (request.env?.pass ?? []).map((name, index) => entry(`env.pass "${name}"`, ['env', 'pass', index]));
  const { mode, allow } = request.network ?? {};
  const network = mode === undefined ? [] : [entry(`network.mode "${mode}"`, ['network', 'mode'])];
  const hosts = (allow ?? []).map((host, index) => entry(`network.allow "${host}"`, ['network', 'allow', index]));
  return [...mounts, ...pass, ...network, ...hosts];
}

function withOptions(policy: EffectivePolicy, options: PolicyOptions, facts: HostFacts): EffectivePolicy {
  const network = options.network === undefined ? policy.network : { ...options.network, source: '--net' };
  const rules = options.throwaway === true ? policy.rules.map((rule) => thrownAway(rule, facts)) : policy.rules;
  return { ...policy, rules, network };
}

/** Whatever would outlive the session, in the workspace or in its git directory. */
function thrownAway(rule: Rule, facts: HostFacts): Rule {
  const roots = [facts.workspace, facts.workspaceRealPath, ...facts.gitDirectories];
  const isKept = strictness(rule.mode) < strictness('ephemeral');
  if (!isKept || !roots.some((root) => isAtOrBelow(rule.path, root))) return rule;
  return { ...rule, mode: 'ephemeral', source: '--throwaway' };
}

/** The parser has judged the text; what is left cannot fail. */
function expanded(text: string, facts: HostFacts): string {
  const path = expandPath(text, facts);
  if (typeof path !== 'string') throw new RangeError(path.reason);
  return path;
}

/** A list as byte strings with the new patterns behind; a pattern already last stays once. */
function grown(base: readonly string[], own: readonly string[] | undefined): readonly string[] {
  return unique([...base, ...(own ?? []).map(bytesOfText)]);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
