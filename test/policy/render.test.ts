// What is rendered parses back to the same policy.

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EffectivePolicy } from '../../policy/effective.ts';
import { parsePolicy } from '../../policy/file.ts';
import { effectivePolicy } from '../../policy/layers.ts';
import { MODES } from '../../policy/model.ts';
import { renderPolicy } from '../../policy/render.ts';
import { bytesOfText } from '../../policy/rules.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../policy/units.ts';
import { FACTS } from './facts.ts';

const GOOD = new URL('../../fixtures/policies/good/', import.meta.url);

/** Sources name other files and lines afterwards. */
function withoutSources(policy: EffectivePolicy): unknown {
  return JSON.parse(
    JSON.stringify(policy, (key, value) => (key === 'source' || key === 'requests' ? undefined : value)),
  );
}

function reread(policy: EffectivePolicy): EffectivePolicy {
  return effectivePolicy({ explicit: parsePolicy(renderPolicy(policy), 'rendered.toml') }, FACTS);
}

describe('renderPolicy', () => {
  it.each(readdirSync(GOOD).filter((name) => name.endsWith('.toml')))('%s comes back', (name) => {
    const policy = effectivePolicy({ user: parsePolicy(readFileSync(new URL(name, GOOD), 'utf8'), name) }, FACTS);
    expect(withoutSources(reread(policy))).toEqual(withoutSources(policy));
  });

  it('holds any path that is text', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 6 })
      .map((text) => text.replace(/[/\0*$~\ud800-\udfff]/g, 'x'));
    const path = fc.array(
      name.filter((text) => text !== '.' && text !== '..'),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(path, fc.constantFrom(...MODES), (parts, mode) => {
        const own = { path: `/srv/${bytesOfText(parts.join('/'))}`, mode, empty: false, source: 'a\nb' };
        const policy = { ...effectivePolicy({}, FACTS), rules: [own] };
        const { rules } = reread(policy);
        expect(rules.find((rule) => rule.path === own.path)?.mode).toBe(mode);
      }),
      { numRuns: 200 },
    );
  });

  it('says in a comment what TOML cannot hold', () => {
    const rules = [{ path: '/srv/\xff', mode: 'ro', empty: false, source: 'default' }] as const;
    expect(renderPolicy({ ...effectivePolicy({}, FACTS), rules })).toContain('# not UTF-8: /srv/\\377 mode = "ro"');
  });
});

describe('units', () => {
  it.each([
    ['2GiB', 2 ** 31],
    ['1.5 MiB', 1_572_864],
    ['500MB', 500_000_000],
    ['7', 7],
    ['max', 'max'],
    ['', undefined],
    ['-1', undefined],
    ['1e9', undefined],
    ['2 gigs', undefined],
    ['9999999TiB', undefined],
  ])('size %j is %j', (text, expected) => {
    expect(parseSize(text)).toBe(expected);
  });

  it.each([
    ['72h', 259_200_000],
    ['1.5s', 1500],
    ['10', undefined],
    ['2d', 172_800_000],
    ['3 weeks', undefined],
  ])('duration %j is %j', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bounded = value % 1e15;
        expect(parseSize(formatSize(bounded))).toBe(bounded);
        expect(parseDuration(formatDuration(bounded))).toBe(bounded);
      }),
    );
  });
});
