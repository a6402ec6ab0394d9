// From changes to the steps that bring the host there, with what is needed to make the agent's index follow.
import { ERRNO, errno } from '../errno.ts';
import { sameVersion } from '../host/capture.ts';
import { AT_EMPTY_PATH, close, STATX, statx } from '../host/syscall.ts';
import type { Base, Change, Step, Version } from '../journal/model.ts';
import { seal } from '../store/blobs.ts';
import { isBlob } from './blobContent.ts';
import type { FoundChange } from './changes.ts';
import type { IgnoreRules } from './ignoreRules.ts';
import type { IndexRoot, Spot } from './indexTree.ts';
import { isDirectorySpot, spotAt } from './indexTree.ts';
import { emitMoves, isAtOrBelow, Moves } from './moves.ts';
import type { InodeRecord } from './records.ts';
import type { ViewState } from './state.ts';
import { isWhole, madeBelow, removedBelow } from './subtree.ts';
import { openContentOf, resultVersion } from './versions.ts';

const ABSENT: Base = { version: { type: 'absent' } };

export interface Plan {
  readonly steps: Step[];
  /** New directories that came along although nobody named them. */
  readonly parents: string[];
  /** What each path's entry becomes once it has landed. */
  readonly settled: Settled[];
  /** The renames, in their order. */
  readonly moves: Moves;
}

/** One entry of the index that a commit makes agree with the host. */
export interface Settled {
  readonly spot: Spot;
  readonly root: IndexRoot;
  readonly change: 'made' | 'removed' | 'moved' | 'attributes';
  /** Where it is on the host. */
  readonly place: string;
}

export interface PlanContext {
  readonly view: ViewState;
  readonly rules: IgnoreRules;
  /** Directory of sealed content. */
  readonly blobs: string;
}

interface Work extends Plan, PlanContext {
  readonly chosen: Set<string>;
  /** New directories that a step makes already. */
  readonly made: Set<string>;
}

/**
 * Steps in an order that a host can follow: renames (each after what it needs), removals, directories, content,
 * attributes. Paths are those on the host: below a directory whose rename is not approved, where that is still.
 */
export function planOf(context: PlanContext, changes: readonly FoundChange[]): Plan {
  const { view } = context;
  const work: Work = {
    ...context,
    steps: [],
    parents: [],
    settled: [],
    moves: new Moves(view),
    chosen: new Set(changes.map(({ change }) => change.path)),
    made: new Set(),
  };
  const sorted = [...changes].sort((a, b) => (a.change.path < b.change.path ? -1 : 1));
  const kind = (wanted: boolean, of: Change['kind']) => sorted.filter(({ change }) => (change.kind === of) === wanted);
  emitMoves(view, work.moves, kind(true, 'rename'), {
    makeParents: (found) => addParents(work, found),
    clear: (found, place) => addClearing(work, found.spot, place, found.change.base),
    emit: (step, found) => addMove(work, step, found),
  });
  for (const found of kind(true, 'delete')) addRemoval(work, found);
  for (const found of kind(false, 'rename')) if (found.change.kind !== 'delete') addChange(work, found);
  const { steps, parents, moves } = work;
  // What moved or was made early may have moved on since with the directory above it.
  const settled = work.settled.map((each) => ({ ...each, place: moves.placeOf(each.root, each.spot.path) }));
  return { steps, parents, settled, moves };
}

/** Directories that left a name to be cleared, but whose renames were not chosen: they go first, or along. */
export function blockers(
  all: readonly FoundChange[],
  chosen: readonly FoundChange[],
  { steps, moves }: Plan,
): { readonly path: string; readonly reason: string }[] {
  const named = new Set(chosen.map(({ change }) => change.path));
  const waiting = all.filter(({ change, spot }) => !named.has(change.path) && isMovedDirectory(change, spot));
  if (waiting.length === 0) return [];
  const cleared = steps.flatMap((step) =>
    step.op === 'delete' && step.base.version.type === 'directory' ? [step.path] : [],
  );
  return waiting.flatMap(({ change, spot }) => {
    const from = moves.current(spot.record?.lower ?? '');
    const path = cleared.find((each) => isAtOrBelow(from, each));
    return path === undefined
      ? []
      : [{ path, reason: `approve ${change.path}, which was moved away from there, with it` }];
  });
}

const isMovedDirectory = (change: Change, spot: Spot): boolean => change.kind === 'rename' && isDirectorySpot(spot);

/** The new directories above a change. */
function addParents(work: Work, { change, root }: FoundChange): void {
  const above: Spot[] = [];
  let path = change.path.slice(0, change.path.lastIndexOf('/'));
  for (; path.length > root.path.length; path = path.slice(0, path.lastIndexOf('/'))) {
    const spot = spotAt(work.view, root, path);
    if (spot?.record?.lower !== '') continue;
    above.unshift(spot);
  }
  for (const spot of above) {
    if (!work.made.has(spot.path) && !work.chosen.has(spot.path)) work.parents.push(spot.path);
    addDirectory(work, spot, root);
  }
}

