// Whether a project file only tightens what is in force, setting by setting; the first that loosens is an error.

import {
  type EffectivePolicy,
  EXEC_DEFAULTS,
  IGNORED_MODES,
  type Limit,
  NETWORK_MODES,
  type Quota,
  READ_AUDITS,
} from './effective.ts';
import { endpointCovers, parseEndpoint } from './endpoint.ts';
import { patternCovers } from './environment.ts';
import { errorAt, type PolicyFile } from './file.ts';
import type { Rule } from './model.ts';
import type { KeyPath } from './positions.ts';
import { isWider, ruleFor, ruleTree, strictness } from './rules.ts';
import { formatSize } from './units.ts';

/**
 * @param rules the rules of the file's mounts, in their order
 * @param realPaths real paths of the rules' roots: a rule holds there too
 * @throws InputError at the line that loosens
 */
export function checkTightens(
  base: EffectivePolicy,
  file: PolicyFile,
  rules: readonly Rule[],
  realPaths: ReadonlyMap<string, string>,
): void {
  checkRules(base, file, rules, realPaths);
  checkNames(file);
  checkEnvironment(base, file);
  checkNetwork(base, file);
  checkExec(base, file);
  checkQuota(base, file);
  checkScales(base, file);
}

function loosens(file: PolicyFile, at: KeyPath, what: string): Error {
  return errorAt(file, at, `a project file may only tighten: ${what}; ask for it in [request]`);
}

function checkRules(
  base: EffectivePolicy,
  file: PolicyFile,
  rules: readonly Rule[],
  realPaths: ReadonlyMap<string, string>,
): void {
  const tree = ruleTree(base.rules);
  for (const [index, rule] of rules.entries()) {
    for (const path of [rule.path, realPaths.get(rule.path) ?? rule.path]) {
      const before = ruleFor(tree, path);
      if (!isWider(rule, before)) continue;
      const isMode = strictness(rule.mode) < strictness(before.mode);
      const what = isMode
        ? `"${rule.mode}" is wider than "${before.mode}" (${before.source})`
        : `the tree begins empty (${before.source}), this would show the host's`;
      throw loosens(file, ['mount', index, isMode ? 'mode' : 'path'], what);
    }
  }
}

function checkNames(file: PolicyFile): void {
  for (const list of ['hide', 'mask', 'protect'] as const) {
    const index = (file.data.files?.[list] ?? []).findIndex((pattern) => pattern.startsWith('!'));
    if (index !== -1) throw loosens(file, ['files', list, index], `"!" takes a name back out of ${list}`);
  }
}

function checkEnvironment(base: EffectivePolicy, file: PolicyFile): void {
  const passes = file.data.env?.pass ?? [];
  const index = passes.findIndex((name) => !base.env.pass.some((pattern) => patternCovers(pattern, name)));
  if (index !== -1) throw loosens(file, ['env', 'pass', index], `"${passes[index]}" does not pass without it`);
  const set = Object.keys(file.data.env?.set ?? {})[0];
  if (set !== undefined) throw loosens(file, ['env', 'set', set], `it would set ${set}`);
}

function checkNetwork(base: EffectivePolicy, file: PolicyFile): void {
  const { mode, allow } = file.data.network ?? {};
  if (mode !== undefined && NETWORK_MODES.indexOf(mode) < NETWORK_MODES.indexOf(base.network.mode)) {
    throw loosens(file, ['network', 'mode'], `"${mode}" is wider than "${base.network.mode}" (${base.network.source})`);
  }
  if (allow === undefined || base.network.mode === 'host' || mode === 'none') return;
  const known = base.network.allow.map((text) => parseEndpoint(text)!);
  const index = allow.findIndex((text) => !known.some((outer) => endpointCovers(outer, parseEndpoint(text)!)));
  if (index !== -1) throw loosens(file, ['network', 'allow', index], `"${allow[index]}" is not allowed without it`);
}

function checkExec(base: EffectivePolicy, file: PolicyFile): void {
  const { default: fallback, rules } = file.data.exec ?? {};
  checkScale(file, ['exec', 'default'], EXEC_DEFAULTS, base.exec.default, fallback);
  const index = (rules ?? []).findIndex((rule) => rule.verdict === 'allow' || rule.verdict === 'redirect');
  if (index === -1) return;
  throw loosens(file, ['exec', 'rules', index, 'verdict'], `it cannot ${rules![index]!.verdict} commands`);
}

const QUOTA_KEYS: readonly (readonly [keyof NonNullable<PolicyFile['data']['quota']>, keyof Quota])[] = [
  ['bytes', 'bytes'],
  ['files', 'files'],
  ['wall', 'wallMs'],
  ['processes', 'processes'],
  ['memory', 'memoryBytes'],
  ['children', 'children'],
  ['input_tokens', 'inputTokens'],
  ['output_tokens', 'outputTokens'],
  ['usd', 'usd'],
  ['warn', 'warn'],
];

function checkQuota(base: EffectivePolicy, file: PolicyFile): void {
  for (const [key, field] of QUOTA_KEYS) {
    const own = file.data.quota?.[key];
    if (own === undefined || amountOf(own) <= amountOf(base.quota[field])) continue;
    const limit = key === 'bytes' || key === 'memory' ? formatSize(base.quota[field]) : base.quota[field];
    throw loosens(file, ['quota', key], `the limit in force is ${limit}${key === 'wall' ? ' ms' : ''}`);
  }
}

function amountOf(limit: Limit): number {
  return limit === 'max' ? Number.POSITIVE_INFINITY : limit;
}

function checkScales(base: EffectivePolicy, file: PolicyFile): void {
  const { data } = file;
  checkScale(file, ['files', 'ignored'], IGNORED_MODES, base.ignored, data.files?.ignored);
  checkScale(file, ['audit', 'reads'], READ_AUDITS, base.audit.reads, data.audit?.reads);
  for (const [key, before] of [
    ['expire', base.approval.expireMs],
    ['timeout', base.approval.timeoutMs],
  ] as const) {
    const own = data.approval?.[key];
    if (own !== undefined && own > before) throw loosens(file, ['approval', key], `the time in force is ${before} ms`);
  }
}

/** `scale` runs from the widest word to the tightest. */
function checkScale<T>(file: PolicyFile, at: KeyPath, scale: readonly T[], before: T, own: T | undefined): void {
  if (own === undefined || scale.indexOf(own) >= scale.indexOf(before)) return;
  throw loosens(file, at, `"${own}" is wider than "${before}"`);
}
