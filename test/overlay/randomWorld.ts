// Random work in a view, from a seed: the same seed does the same, so a failure can be played again.
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { Errno } from '../../fs/errno.ts';
import { lsetxattr } from '../../fs/host/syscall.ts';
import type { CoreWorld } from './coreWorld.ts';

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
export type Random = (below: number) => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export const HIDDEN_NAME = 'secret';
export const MASKED_NAME = '.env';
export const IGNORED_NAME = 'out';
/** Plain names are few, so that they meet often; the three others are hidden, masked and ignored. */
const PLAIN = ['a', 'b', 'c', 'd\xe9', 'e f'];
const DEPTH_MAX = 3;
const LINKS = process.env.AGENTSH_TEST_LINKS === '1';

/** Whether a path is one that no review shows: the agent's own, or the host's own. */
export const isPrivatePath = (path: string): boolean =>
  path.split('/').some((name) => name === HIDDEN_NAME || name === MASKED_NAME || name === IGNORED_NAME);

const pick = <T>(random: Random, of: readonly T[]): T | undefined => of[random(of.length)];

/** Fills a host directory; gives the texts of what no agent may see. */
export function populate(random: Random, directory: string, entries: number): string[] {
  const unseen: string[] = [];
  const directories = [''];
  const files: string[] = [];
  for (let index = 0; index < entries; index += 1) {
    const parent = pick(random, directories) ?? '';
    const kind = random(12);
    const special = kind === 0 ? HIDDEN_NAME : kind === 1 ? MASKED_NAME : undefined;
    const path = `${parent}${special ?? `${pick(random, PLAIN)}${random(3)}`}`;
    const full = Buffer.from(`${directory}/${path}`, 'latin1');
    try {
      if (special !== undefined) {
        writeFileSync(full, `unseen ${index}`, { flag: 'wx' });
        unseen.push(`unseen ${index}`);
      } else if (kind < 6 && parent.split('/').length <= DEPTH_MAX) {
        mkdirSync(full);
        directories.push(`${path}/`);
      } else if (kind === 10) symlinkSync(`target ${index}`, full);
      else if (kind === 11 && files.length > 0 && LINKS)
        linkSync(Buffer.from(`${directory}/${pick(random, files)}`, 'latin1'), full);
      else {
        writeFileSync(full, `host ${index}`, { flag: 'wx', mode: random(2) === 0 ? 0o644 : 0o755 });
        if (random(4) === 0) lsetxattr(`${directory}/${path}`, 'user.note', Buffer.from(`${index}`));
        files.push(path);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return unseen;
}

/** Every path of the view, directories with a slash at the end. */
function pathsOf(world: CoreWorld, path = ''): string[] {
  return world.entries(path).flatMap(({ name, type }) => {
    const at = path === '' ? name : `${path}/${name}`;
    return type === 0o4 ? [`${at}/`, ...pathsOf(world, at)] : [at];
  });
}

export interface Step {
  readonly words: string;
  readonly run: () => void;
}

/** One operation that an agent might do now. */
export function randomStep(random: Random, world: CoreWorld, index: number, extra: readonly string[] = []): Step {
  const all = pathsOf(world);
  const directories = all.filter((path) => path.endsWith('/'));
  const files = all.filter((path) => !path.endsWith('/'));
  const parents = ['', ...directories.filter((path) => path.split('/').length <= DEPTH_MAX + 1)];
  const fresh = () => {
    const special = random(10) === 0 ? pick(random, [MASKED_NAME, IGNORED_NAME, ...extra]) : undefined;
    return `${pick(random, parents)}${special ?? `${pick(random, PLAIN)}${random(3)}`}`;
  };
  const bare = (path: string | undefined) => (path ?? 'a0').replace(/\/$/, '');
  const any = () => bare(pick(random, all));
  /** As the kernel has it, only files and directories have attributes of the user's. */
  const plain = () =>
    bare(
      pick(
        random,
        all.filter((path) => isPlain(world, path)),
      ),
    );
  const file = () => pick(random, files) ?? 'a0';
  const text = `agent ${index}`;
  const step = (words: string, run: () => void): Step => ({ words, run });
  const kind = random(100);
  if (kind < 14) return ((path) => step(`write ${path}`, () => world.write(path, text)))(fresh());
  if (kind < 22) return ((path) => step(`write ${path}`, () => world.write(path, text)))(file());
  if (kind < 27) return ((path) => step(`append ${path}`, () => world.append(path, text)))(file());
  if (kind < 38) return ((path) => step(`mkdir ${path}`, () => world.mkdir(path)))(fresh());
  if (kind < 43) return ((path) => step(`symlink ${path}`, () => world.symlink(text, path)))(fresh());
  if (kind < 50) return ((path) => step(`unlink ${path}`, () => world.unlink(path)))(file());
  if (kind < 55) return ((path) => step(`remove ${path}`, () => world.remove(path)))(any());
  if (kind < 75)
    return ((from, to) => step(`rename ${from} -> ${to}`, () => world.rename(from, to)))(
      any(),
      random(3) === 0 ? any() : fresh(),
    );
  if (kind < 78)
    return ((from, to) => step(`exchange ${from} <> ${to}`, () => world.rename(from, to, 2)))(file(), file());
  if (kind < 83 && LINKS)
    return ((from, to) => step(`link ${from} -> ${to}`, () => world.link(from, to)))(file(), fresh());
  if (kind < 89)
    return ((path, mode) => step(`chmod ${path} ${mode.toString(8)}`, () => world.chmod(path, mode)))(
      any(),
      [0o700, 0o755, 0o775][random(3)] ?? 0o755,
    );
  if (kind < 93) return ((path) => step(`setxattr ${path}`, () => world.setxattr(path, 'user.mark', text)))(plain());
  if (kind < 95) return ((path) => step(`removexattr ${path}`, () => world.removexattr(path, 'user.note')))(any());
  if (kind < 98) return ((path) => step(`truncate ${path}`, () => world.truncate(path, random(9))))(file());
  return ((path) => step(`fifo ${path}`, () => world.fifo(path)))(fresh());
}

const isPlain = (world: CoreWorld, path: string): boolean => path.endsWith('/') || world.stat(path).mode >> 12 === 0o10;

/** Runs a step as a program would: a refusal is an answer. Gives its words. */
export function attempt({ words, run }: Step): string {
  try {
    run();
    return words;
  } catch (error) {
    if (error instanceof Errno) return `${words}: ${error.name}`;
    throw error;
  }
}
