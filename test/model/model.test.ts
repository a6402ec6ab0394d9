// Random operations of several processes on real mounts, held against a file system in memory, with killed kernels and
// new mounts in between: the same answers, the same tree, on the host what the mode allows.
//
// A failure names its seed; `npm run test:model -- --seed N …` plays it again, with `--minimise` as short as it can be.
import { expect, test } from 'vitest';
import { TEST_USER } from '../setup.ts';
import { USERS, type User } from '../world.ts';
import type { Mode } from './arena.ts';
import { play } from './conductor.ts';

const OPERATIONS = 2000;
const ROUND = 500;
const ACTORS = 3;
const TIMEOUT_MS = 240_000;
const freshSeed = Number(process.env.AGENTSH_TEST_SEED ?? 1 + (Date.now() % 1_000_000));

const games: readonly (readonly [Mode, User, string, number])[] = [
  ['plain', 'root', '', 1],
  ['plain', TEST_USER, '', 2],
  ['invisible', 'root', '', 1],
  ['invisible', 'root', '--connection open', 3],
  ['invisible', TEST_USER, '', 4],
  ['private', 'root', '', 5],
  ['private', TEST_USER, '', 6],
  ['ephemeral', TEST_USER, '', 7],
  ['ephemeral', 'root', '--connection open', 8],
  ['invisible', 'root', '', freshSeed],
];

test.each(games.filter(([, user]) => USERS.includes(user)))(
  '%s as %s %s, seed %i',
  async (mode, user, words, seed) => {
    const rounds: string[] = [];
    const options = { mode, user, seed, operations: OPERATIONS, round: ROUND, actors: ACTORS };
    const done = await play({ ...options, words: words.split(' ').filter(Boolean), say: (text) => rounds.push(text) });
    expect(done).toBeGreaterThanOrEqual(OPERATIONS);
    expect(rounds.length).toBeGreaterThan(1);
  },
  TIMEOUT_MS,
);
