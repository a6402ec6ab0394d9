// T13, T63: an event has exactly one line, whatever bytes its names hold, and the line gives them back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEntry, NO_PREVIOUS, parseEntry } from '../../fs/audit/entry.ts';
import { escapeBytes, unescapeText } from '../../fs/audit/text.ts';

const byteString = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const line = (path: string) => formatEntry(1, 0, 'claude', { op: 'create', path, verdict: 'allow' }, NO_PREVIOUS);

describe('audit entry', () => {
  it('has its keys in the one order', () => {
    const event = {
      op: 'rename',
      path: '/a',
      verdict: 'deny',
      rule: 'p.toml:3',
      pid: 7,
      comm: 'mv',
      note: 'to /b',
    } as const;
    expect(formatEntry(3, 1_700_000_000_001, 'claude', event, 'a'.repeat(64))).toBe(
      `{"seq":3,"time":"2023-11-14T22:13:20.001Z","agent":"claude","pid":7,"comm":"mv","op":"rename","path":"/a",` +
        `"verdict":"deny","rule":"p.toml:3","base":"","result":"","prev":"${'a'.repeat(64)}","note":"to /b"}`,
    );
  });

  it('T13 gives back every name from one printable line', () => {
    fc.assert(
      fc.property(byteString, (path) => {
        const text = line(path);
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(parseEntry(text).path).toBe(path);
      }),
      { numRuns: 2000 },
    );
  });

  it('T63 different names never share a text', () => {
    fc.assert(
      fc.property(byteString, byteString, (a, b) => {
        expect(escapeBytes(a) === escapeBytes(b)).toBe(a === b);
      }),
    );
  });

  it.each([
    ['plain name', 'plain name'],
    ['back\\slash', 'back\\\\slash'],
    ['new\nline', 'new\\x0aline'],
    ['\x1b[31mred', '\\x1b[31mred'],
    ['\x7f', '\\x7f'],
    [Buffer.from('größe.txt').toString('latin1'), 'größe.txt'],
    [Buffer.from('\u202egpj.exe').toString('latin1'), '\\xe2\\x80\\xaegpj.exe'],
    [Buffer.from('\u2028').toString('latin1'), '\\xe2\\x80\\xa8'],
    ['\xff\xfe', '\\xff\\xfe'],
    ['\xc0\xaf', '\\xc0\\xaf'],
    ['\\x0a', '\\\\x0a'],
  ])('writes %j as %j', (bytes, text) => {
    expect(escapeBytes(bytes)).toBe(text);
    expect(unescapeText(text)).toBe(bytes);
  });

  it.each(['\\x41', '\\xC3', '\\n', 'a\\', '\\xc3\\xa9', 'raw\u0007bell', '\u202e'])(
    'refuses %j as another spelling',
    (text) => {
      expect(() => unescapeText(text)).toThrow(SyntaxError);
    },
  );

  it('T63 refuses any other spelling of the same entry', () => {
    const good = line('/w/a');
    const others = [
      good.replace('"seq":1', '"seq": 1'),
      good.replace('"seq":1', '"seq":1.0'),
      good.replace('"agent":"claude"', '"agent":"\\u0063laude"'),
      good.replace('"pid":0,', '').replace('}', ',"pid":0}'),
      good.replace('"pid":0', '"pid":5,"pid":0'),
      good.replace('}', ',"extra":1}'),
      good.replace('}', ',"note":""}'),
      good.replace('1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00Z'),
      `${good} `,
    ];
    expect(parseEntry(good).seq).toBe(1);
    for (const other of others) expect(() => parseEntry(other)).toThrow(SyntaxError);
  });

  it('bounds what an agent can put into one line', () => {
    expect(line('x'.repeat(100_000)).length).toBeLessThan(9000);
  });
});
