// The text of a pending change: what it says, and that nothing an agent writes can deceive its reader (T46, T69).
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DIFF_INPUT_BYTES_MAX, DIFF_OUTPUT_BYTES_MAX, type DiffInput, diffText } from '../../fs/journal/diffText.ts';
import type { Change, Version } from '../../fs/journal/model.ts';
import { visible, visibleLine } from '../../fs/journal/visible.ts';

const file = (bytes: string | Buffer, mode = 0o644): Version => ({
  type: 'file',
  cid: `cid${Buffer.byteLength(bytes)}`,
  sizeBytes: Buffer.byteLength(bytes),
  mode,
});
const absent: Version = { type: 'absent' };

function render(
  before: string | Buffer | undefined,
  after: string | Buffer | undefined,
  extra: Partial<Change> = {},
  more: Partial<DiffInput> = {},
): string {
  const change: Change = {
    kind: before === undefined ? 'create' : after === undefined ? 'delete' : 'modify',
    path: '/w/file',
    base: { version: before === undefined ? absent : file(before) },
    result: after === undefined ? absent : file(after),
    count: 1,
    protected: false,
    changedAtMs: 1000,
    ...extra,
  };
  const bytes = (of: string | Buffer | undefined) => (of === undefined ? undefined : Buffer.from(of));
  return diffText({
    change,
    agent: 'claude',
    taint: '',
    nowMs: 63_500,
    before: bytes(before),
    after: bytes(after),
    ...more,
  });
}

const bodyOf = (text: string) => text.slice(text.indexOf('\n\n') + 2);

test('a flat header, a blank line, a unified diff', () => {
  expect(render('one\ntwo\nthree\n', 'one\n2\nthree\n')).toBe(
    `kind modify
path /w/file
agent claude
base cid14 644
result cid12 644
size 12
taint -
protected no
age 62

--- a/w/file
+++ b/w/file
@@ -1,3 +1,3 @@
 one
-two
+2
 three
`,
  );
});

test.each([
  ['created', undefined, 'a\nb\n', 'new file mode 100644\n--- /dev/null\n+++ b/w/file\n@@ -0,0 +1,2 @@\n+a\n+b\n'],
  ['deleted', 'a\n', undefined, 'deleted file mode 100644\n--- a/w/file\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n'],
  ['emptied', 'a\n', '', '--- a/w/file\n+++ b/w/file\n@@ -1 +0,0 @@\n-a\n'],
  [
    'without a newline at its end',
    'a\n',
    'a',
    '--- a/w/file\n+++ b/w/file\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n',
  ],
  ['with one now', 'a', 'a\n', '--- a/w/file\n+++ b/w/file\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n'],
  ['created empty', undefined, '', 'new file mode 100644\n'],
  ['binary', 'a\0', 'b\0b', '- 2 bytes cid2\n+ 3 bytes cid3\n'],
  ['with carriage returns', 'a\r\n', 'b\r\n', '--- a/w/file\n+++ b/w/file\n@@ -1 +1 @@\n-a\u240d\n+b\u240d\n'],
])('a file %s', (_what, before, after, expected) => {
  expect(bodyOf(render(before, after))).toBe(expected);
});

test('mode, attributes, rename, links and directories', () => {
  const mode = render('a', 'a', { kind: 'mode', result: file('a', 0o755) });
  expect(bodyOf(mode)).toBe('old mode 100644\nnew mode 100755\n');
  const xattr = render('a', 'a', { kind: 'xattr', result: { ...file('a'), xattrs: { 'user.x': '1b41' } } as Version });
  expect(bodyOf(xattr)).toBe('+xattr user.x \\x1bA\n');
  const rename = render('a', 'a', { kind: 'rename', source: '/w/old\nname' });
  expect(rename).toContain('path /w/old\\nname -> /w/file\n');
  expect(bodyOf(rename)).toBe('rename from /w/old\\nname\nrename to /w/file\n');
  const link = render(undefined, undefined, { kind: 'create', result: { type: 'symlink', target: '/etc/\x1bpasswd' } });
  expect(link).toContain('result symlink -> /etc/\\x1bpasswd\n');
  expect(bodyOf(link)).toContain('+/etc/\\x1bpasswd\n');
  const directory = render(
    undefined,
    undefined,
    { kind: 'create', result: { type: 'directory', mode: 0o755 }, count: 300 },
    { names: ['a', 'b\x07'] },
  );
  expect(bodyOf(directory)).toBe(
    'new file mode 40755\nnew directory with 300 entries, itself included\n+ a\n+ b\\x07\n... and 297 more\n',
  );
});

