// A file system in memory, as Linux has it: the oracle of the random-operation test. Plain data, so that it can be copied.
//
// - Names, targets and attribute values are byte strings; content is bytes.
// - Failures are `Refusal`s in the order in which the kernel would find them.
// - A time is exact where a program set it, else the number of the change that made it: equal numbers, equal times.
import { deserialize, serialize } from 'node:v8';

export type Kind = 'file' | 'directory' | 'link' | 'fifo' | 'socket';

/** Exact, or the number of a change; null is not known. */
export type Stamp = number | { readonly sec: number; readonly nsec: number } | null;

export interface Inode {
  readonly kind: Kind;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  mtime: Stamp;
  content: Buffer;
  readonly target: string;
  readonly attributes: Map<string, string>;
  readonly entries: Map<string, Inode>;
  /** Of a directory; undefined for the root, and for what was removed. */
  parent: Inode | undefined;
  /** A file without a name that may be given one. */
  linkable: boolean;
  /** Stored through a mapping, and not flushed since: a crash may lose it. */
  unsynced: boolean;
  /** What was observed: the number of the object, and the time that belongs to a stamp. */
  ino: number;
  seenStamp: number;
  seenTime: string;
}

export interface Description {
  readonly inode: Inode;
  readonly flags: number;
  offset: number;
}

export interface Caller {
  readonly uid: number;
  readonly gid: number;
}

export interface Tree {
  readonly root: Inode;
  /** Whether a directory's time moves with its names alone. */
  readonly directoryTimes: boolean;
  /** Open files by slot; a slot belongs to the actor that opened it. */
  readonly open: Map<number, { readonly description: Description; readonly actor: number }>;
  /** Counts the changes: the source of stamps. */
  changes: number;
  /** Counts the changes of names. */
  names: number;
}

export class Refusal extends Error {}
export const refuse = (name: string): never => {
  throw new Refusal(name);
};
/** The operation would leave what the model knows: it is not done at all. */
export class Unmodelled extends Error {}

export const EMPTY = Buffer.alloc(0);
const SYMLINKS_MAX = 40;
const SET_GID = 0o2000;
const STICKY = 0o1000;
const READ = 4;
const WRITE = 2;
const EXECUTE = 1;
export const MAY = { READ, WRITE, EXECUTE } as const;

export function newInode(kind: Kind, mode: number, { uid, gid }: Caller): Inode {
  return {
    kind,
    mode,
    uid,
    gid,
    nlink: kind === 'directory' ? 2 : 1,
    mtime: null,
    content: EMPTY,
    target: '',
    attributes: new Map(),
    entries: new Map(),
    parent: undefined,
    linkable: false,
    unsynced: false,
    ino: 0,
    seenStamp: -1,
    seenTime: '',
  };
}

export const newTree = (root: Inode, directoryTimes = true): Tree => ({
  root,
  directoryTimes,
  open: new Map(),
  changes: 0,
  names: 0,
});

/** The time that an object must show now; null where any will do. */
export const stampOf = (tree: Tree, inode: Inode): Stamp =>
  inode.unsynced || (inode.kind === 'directory' && !tree.directoryTimes) ? null : inode.mtime;

/** A copy that shares nothing. */
export const copyTree = (tree: Tree): Tree => deserialize(serialize(tree)) as Tree;

export function touch(tree: Tree, inode: Inode): void {
  tree.changes += 1;
  inode.mtime = tree.changes;
}

export function may(inode: Inode, mask: number, caller: Caller): boolean {
  if (caller.uid === 0) return (mask & EXECUTE) === 0 || inode.kind === 'directory' || (inode.mode & 0o111) !== 0;
  const shift = caller.uid === inode.uid ? 6 : caller.gid === inode.gid ? 3 : 0;
  return ((inode.mode >> shift) & mask) === mask;
}

export function demand(inode: Inode, mask: number, caller: Caller): void {
  if (!may(inode, mask, caller)) refuse('EACCES');
}

export const owns = (inode: Inode, caller: Caller): boolean => caller.uid === 0 || caller.uid === inode.uid;

/** Where a path begins: the root, or an open directory. */
export interface Place {
  readonly slot?: number;
  readonly path: string;
}

export interface Spot {
  readonly parent: Inode;
  readonly name: string;
  readonly there: Inode | undefined;
}

function start(tree: Tree, place: Place): Inode {
  if (place.slot === undefined) return tree.root;
  return tree.open.get(place.slot)?.description.inode ?? refuse('EBADF');
}

/** The last component is not followed. */
export function spotOf(tree: Tree, place: Place, caller: Caller): Spot {
  return walk(tree, start(tree, place), place.path, caller, { count: 0 });
}

