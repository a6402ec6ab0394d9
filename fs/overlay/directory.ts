// Directory streams: the agent's entries and the host's merged, as they were when the stream began.
//
// A stream is a snapshot: its cookies are positions in it, so no stable name is listed twice or missed, whatever is
// created or deleted meanwhile. Rewinding takes a new one.
import { errno } from '../errno.ts';
import { isReservedName } from '../host/reserved.ts';
import type { DirectorySink } from '../operations.ts';
import { absentEntry, entryOf } from './attributes.ts';
import type { Handle, ListedName } from './connection.ts';
import { firstBehind, listingOf } from './listings.ts';
import type { Node } from './node.ts';
import { S_IFDIR, S_IFREG } from './node.ts';
import { decodeDirent, direntName, direntRange } from './records.ts';
import { child, isForsakenEntry, isHiddenName, isTakenAway } from './resolve.ts';
import type { ViewState } from './state.ts';
import { release } from './upper.ts';

const ENOENT = -2;
const ENOTDIR = -20;
const ESTALE = -116;

/** What the agent sees in a directory, without `.` and `..`. */
export function listNames(view: ViewState, node: Node): ListedName[] {
  const names: ListedName[] = [];
  const decided = new Set<string>();
  if (node.record !== null) addUpperNames(view, node, names, decided);
  if (node.ruleNode !== undefined) addRuledNames(view, node, names, decided);
  if (node.lowerDirectory !== null) addLowerNames(view, node, names, decided);
  return names;
}

function addUpperNames(view: ViewState, node: Node, names: ListedName[], decided: Set<string>): void {
  for (const { key, value } of view.ledger.range('dirents', ...direntRange(node.ino))) {
    const name = direntName(key);
    const dirent = decodeDirent(value);
    decided.add(name);
    if (!dirent.whiteout && !isTakenAway(view, node, name, dirent.type) && !isForsakenEntry(view, dirent))
      names.push({ name, ino: dirent.ino, type: dirent.type });
  }
}

/** Rule roots and what leads to them, where they exist. */
function addRuledNames(view: ViewState, node: Node, names: ListedName[], decided: Set<string>): void {
  for (const name of node.ruleNode?.children.keys() ?? []) {
    if (decided.has(name)) continue;
    decided.add(name);
    const found = child(view, node, name);
    if (found !== null) names.push({ name, ino: found.ino, type: found.type >> 12 });
  }
}

function addLowerNames(view: ViewState, node: Node, names: ListedName[], decided: Set<string>): void {
  const directory = node.lowerDirectory;
  if (directory === null) return;
  const listed = view.host.list(directory);
  if (typeof listed === 'number') {
    if (listed === ENOENT || listed === ENOTDIR || listed === ESTALE) return;
    throw errno(listed);
  }
  const range = view.inoRange(directory);
  for (const { name, ino, type } of listed) {
    if (decided.has(name) || isReservedName(name)) continue;
    if (isForbiddenChild(view, node, name)) continue;
    if (isHiddenName(view, node, directory, name, type === 0 ? S_IFREG : type << 12)) continue;
    const known = view.listedIno(range, ino);
    names.push({ name, ino: view.numbers.taken.has(known) ? foundIno(view, node, name, known) : known, type });
  }
}

/** Whether a host object is one that the agent has changed elsewhere, or one beside it, only a look tells. */
function foundIno(view: ViewState, directory: Node, name: string, listed: number): number {
  const found = child(view, directory, name);
  if (found === null) return listed;
  const { ino } = found;
  release(view, found);
  return ino;
}

/** Our own stores and mounts have few names: only directories of those names are looked at. */
function isForbiddenChild(view: ViewState, node: Node, name: string): boolean {
  const directory = node.lowerDirectory;
  if (directory === null || !view.host.isForbiddenName(name)) return false;
  return view.host.stat(directory, name, view.stat) === 0 && view.host.isForbidden(view.stat);
}

/** Fills one reply from a stream. */
export function readDirectory(
  view: ViewState,
  handle: Handle,
  offset: number,
  sink: DirectorySink,
  plus: boolean,
): void {
  const node = handle.node;
  if (handle.names === null || offset === 0) handle.names = snapshot(view, node);
  const names = handle.names;
  for (let at = offset; at < names.length; at++) {
    const listed = names[at];
    if (listed === undefined) return;
    if (listed === null) continue;
    if (!(plus ? addPlus(view, node, listed, at + 1, sink) : sink.add(listed.name, listed.ino, listed.type, at + 1)))
      return;
  }
}

/** The same without a handle: names behind the cookie of the last one taken. */
export function readByCookie(view: ViewState, node: Node, cookie: number, sink: DirectorySink, plus: boolean): void {
  let listing = cookie === 0 ? undefined : view.listings.get(node);
  if (listing === undefined) {
    listing = listingOf(snapshot(view, node));
    view.listings.keep(node, listing);
  }
  for (let at = firstBehind(listing, cookie); at < listing.names.length; at++) {
    const listed = listing.names[at]!;
    const own = listing.cookies[at]!;
    if (!(plus ? addPlus(view, node, listed, own, sink) : sink.add(listed.name, listed.ino, listed.type, own))) return;
  }
  if (firstBehind(listing, cookie) === listing.names.length) view.listings.drop(node);
}

function snapshot(view: ViewState, node: Node): ListedName[] {
  const up = node.parent ?? node;
  const dots = [
    { name: '.', ino: node.ino, type: S_IFDIR >> 12 },
    { name: '..', ino: up.ino, type: S_IFDIR >> 12 },
  ];
  return node.orphan ? dots : [...dots, ...listNames(view, node)];
}

function addPlus(view: ViewState, node: Node, listed: ListedName, next: number, sink: DirectorySink): boolean {
  const found = listed.name === '.' || listed.name === '..' ? null : child(view, node, listed.name);
  if (found === null) return sink.addPlus(listed.name, absentEntry(node), listed.ino, listed.type, next);
  const taken = sink.addPlus(listed.name, entryOf(view, found), found.ino, found.type >> 12, next);
  if (!taken) {
    view.uncount(found, 1);
    release(view, found);
  }
  return taken;
}
