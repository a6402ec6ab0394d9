// Which pending changes the words on a command line mean: unique prefixes of ids, or paths.
import path from 'node:path';
import type { AgentPending } from '../fs/daemon/clientProtocol.ts';
import type { PendingItem } from '../fs/daemon/protocol.ts';
import { byteString } from './context.ts';
import { escapeName } from './escape.ts';
import { CommandFailure } from './failure.ts';

/** An item and the agent (`workspace:name`) it belongs to. */
export interface Selected {
  readonly agent: string;
  readonly item: PendingItem;
}

/** Ids are lower-case base32. */
const ID = /^[a-z2-7]+$/;
/** Where a path has that name, a shorter word is not taken for the beginning of an id. */
const ID_CHARACTERS_MIN = 4;
const SHOWN_MAX = 10;

/** Every pending item, in the kernel's order. */
export function allItems(listings: readonly AgentPending[]): Selected[] {
  return listings.flatMap(({ agent, items }) => items.map((item) => ({ agent, item })));
}

/**
 * The items that `words` mean, each once, in the order of the words. `unknown` is left to the kernel: words that look
 * like an id and are no longer listed, and absolute paths that no listing shows by themselves (an ignored one, or one
 * inside a new directory).
 */
export function select(
  listings: readonly AgentPending[],
  words: readonly string[],
  cwd: string,
): { readonly selected: readonly Selected[]; readonly unknown: readonly string[] } {
  const items = allItems(listings);
  const selected = new Map<string, Selected>();
  const unknown: string[] = [];
  for (const word of words) {
    const found = findOne(items, word, cwd);
    if (found !== undefined) selected.set(`${found.agent}\0${found.item.id}`, found);
    else if (ID.test(word)) unknown.push(word);
    else unknown.push(unlisted(items, word, cwd));
  }
  return { selected: [...selected.values()], unknown };
}

/**
 * An agent chooses names, and could choose one that is somebody's id: a word that means two things means none. Only
 * what is too short to have been meant as an id is a path at once.
 */
function findOne(items: readonly Selected[], word: string, cwd: string): Selected | undefined {
  const byPath = findByPath(items, word, cwd);
  if (byPath !== undefined && word.length < ID_CHARACTERS_MIN) return byPath;
  const byId = findByPrefix(items, word);
  if (byPath === undefined || byId === undefined || byPath === byId) return byId ?? byPath;
  return only([byId, byPath], word);
}

function findByPrefix(items: readonly Selected[], word: string): Selected | undefined {
  if (!ID.test(word)) return undefined;
  const exact = items.filter(({ item }) => item.id === word);
  return only(exact.length > 0 ? exact : items.filter(({ item }) => item.id.startsWith(word)), word);
}

function findByPath(items: readonly Selected[], word: string, cwd: string): Selected | undefined {
  const wanted = byteString(path.resolve(cwd, word));
  // A name that is no UTF-8 can be typed as it was shown.
  return only(
    items.filter(({ item }) => item.path === wanted || escapeName(item.path) === word),
    word,
  );
}

function only(found: readonly Selected[], word: string): Selected | undefined {
  if (found.length <= 1) return found[0];
  const shown = found
    .slice(0, SHOWN_MAX)
    .map(({ agent, item }) => `${item.id}  ${escapeName(item.path)}  (${escapeName(agent)})`);
  throw new CommandFailure('usage', `${word} means several changes:`, shown.join('\n'));
}

function unlisted(items: readonly Selected[], word: string, cwd: string): string {
  const wanted = byteString(path.resolve(cwd, word));
  const below = items.filter(({ item }) => item.path.startsWith(`${wanted}/`)).length;
  if (below === 0) return wanted;
  throw new CommandFailure(
    'usage',
    `${word}: the directory itself is no pending change, but ${below} below it are`,
    'agentsh pending lists them with their ids',
  );
}
