// The stricter of two policies is never wider than either, and is the edited one where the edit only tightened.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EffectivePolicy } from '../../policy/effective.ts';
import { endpointCovers, parseEndpoint } from '../../policy/endpoint.ts';
import { parsePolicy } from '../../policy/file.ts';
import { effectivePolicy } from '../../policy/layers.ts';
import { MODES, type Rule } from '../../policy/model.ts';
import { nameJudge } from '../../policy/names.ts';
import { isWider, ruleFor, ruleTree } from '../../policy/rules.ts';
import { isSamePolicy, loosens, tightened } from '../../policy/stricter.ts';
import { FACTS } from './facts.ts';

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const rule: fc.Arbitrary<Rule> = fc
  .record({ path, mode: fc.constantFrom(...MODES), empty: fc.boolean(), source: fc.constantFrom('x', 'y') })
  .map((each) => ({ ...each, empty: each.empty && ['private', 'ephemeral', 'ro'].includes(each.mode) }));
const rules = fc.uniqueArray(rule, { maxLength: 6, selector: (each) => each.path });
const pattern = fc.constantFrom('a', '!a', 'b', '!b', '*', '!*', '/a', '!/a/b', 'a/', '**/c', '!c', 'b/**');
const patterns = fc.uniqueArray(pattern, { maxLength: 5 });
const host = fc.constantFrom('a.org:443', 'b.org:443', '*.org:443', 'a.org:*', '*.org:*', 'x.a.org:443');
const network = fc.record({
  mode: fc.constantFrom('host', 'allow', 'none'),
  allow: fc.array(host, { maxLength: 3 }),
  source: fc.constant('x'),
});
const limit = fc.oneof(fc.constant('max' as const), fc.integer({ min: 0, max: 9 }));

const base = effectivePolicy({}, FACTS);
const policy: fc.Arbitrary<EffectivePolicy> = fc
  .record({
    rules,
    hide: patterns,
    mask: patterns,
    network,
    limit,
    pass: fc.array(fc.constantFrom('A', 'AB', 'A*', 'B')),
  })
  .map((each) => ({
    ...base,
    rules: each.rules,
    scopes: ['/'],
    names: { hide: each.hide, mask: each.mask, protect: [] },
    network: { ...each.network, allow: each.network.mode === 'allow' ? each.network.allow : [] },
    quota: { ...base.quota, files: each.limit },
    env: { ...base.env, pass: each.pass },
  }));

const given = (text: string) => effectivePolicy({ user: parsePolicy(`version = 1\n${text}`, 'user.toml') }, FACTS);

describe('tightened', () => {
  it('is at no path wider than either', () => {
    fc.assert(
      fc.property(policy, policy, path, (before, after, at) => {
        const found = ruleFor(ruleTree(tightened(before, after).rules), at);
        for (const each of [before, after]) expect(isWider(found, ruleFor(ruleTree(each.rules), at))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('hides and masks every name that either does', () => {
    fc.assert(
      fc.property(policy, policy, path, name, fc.boolean(), (before, after, at, last, isDirectory) => {
        const judge = (each: EffectivePolicy) =>
          nameJudge({ ...each.names, scopes: each.scopes, builtin: false }).judge(
            at === '/' ? '' : at,
            last,
            isDirectory,
          );
        const found = judge(tightened(before, after));
        for (const each of [before, after].map(judge)) {
          // What lies in a masked directory is masked with it, whatever its own name says.
          if (each.hidden) expect(found.hidden || found.masked).toBe(true);
          if (each.masked) expect(found.masked || found.hidden).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('lets out to no host, passes no variable and grants no limit that either would not', () => {
    fc.assert(
      fc.property(policy, policy, (before, after) => {
        const found = tightened(before, after);
        for (const each of [before, after]) {
          const open = each.network.mode === 'host';
          if (!open) expect(found.network.mode).not.toBe('host');
          if (each.network.mode === 'none') expect(found.network.mode).toBe('none');
          for (const text of open ? [] : found.network.allow)
            expect(
              each.network.allow.some((outer) => endpointCovers(parseEndpoint(outer)!, parseEndpoint(text)!)),
            ).toBe(true);
          if (each.quota.files !== 'max') expect(found.quota.files).toBeLessThanOrEqual(each.quota.files);
          for (const variable of found.env.pass)
            expect(each.env.pass.some((outer) => outer === variable || (outer === 'A*' && variable !== 'B'))).toBe(
              true,
            );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is settled: once more changes nothing', () => {
    fc.assert(
      fc.property(policy, policy, (before, after) => {
        const once = tightened(before, after);
        expect(isSamePolicy(tightened(once, after), once)).toBe(true);
      }),
    );
  });
});

describe('an edit that only tightens is taken as it is', () => {
  it.each([
    ['a hidden name', '[files]\nhide = ["*.key"]'],
    ['a stricter rule', 'mount = [ { path = "~/work/app/x", mode = "ro" } ]'],
    ['command rules', '[exec]\nrules = [ { verdict = "block", match = ["rm -rf /"] } ]'],
    ['a quota', '[quota]\nfiles = 10'],
    ['all reads on record', '[audit]\nreads = "all"'],
  ])('%s', (_what, text) => {
    const after = given(text);
    expect(isSamePolicy(tightened(base, after), after)).toBe(true);
    expect(loosens(base, after)).toBe(false);
    expect(isSamePolicy(base, after)).toBe(false);
  });

  it('a name is no longer taken back', () => {
    const before = given('[files]\nhide = ["*.key", "!a.key"]');
    const after = given('[files]\nhide = ["*.key"]');
    expect(tightened(before, after).names.hide).toEqual(['*.key']);
    expect(loosens(before, after)).toBe(false);
    expect(loosens(after, before)).toBe(true);
  });
});

it.each([
  ['a wider rule', 'mount = [ { path = "/srv", mode = "ro" } ]'],
  ['the network', '[network]\nmode = "host"'],
  ['a name taken back', '[files]\nmask = ["!.env"]'],
  ['a variable', '[env]\npass = ["TERM", "COLORTERM", "LANG", "LC_*", "TZ", "EDITOR"]'],
])('%s loosens, and nothing of it is in force', (_what, text) => {
  const after = given(text);
  expect(loosens(base, after)).toBe(true);
  expect(isSamePolicy(tightened(base, after), base)).toBe(true);
});
