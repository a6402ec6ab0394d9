// Paths in listings can be given back, whatever their bytes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quotePath, unquotePath } from '../../fs/control/quote.ts';

const byte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
const deceptive = fc
  .constantFrom(
    '\u202e',
    '\u200b',
    '\u2028',
    'é',
    '😀',
    ' ',
    '"',
    '\\',
    '\\x41',
    '\\u{41}',
    '\u240d',
    '\u00a0',
    '\ufeff',
  )
  .map((text) => Buffer.from(text).toString('latin1'));
const path = fc.array(fc.oneof(byte, deceptive), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''));

test('T13: what is quoted comes back byte by byte, on one line, without control characters', () => {
  fc.assert(
    fc.property(path, (bytes) => {
      const text = quotePath(bytes);
      const field = Buffer.from(text).toString('latin1');
      expect(field.startsWith('"') ? unquotePath(field) : field).toBe(bytes);
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/u);
    }),
    { numRuns: 20_000 },
  );
});

test.each(['', '"', '"a', 'a"', '"a"b"', '"\\"', '"\\q"', '"\\x4"', '"\\u{}"', '"\\u{1234567}"', '"a\nb"'])(
  'broken quoting %j is nothing',
  (text) => expect(unquotePath(text)).toBeUndefined(),
);
