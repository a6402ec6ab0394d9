// Paths are walked below a root, and never leave it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Errno } from '../../fs/errno.ts';
import { isReservedName, partialName, temporaryName } from '../../fs/host/reserved.ts';
import { STATX, statx } from '../../fs/host/syscall.ts';
import { components, HostRoot, openObject } from '../../fs/host/walk.ts';

let base: string;
let root: HostRoot;
beforeEach(() => {
  base = realpathSync(mkdtempSync(`${tmpdir()}/walk-`));
  mkdirSync(`${base}/root/a/b`, { recursive: true });
  mkdirSync(`${base}/root-evil`);
  writeFileSync(`${base}/root/a/b/file`, 'x');
  writeFileSync(`${base}/root-evil/file`, 'x');
  root = new HostRoot(`${base}/root`);
});
afterEach(() => {
  root.close();
  rmSync(base, { recursive: true });
});

function errorOf(action: () => unknown): string {
  try {
    action();
    return 'none';
  } catch (error) {
    return error instanceof Errno ? error.name : String(error);
  }
}

test('the parent of a path and its last name', () => {
  const parent = root.openParent(`${base}/root/a/b/file`);
  expect(parent.name).toBe('file');
  expect(statx(parent.fd, 'file', 0x100, Buffer.alloc(STATX.size_))).toBe(0);
  parent.close();
});

test.each([
  ['a symlink in the middle', 'link/b/file', 'ELOOP'],
  ['a symlink to the outside', 'out/file', 'ENOTDIR'],
  ['a magic link', 'proc/root/etc/passwd', 'ELOOP'],
  ['dots', 'a/../../root-evil/file', 'EINVAL'],
  ['a dot', './a', 'EINVAL'],
  ['an empty component', 'a//b', 'EINVAL'],
  ['a trailing slash', 'a/b/', 'EINVAL'],
  ['a NUL', 'a\0b/c', 'EINVAL'],
  ['a file in the middle', 'a/b/file/x', 'ENOTDIR'],
  ['nothing there', 'a/none/x', 'ENOENT'],
  ['a name that is too long', `${'n'.repeat(256)}/x`, 'ENAMETOOLONG'],
])('%s is refused', (_what, path, error) => {
  symlinkSync('a', `${base}/root/link`);
  symlinkSync(`${base}/root-evil`, `${base}/root/out`);
  symlinkSync('/proc/self', `${base}/root/proc`);
  expect(errorOf(() => root.openParent(`${base}/root/${path}`))).toBe(error);
});

test('a root is not a prefix of text: neither itself nor its neighbour is below it', () => {
  expect(root.contains(`${base}/root-evil/file`)).toBe(false);
  expect(root.contains(`${base}/root`)).toBe(false);
  expect(root.contains(`${base}/root/`)).toBe(false);
  expect(errorOf(() => root.openParent(`${base}/root-evil/file`))).toBe('EXDEV');
});

test('a root reached through a symlink is refused, "/" is a root', () => {
  symlinkSync(`${base}/root`, `${base}/alias`);
  expect(errorOf(() => new HostRoot(`${base}/alias`))).toMatch(/ELOOP|ENOTDIR/);
  expect(errorOf(() => new HostRoot(`${base}/alias/a`))).toBe('ELOOP');
  const slash = new HostRoot('/');
  slash.openParent(`${base}/root`).close();
  slash.close();
});

test('a pipe with nobody at its other end is looked at without waiting', () => {
  execFileSync('mkfifo', [`${base}/root/pipe`]);
  const parent = root.openParent(`${base}/root/pipe`);
  expect(openObject(parent.fd, parent.name)).toBeGreaterThan(0);
  parent.close();
});

test('no path of odd components leaves the root', () => {
  const piece = fc.constantFrom('a', 'b', '..', '.', '', 'link', '\0', 'a\0', 'root-evil');
  symlinkSync('..', `${base}/root/link`);
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
      const path = `${base}/root/${pieces.join('/')}`;
      const odd = pieces.some((name) => ['..', '.', '', '\0', 'a\0'].includes(name));
      const error = errorOf(() => root.openParent(path).close());
      if (odd) expect(['EINVAL', 'EXDEV']).toContain(error);
      else if (pieces.slice(0, -1).includes('link')) expect(['ELOOP', 'ENOTDIR', 'ENOENT']).toContain(error);
    }),
    { numRuns: 500 },
  );
});

test('components are what is between the slashes', () => {
  expect(components('/a/b')).toEqual(['a', 'b']);
  expect(errorOf(() => components('a/b'))).toBe('EINVAL');
});

test('reserved names are recognised, and only they', () => {
  expect(isReservedName(temporaryName('abc', 1)) && isReservedName(partialName('abc', 1))).toBe(true);
  expect(['.agentsh', '.agentsh-tmp', 'x.agentsh-tmp-a', '.AGENTSH-TMP-a'].some(isReservedName)).toBe(false);
});
