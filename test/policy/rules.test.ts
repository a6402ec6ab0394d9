// The governing rule is the longest prefix by component (T04).

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MODES, type Mode, type Rule } from '../../policy/model.ts';
import {
  isAtOrBelow,
  isRuleRootOrAncestor,
  isWider,
  nodeAt,
  normalizePath,
  pathProblem,
  ruleFor,
  ruleTree,
} from '../../policy/rules.ts';

function rule(path: string, mode: Mode, source = 'test'): Rule {
  return { path, mode, empty: false, source };
}

describe('T04 ruleFor', () => {
  const root = ruleTree([rule('/p', 'rw'), rule('/p/q/r', 'hidden'), rule('/tmp', 'ephemeral')]);
  it.each([
    ['/p', 'rw'],
    ['/p/x', 'rw'],
    ['/p/q', 'rw'],
    ['/p/q/r', 'hidden'],
    ['/p/q/r/s', 'hidden'],
    ['/p/q/rs', 'rw'],
    ['/p-evil', 'hidden'],
    ['/pp', 'hidden'],
    ['/', 'hidden'],
    ['/other', 'hidden'],
    ['/tmp/p', 'ephemeral'],
    ['/tm', 'hidden'],
  ] as const)('%s is %s', (path, mode) => {
    expect(ruleFor(root, path).mode).toBe(mode);
  });

  it('takes the later of two rules for one path', () => {
    expect(ruleFor(ruleTree([rule('/a', 'rw'), rule('/a', 'ro')]), '/a/b').mode).toBe('ro');
  });

  it('lets a rule for the root replace the hidden default', () => {
    const tree = ruleTree([rule('/', 'ro'), rule('/a', 'rw')]);
    expect(ruleFor(tree, '/').mode).toBe('ro');
    expect(ruleFor(tree, '/b').mode).toBe('ro');
    expect(ruleFor(tree, '/a').mode).toBe('rw');
  });

  it('keeps names of the object prototype and bytes apart', () => {
    const tree = ruleTree([rule('/__proto__', 'rw'), rule('/\xff\x01', 'ro')]);
    expect(ruleFor(tree, '/constructor').mode).toBe('hidden');
    expect(ruleFor(tree, '/__proto__/x').mode).toBe('rw');
    expect(ruleFor(tree, '/\xff\x01/x').mode).toBe('ro');
  });

  it('refuses a rule whose path is not normalized', () => {
    expect(() => ruleTree([rule('/a/../b', 'rw')])).toThrow(RangeError);
    expect(() => ruleTree([rule('/a/', 'rw')])).toThrow(RangeError);
  });
});

describe('rule roots and their ancestors', () => {
  const root = ruleTree([rule('/a/b/c', 'ro')]);
  it.each([
    ['/', true],
    ['/a', true],
    ['/a/b', true],
    ['/a/b/c', true],
    ['/a/b/c/d', false],
    ['/a/bb', false],
  ])('%s: %s', (path, expected) => {
    expect(isRuleRootOrAncestor(root, path)).toBe(expected);
  });

  it('names the placeholders of an ancestor', () => {
    expect([...(nodeAt(root, '/a')?.children.keys() ?? [])]).toEqual(['b']);
  });
});

describe('T04 normalizePath', () => {
  it.each([
    ['/', '/'],
    ['//', '/'],
    ['/a', '/a'],
    ['/a/', '/a'],
    ['//a///b/./c/.', '/a/b/c'],
    ['/a/..b/c..', '/a/..b/c..'],
    ['/a/.../b', '/a/.../b'],
    ['/a b\n', '/a b\n'],
  ])('%j becomes %j', (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it.each(['', 'a', './a', '..', '/..', '/a/..', '/a/../b', '/a\0b', `/${'x'.repeat(4096)}`])('refuses %j', (path) => {
    expect(normalizePath(path)).toBeUndefined();
    expect(pathProblem(path)).toBeTypeOf('string');
  });
});

describe('isWider', () => {
  const of = (mode: Mode, empty: boolean): Rule => ({ path: '/a', mode, empty, source: 't' });
  it.each([
    ['rw', false, 'ro', false, true],
    ['ro', false, 'rw', false, false],
    ['ro', false, 'private', true, true],
    ['ro', true, 'private', true, false],
    ['hidden', false, 'private', true, false],
    ['ro', false, 'hidden', false, true],
  ] as const)('%s empty=%s against %s empty=%s: %s', (mode, empty, thanMode, thanEmpty, expected) => {
    expect(isWider(of(mode, empty), of(thanMode, thanEmpty))).toBe(expected);
  });
});

const component = fc
  .oneof(
    fc.constantFrom('a', 'b', 'a-', 'ab', 'aa', '...', '\xff', ' '),
    fc.string({ minLength: 1, maxLength: 4, unit: 'binary-ascii' }).map((text) => text.replace(/[/\0]/g, 'x')),
  )
  .filter((text) => text !== '.' && text !== '..');
const components = fc.array(component, { minLength: 0, maxLength: 5 });
const rules = fc.array(fc.record({ at: components, mode: fc.constantFrom(...MODES) }), { maxLength: 12 });

describe('T04 properties', () => {
  it('agrees with a search through all prefixes', () => {
    fc.assert(
      fc.property(rules, components, (entries, at) => {
        const tree = ruleTree(entries.map((entry) => rule(`/${entry.at.join('/')}`, entry.mode)));
        const covers = (prefix: readonly string[]) => prefix.every((part, index) => part === at[index]);
        let expected: { at: readonly string[]; mode: Mode } = { at: [], mode: 'hidden' };
        for (const entry of entries) if (covers(entry.at) && entry.at.length >= expected.at.length) expected = entry;
        expect(ruleFor(tree, `/${at.join('/')}`).mode).toBe(expected.mode);
      }),
      { numRuns: 2000 },
    );
  });

  it('never crosses a component: a longer name is another name', () => {
    fc.assert(
      fc.property(components, component, component, (at, name, suffix) => {
        const path = `/${[...at, name].join('/')}`;
        const tree = ruleTree([rule(path, 'rw')]);
        expect(ruleFor(tree, path + suffix).mode).toBe('hidden');
        expect(isAtOrBelow(path + suffix, path)).toBe(false);
        expect(ruleFor(tree, `${path}/${suffix}`).mode).toBe('rw');
        expect(isAtOrBelow(`${path}/${suffix}`, path)).toBe(true);
      }),
    );
  });

  it('normalizes once and for all, and never out of a refused path', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '..', '.', '', '\0', '...', '..a'), { maxLength: 8 }), (parts) => {
        const path = `/${parts.join('/')}`;
        const normal = normalizePath(path);
        const isRefused = parts.includes('..') || parts.some((part) => part.includes('\0'));
        expect(normal === undefined).toBe(isRefused);
        if (normal === undefined) return;
        expect(normalizePath(normal)).toBe(normal);
        expect(normal).toMatch(/^\/$|^(?:\/[^/]+)+$/);
      }),
    );
  });
});
