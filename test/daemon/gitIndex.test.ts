// Tracked paths read from real repositories' indexes, beside what git itself says.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findRepository, trackedPaths } from '../../fs/daemon/repository.ts';
import { parseGitIndex } from '../../fs/host/gitIndex.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync('/var/tmp/agentsh-index-');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const environment = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
};
const git = (directory: string, ...words: string[]) =>
  execFileSync('git', words, { cwd: directory, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
const listed = (directory: string) =>
  git(directory, 'ls-files', '-z')
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '');
const ours = (directory: string) => [...trackedPaths(findRepository(directory, new Set([process.getuid!()]))!)].sort();

/** Names that try the encodings: shared prefixes, every padding, bytes that are no UTF-8, long ones. */
function fill(directory: string): void {
  const names = [
    'a',
    'ab',
    'abc',
    'abcd',
    'abcde',
    'abcdef',
    'abcdefg',
    'abcdefgh',
    '.env',
    'd/e/f.txt',
    'd/e/g.txt',
    'd/x',
  ];
  names.push('long/'.repeat(30) + 'n'.repeat(200), 'sp ace', 'new\nline', 'ümläut');
  for (const name of names) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), name);
  }
  writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0x66, 0xff, 0xfe])]), 'bytes');
  symlinkSync('a', path.join(directory, 'link'));
  for (let number = 0; number < 300; number++) writeFileSync(path.join(directory, `d/file${number}`), '');
}

function repository(...configuration: string[][]): string {
  git(root, 'init', '-q', '.');
  for (const words of configuration) git(root, 'config', ...words);
  fill(root);
  git(root, 'add', '-A');
  return root;
}
const version = () => readFileSync(path.join(root, '.git/index')).readUInt32BE(4);

test.each([2, 4])('version %i', (wanted) => {
  repository(['index.version', `${wanted}`]);
  expect(version()).toBe(wanted);
  expect(ours(root)).toEqual(listed(root).sort());
  expect(ours(root)).toHaveLength(318);
});

test('version 3: entries with more flags', () => {
  repository();
  git(root, 'update-index', '--skip-worktree', 'abc', 'd/x');
  writeFileSync(path.join(root, 'intended'), '');
  git(root, 'add', '-N', 'intended');
  expect(version()).toBe(3);
  expect(ours(root)).toEqual(listed(root).sort());
});

test('a sha256 repository', () => {
  git(root, 'init', '-q', '--object-format=sha256', '.');
  fill(root);
  git(root, 'add', '-A');
  expect(ours(root)).toEqual(listed(root).sort());
});

test('a split index: entries kept, replaced, added and removed', () => {
  repository(['splitIndex.maxPercentChange', '100']);
  git(root, 'commit', '-qm', 'all');
  git(root, 'update-index', '--split-index');
  writeFileSync(path.join(root, 'abc'), 'changed');
  writeFileSync(path.join(root, 'd/added'), 'new');
  git(root, 'add', 'abc', 'd/added');
  git(root, 'rm', '-q', '--cached', 'ab', 'd/file7', 'd/file299');
  const index = parseGitIndex(readFileSync(path.join(root, '.git/index')));
  expect(index.shared).toMatch(/^[0-9a-f]{40}$/);
  expect(ours(root)).toEqual(listed(root).sort());
});

test('conflicts list a path once for each side', () => {
  repository();
  git(root, 'commit', '-qm', 'one');
  git(root, 'checkout', '-qb', 'other');
  writeFileSync(path.join(root, 'a'), 'theirs');
  git(root, 'commit', '-qam', 'two');
  git(root, 'checkout', '-q', '-');
  writeFileSync(path.join(root, 'a'), 'ours');
  git(root, 'commit', '-qam', 'three');
  expect(() => git(root, 'merge', 'other')).toThrow();
  expect([...new Set(ours(root))]).toEqual([...new Set(listed(root))].sort());
});

test('a linked worktree has its own index and shares the rest', () => {
  repository();
  git(root, 'commit', '-qm', 'all');
  const linked = `${root}-linked`;
  try {
    git(root, 'worktree', 'add', '-q', linked);
    git(linked, 'rm', '-q', '--cached', 'abc');
    const found = findRepository(path.join(linked, 'd'), new Set([process.getuid!()]))!;
    expect(found).toEqual({
      root: linked,
      gitDirectory: `${root}/.git/worktrees/${path.basename(linked)}`,
      commonDirectory: `${root}/.git`,
    });
    expect(ours(linked)).toEqual(listed(linked).sort());
    expect(ours(linked)).not.toContain('abc');
    expect(ours(root)).toContain('abc');
  } finally {
    rmSync(linked, { recursive: true, force: true });
  }
});

test('a repository without an index tracks nothing', () => {
  git(root, 'init', '-q', '.');
  expect(ours(root)).toEqual([]);
});

describe('malformed', () => {
  const good = () => {
    repository();
    return readFileSync(path.join(root, '.git/index'));
  };

  test('an index cut anywhere fails or gives whole names only, and never hangs', () => {
    const bytes = good();
    const whole = new Set(listed(root));
    for (let length = 0; length < bytes.length; length += 97) {
      let paths: readonly string[];
      try {
        ({ paths } = parseGitIndex(bytes.subarray(0, length)));
      } catch {
        continue;
      }
      expect(paths.filter((name) => !whole.has(name))).toEqual([]);
    }
  });

  test('a count beyond the entries is refused', () => {
    const bytes = good();
    bytes.writeUInt32BE(0xffff_ffff, 8);
    expect(() => parseGitIndex(bytes)).toThrow(/cut short/);
  });

  test.each([0, 1, 5])('version %i is refused', (number) => {
    const bytes = good();
    bytes.writeUInt32BE(number, 4);
    expect(() => parseGitIndex(bytes)).toThrow(`version ${number} is not known`);
  });

  test('a bitmap with an endless run is refused', () => {
    const header = Buffer.alloc(12);
    header.write('DIRC');
    header.writeUInt32BE(2, 4);
    const data = Buffer.alloc(20 + 8 + 8 + 4);
    data.fill(1, 0, 20);
    data.writeUInt32BE(1, 24);
    data.writeBigUInt64BE((0xffff_ffffn << 1n) | 1n, 28);
    const extension = Buffer.alloc(8);
    extension.write('link');
    extension.writeUInt32BE(data.length, 4);
    expect(() => parseGitIndex(Buffer.concat([header, extension, data, Buffer.alloc(20)]))).toThrow(/beyond reason/);
  });

  test('text is no index', () => {
    expect(() => parseGitIndex(Buffer.from('#!/bin/sh\n'.repeat(10)))).toThrow('not a git index');
  });
});
