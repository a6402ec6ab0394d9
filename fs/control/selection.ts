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

/** Why a bulk word leaves an item out, as the result shows it. */
export const SKIP_REASONS = {
  unlisted: 'new or changed since the last listing: read pending/index',
  protected: 'protected: approve it by its own id',
} as const;
export type SkipReason = keyof typeof SKIP_REASONS;

export interface Skipped {
  readonly item: PendingItem;
  readonly reason: SkipReason;
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
  /** The last listing that the operator has read, id to path; undefined before the first. */
  readonly listed: ReadonlyMap<string, string> | undefined;
  /** Bulk words leave protected items out. */
  readonly spareProtected: boolean;
  /** Throws ENOENT for an unknown id, ESTALE for one that moved on. */
  readonly requirePending: (id: string) => void;
}

/** What a command comes to, while it is resolved. */
interface Gathered {
  readonly ids: Set<string>;
  readonly skipped: Map<string, Skipped>;
}

/** Resolves all selectors, or throws a Refusal for the first that means nothing. */
export function select(selectors: readonly Selector[], context: SelectionContext): Selection {
  const gathered: Gathered = { ids: new Set(), skipped: new Map() };
  const pendingIds = new Set(context.listing.items.map((item) => item.id));
  for (const selector of selectors) {
    if (selector.kind === 'path') selectPath(selector, context, gathered);
    else if (selector.kind !== 'id') selectBulk(selector, context, gathered);
    else gathered.ids.add(pendingIds.has(selector.id) ? selector.id : idByPrefix(selector.id, context));
  }
  for (const id of gathered.ids) gathered.skipped.delete(id);
  return { ids: [...gathered.ids], skipped: [...gathered.skipped.values()] };
}

function idByPrefix(text: string, { listing, requirePending }: SelectionContext): string {
  const found = text.length >= ID_PREFIX_LENGTH_MIN ? listing.items.filter((item) => item.id.startsWith(text)) : [];
  if (found.length === 1) return found[0]!.id;
  if (found.length > 1) throw new Refusal('EINVAL', `${text} begins ${found.length} ids: write more of it`);
  requirePending(text);
  throw new Refusal('ESTALE', `${text} waits no more: it was decided or its change is gone`);
}

function selectPath(
  { path, literal }: Extract<Selector, { kind: 'path' }>,
  context: SelectionContext,
  gathered: Gathered,
): void {
  const found = context.listing.items.filter((item) => item.path === path);
  if (found.length > 1)
    throw new Refusal('EINVAL', `${quotePath(path)} is pending of several agents: name it by its id`);
  const item = found[0];
  if (item !== undefined) gathered.ids.add(asListed(item, context).id);
  else if (!literal && isPattern(path)) selectBulk({ kind: 'pattern', pattern: path }, context, gathered);
  else gathered.ids.add(normalized(path));
}

/** What was reviewed is what lands: a path that was listed with other content is not what the operator means. */
function asListed(item: PendingItem, { listed }: SelectionContext): PendingItem {
  if (listed === undefined || listed.has(item.id) || ![...listed.values()].includes(item.path)) return item;
  throw new Refusal('ESTALE', `${quotePath(item.path)} has changed since the last listing: it is now ${item.id}`);
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
  { ids, skipped }: Gathered,
): void {
  const meant = meantBy(selector, context);
  const reasons = new Set<SkipReason>();
  for (const item of meant) {
    const reason = reasonToSkip(item, selector.kind === 'set', context);
    if (reason === undefined) ids.add(item.id);
    else {
      skipped.set(item.id, { item, reason });
      reasons.add(reason);
    }
  }
  const covered = meant.some((item) => ids.has(item.id));
  if (meant.length > 0 && !covered) throw nothingCovered(reasons, context);
}

function meantBy(
  selector: Extract<Selector, { kind: 'pattern' | 'all' | 'set' }>,
  { listing }: SelectionContext,
): readonly PendingItem[] {
  if (selector.kind === 'set' && selector.digest !== listing.set)
    throw new Refusal('ESTALE', `what is pending is now set ${listing.set}`);
  if (selector.kind !== 'pattern') return listing.items;
  const matching = listing.items.filter((item) => matchesPattern(selector.pattern, item.path));
  if (matching.length > 0) return matching;
  throw new Refusal('ENOENT', `nothing pending matches ${quotePath(selector.pattern)}`);
}

/** A set is a listing by itself; other bulk words mean what was listed. */
function reasonToSkip(item: PendingItem, isSet: boolean, context: SelectionContext): SkipReason | undefined {
  if (!isSet && context.listed?.has(item.id) !== true) return 'unlisted';
  return context.spareProtected && item.protected ? 'protected' : undefined;
}

function nothingCovered(reasons: ReadonlySet<SkipReason>, { listed }: SelectionContext): Refusal {
  if (!reasons.has('unlisted')) return new Refusal('EPERM', SKIP_REASONS.protected);
  if (listed !== undefined) return new Refusal('ESTALE', SKIP_REASONS.unlisted);
  return new Refusal('ESTALE', 'no listing was read yet: read pending/index, then say all or a pattern');
}
