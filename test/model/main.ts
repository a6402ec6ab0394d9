// `npm run test:model`: plays one game after the other until a number of operations is done, each from the next seed.
//
//   --operations N  --seed N  --mode plain|ephemeral|private|invisible|rw  --user root|user  --words "--connection cached"
//   --round N (operations between two looks at everything)  --actors N  --minimise
//   --hard-links (several names of one file also under rw)
//
// A failure tells the seed of its game and how to play it again; with --minimise also as few operations as still fail.
import { TEST_USER } from '../setup.ts';
import type { User } from '../world.ts';
import { MODES, type Mode } from './arena.ts';
import { type PlayOptions, play, Wrong } from './conductor.ts';
import { minimise } from './minimise.ts';

/** A history that is not too long to be played again. */
const GAME_OPERATIONS = 20_000;

const words = process.argv.slice(2);
const wordAfter = (name: string, otherwise: string): string => {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? otherwise : (words[at + 1] ?? otherwise);
};

const mode = wordAfter('mode', 'invisible');
if (!MODES.some((known) => known === mode)) throw new Error(`--mode ${mode}: one of ${MODES.join(', ')}`);
const user: User = wordAfter('user', 'root') === 'root' ? 'root' : TEST_USER;
const operations = Number(wordAfter('operations', `${GAME_OPERATIONS}`));
const extra = wordAfter('words', '');

const optionsOf = (seed: number, count: number): PlayOptions => ({
  mode: mode as Mode,
  user,
  seed,
  operations: count,
  round: Number(wordAfter('round', '2000')),
  actors: Number(wordAfter('actors', '3')),
  hardLinks: words.includes('--hard-links'),
  words: extra.split(' ').filter(Boolean),
  say: (text) => console.error(`${new Date().toISOString()} ${mode} as ${user}, seed ${seed}: ${text}`),
});

let seed = Number(wordAfter('seed', `${1 + (Date.now() % 1_000_000)}`));
for (let done = 0; done < operations; seed += 1) {
  const options = optionsOf(seed, Math.min(GAME_OPERATIONS, operations - done));
  try {
    done += await play(options);
    console.log(`${done} operations, nothing wrong (seed ${seed}, ${mode}, as ${user} ${extra})`);
  } catch (error) {
    console.log(error instanceof Wrong ? error.message : (error as Error).stack);
    const again = `--mode ${mode} --user ${user} --seed ${seed} --operations ${options.operations} --round ${options.round}`;
    console.log(`to play it again: npm run test:model -- ${again} --actors ${options.actors} --words '${extra}'`);
    if (error instanceof Wrong && error.history.length > 0 && words.includes('--minimise'))
      console.log(`as few operations as fail:\n${await minimise(options, error.place, error.history)}`);
    process.exit(1);
  }
}
