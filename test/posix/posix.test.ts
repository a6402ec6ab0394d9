// Every case on a plain directory, which proves the case, then on every flavour of mount, which proves the mount.
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_USER } from '../setup.ts';
import { commandAs, idsOf, makeWorld, type User, type World } from '../world.ts';
import { type Failure, runBatch } from './batch.ts';
import { asCase } from './case.ts';
import { CASES } from './catalogue.ts';
import { EXCEPTIONS, EXCEPTIONS_MAX } from './exceptions.ts';
import { type Flavour, isFirstOfPlace, MOUNTED, PLAIN } from './flavours.ts';
import type { Step } from './main.ts';

/** Every case has a limit of its own; this one bounds them all. */
const FLAVOUR_MS_MAX = 900_000;
const END_MS_MAX = 120_000;
/** `all`: dear cases on every flavour, too. */
const thorough = process.env.AGENTSH_TEST_POSIX === 'all';

type Numbered = readonly [number: number, name: string];
const numbered: readonly Numbered[] = Object.entries(CASES)
  .flatMap(([family, cases]) => Object.keys(cases).map((name) => `${family}/${name}`))
  .map((name, number) => [number, name]);
const caseOf = (name: string) => {
  const at = name.indexOf('/');
  return asCase(CASES[name.slice(0, at)]![name.slice(at + 1)]!);
};

const applies = (flavour: Flavour, name: string): boolean => {
  const { root = false, dear = false } = caseOf(name);
  return (!root || flavour.who === 'root') && (!dear || thorough || isFirstOfPlace(flavour));
};

test('there are few exceptions, each of a case that exists', () => {
  expect(EXCEPTIONS.length).toBeLessThanOrEqual(EXCEPTIONS_MAX);
  for (const { name } of EXCEPTIONS) expect(numbered.map(([, each]) => each)).toContain(name);
});

describe.each([...PLAIN, ...MOUNTED])('$name', (flavour) => {
  const caller: User = flavour.who === 'root' ? 'root' : TEST_USER;
  const mounter: User = flavour.who === 'user' ? TEST_USER : 'root';
  const chosen = numbered.filter(([, name]) => applies(flavour, name));
  const populated = flavour.place !== 'plain' && flavour.place !== 'ephemeral empty';
  let world: World;
  let failed: readonly Failure[];

  beforeAll(async () => {
    world = makeWorld({ user: mounter });
    const lower = path.join(world.workspace, 'cases');
    const { uid, gid } = idsOf(caller);
    mkdirSync(lower);
    chownSync(lower, uid, gid);
    chmodSync(world.directory, 0o755);
    const run = (directory: string, ...steps: readonly Step[]) =>
      runBatch({ directory, steps, cases: chosen, become: commandAs(caller) });
    if (populated) expect(await run(lower, 'prepare')).toEqual([]);
    const directory = flavour.place === 'plain' ? lower : `${await mounted(world, flavour)}${lower}`;
    failed = await (populated ? run(directory, 'run') : run(directory, 'prepare', 'run'));
  }, FLAVOUR_MS_MAX);
  afterAll(() => world.end(), END_MS_MAX);

  const families = Object.keys(CASES).filter((family) => chosen.some(([, name]) => name.startsWith(`${family}/`)));
  test.each(families)('%s', (family) => {
    const failures = failed.filter(({ name }) => name.startsWith(`${family}/`));
    const excepted = EXCEPTIONS.filter(({ name, on }) => on(flavour) && name.startsWith(`${family}/`));
    const names = excepted.map(({ name }) => name);
    expect(failures.filter(({ name }) => !names.includes(name))).toEqual([]);
    // An exception that holds again must go.
    expect(names.filter((name) => failures.every((failure) => failure.name !== name))).toEqual([]);
  });
});

/** Mounts the flavour's view; gives the mountpoint. */
async function mounted(world: World, { place, who, connection }: Flavour): Promise<string> {
  const view = path.join(world.directory, 'view');
  mkdirSync(view);
  world.own(view);
  const mode = place === 'ephemeral empty' ? 'ephemeral' : place;
  const privileges = who === 'user' ? [] : ['--allow-other', '--suid', '--dev'];
  const served = connection === null ? [] : ['--connection', connection];
  const made = await world.agentsh(['mount', '--mode', mode, ...privileges, ...served, view]);
  if (made.code !== 0) throw new Error(`mount: ${made.stderr}`);
  return view;
}
