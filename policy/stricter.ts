// What an edit of a policy takes away, without what it gives: the stricter of two policies, setting by setting.
//
// Never wider than either: a path's mode, a list of names, a host, a limit. Lists that close things grow; lists that
// open things keep what both allow.
import {
  type EffectivePolicy,
  EXEC_DEFAULTS,
  type ExecRule,
  IGNORED_MODES,
  type Limit,
  NETWORK_MODES,
  type Quota,
  READ_AUDITS,
} from './effective.ts';
import { endpointCovers, parseEndpoint } from './endpoint.ts';
import { patternCovers } from './environment.ts';
import type { Rule } from './model.ts';
import { isWider, ruleFor, ruleTree, strictness } from './rules.ts';

/** The policy in force after an edit of which only what tightens counts. */
export function tightened(before: EffectivePolicy, after: EffectivePolicy): EffectivePolicy {
  const rules = stricterRules(before.rules, after.rules);
  return {
    rules,
    names: {
      hide: grownNames(before.names.hide, after.names.hide),
      mask: grownNames(before.names.mask, after.names.mask),
      protect: grownNames(before.names.protect, after.names.protect),
    },
    scopes: shownScopes(before.scopes, after.scopes, rules),
    ignored: tightest(IGNORED_MODES, before.ignored, after.ignored),
    env: narrowerEnvironment(before.env, after.env),
    network: narrowerNetwork(before.network, after.network),
    exec: {
      default: tightest(EXEC_DEFAULTS, before.exec.default, after.exec.default),
      rules: stricterExec(before.exec.rules, after.exec.rules),
    },
    quota: smallerQuota(before.quota, after.quota),
    audit: { reads: tightest(READ_AUDITS, before.audit.reads, after.audit.reads) },
    approval: {
      expireMs: Math.min(before.approval.expireMs, after.approval.expireMs),
      timeoutMs: Math.min(before.approval.timeoutMs, after.approval.timeoutMs),
    },
    taint: uniqueBy([...before.taint, ...after.taint], ({ path, label }) => `${label}\0${path}`),
    requests: after.requests,
  };
}

/** Whether an edit gives anything that was not there before: then only a new session has all of it. */
export function loosens(before: EffectivePolicy, after: EffectivePolicy): boolean {
  return !isSamePolicy(tightened(before, after), tightened(after, after));
}

/** Lists whose order says nothing. */
const UNORDERED: ReadonlySet<string> = new Set(['pass', 'secrets', 'allow', 'scopes']);

/** Whether two policies decide alike, whoever wrote their lines. */
export function isSamePolicy(one: EffectivePolicy, other: EffectivePolicy): boolean {
  return sameRules(one.rules, other.rules) && settingsOf(one) === settingsOf(other);
}

function settingsOf(policy: EffectivePolicy): string {
  const { rules: _rules, requests: _requests, ...rest } = policy;
  return JSON.stringify(rest, (key, value: unknown) => {
    if (key === 'source') return undefined;
    return UNORDERED.has(key) && Array.isArray(value) ? [...new Set(value)].sort() : value;
  });
}

function sameRules(one: readonly Rule[], other: readonly Rule[]): boolean {
  const trees = [ruleTree(one), ruleTree(other)] as const;
  return [...one, ...other].every(({ path }) => {
    const [a, b] = [ruleFor(trees[0], path), ruleFor(trees[1], path)];
    return a.mode === b.mode && (a.mode === 'hidden' || a.empty === b.empty);
  });
}

/** Where the patterns hold: what only the edit would have shown is nobody's to look for names in. */
function shownScopes(before: readonly string[], after: readonly string[], rules: readonly Rule[]): string[] {
  const tree = ruleTree(rules);
  const shown = after.filter((scope) => ruleFor(tree, scope).mode !== 'hidden');
  return unique([...before, ...shown]).sort();
}

/** A rule at every path where either policy has one. */
function stricterRules(before: readonly Rule[], after: readonly Rule[]): Rule[] {
  const trees = [ruleTree(before), ruleTree(after)] as const;
  const paths = unique([...before, ...after].map(({ path }) => path)).sort();
  return paths.map((path) => stricterRule(path, ruleFor(trees[0], path), ruleFor(trees[1], path)));
}

function stricterRule(path: string, before: Rule, after: Rule): Rule {
  const decides = strictness(after.mode) > strictness(before.mode) || isWider(before, after) ? after : before;
  const mode = strictness(after.mode) > strictness(before.mode) ? after.mode : before.mode;
  return { path, mode, empty: mode !== 'hidden' && (before.empty || after.empty), source: decides.source };
}

