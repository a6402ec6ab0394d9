// Whatever an agent did: approving changes nothing that it sees, rejecting changes nothing on the host, and when all is
// decided both show the same.
import { afterEach, describe, expect, it } from 'vitest';
import type { Item } from '../../fs/overlay/pendingBook.ts';
import { CoreWorld } from './coreWorld.ts';
import { differences, hostState } from './hostState.ts';
import {
  attempt,
  HIDDEN_NAME,
  IGNORED_NAME,
  isPrivatePath,
  MASKED_NAME,
  populate,
  type Random,
  randomOf,
  randomStep,
} from './randomWorld.ts';

/** To play one failure again: AGENTSH_TEST_SEED=17 npx vitest run test/overlay/approvalProperty.test.ts */
const only = process.env.AGENTSH_TEST_SEED;
const from = Number(process.env.AGENTSH_TEST_FROM ?? 1);
const count = Number(process.env.AGENTSH_TEST_SEEDS ?? 25);
const SEEDS = only === undefined ? Array.from({ length: count }, (_, index) => from + index) : [Number(only)];
const ENTRIES = 24;
const STEPS = 14;
const ROUNDS = 6;
const PASSES = 3;

let world: CoreWorld;
let unseen: string[];
let words: string[];

function begin(random: Random, withoutOpens = false): void {
  world = new CoreWorld({ hide: [HIDDEN_NAME], mask: [MASKED_NAME], ignored: [IGNORED_NAME], withoutOpens });
  unseen = populate(random, world.host, ENTRIES);
  words = [];
}

function work(random: Random, steps: number): void {
  for (let index = 0; index < steps; index += 1) words.push(attempt(randomStep(random, world, index)));
}

/** What both sides must agree on. */
const shared = (tree: Record<string, string>) =>
  Object.fromEntries(Object.entries(tree).filter(([path]) => !isPrivatePath(path)));
const story = (what: string) => `${what}\n${words.join('\n')}\n`;
const told = ({ id, change }: Item) =>
  `${id} ${change.kind} ${change.source ?? ''} ${change.path.slice(world.host.length)}`;

/** Approves; the view must not notice. Gives how many conflicts kept it from happening. */
function approve(items: readonly Item[]): number {
  const before = world.tree();
  const hostBefore = hostState(world.host);
  // What was taken back after a conflict has other times: where no content was read, nobody can vouch for it.
  const wasInConflict = words.some((word) => word.startsWith('  conflict'));
  words.push(...items.map((item) => `approve ${told(item)}`));
  const { conflicts, leftovers } = world.book.approve(
    items.map(({ id }) => id),
    undefined,
    'operator',
  );
  words.push(...conflicts.map(({ path, reason }) => `  conflict ${path.slice(world.host.length)}: ${reason}`));
  const kept = leftovers.map(({ path }) => path.slice(world.host.length + 1));
  words.push(...kept.map((path) => `  leftovers in ${path}`));
  const ofKept = (path: string) => kept.some((each) => path === each || each.startsWith(`${path}/`));
  const seen = Object.fromEntries(
    Object.entries(world.tree()).filter(([path]) => !(ofKept(path) && !(path in before))),
  );
  expect(differences(seen, before), story('an approval changed the view')).toEqual([]);
  if (conflicts.length > 0)
    expect(differences(hostState(world.host), hostBefore), story('a conflict changed the host')).toEqual([]);
  return conflicts.filter(({ path, reason }) => {
    if (wasInConflict && reason === 'changed on the host since') return false;
    return !holdsUnseen(hostBefore, path.slice(world.host.length + 1));
  }).length;
}

/** What an agent cannot see may be in the way of what it puts in a directory's place: that is a conflict for good. */
const holdsUnseen = (host: Record<string, string>, directory: string) =>
  Object.keys(host).some((path) => path.startsWith(`${directory}/`) && isPrivatePath(path));

/** Approves what waits; if what nobody can see is in the way of it, rejects it. */
function approveAll(): void {
  const { items } = world.book.list();
  if (items.length === 0) return;
  expect(approve(items), story('a conflict with nobody')).toBe(0);
  if (words.at(-1)?.startsWith('  conflict')) rejectAll();
}

/** What was changed in a directory that goes home shows only then. */
function rejectAll(): void {
  for (let pass = 0; pass < PASSES; pass += 1) reject(world.book.list().items);
}

function reject(items: readonly Item[]): void {
  const hostBefore = hostState(world.host);
  words.push(...items.map((item) => `reject ${told(item)}`));
  world.book.reject(
    items.map(({ id }) => id),
    'no',
    'operator',
  );
  expect(differences(hostState(world.host), hostBefore), story('a rejection changed the host')).toEqual([]);
}

const subset = (random: Random, items: readonly Item[]) => items.filter(() => random(2) === 0);

function checkUnseen(): void {
  const texts = Object.values(hostState(world.host)).join('\n');
  for (const text of unseen) expect(texts, story(`${text} is lost`)).toContain(`"${text}"`);
}

function checkAgreement(): void {
  expect(world.book.list().items.map(told), story('something is left')).toEqual([]);
  const host = shared(hostState(world.host));
  expect(differences(shared(world.tree()), host), story('view and host differ')).toEqual([]);
  world.reopen();
  expect(differences(shared(world.tree()), host), story('view and host differ after a restart')).toEqual([]);
  checkUnseen();
}

afterEach(() => world.end());

describe.each(SEEDS)('seed %i', (seed) => {
  it('approves everything', () => {
    const random = randomOf(seed);
    begin(random);
    work(random, STEPS);
    approveAll();
    checkAgreement();
  });

  it('rejects everything', () => {
    const random = randomOf(seed);
    begin(random);
    const hostBefore = hostState(world.host);
    work(random, STEPS);
    expect(differences(hostState(world.host), hostBefore), story('the work reached the host')).toEqual([]);
    rejectAll();
    checkAgreement();
  });

  it.each([
    ['', false],
    [', where opens are not told', true],
  ])('approves and rejects some, in rounds, and then everything%s', (_where, withoutOpens) => {
    const random = randomOf(seed);
    begin(random, withoutOpens);
    for (let round = 0; round < ROUNDS; round += 1) {
      work(random, 4);
      if (random(5) === 0) world.crash();
      const chosen = subset(random, world.book.list().items);
      if (chosen.length === 0) continue;
      if (random(3) > 0) approve(chosen);
      else reject(chosen);
      checkUnseen();
    }
    approveAll();
    checkAgreement();
  });
});
