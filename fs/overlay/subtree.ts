// All that is in a directory which is one change as a whole: newly made, or removed.
import { createHash } from 'node:crypto';
import type { Base, Version } from '../journal/model.ts';
import type { IgnoreRules } from './ignoreRules.ts';
import type { Spot } from './indexTree.ts';
import { isDirectorySpot, spotsOf } from './indexTree.ts';
import { isProtectedContent, isProtectedTree } from './protectedShape.ts';
import type { InodeRecord } from './records.ts';
import { decodeDirent, direntName, direntRange } from './records.ts';
import type { ViewState } from './state.ts';
import { resultVersion } from './versions.ts';

/** One thing below a directory, the deepest last for what was made and first for what was removed. */
export interface Below {
  readonly path: string;
  readonly version: Version;
  /** What the agent saw there, for what was removed. */
  readonly base?: Base;
  readonly spot?: Spot;
  readonly protected: boolean;
}

/** Whether nothing of the host's was moved into a new directory: only then it is one entry. */
export const isWhole = (view: ViewState, spot: Spot): boolean => isWholeBelow(view, spot.dirent.ino);

/** The same of the directory with this number. */
export function isWholeBelow(view: ViewState, ino: number): boolean {
  for (const below of spotsOf(view, ino, '', null, undefined)) {
    if (!isDirectorySpot(below)) continue;
    if (below.record?.lower !== '' || !isWholeBelow(view, below.dirent.ino)) return false;
  }
  return true;
}

/** Names that stay with the agent: masked, ignored, and its git directory. */
export function isPrivateName(
  view: ViewState,
  rules: IgnoreRules,
  directory: string,
  name: string,
  isDirectory: boolean,
): boolean {
  return (
    name === '.git' ||
    view.judge(directory, name, isDirectory).masked ||
    rules.isIgnored(`${directory}/${name}`, isDirectory)
  );
}

/** What a new directory holds, itself not included. */
export function madeBelow(view: ViewState, spot: Spot, rules: IgnoreRules): Below[] {
  const found: Below[] = [];
  for (const below of spotsOf(view, spot.dirent.ino, spot.path, null, undefined)) {
    if (below.record === null) continue;
    const directory = isDirectorySpot(below);
    if (isPrivateName(view, rules, spot.path, below.name, directory)) continue;
    const version = resultVersion(view, below.record);
    found.push({ path: below.path, version, spot: below, protected: isProtectedBelow(view, spot, below, version) });
    if (directory) found.push(...madeBelow(view, below, rules));
  }
  return found;
}

function isProtectedBelow(view: ViewState, directory: Spot, below: Spot, version: Version): boolean {
  return (
    view.judge(directory.path, below.name, isDirectorySpot(below)).protected ||
    isProtectedTree(view, below) ||
    isProtectedContent(view, below, version)
  );
}

/** What the agent saw in a directory of the host's that it removed. */
export function removedBelow(view: ViewState, spot: Spot, path = spot.path): Below[] {
  return removedIn(view, spot.dirent.removed, path);
}

function removedIn(view: ViewState, ino: number, path: string): Below[] {
  const found: Below[] = [];
  // One that is elsewhere by now was not removed.
  if (ino === 0 || view.readInode(ino) !== null) return found;
  for (const { key, value } of view.ledger.range('dirents', ...direntRange(ino))) {
    const dirent = decodeDirent(value);
    const name = direntName(key);
    if (dirent.base === undefined || dirent.base.version.type === 'absent') continue;
    const at = `${path}/${name}`;
    found.push(...removedIn(view, dirent.removed, at));
    const verdict = view.judge(path, name, dirent.base.version.type === 'directory');
    found.push({ path: at, version: dirent.base.version, base: dirent.base, protected: verdict.protected });
  }
  return found;
}

/** The owner as one word. */
export const ownerOf = ({ uid, gid }: InodeRecord): string => `${uid}:${gid}`;

/** Count (the directory included), a digest that binds all of it, and whether any of it is protected. */
export function summary(below: readonly Below[]): { count: number; tree: string; protected: boolean } {
  const hash = createHash('sha256');
  for (const { path, version, spot } of below) {
    const line = JSON.stringify([path, version, spot?.record ? ownerOf(spot.record) : '']);
    hash.update(`${Buffer.byteLength(line)} ${line}`);
  }
  return { count: below.length + 1, tree: hash.digest('hex'), protected: below.some((each) => each.protected) };
}
