// A program of a Python virtual environment, linked into ~/.local/bin or with its environment on PATH, was shown without
// its interpreter (where a version manager under home has that) or without its library.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gatherFacts } from '../../fs/daemon/hostFacts.ts';
import { probePaths, toolchainPaths } from '../../policy/toolchains.ts';

let home: string;

beforeEach(() => {
  home = realpathSync(mkdtempSync(path.join(tmpdir(), 'agentsh-venv-')));
  const file = (name: string): void => {
    mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    writeFileSync(path.join(home, name), '');
  };
  file('.pyenv/versions/3.11.7/bin/python3.11');
  file('environments/tool/pyvenv.cfg');
  file('environments/tool/bin/tool');
  file('environments/other/lib/secret');
  symlinkSync(
    path.join(home, '.pyenv/versions/3.11.7/bin/python3.11'),
    path.join(home, 'environments/tool/bin/python'),
  );
  mkdirSync(path.join(home, '.local/bin'), { recursive: true });
  symlinkSync('../../environments/tool/bin/tool', path.join(home, '.local/bin/tool'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function rootsWith(directory: string): readonly string[] {
  const facts = gatherFacts({
    workspace: { directory: '/srv', realPath: '/srv', repository: undefined },
    environment: { HOME: home, PATH: path.join(home, directory) },
    stores: home,
    probe: (known) => probePaths(known.home),
  });
  return [...toolchainPaths(facts).roots].map((root) => path.relative(home, root)).sort();
}

test('a link to its program shows the environment and the interpreter', () => {
  expect(rootsWith('.local/bin')).toEqual(['.local/bin', '.pyenv', 'environments/tool']);
});

test('its own bin on PATH does so too', () => {
  expect(rootsWith('environments/tool/bin')).toEqual(['.pyenv', 'environments/tool']);
});

test('a bin that belongs to none shows only itself', () => {
  rmSync(path.join(home, 'environments/tool/pyvenv.cfg'));
  rmSync(path.join(home, 'environments/tool/bin/python'));
  expect(rootsWith('environments/tool/bin')).toEqual(['environments/tool/bin']);
});
