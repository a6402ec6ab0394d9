// Net changes: how the agent's upper differs from the workspace now, one entry a path, a new or removed directory one
// entry for all that is in it. What returned to its base is no change.

import { sameVersion } from '../host/capture.ts';
import { landable } from '../journal/commitSite.ts';
import type { Change, ChangeKind, Version } from '../journal/model.ts';
import type { IgnoreRules } from './ignoreRules.ts';
import type { IndexRoot, Spot } from './indexTree.ts';
import { indexRoots, isDirectorySpot, lowerOf, rowOfHost, spotAt, spotsOf } from './indexTree.ts';
import { movedTree } from './movedTree.ts';
import { isProtectedContent, isProtectedTree } from './protectedShape.ts';
import { CONTENT } from './records.ts';
import type { ViewState } from './state.ts';
import { isPrivateName, isWhole, madeBelow, ownerOf, removedBelow, summary } from './subtree.ts';
import { contentPathOf, filledBase, hostVersion, resultVersion } from './versions.ts';

/** A change and where it is in the index. */
export interface FoundChange {
  readonly change: Change;
  readonly spot: Spot;
  readonly root: IndexRoot;
}

export interface Listing {
  readonly found: readonly FoundChange[];
  /** Paths that are ignored and private, one for each topmost one. */
  readonly ignored: readonly FoundChange[];
}

/** The change at one path that no listing names by itself: inside a new directory, or ignored. */
export function changeAtPath(view: ViewState, rules: IgnoreRules, path: string): FoundChange | undefined {
  for (const root of indexRoots(view, (node) => node.rule?.mode === 'invisible' || node.rule?.mode === 'rw')) {
    if (!path.startsWith(`${root.path}/`)) continue;
    const spot = spotAt(view, root, path);
    if (spot === undefined || isMasked(view, spot)) continue;
    const walk: Walk = { view, root, rules, found: [], ignored: [], renamed: new Set(), moves: movesBelow(view, root) };
    const change = changeAt(walk, spot);
    if (change !== null) return { change, spot, root };
  }
  return undefined;
}

/** A masked name never lands, by whatever word: the host's file behind it is what the agent may not see. */
function isMasked(view: ViewState, spot: Spot): boolean {
  return view.judge(spot.path.slice(0, -(spot.name.length + 1)), spot.name, isDirectorySpot(spot)).masked;
}

interface Walk {
  readonly view: ViewState;
  readonly root: IndexRoot;
  readonly rules: IgnoreRules;
  readonly found: FoundChange[];
  readonly ignored: FoundChange[];
  /** Paths in the view that a rename has emptied. */
  readonly renamed: Set<string>;
  /** Directories of the host that are elsewhere in the view. */
  readonly moves: readonly Move[];
}
interface Move {
  readonly from: string;
  readonly to: string;
}

/** All net changes below the invisible rules (and what a lost race left below `rw` ones), sorted by path. */
export function netChanges(view: ViewState, rules: IgnoreRules): Listing {
  const found: FoundChange[] = [];
  const ignored: FoundChange[] = [];
  for (const root of indexRoots(view, (node) => node.rule?.mode === 'invisible' || node.rule?.mode === 'rw')) {
    const walk: Walk = { view, root, rules, found, ignored, renamed: new Set(), moves: movesBelow(view, root) };
    descend(walk, root.ino, root.path, root.lower, root);
    const deletions = found.filter(({ change }) => !(change.kind === 'delete' && walk.renamed.has(change.path)));
    found.splice(0, found.length, ...deletions);
  }
  const byPath = (a: FoundChange, b: FoundChange) => (a.change.path < b.change.path ? -1 : 1);
  return { found: found.sort(byPath), ignored: ignored.sort(byPath) };
}

