// T46: what an agent names or writes cannot act on the operator's terminal, nor read as something else.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeByteLines, escapeName, escapeText, safeJson } from '../../agentsh/escape.ts';

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const DANGEROUS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

describe('T46 escapeName', () => {
  test.each([
    ['plain.txt', 'plain.txt'],
    [bytes('naïve 文件.txt'), 'naïve 文件.txt'],
    ['a\nb', 'a\\nb'],
    ['a\\nb', 'a\\\\nb'],
    ['\x1b[2Jgone', '\\x1b[2Jgone'],
    [bytes('exe\u202etxt.'), 'exe\\u{202e}txt.'],
    [bytes('zero\u200bwidth'), 'zero\\u{200b}width'],
    [bytes('nbsp\u00a0name'), 'nbsp\\u{00a0}name'],
    [bytes('c1\u009bname'), 'c1\\u{009b}name'],
    [bytes('tag\u{e0041}'), 'tag\\u{e0041}'],
    ['bad\xff\xfe', 'bad\\xff\\xfe'],
    ['\r', '\\r'],
  ])('%j -> %j', (name, shown) => {
    expect(escapeName(name)).toBe(shown);
  });

  test('never lets a dangerous character through, and keeps distinct names distinct', () => {
    const name = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString('latin1'));
    fc.assert(
      fc.property(name, name, (left, right) => {
        expect(escapeName(left)).not.toMatch(DANGEROUS);
        if (left !== right) expect(escapeName(left)).not.toBe(escapeName(right));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('T46 texts', () => {
  test('a diff keeps its lines and tabs, nothing else', () => {
    expect(escapeText('+a\tb\r\n+\x1b]0;title\x07\n')).toBe('+a\tb\\r\n+\\x1b]0;title\\x07\n');
  });

  test('a diff in bytes is decoded line by line', () => {
    expect(escapeByteLines(`${bytes('+grün')}\n+\xff\x1b[1m`)).toBe('+grün\n+\\xff\\x1b[1m');
  });

  test('JSON keeps its value without raw dangerous characters', () => {
    const value = { path: 'a\u202eb\u009b\u{e0041}\n' };
    expect(safeJson(value)).not.toMatch(DANGEROUS);
    expect(JSON.parse(safeJson(value))).toEqual(value);
  });
});
