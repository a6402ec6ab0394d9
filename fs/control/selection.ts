// What a command to `approve` or `reject` names, and the ids that are meant by it.
//
// Commands: one item a line. A line that begins with `/` or `"` is one path (quoted as listings quote it, or plain, or a
// pattern); any other line holds words: ids or unique prefixes, patterns, `all`, `set DIGEST`. `reject` also takes a
// line `reason TEXT`.
import type { PendingItem, PendingListing } from '../daemon/protocol.ts';
import { isPattern, matchesPattern } from './glob.ts';
import { quotePath, unquotePath } from './quote.ts';
import { Refusal } from './refusal.ts';

/** A shorter beginning of an id is too easily another one's. */
export const ID_PREFIX_LENGTH_MIN = 4;

export type Selector =
  | { readonly kind: 'id'; readonly id: string }
  /** `literal`: it was quoted, so its stars are stars. */
  | { readonly kind: 'path'; readonly path: string; readonly literal: boolean }
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'set'; readonly digest: string };

export interface Command {
  readonly selectors: readonly Selector[];
  readonly reason: string;
}

/** Parses the text of one write. EINVAL where a line says nothing that is known. */
export function parseCommand(text: string, takesReason: boolean): Command {
  const selectors: Selector[] = [];
  let reason = '';
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (line.startsWith('/') || line.startsWith('"')) selectors.push(parsePath(line));
    else if (takesReason && line.startsWith('reason ')) reason = textOf(line.slice('reason '.length).trim());
    else selectors.push(...parseWords(line.trim().split(/\s+/)));
  }
  if (selectors.length === 0) throw new Refusal('EINVAL', 'nothing named: ids, paths, patterns, all, or set DIGEST');
  return { selectors, reason };
}

/** Reasons are text for people, not bytes. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function parsePath(line: string): Selector {
  if (line.startsWith('/')) return { kind: 'path', path: line, literal: false };
  const path = unquotePath(line.trimEnd());
  if (path === undefined || !path.startsWith('/'))
    throw new Refusal('EINVAL', `not an absolute path in double quotes: ${quotePath(line)}`);
  return { kind: 'path', path, literal: true };
}

function parseWords(words: readonly string[]): Selector[] {
  const selectors: Selector[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === 'all') selectors.push({ kind: 'all' });
    else if (word === 'set') selectors.push({ kind: 'set', digest: digestAfter(words[++at]) });
    else if (word.startsWith('/')) selectors.push({ kind: 'path', path: word, literal: false });
    else if (isPattern(word)) selectors.push({ kind: 'pattern', pattern: word });
    else if (/^[A-Za-z0-9]+$/.test(word)) selectors.push({ kind: 'id', id: word });
    else throw new Refusal('EINVAL', `neither an id nor an absolute path nor a pattern: ${quotePath(word)}`);
  }
  return selectors;
}

function digestAfter(word: string | undefined): string {
  if (word === undefined) throw new Refusal('EINVAL', 'set needs the digest that pending/index begins with');
  return word;
}

export interface Skipped {
  readonly item: PendingItem;
  readonly why: string;
}

export interface Selection {
  /** Full ids, and absolute paths that the listing does not name. */
  readonly ids: readonly string[];
  /** What a bulk word would have covered, but for a reason. */
  readonly skipped: readonly Skipped[];
}

export interface SelectionContext {
  /** What is pending now. */
  readonly listing: PendingListing;
  /** The ids of the last listing that the operator has read, undefined before the first. */
  readonly listedIds: ReadonlySet<string> | undefined;
  /** Bulk words leave protected items out. */
  readonly spareProtected: boolean;
  /** Throws ENOENT for an unknown id, ESTALE for one that moved on. */
  readonly requirePending: (id: string) => void;
}