/** Every directory that is not where the host has it, the outer before the inner. */
function movesBelow(view: ViewState, root: IndexRoot): Move[] {
  const moves: Move[] = [];
  const visitBelow = (ino: number, path: string, lower: IndexRoot['lower']) => {
    for (const spot of spotsOf(view, ino, path, lower, undefined)) {
      if (spot.record === null || !isDirectorySpot(spot)) continue;
      if (spot.record.lower !== '' && spot.record.lower !== hostPathOf(spot))
        moves.push({ from: spot.record.lower, to: spot.path });
      visitBelow(spot.record.ino, spot.path, lowerOf(view, spot.record));
    }
  };
  visitBelow(root.ino, root.path, root.lower);
  return moves;
}

/** Where the host has what shows through at a spot's name: another path below a directory that was moved. */
const hostPathOf = (spot: Spot): string =>
  spot.lowerParent === null ? spot.path : `${spot.lowerParent.path()}/${spot.name}`;

/** The path in the view of a path on the host. */
function viewPathOf(walk: Walk, hostPath: string): string {
  const inner = walk.moves
    .filter(({ from }) => hostPath.startsWith(`${from}/`))
    .reduce<Move | undefined>(
      (best, move) => (best === undefined || move.from.length > best.from.length ? move : best),
      undefined,
    );
  return inner === undefined ? hostPath : inner.to + hostPath.slice(inner.from.length);
}

function descend(walk: Walk, ino: number, path: string, lower: IndexRoot['lower'], root?: IndexRoot): void {
  for (const spot of spotsOf(walk.view, ino, path, lower, root?.ruleNode)) visit(walk, spot);
}

function visit(walk: Walk, spot: Spot): void {
  if (spot.name === '.git') return;
  const change = changeAt(walk, spot);
  if (isPrivate(walk, spot) && !isMoved(spot)) {
    if (change !== null) walk.ignored.push({ change, spot, root: walk.root });
    return movedInto(walk, spot);
  }
  if (change !== null) {
    walk.found.push({ change, spot, root: walk.root });
    if (change.source !== undefined) walk.renamed.add(change.source);
  }
  const record = spot.record;
  if (record === null || !isDirectorySpot(spot) || (record.lower === '' && isWhole(walk.view, spot))) return;
  descend(walk, record.ino, spot.path, lowerOf(walk.view, record));
}

const isMoved = (spot: Spot): boolean =>
  isDirectorySpot(spot) && spot.record?.lower !== '' && spot.record?.lower !== hostPathOf(spot);

/** A directory of the host's that was moved below a private name has left its place: that is reviewed. */
function movedInto(walk: Walk, spot: Spot): void {
  const { record } = spot;
  if (record === null || !isDirectorySpot(spot)) return;
  for (const below of spotsOf(walk.view, record.ino, spot.path, lowerOf(walk.view, record), undefined)) {
    if (isMoved(below)) visit(walk, below);
    else movedInto(walk, below);
  }
}

/** Masked names and ignored paths stay with the agent. */
function isPrivate(walk: Walk, spot: Spot): boolean {
  const directory = spot.path.slice(0, -(spot.name.length + 1));
  const isDirectory = isDirectorySpot(spot) || spot.dirent.base?.version.type === 'directory';
  return isPrivateName(walk.view, walk.rules, directory, spot.name, isDirectory);
}

function changeAt(walk: Walk, spot: Spot): Change | null {
  if (spot.record === null) return deletion(walk, spot);
  return isDirectorySpot(spot) ? directoryChange(walk, spot) : fileChange(walk, spot);
}

function deletion(walk: Walk, spot: Spot): Change | null {
  const { view } = walk;
  const host = hostVersion(view, spot);
  if (host.type === 'absent') return null;
  const base = filledBase(view, spot);
  const below = spot.dirent.removed === 0 ? { count: 1 } : summary(removedBelow(view, spot));
  return finish(view, spot, 'delete', base, { type: 'absent' }, below);
}

const isThrough = ({ root }: Walk): boolean => root.ruleNode.rule?.mode === 'rw';

