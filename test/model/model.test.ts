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

const games: readonly (readonly [Mode, User, string, number])[] = [
  ['plain', 'root', '', 1],
  ['invisible', 'root', '', 21],
  ['invisible', TEST_USER, '', 22],
  ['ephemeral', 'root', '', 11],
  ['ephemeral', TEST_USER, '', 23],
  ['private', 'root', '', 24],
  ['private', TEST_USER, '', 25],
  // Two nodes for one directory: data written below it after its rename went to where it had been.
  ['rw', 'root', '', 26],
  ['invisible', 'root', '--connection open', 28],
  ['invisible', 'root', '--connection cached', 29],
];

test.each(
  games.map(([mode, user, words, seed]) => [mode, USERS.includes(user) ? user : USERS[0]!, words, seed] as const),
)(
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