/**
 * Names that either list matches. Where the edit only added names, or no longer takes some back (`!`), it is the edited
 * list itself. Else what takes back stays only where both lists do so, and of a pattern that comes twice the later one
 * decides, as in any such list.
 */
function grownNames(before: readonly string[], after: readonly string[]): readonly string[] {
  const isPositive = (pattern: string) => !pattern.startsWith('!');
  const kept = before.filter((pattern) => isPositive(pattern) || after.includes(pattern));
  if (isGrownFrom(kept, after, isPositive)) return after;
  return unique([...kept, ...after.filter(isPositive)].reverse()).reverse();
}

/** Whether `list` holds `kept` in its order and beyond it only what `isFree` lets in. */
function isGrownFrom(kept: readonly string[], list: readonly string[], isFree: (pattern: string) => boolean): boolean {
  let at = 0;
  for (const pattern of list) {
    if (pattern === kept[at]) at += 1;
    else if (!isFree(pattern)) return false;
  }
  return at === kept.length;
}

function narrowerEnvironment(before: EffectivePolicy['env'], after: EffectivePolicy['env']): EffectivePolicy['env'] {
  const set = Object.entries(before.set).filter(([name]) => Object.hasOwn(after.set, name));
  return {
    pass: common(before.pass, after.pass, patternCovers),
    secrets: before.secrets.filter((name) => after.secrets.includes(name)),
    set: Object.fromEntries(set),
  };
}

function narrowerNetwork(
  before: EffectivePolicy['network'],
  after: EffectivePolicy['network'],
): EffectivePolicy['network'] {
  const mode = tightest(NETWORK_MODES, before.mode, after.mode);
  const source = mode === before.mode ? before.source : after.source;
  if (mode !== 'allow') return { mode, allow: [], source };
  if (before.mode === 'host') return after;
  if (after.mode === 'host') return before;
  const covers = (outer: string, inner: string) => endpointCovers(parseEndpoint(outer)!, parseEndpoint(inner)!);
  return { mode, allow: common(before.allow, after.allow, covers), source };
}

/** Verdicts that only close stay and come; those that open stay where both have them. */
function stricterExec(before: readonly ExecRule[], after: readonly ExecRule[]): readonly ExecRule[] {
  const key = ({ source: _source, ...rule }: ExecRule) => JSON.stringify(rule);
  const closes = ({ verdict }: ExecRule) => verdict === 'block' || verdict === 'review';
  const known = new Set(after.map(key));
  const kept = before.filter((rule) => closes(rule) || known.has(key(rule)));
  return uniqueBy([...kept, ...after.filter(closes)], key);
}

function smallerQuota(before: Quota, after: Quota): Quota {
  return {
    bytes: smaller(before.bytes, after.bytes),
    files: smaller(before.files, after.files),
    wallMs: smaller(before.wallMs, after.wallMs),
    processes: smaller(before.processes, after.processes),
    memoryBytes: smaller(before.memoryBytes, after.memoryBytes),
    children: smaller(before.children, after.children),
    inputTokens: smaller(before.inputTokens, after.inputTokens),
    outputTokens: smaller(before.outputTokens, after.outputTokens),
    usd: smaller(before.usd, after.usd),
    warn: Math.min(before.warn, after.warn),
  };
}

function smaller(one: Limit, other: Limit): Limit {
  if (one === 'max') return other;
  return other === 'max' ? one : Math.min(one, other);
}

/** `scale` runs from the widest word to the tightest. */
function tightest<T>(scale: readonly T[], one: T, other: T): T {
  return scale.indexOf(one) >= scale.indexOf(other) ? one : other;
}

/** Of two lists, what the other one covers. */
function common(
  one: readonly string[],
  other: readonly string[],
  covers: (outer: string, inner: string) => boolean,
): string[] {
  const within = (list: readonly string[], outer: readonly string[]) =>
    list.filter((inner) => outer.some((each) => covers(each, inner)));
  return unique([...within(one, other), ...within(other, one)]);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** The first of those that have the same key. */
function uniqueBy<T>(values: readonly T[], key: (value: T) => string): T[] {
  const found = new Map<string, T>();
  for (const value of values) if (!found.has(key(value))) found.set(key(value), value);
  return [...found.values()];
}
