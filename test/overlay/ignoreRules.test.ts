// Ignore files in a deep tree once cost a walk from the root for each directory: a listing of a deep tree never ended.
import { expect, test } from 'vitest';
import { IgnoreRules } from '../../fs/overlay/ignoreRules.ts';

function rulesOf(files: Readonly<Record<string, string>>, builtin: readonly string[] = []) {
  const reads: string[] = [];
  const read = (path: string) => {
    reads.push(path);
    return files[path] === undefined ? undefined : Buffer.from(files[path]);
  };
  return { rules: new IgnoreRules('/w', { read }, builtin), reads };
}

test.each([
  ['/w/a.log', false, true],
  ['/w/sub/a.log', false, true],
  ['/w/sub/keep.log', false, false],
  ['/w/build', true, true],
  ['/w/build', false, false],
  ['/w/build/x/keep.log', false, true],
  ['/w/sub/only/here', false, true],
  ['/w/other/only/here', false, false],
  ['/elsewhere/a.log', false, false],
])('%s (directory: %s) is ignored: %s', (path, isDirectory, ignored) => {
  const { rules } = rulesOf({ '/w/.gitignore': '*.log\nbuild/\n', '/w/sub/.gitignore': '!keep.log\n/only/here\n' });
  expect(rules.isIgnored(path, isDirectory)).toBe(ignored);
});

test('each ignore file is read once, however deep the paths that ask for it', () => {
  const { rules, reads } = rulesOf({ '/w/.gitignore': '*.log\n' });
  let directory = '/w';
  for (let depth = 0; depth < 200; depth++) {
    directory = `${directory}/d`;
    expect(rules.isIgnored(`${directory}/f.log`, false)).toBe(true);
    expect(rules.isIgnored(`${directory}/f.txt`, false)).toBe(false);
  }
  expect(new Set(reads).size).toBe(reads.length);
});

test('without ignore files the built-in patterns count', () => {
  const { rules } = rulesOf({}, ['node_modules/']);
  expect(rules.isIgnored('/w/p/node_modules/x.js', false)).toBe(true);
  expect(rules.isIgnored('/w/p/x.js', false)).toBe(false);
});
