// The tiny project that the programs work on, and what its tree holds, so that "unchanged" can be said of every byte.
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { giveTo, type Person, runAs } from './person.ts';

const FILES: Readonly<Record<string, string>> = {
  '.gitignore': 'node_modules\n.aider*\n',
  'README.md': '# calculator\n\nAdds numbers.\n',
  'package.json': `${JSON.stringify({ name: 'calculator', type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
  'src/calculator.js': 'export const add = (a, b) => a + b;\n',
  'test/add.test.js':
    "import assert from 'node:assert';\nimport test from 'node:test';\nimport { add } from '../src/calculator.js';\n\ntest('add', () => assert.equal(add(1, 2), 3));\n",
};

/** What an agent is asked for in the end. */
export const SUBTRACT = 'export const subtract = (a, b) => a - b;';
export const SUBTRACT_TEST =
  "import assert from 'node:assert';\nimport test from 'node:test';\nimport { subtract } from '../src/calculator.js';\n\ntest('subtract', () => assert.equal(subtract(3, 2), 1));\n";
export const ADD = 'export const add = (a, b) => a + b;';

const COMMAND_MS_MAX = 60_000;

/** A repository with one commit. */
export function makeProject(person: Person, directory: string, env: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), text);
  }
  giveTo(person, directory);
  for (const words of [
    ['config', '--global', 'user.name', 'Ada'],
    ['config', '--global', 'user.email', 'ada@example.org'],
    ['init', '-q', '-b', 'main'],
    ['add', '-A'],
    ['commit', '-q', '-m', 'Start'],
  ]) {
    const { status, stderr } = runAs(person, ['git', ...words], { cwd: directory, env, timeoutMs: COMMAND_MS_MAX });
    if (status !== 0) throw new Error(`git ${words.join(' ')}: ${stderr}`);
  }
}

/** Digests by name of every file, link and directory, the git directory's too. */
export function treeOf(directory: string, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(path.join(directory, prefix)).sort()) {
    const relative = path.join(prefix, name);
    const place = path.join(directory, relative);
    const { mode } = lstatSync(place);
    const type = mode & 0o170000;
    const content =
      type === 0o040000 ? '' : type === 0o120000 ? readlinkSync(place) : readFileSync(place).toString('latin1');
    found.set(relative, `${mode.toString(8)} ${createHash('sha256').update(content, 'latin1').digest('hex')}`);
    if (type === 0o040000) for (const [below, digest] of treeOf(directory, relative)) found.set(below, digest);
  }
  return found;
}

/** Names that differ between two trees, directories left out. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}