function directoryChange(walk: Walk, spot: Spot): Change | null {
  const { view } = walk;
  const record = spot.record;
  // Under `rw` a directory has a record only to lead to what waits below.
  if (record === null || isThrough(walk)) return null;
  const result = resultVersion(view, record);
  const base = filledBase(view, spot);
  if (record.lower === '') {
    const below = isWhole(view, spot) ? summary(madeBelow(view, spot, walk.rules)) : { count: 1 };
    return finish(view, spot, 'create', base, result, below);
  }
  if (record.lower !== hostPathOf(spot))
    return finish(view, spot, 'rename', base, result, { count: 1 }, viewPathOf(walk, record.lower));
  return attributeChange(view, spot, result);
}

/** Mode and attributes of what stays in place. */
function attributeChange(view: ViewState, spot: Spot, result: Version): Change | null {
  const host = hostVersion(view, spot);
  if (sameVersion(host, result)) return null;
  if (host.type === 'absent') return finish(view, spot, 'create', filledBase(view, spot), result, { count: 1 });
  const base = filledBase(view, spot);
  const modes = 'mode' in host && 'mode' in result && host.mode !== result.mode;
  return finish(view, spot, modes ? 'mode' : 'xattr', base, result, { count: 1 });
}

function fileChange(walk: Walk, spot: Spot): Change | null {
  const { view } = walk;
  const record = spot.record;
  if (record === null) return null;
  const own = resultVersion(view, record);
  // Under `rw` the set-id bits are the view's alone: they wait for nothing.
  const result = isThrough(walk) ? landable(own) : own;
  const base = filledBase(view, spot);
  if (record.content === CONTENT.lower && record.lower === hostPathOf(spot)) {
    const host = hostVersion(view, spot);
    if (result.type !== 'file' || host.type !== 'file') return null;
    return attributeChange(view, spot, { ...result, cid: '', sizeBytes: host.sizeBytes });
  }
  const source = viewPathOf(walk, record.lower);
  if (record.content === CONTENT.lower && isGone(walk, record.lower) && record.nlink <= 1)
    return finish(view, spot, 'rename', base, result, { count: 1 }, source);
  if (sameVersion(base.version, result)) return null;
  const host = hostVersion(view, spot, result);
  if (sameVersion(host, result)) return null;
  return finish(
    view,
    spot,
    host.type === 'absent' && base.version.type === 'absent' ? 'create' : 'modify',
    base,
    result,
    { count: 1 },
  );
}

/** Whether the agent has taken the name on the host that a file came from. */
function isGone({ view, root }: Walk, path: string): boolean {
  return path.startsWith(`${root.path}/`) && rowOfHost(view, root, path)?.dirent.whiteout === true;
}

/** A rename takes a protected name away, or brings a directory to where what is in it means more. */
function isProtectedMove(view: ViewState, spot: Spot, source: string): boolean {
  const slash = source.lastIndexOf('/');
  const isDirectory = isDirectorySpot(spot);
  if (view.judge(source.slice(0, slash), source.slice(slash + 1), isDirectory).protected) return true;
  if (!isDirectory) return false;
  const { uncovers, protects } = movedTree(view, view.host.at(source), source, spot.path);
  return uncovers || protects;
}

interface Below {
  readonly count: number;
  readonly tree?: string;
  readonly protected?: boolean;
}

function finish(
  view: ViewState,
  spot: Spot,
  kind: ChangeKind,
  base: Change['base'],
  result: Version,
  below: Below,
  source?: string,
): Change {
  const directory = spot.path.slice(0, -(spot.name.length + 1));
  const contentPath = contentPathOf(view, spot.record);
  const named = view.judge(directory, spot.name, isDirectorySpot(spot)).protected;
  const isProtected =
    named ||
    below.protected === true ||
    isProtectedTree(view, spot) ||
    isProtectedContent(view, spot, result) ||
    (source !== undefined && isProtectedMove(view, spot, source));
  return {
    kind,
    path: spot.path,
    ...(source === undefined ? {} : { source }),
    base,
    result,
    ...(spot.record === null ? {} : { owner: ownerOf(spot.record) }),
    count: below.count,
    protected: isProtected,
    ...(below.tree === undefined ? {} : { tree: below.tree }),
    changedAtMs: spot.dirent.changedAtMs,
    ...(contentPath === undefined ? {} : { contentPath }),
  };
}
