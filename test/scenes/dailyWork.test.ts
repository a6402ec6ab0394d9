// A day's work in a repository of 5 000 files: all tools do what they do on a plain directory, the host stays as it is
// until approval, and then exactly what was approved is there.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { treeDifference, treeState } from '../treeState.ts';
import { makeWorld, type Pending, USERS, type World } from '../world.ts';
import { DIRECTORIES, FILES_EACH, GIT_DATES, makeRepository, type Repository } from './repository.ts';
import { MANIFEST, outputs, parseManifest, script, TOOLS } from './tools.ts';

const TIMEOUT_MS = 180_000;
let repository: Repository;
beforeAll(() => {
  repository = makeRepository();
}, TIMEOUT_MS);
afterAll(() => repository.remove());

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let plain: string;
  let onHost: ReturnType<typeof treeState>;
  let expected: Readonly<Record<string, string>>;
  let found: Readonly<Record<string, string>>;
  const env = Object.entries(GIT_DATES).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const manifestInside = async () => parseManifest(await world.inside(MANIFEST));
  const manifestOf = async (directory: string) =>
    parseManifest((await world.run('/bin/sh', ['-c', MANIFEST], { cwd: directory })).stdout);

  beforeAll(async () => {
    world = makeWorld({ user });
    plain = path.join(world.directory, 'plain');
    repository.copyTo(world, world.workspace);
    repository.copyTo(world, plain);
    onHost = treeState(world.workspace);
    const text = script(TOOLS);
    const options = { env: GIT_DATES, timeoutMs: TIMEOUT_MS };
    expected = outputs((await world.run('/bin/bash', ['-c', text], { ...options, cwd: plain })).stdout);
    found = outputs(await world.inside(text, env, options));
  }, TIMEOUT_MS);
  afterAll(() => world.end(), TIMEOUT_MS);

  test('the repository is large enough', () => {
    expect(Object.keys(onHost).length).toBeGreaterThan(DIRECTORIES * FILES_EACH);
  });

  test.each(Object.keys(TOOLS))('%s prints what it prints on a plain directory', (name) => {
    expect(expected[name]).toMatch(/^--- 0$/m);
    expect(found[name]).toBe(expected[name]);
  });

  test(
    'the tree that the agent sees is the plain directory’s',
    async () => {
      expect(differences(await manifestInside(), await manifestOf(plain))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test('the host is byte for byte as it was', () => {
    expect(treeDifference(onHost, treeState(world.workspace))).toEqual([]);
  });

  test(
    'npm install of a real package over the network works, and is kept out of the review',
    async () => {
      const text =
        'npm install --no-audit --no-fund --no-update-notifier --loglevel=error is-odd@3.0.1 && node -e \'console.log(require("is-odd")(3))\' && ls node_modules';
      expect(await world.inside(text, ['--net', 'host'], { timeoutMs: TIMEOUT_MS })).toContain(
        'true\nis-number\nis-odd\n',
      );
      const paths = (await world.pending()).map((each) => path.relative(world.workspace, each.path));
      expect(paths).toEqual(expect.arrayContaining(['package.json', 'package-lock.json']));
      expect(paths.filter((each) => each.includes('node_modules'))).toEqual([]);
      expect(treeDifference(onHost, treeState(world.workspace))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'half approved, half rejected: exactly the approved half is there, for the host and the agent',
    async () => {
      const before = await manifestOf(world.workspace);
      const agent = await manifestInside();
      const all = await world.pending();
      expect(all.length).toBeGreaterThan(20);
      const approved = all.filter((_, index) => index % 2 === 0);
      const rejected = all.filter((_, index) => index % 2 === 1);
      const yes = await world.agentsh(['approve', ...approved.map(({ id }) => id)], { timeoutMs: TIMEOUT_MS });
      expect(yes).toMatchObject({ code: 0 });
      expect(await world.agentsh(['reject', ...rejected.map(({ id }) => id)])).toMatchObject({ code: 0 });
      expect(await world.pending()).toEqual([]);
      const after = halfway(before, agent, approved, world.workspace);
      expect(differences(await manifestOf(world.workspace), after)).toEqual([]);
      const now = await manifestInside();
      for (const name of now.keys()) if (name.startsWith('node_modules') || name.endsWith('.o')) now.delete(name);
      expect(differences(now, after)).toEqual([]);
      expect(await world.agentsh(['verify'])).toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );
});

function differences(found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): string[] {
  return treeDifference(Object.fromEntries(expected), Object.fromEntries(found));
}

/** What the host should hold: below an approved path the agent's objects, elsewhere those from before. */
function halfway(
  before: ReadonlyMap<string, string>,
  agent: ReadonlyMap<string, string>,
  approved: readonly Pending[],
  workspace: string,
): Map<string, string> {
  const covered = approved.flatMap(({ path: target, source }) => (source === undefined ? [target] : [target, source]));
  const isCovered = (name: string) =>
    covered.some((each) => `${path.join(workspace, name)}/`.startsWith(`${each}/`)) && !name.startsWith('node_modules');
  return new Map([
    ...[...before].filter(([name]) => !isCovered(name)),
    ...[...agent].filter(([name]) => isCovered(name)),
  ]);
}
