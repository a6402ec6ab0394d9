// Every key and value is found where it stands.

import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { type KeyPath, positionsOf } from '../../policy/positions.ts';

const TEXT = `a = 1 # [not.a.table]
b.c = "x = 2"
  [t."quoted key".'lit']
k = [ 1, "two, ]", { deep = [ [ 5 ] ] },
  # comment ]
  3 ]
m = """
[no] = "
\\""" quote""""
l = '''it's ] } '' '''
[[list]]
n = 1
[[list]]
n = 2
[list.sub]
o = { p.q = 1, r = 1979-05-27 07:32:00 }
[[list.more]]
z = -inf
"\\u0061b" = true`;

describe('positionsOf', () => {
  const positions = positionsOf(TEXT);
  it.each<[KeyPath, 'key' | 'value', number, number]>([
    [['a'], 'key', 1, 1],
    [['a'], 'value', 1, 5],
    [['b', 'c'], 'key', 2, 3],
    [['b', 'c'], 'value', 2, 7],
    [['t'], 'key', 3, 4],
    [['t', 'quoted key'], 'key', 3, 6],
    [['t', 'quoted key', 'lit'], 'key', 3, 19],
    [['t', 'quoted key', 'lit', 'k', 1], 'value', 4, 10],
    [['t', 'quoted key', 'lit', 'k', 2, 'deep'], 'key', 4, 22],
    [['t', 'quoted key', 'lit', 'k', 2, 'deep', 0, 0], 'value', 4, 33],
    [['t', 'quoted key', 'lit', 'k', 3], 'value', 6, 3],
    [['t', 'quoted key', 'lit', 'm'], 'value', 7, 5],
    [['t', 'quoted key', 'lit', 'l'], 'key', 10, 1],
    [['list', 0, 'n'], 'value', 12, 5],
    [['list', 1], 'value', 13, 3],
    [['list', 1, 'n'], 'value', 14, 5],
    [['list', 1, 'sub', 'o', 'p', 'q'], 'key', 16, 9],
    [['list', 1, 'sub', 'o', 'r'], 'value', 16, 20],
    [['list', 1, 'more', 0, 'z'], 'value', 18, 5],
    [['list', 1, 'more', 0, 'ab'], 'value', 19, 13],
    [['a', 'missing'], 'value', 1, 5],
    [['missing'], 'key', 1, 1],
  ])('%j %s at %i:%i', (path, what, line, column) => {
    expect(parse(TEXT)).toBeTypeOf('object');
    expect(positions[what](path)).toEqual({ line, column });
  });

  it('finds every value of a generated document', () => {
    const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.constant('"""'), fc.constant("''' ] = #"));
    const { tree } = fc.letrec((tie) => ({
      node: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('node'), { maxLength: 3 }), tie('tree')),
      tree: fc.dictionary(fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('a', 'b-c', 'd.e')), tie('node'), {
        maxKeys: 4,
      }),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const text = stringify(value as Record<string, unknown>);
        const lines = text.split('\n');
        const found = positionsOf(text);
        for (const [path, leafValue] of leavesOf(parse(text), [])) {
          const at = found.value(path);
          const rest = lines
            .slice(at.line - 1)
            .join('\n')
            .slice(at.column - 1);
          expect(startOf(leafValue, rest)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function* leavesOf(value: unknown, path: KeyPath): Generator<[KeyPath, unknown]> {
  if (typeof value !== 'object' || value === null) {
    yield [path, value];
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    yield* leavesOf(child, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

/** Whether the text begins with a spelling of the value. */
function startOf(value: unknown, text: string): boolean {
  if (typeof value === 'string') return /^["']/.test(text);
  return text.startsWith(String(value));
}