/** Makes a new directory, once. */
function addDirectory(work: Work, spot: Spot, root: IndexRoot): void {
  const { record } = spot;
  if (record === null || work.made.has(spot.path)) return;
  const version = resultVersion(work.view, record);
  if (version.type !== 'directory') return;
  work.made.add(spot.path);
  const place = work.moves.placeOf(root, spot.path);
  const base = spot.dirent.base ?? ABSENT;
  if (base.version.type !== 'absent' && !work.moves.isVacated(place)) addClearing(work, spot, place, base);
  const { mode, xattrs } = version;
  const { uid, gid } = record;
  work.steps.push({ op: 'mkdir', path: place, mode, uid, gid, ...(xattrs === undefined ? {} : { xattrs }) });
  work.settled.push({ spot, root, change: 'made', place });
}

function addMove(work: Work, step: Step, { change, spot, root }: FoundChange): void {
  work.steps.push(step);
  work.settled.push({ spot, root, change: 'moved', place: step.path });
  if (step.op !== 'rename') return;
  const result = withContentOf(step.base, change.result);
  if (!sameVersion(step.base.version, result))
    work.steps.push({ op: 'attributes', path: step.path, base: step.base, result });
}

function addChange(work: Work, found: FoundChange): void {
  const { change, spot, root } = found;
  const place = work.moves.placeOf(root, change.path);
  if (change.kind === 'mode' || change.kind === 'xattr') {
    const base = change.base;
    work.steps.push({ op: 'attributes', path: place, base, result: withContentOf(base, change.result) });
    work.settled.push({ spot, root, change: 'attributes', place });
    return;
  }
  addParents(work, found);
  if (isDirectorySpot(spot)) return addNewDirectory(work, found);
  const isVacated = work.moves.isVacated(place);
  const clears = change.base.version.type === 'directory' && !isVacated;
  if (clears) addClearing(work, spot, place, change.base);
  addObject(work, spot, root, clears || isVacated ? ABSENT : change.base, change.result);
}

/** What another object takes the place of goes first: with a directory just what the agent saw and removed in it. */
function addClearing(work: Work, spot: Spot, place: string, base: Base): void {
  for (const below of removedBelow(work.view, spot, place))
    work.steps.push({ op: 'delete', path: below.path, base: below.base ?? ABSENT });
  work.steps.push({ op: 'delete', path: place, base });
}

/** An attribute change leaves the content: the result's is the base's. */
function withContentOf(base: Base, result: Version): Version {
  if (base.version.type !== 'file' || result.type !== 'file') return result;
  return { ...result, cid: base.version.cid, sizeBytes: base.version.sizeBytes };
}

function addRemoval(work: Work, { change, spot, root }: FoundChange): void {
  const place = work.moves.placeOf(root, change.path);
  addClearing(work, spot, place, change.base);
  work.settled.push({ spot, root, change: 'removed', place });
}

function addNewDirectory(work: Work, { spot, root }: FoundChange): void {
  addDirectory(work, spot, root);
  if (!isWhole(work.view, spot)) return;
  for (const below of madeBelow(work.view, spot, work.rules)) {
    if (below.spot === undefined) continue;
    if (below.version.type === 'directory') addDirectory(work, below.spot, root);
    else addObject(work, below.spot, root, ABSENT, below.version);
  }
}

function addObject(work: Work, spot: Spot, root: IndexRoot, base: Base, result: Version): void {
  const { record } = spot;
  if (record === null) return;
  const path = work.moves.placeOf(root, spot.path);
  const { uid, gid } = record;
  if (result.type === 'file') work.steps.push({ ...sealedStep(work, record, base, result), path });
  else if (result.type === 'symlink') work.steps.push({ op: 'symlink', path, base, target: result.target, uid, gid });
  else if (result.type === 'fifo') {
    if (base.version.type !== 'absent') addClearing(work, spot, path, base);
    work.steps.push({ op: 'mknod', path, mode: record.mode, uid, gid });
  } else return;
  work.settled.push({ spot, root, change: 'made', place: path });
}

/** Only the sealed copy lands, and only if it is what was reviewed. @throws ESTALE */
function sealedStep(
  context: PlanContext,
  record: InodeRecord,
  base: Base,
  result: Extract<Version, { type: 'file' }>,
): Omit<Extract<Step, { op: 'file' }>, 'path'> {
  const fd = openContentOf(context.view, record);
  if (fd < 0) throw errno(fd);
  try {
    const sealed = seal(fd, context.blobs);
    if (sealed.cid !== result.cid) throw errno(ERRNO.ESTALE);
    const { uid, gid } = record;
    return {
      op: 'file',
      base,
      result,
      sealed: sealed.path,
      uid,
      gid,
      mtimeNs: isBlob(record) ? recordTime(record) : modificationTime(fd),
    };
  } finally {
    close(fd);
  }
}

const recordTime = ({ mtimeSec, mtimeNsec }: InodeRecord): string =>
  String(BigInt(mtimeSec) * 1_000_000_000n + BigInt(mtimeNsec));

const stat = Buffer.alloc(STATX.size_);
/** Decimal nanoseconds since 1970. */
export function modificationTime(fd: number): string {
  statx(fd, '', AT_EMPTY_PATH, stat);
  const nsec = stat.readUInt32LE(STATX.mtime + 8);
  return String(stat.readBigInt64LE(STATX.mtime) * 1_000_000_000n + BigInt(nsec));
}