function walk(tree: Tree, from: Inode, path: string, caller: Caller, links: { count: number }): Spot {
  const names = path.split('/');
  const name = names.pop() ?? '';
  let at = from;
  for (const each of names) at = follow(tree, step(at, each, caller), at, caller, links);
  if (at.kind !== 'directory') refuse('ENOTDIR');
  demand(at, EXECUTE, caller);
  if (name === '..') return { parent: at, name, there: at.parent ?? unmodelled() };
  return { parent: at, name, there: at.entries.get(name) };
}

function step(at: Inode, name: string, caller: Caller): Inode {
  if (at.kind !== 'directory') refuse('ENOTDIR');
  demand(at, EXECUTE, caller);
  if (name === '..') return at.parent ?? unmodelled();
  return at.entries.get(name) ?? refuse('ENOENT');
}

function unmodelled(): never {
  throw new Unmodelled();
}

/** What a link leads to, through as many as there are. */
function follow(tree: Tree, inode: Inode, directory: Inode, caller: Caller, links: { count: number }): Inode {
  if (inode.kind !== 'link') return inode;
  links.count += 1;
  if (links.count > SYMLINKS_MAX) refuse('ELOOP');
  const { there, parent } = walk(tree, directory, inode.target, caller, links);
  return follow(tree, there ?? refuse('ENOENT'), parent, caller, links);
}

/** The spot that open(2) and truncate(2) mean: final links followed, even to a name that does not exist yet. */
export function followedSpot(tree: Tree, place: Place, caller: Caller): Spot {
  const links = { count: 0 };
  let spot = walk(tree, start(tree, place), place.path, caller, links);
  while (spot.there?.kind === 'link') {
    links.count += 1;
    if (links.count > SYMLINKS_MAX) refuse('ELOOP');
    spot = walk(tree, spot.parent, spot.there.target, caller, links);
  }
  return spot;
}

export function find(tree: Tree, place: Place, caller: Caller): Inode {
  return spotOf(tree, place, caller).there ?? refuse('ENOENT');
}

export function findFollowed(tree: Tree, place: Place, caller: Caller): Inode {
  return followedSpot(tree, place, caller).there ?? refuse('ENOENT');
}

/** A removed directory takes no names. */
function mayCreate(directory: Inode, caller: Caller): void {
  if (directory.nlink === 0) refuse('ENOENT');
  demand(directory, WRITE | EXECUTE, caller);
}

function mayDelete(directory: Inode, victim: Inode, asDirectory: boolean | undefined, caller: Caller): void {
  demand(directory, WRITE | EXECUTE, caller);
  const sticky = (directory.mode & STICKY) !== 0 && caller.uid !== 0;
  if (sticky && caller.uid !== victim.uid && caller.uid !== directory.uid) refuse('EPERM');
  if (asDirectory === true && victim.kind !== 'directory') refuse('ENOTDIR');
  if (asDirectory === false && victim.kind === 'directory') refuse('EISDIR');
}

export interface NewObject {
  readonly kind: Kind;
  readonly mode: number;
  readonly target?: string;
}

export function make(tree: Tree, place: Place, object: NewObject, caller: Caller): Inode {
  const { parent, name, there } = spotOf(tree, place, caller);
  if (there !== undefined) refuse('EEXIST');
  return makeAt(tree, parent, name, object, caller);
}

export function makeAt(tree: Tree, parent: Inode, name: string, object: NewObject, caller: Caller): Inode {
  mayCreate(parent, caller);
  const inode = unnamed(tree, parent, object, caller);
  put(tree, parent, name, inode);
  if (object.kind === 'directory') parent.nlink += 1;
  return inode;
}

/** A new object as a directory would have it, without a name. */
export function unnamed(tree: Tree, parent: Inode, object: NewObject, caller: Caller): Inode {
  const inherits = (parent.mode & SET_GID) !== 0;
  const gid = inherits ? parent.gid : caller.gid;
  const extra = inherits && object.kind === 'directory' ? SET_GID : 0;
  const inode = {
    ...newInode(object.kind, object.mode | extra, { uid: caller.uid, gid }),
    target: object.target ?? '',
  };
  touch(tree, inode);
  return inode;
}

function put(tree: Tree, parent: Inode, name: string, inode: Inode): void {
  parent.entries.set(name, inode);
  if (inode.kind === 'directory') inode.parent = parent;
  touch(tree, parent);
  tree.names += 1;
}

function take(tree: Tree, parent: Inode, name: string): void {
  parent.entries.delete(name);
  touch(tree, parent);
  tree.names += 1;
}

/** One name less for an object; a directory is gone with it. */
function drop(inode: Inode): void {
  inode.nlink = inode.kind === 'directory' ? 0 : inode.nlink - 1;
  if (inode.kind === 'directory') inode.parent = undefined;
}

