// Whole trees: as they are on disk, as the model has them, and what differs.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { close, lgetxattr, O_DIRECTORY, openat, pread, readlinkat } from '../../fs/host/syscall.ts';
import { lineOf, listedAttributes } from './attributeKinds.ts';
import { identify } from './game.ts';
import { bytesText, type Hands, kindOf, nameOf, namesText, type Seen, status } from './hands.ts';
import { listingOf } from './nameKinds.ts';
import { type Caller, EMPTY, type Inode, MAY, may, namesOf, newInode, newTree, stampOf, type Tree } from './tree.ts';

/** What a walk finds at one name. */
export interface Found {
  readonly line: string;
  /** Bytes of a file, names in a directory, text of a link; where it may not be read, the error. */
  readonly content: string;
  readonly attributes: string;
  readonly seen: Seen | undefined;
}
export type Walked = Record<string, Found>;

export interface Difference {
  readonly path: string;
  readonly words: string;
  /** Undefined where only the one or the other has the name. */
  readonly inode: Inode | undefined;
  /** Nothing but size and bytes. */
  readonly bytesOnly: boolean;
}

const READ_BYTES = 1 << 20;
const VALUE_BYTES_MAX = 4096;
const value = Buffer.alloc(VALUE_BYTES_MAX);

/** The tree below the hands' root, through system calls. */
export function walkTree(hands: Hands): Walked {
  const found: Walked = {};
  const visit = (path: string): void => {
    const { text: line, seen } = hands.statAt({ path });
    const kind = line.split(' ')[0];
    const names: string[] = [];
    found[path] = {
      line,
      content: contentAt(hands, path, kind, names),
      attributes: attributesAt(hands, path, kind),
      seen,
    };
    for (const name of names) visit(path === '.' ? name : `${path}/${name}`);
  };
  visit('.');
  return found;
}

function contentAt(hands: Hands, path: string, kind: string | undefined, names: string[]): string {
  if (kind === 'link') {
    const target = readlinkat(hands.root, path);
    return typeof target === 'number' ? nameOf(target) : target;
  }
  if (kind === 'file') {
    const bytes = readAll(hands, path);
    return typeof bytes === 'number' ? nameOf(bytes) : bytesText(bytes);
  }
  if (kind !== 'directory') return '';
  return hands.opened({ path }, O_DIRECTORY, (fd) => {
    const found = hands.list(fd);
    if (typeof found === 'number') return status(found);
    for (const { name } of found) names.push(name);
    return { text: namesText(found) };
  }).text;
}

/** All bytes of a file, or the negated errno. */
export function readAll(hands: Hands, path: string): Buffer | number {
  const fd = openat(hands.root, path, 0);
  if (fd < 0) return fd;
  try {
    const parts: Buffer[] = [];
    for (let offset = 0; ; ) {
      const part = Buffer.alloc(READ_BYTES);
      const count = pread(fd, part, READ_BYTES, offset);
      if (count < 0) return count;
      if (count === 0) return Buffer.concat(parts);
      parts.push(part.subarray(0, count));
      offset += count;
    }
  } finally {
    close(fd);
  }
}

function attributesAt(hands: Hands, path: string, kind: string | undefined): string {
  if (kind !== 'file' && kind !== 'directory') return '';
  return attributesText(hands.pathOf({ path })).join(' ');
}

/** Names and values; a value that may not be read is its error. */
function attributesText(path: string): string[] {
  return listedAttributes(path)
    .split('\n')
    .filter((name) => name.startsWith('user.'))
    .map((name) => {
      const length = lgetxattr(path, name, value);
      return `${name}=${length < 0 ? nameOf(length) : value.toString('latin1', 0, length)}`;
    });
}

/** What differs between a walk and the model. */
export function compare(tree: Tree, walked: Walked, caller: Caller): Difference[] {
  const differences: Difference[] = [];
  const expected = new Map([['.', tree.root], ...namesOf(tree).map(({ path, inode }) => [path, inode] as const)]);
  for (const [path, inode] of expected) {
    const found = walked[path];
    if (found === undefined) {
      // What lies below a directory that may not be read is not seen.
      if (isReachable(tree, path, caller))
        differences.push({ path, words: 'is missing', inode: undefined, bytesOnly: false });
      continue;
    }
    const words = differenceAt(tree, inode, found, caller);
    if (words !== undefined) differences.push({ path, words, inode, bytesOnly: isBytesOnly(inode, found) });
  }
  for (const path of Object.keys(walked))
    if (!expected.has(path))
      differences.push({ path, words: 'should not be there', inode: undefined, bytesOnly: false });
  return differences;
}

export const linesOf = (differences: readonly Difference[]): string =>
  differences.map(({ path, words }) => `${JSON.stringify(path)}: ${words}`).join('\n');