/** Resolves all selectors, or throws a Refusal for the first that means nothing. */
export function select(selectors: readonly Selector[], context: SelectionContext): Selection {
  const ids = new Set<string>();
  const skipped = new Map<string, Skipped>();
  for (const selector of selectors) {
    if (selector.kind === 'id') ids.add(idFor(selector.id, context));
    else if (selector.kind === 'path') selectPath(selector, context, ids, skipped);
    else selectBulk(selector, context, ids, skipped);
  }
  for (const id of ids) skipped.delete(id);
  return { ids: [...ids], skipped: [...skipped.values()] };
}

function idFor(text: string, { listing, requirePending }: SelectionContext): string {
  const exact = listing.items.find((item) => item.id === text);
  if (exact !== undefined) return exact.id;
  const found = text.length >= ID_PREFIX_LENGTH_MIN ? listing.items.filter((item) => item.id.startsWith(text)) : [];
  if (found.length === 1) return found[0]!.id;
  if (found.length > 1) throw new Refusal('EINVAL', `${text} begins ${found.length} ids: write more of it`);
  requirePending(text);
  throw new Refusal('ESTALE', `${text} waits no more: it was decided or its change is gone`);
}

function selectPath(
  { path, literal }: Extract<Selector, { kind: 'path' }>,
  context: SelectionContext,
  ids: Set<string>,
  skipped: Map<string, Skipped>,
): void {
  const found = context.listing.items.filter((item) => item.path === path);
  if (found.length === 1) ids.add(found[0]!.id);
  else if (found.length > 1)
    throw new Refusal('EINVAL', `${quotePath(path)} is pending of several agents: name it by its id`);
  else if (!literal && isPattern(path)) selectBulk({ kind: 'pattern', pattern: path }, context, ids, skipped);
  else ids.add(normalized(path));
}

/** A path for the source to find: inside a new directory, or ignored. */
function normalized(path: string): string {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const components = plain.split('/').slice(1);
  if (components.some((name) => name === '' || name === '.' || name === '..') || plain.includes('\0'))
    throw new Refusal('EINVAL', `not a normalized absolute path: ${quotePath(path)}`);
  return plain;
}

function selectBulk(
  selector: Extract<Selector, { kind: 'pattern' | 'all' | 'set' }>,
  context: SelectionContext,
  ids: Set<string>,
  skipped: Map<string, Skipped>,
): void {
  const { listing, listedIds } = context;
  if (selector.kind === 'set' && selector.digest !== listing.set)
    throw new Refusal('ESTALE', `what is pending is now set ${listing.set}`);
  const meant =
    selector.kind === 'pattern'
      ? listing.items.filter((item) => matchesPattern(selector.pattern, item.path))
      : listing.items;
  if (meant.length === 0 && selector.kind === 'pattern')
    throw new Refusal('ENOENT', `nothing pending matches ${quotePath(selector.pattern)}`);
  let covered = 0;
  for (const item of meant) {
    const why = reasonToSkip(item, selector.kind === 'set' || listedIds?.has(item.id) === true, context);
    if (why !== undefined) skipped.set(item.id, { item, why });
    else {
      ids.add(item.id);
      covered++;
    }
  }
  if (meant.length > 0 && covered === 0) throw nothingCovered(meant, context, skipped);
}

function reasonToSkip(item: PendingItem, listed: boolean, context: SelectionContext): string | undefined {
  if (!listed) return 'new or changed since the last listing: read pending/index';
  if (context.spareProtected && item.protected) return 'protected: approve it by its own id';
  return undefined;
}

function nothingCovered(
  meant: readonly PendingItem[],
  context: SelectionContext,
  skipped: ReadonlyMap<string, Skipped>,
): Refusal {
  if (context.listedIds === undefined && !meant.every((item) => skipped.get(item.id)?.why.startsWith('protected')))
    return new Refusal('ESTALE', 'no listing was read yet: read pending/index, then say all or a pattern');
  const why = skipped.get(meant[0]!.id)?.why ?? '';
  return new Refusal(why.startsWith('protected') ? 'EPERM' : 'ESTALE', why);
}