export function unlink(tree: Tree, place: Place, caller: Caller): void {
  const { parent, name, there } = spotOf(tree, place, caller);
  if (there === undefined) return refuse('ENOENT');
  mayDelete(parent, there, false, caller);
  take(tree, parent, name);
  drop(there);
}

export function rmdir(tree: Tree, place: Place, caller: Caller): void {
  const { parent, name, there } = spotOf(tree, place, caller);
  if (there === undefined) return refuse('ENOENT');
  mayDelete(parent, there, true, caller);
  if (there.entries.size > 0) refuse('ENOTEMPTY');
  take(tree, parent, name);
  drop(there);
  parent.nlink -= 1;
}

/** `fs.protected_hardlinks`: what is not one's own must be safe to write anyway. */
function mayLink(inode: Inode, caller: Caller): boolean {
  if (owns(inode, caller)) return true;
  const special = (inode.mode & 0o4000) !== 0 || (inode.mode & 0o2010) === 0o2010;
  return inode.kind === 'file' && !special && may(inode, READ | WRITE, caller);
}

export function link(tree: Tree, inode: Inode, place: Place, caller: Caller): void {
  const { parent, name, there } = spotOf(tree, place, caller);
  if (there !== undefined) refuse('EEXIST');
  if (parent.nlink === 0) refuse('ENOENT');
  if (!mayLink(inode, caller)) refuse('EPERM');
  mayCreate(parent, caller);
  if (inode.kind === 'directory') refuse('EPERM');
  if (inode.nlink === 0 && !inode.linkable) refuse('ENOENT');
  inode.linkable = false;
  inode.nlink += 1;
  put(tree, parent, name, inode);
}

export type RenameHow = 'replace' | 'noreplace' | 'exchange';

export function rename(tree: Tree, from: Place, to: Place, how: RenameHow, caller: Caller): void {
  const source = spotOf(tree, from, caller);
  const target = spotOf(tree, to, caller);
  if (source.there === undefined || target.parent.nlink === 0) return refuse('ENOENT');
  if (how === 'noreplace' && target.there !== undefined) refuse('EEXIST');
  if (how === 'exchange' && target.there === undefined) refuse('ENOENT');
  if (leadsTo(source.there, target.parent)) refuse('EINVAL');
  if (target.there !== undefined && leadsTo(target.there, source.parent))
    refuse(how === 'exchange' ? 'EINVAL' : 'ENOTEMPTY');
  if (source.there === target.there) return;
  mayMove(source.there, source, target, how, caller);
  if (how === 'exchange' && target.there !== undefined) exchange(tree, source, target, source.there, target.there);
  else replace(tree, source, target, source.there);
}

function mayMove(moved: Inode, source: Spot, target: Spot, how: RenameHow, caller: Caller): void {
  const isDirectory = moved.kind === 'directory';
  mayDelete(source.parent, moved, isDirectory, caller);
  if (target.there === undefined) mayCreate(target.parent, caller);
  else mayDelete(target.parent, target.there, how === 'exchange' ? undefined : isDirectory, caller);
  if (source.parent === target.parent) return;
  // The entry ".." of what moves is written to.
  if (isDirectory) demand(moved, WRITE, caller);
  if (how === 'exchange' && target.there?.kind === 'directory') demand(target.there, WRITE, caller);
}

/** Whether `directory` is `inode` or lies below it. */
function leadsTo(inode: Inode, directory: Inode): boolean {
  for (let at: Inode | undefined = directory; at !== undefined; at = at.parent) if (at === inode) return true;
  return false;
}

function replace(tree: Tree, source: Spot, target: Spot, moved: Inode): void {
  if (target.there !== undefined) {
    if (target.there.entries.size > 0) refuse('ENOTEMPTY');
    drop(target.there);
    if (target.there.kind === 'directory') target.parent.nlink -= 1;
  }
  take(tree, source.parent, source.name);
  put(tree, target.parent, target.name, moved);
  if (moved.kind !== 'directory') return;
  source.parent.nlink -= 1;
  target.parent.nlink += 1;
}

function exchange(tree: Tree, source: Spot, target: Spot, first: Inode, second: Inode): void {
  put(tree, source.parent, source.name, second);
  put(tree, target.parent, target.name, first);
  const shift = (second.kind === 'directory' ? 1 : 0) - (first.kind === 'directory' ? 1 : 0);
  source.parent.nlink += shift;
  target.parent.nlink -= shift;
}

export interface Named {
  readonly path: string;
  readonly inode: Inode;
}

/** Every name, a directory before what it holds. */
export function namesOf(tree: Tree): Named[] {
  const found: Named[] = [];
  const visit = (directory: Inode, above: string) => {
    for (const [name, inode] of directory.entries) {
      found.push({ path: `${above}${name}`, inode });
      if (inode.kind === 'directory') visit(inode, `${above}${name}/`);
    }
  };
  visit(tree.root, '');
  return found;
}