/**
 * What is wrong after a crash, and the files whose bytes nobody promised to keep: what was stored through a mapping and
 * not flushed, and, with `underWay`, the one file whose bytes were being changed.
 */
export function afterCrash(
  differences: readonly Difference[],
  underWay: boolean,
): { readonly wrong: string; readonly unsure: readonly { readonly path: string; readonly inode: Inode }[] } {
  const unsure = differences.flatMap(({ path, inode, bytesOnly }) =>
    inode !== undefined && bytesOnly && (underWay || inode.unsynced) ? [{ path, inode }] : [],
  );
  const changing = new Set(unsure.filter(({ inode }) => !inode.unsynced).map(({ inode }) => inode));
  const wrong = unsure.length < differences.length || changing.size > 1 ? linesOf(differences) : '';
  return { wrong, unsure: wrong === '' ? unsure : [] };
}

/** Bytes as they were found become those of the model. */
export function adoptBytes(inode: Inode, bytes: Buffer | number): void {
  if (typeof bytes === 'number') throw new Error(`what was listed cannot be read: ${nameOf(bytes)}`);
  inode.content = bytes;
  inode.mtime = null;
}

/** Objects may have other numbers from now on. */
export function forgetNumbers(tree: Tree): void {
  for (const inode of [tree.root, ...namesOf(tree).map((named) => named.inode)]) inode.ino = 0;
}

/** Nothing waits in a page cache any longer; when it was written is not known. */
export function synced(tree: Tree): void {
  for (const { inode } of namesOf(tree)) {
    if (!inode.unsynced) continue;
    inode.unsynced = false;
    inode.mtime = null;
  }
}

function isReachable(tree: Tree, path: string, caller: Caller): boolean {
  let at: Inode | undefined = tree.root;
  for (const name of path.split('/')) {
    if (at === undefined || !may(at, MAY.READ | MAY.EXECUTE, caller)) return false;
    at = at.entries.get(name);
  }
  return true;
}

function differenceAt(
  tree: Tree,
  inode: Inode,
  { line, content, attributes, seen }: Found,
  caller: Caller,
): string | undefined {
  const wanted = [lineOf(inode), contentOf(inode, caller), attributesOf(inode, caller)];
  const got = [line, content, attributes];
  const at = wanted.findIndex((text, index) => text !== got[index]);
  if (at >= 0) return `expected ${wanted[at]}, got ${got[at]}`;
  return seen === undefined ? undefined : identify(inode, stampOf(tree, inode), seen);
}

const withoutSize = (line: string): string => line.replace(/ size \d+$/, '');
const isBytesOnly = (inode: Inode, { line }: Found): boolean =>
  inode.kind === 'file' && withoutSize(line) === withoutSize(lineOf(inode));

function contentOf(inode: Inode, caller: Caller): string {
  if (inode.kind === 'link') return inode.target;
  if (inode.kind !== 'file' && inode.kind !== 'directory') return '';
  if (!may(inode, MAY.READ, caller)) return 'EACCES';
  return inode.kind === 'file' ? bytesText(inode.content) : listingOf(inode);
}

function attributesOf(inode: Inode, caller: Caller): string {
  return [...inode.attributes]
    .map(([name, text]) => `${name}=${may(inode, MAY.READ, caller) ? text : 'EACCES'}`)
    .sort()
    .join(' ');
}

/** The model of a directory of the host's. */
export function treeOf(directory: string, directoryTimes = true): Tree {
  const links = new Map<bigint, Inode>();
  const read = (path: string): Inode => {
    const bytes = Buffer.from(path, 'latin1');
    const stats = lstatSync(bytes, { bigint: true });
    const known = links.get(stats.ino);
    if (known !== undefined) return known;
    const mode = Number(stats.mode);
    const kind = kindOf(mode);
    const inode: Inode = {
      ...newInode(kind, mode & 0o7777, { uid: Number(stats.uid), gid: Number(stats.gid) }),
      nlink: Number(stats.nlink),
      mtime: { sec: Number(stats.mtimeNs / 1_000_000_000n), nsec: Number(stats.mtimeNs % 1_000_000_000n) },
      content: kind === 'file' ? readFileSync(bytes) : EMPTY,
      target: kind === 'link' ? readlinkSync(bytes, 'latin1') : '',
    };
    for (const word of kind === 'file' || kind === 'directory' ? attributesText(path) : []) {
      const equals = word.indexOf('=');
      inode.attributes.set(word.slice(0, equals), word.slice(equals + 1));
    }
    if (kind !== 'directory') links.set(stats.ino, inode);
    else
      for (const name of readdirSync(bytes, { encoding: 'buffer' })) {
        const child = read(`${path}/${name.toString('latin1')}`);
        inode.entries.set(name.toString('latin1'), child);
        if (child.kind === 'directory') child.parent = inode;
      }
    return inode;
  };
  return newTree(read(directory), directoryTimes);
}