test.each([
  ['an escape sequence', '\x1b[2J\x1b[31mred', '+\\x1b[2J\\x1b[31mred'],
  ['a bidirectional override (CVE-2021-42574)', 'if (\u202e admin \u2066', '+if (\\u{202e} admin \\u{2066}'],
  ['zero-width characters', 'a\u200bb\u00adc\ufeff', '+a\\u{200b}b\\u{ad}c\\u{feff}'],
  ['a carriage return that hides the line', 'evil()\rgood() ', '+evil()\\rgood() '],
  ['C1 controls', 'a\u009b31m', '+a\\u{9b}31m'],
  ['line separators', 'a\u2028b', '+a\\u{2028}b'],
  ['a tag', 'a\u{e0041}b', '+a\\u{e0041}b'],
  ['a delete', 'a\x7fb', '+a\\x7fb'],
])('%s is shown escaped, and the line says so', (_what, hostile, shown) => {
  expect(bodyOf(render(undefined, `${hostile}\n`))).toContain(
    `${shown}\n\\ Characters shown escaped in the line above\n`,
  );
});

test('text that looks like an escape is not taken for one: only marked lines have any', () => {
  expect(bodyOf(render(undefined, 'printf "\\x1b[0m"\n'))).toContain('+printf "\\x1b[0m"\n');
  expect(bodyOf(render(undefined, 'printf "\\x1b[0m"\n'))).not.toContain('Characters shown');
  expect(bodyOf(render(undefined, '\x1b \\x1b\n'))).toContain('+\\x1b \\\\x1b\n\\ Characters shown');
});

test('text is text: letters of every script and emoji stay as they are', () => {
  expect(bodyOf(render(undefined, 'größe \u65e5\u672c \u{1f600}\tx\n'))).toContain(
    '+größe \u65e5\u672c \u{1f600}\tx\n',
  );
});

test('invalid UTF-8 is shown byte by byte, beside what is valid', () => {
  const bytes = Buffer.from('6f6bfffe c3bc e282 78 c0af eda080 f8 0a'.replaceAll(' ', ''), 'hex');
  expect(bodyOf(render(undefined, bytes))).toContain('+ok\\xff\\xfeü\\xe2\\x82x\\xc0\\xaf\\xed\\xa0\\x80\\xf8\n');
});

test('no bytes whatever reach the terminal as anything but printable text, and different names look different', () => {
  const bytes = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 40,
  });
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(visible(a)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u);
      expect(visibleLine(a.replaceAll('\n', '')).text.replaceAll('\t', '')).not.toMatch(
        /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u,
      );
      if (a !== b) expect(visible(a)).not.toBe(visible(b));
    }),
    { numRuns: 2000 },
  );
});

test('hostile text cannot forge a header or the end of the diff', () => {
  const text = render(undefined, 'a\n', { path: '/w/x\n\nkind modify\npath /w/innocent' });
  expect(text.split('\n').filter((line) => line.startsWith('kind '))).toEqual(['kind create']);
  const lines = bodyOf(render(undefined, '--- a/x\n+++ b/x\n@@ -1 +1 @@\n\\ No newline at end of file\n'))
    .split('\n')
    .slice(4, -1);
  expect(lines.every((line) => line.startsWith('+'))).toBe(true);
});

test('bounded: many lines, one long line, sides too different, sides too large', () => {
  const many = render(undefined, 'line\n'.repeat(200_000));
  expect(Buffer.byteLength(many)).toBeLessThan(DIFF_OUTPUT_BYTES_MAX + 2000);
  expect(many).toMatch(/\.\.\. cut: more than \d+ bytes of changes; read the files themselves\n$/);
  expect(render(undefined, `${'x'.repeat(100_000)}\n`)).toContain('\\ Line above cut: ');
  const random = (seed: number) => Array.from({ length: 60_000 }, (_, i) => `${(i * 7919 + seed) % 65_537}\n`).join('');
  expect(bodyOf(render(random(1), random(30_000)))).toContain('differ too much to compare');
  const large = Buffer.alloc(DIFF_INPUT_BYTES_MAX + 1, 'a');
  expect(bodyOf(render('a', large))).toBe(`- 1 bytes cid1\n+ ${large.length} bytes cid${large.length}\n`);
});

test('T69: the parsing half of the diff library is not used', () => {
  for (const path of ['fs/journal/diffText.ts', 'fs/journal/visible.ts']) {
    const source = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    expect(source).not.toMatch(/parsePatch|applyPatch|applyPatches|reversePatch/);
  }
});
