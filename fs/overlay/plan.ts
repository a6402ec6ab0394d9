// From changes to the steps that bring the host there, with what is needed to make the agent's index follow.
import { ERRNO, errno, fail } from '../errno.ts';
import { AT_EMPTY_PATH, close, STATX, statx } from '../host/syscall.ts';
import type { Base, Change, Step, Version } from '../journal/model.ts';
import { seal } from '../store/blobs.ts';
import type { FoundChange } from './changes.ts';
import type { IgnoreRules } from './ignoreRules.ts';
import type { IndexRoot, Spot } from './indexTree.ts';
import { isDirectorySpot, spotAt } from './indexTree.ts';
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
}

/** One entry of the index that a commit makes agree with the host. */
export interface Settled {
  readonly spot: Spot;
  readonly root: IndexRoot;
  readonly change: 'made' | 'removed' | 'moved' | 'attributes';
  /** Where a moved one was, in the view. */
  readonly source?: string;
}

export interface PlanContext {
  readonly view: ViewState;
  readonly rules: IgnoreRules;
  /** Directory of sealed content. */
  readonly blobs: string;
}

/** Steps in an order that a host can follow: renames, removals, directories, content, attributes. */
export function planOf(context: PlanContext, changes: readonly FoundChange[]): Plan {
  const plan: Plan = { steps: [], parents: [], settled: [] };
  const named = new Set(changes.map(({ change }) => change.path));
  const order = (kind: Change['kind']) => (kind === 'rename' ? 0 : kind === 'delete' ? 1 : 2);
  const sorted = [...changes].sort(
    (a, b) => order(a.change.kind) - order(b.change.kind) || (a.change.path < b.change.path ? -1 : 1),
  );
  for (const found of sorted) addParents(context, plan, found, named);
  for (const found of sorted) addChange(context, plan, found);
  return plan;
}

/** The new directories above a change. */
function addParents(context: PlanContext, plan: Plan, { change, root }: FoundChange, named: Set<string>): void {
  const above: Spot[] = [];
  let path = change.path.slice(0, change.path.lastIndexOf('/'));
  for (; path.length > root.path.length && !named.has(path); path = path.slice(0, path.lastIndexOf('/'))) {
    const spot = spotAt(context.view, root, path);
    if (spot?.record?.lower !== '') continue;
    named.add(path);
    above.unshift(spot);
  }
  for (const spot of above) {
    plan.parents.push(spot.path);
    addDirectory(context, plan, spot, root);
  }
}

function addDirectory(context: PlanContext, plan: Plan, spot: Spot, root: IndexRoot): void {
  const { record } = spot;
  if (record === null) return;
  const version = resultVersion(context.view, record);
  if (version.type !== 'directory') return;
  const { mode, xattrs } = version;
  plan.steps.push({
    op: 'mkdir',
    path: spot.path,
    mode,
    uid: record.uid,
    gid: record.gid,
    ...(xattrs === undefined ? {} : { xattrs }),
  });
  plan.settled.push({ spot, root, change: 'made' });
}

function addChange(context: PlanContext, plan: Plan, found: FoundChange): void {
  const { change, spot, root } = found;
  if (change.kind === 'delete') return addRemoval(context, plan, found);
  if (change.kind === 'rename') {
    const source = change.source ?? fail('EINVAL');
    const base = sourceBase(context, root, source);
    plan.steps.push({ op: 'rename', path: change.path, source, base, targetBase: change.base });
    plan.settled.push({ spot, root, change: 'moved', source });
    return;
  }
  if (change.kind === 'mode' || change.kind === 'xattr') {
    const base = change.base;
    plan.steps.push({ op: 'attributes', path: change.path, base, result: withContentOf(base, change.result) });
    plan.settled.push({ spot, root, change: 'attributes' });
    return;
  }
  const clears =
    change.base.version.type === 'directory' || (isDirectorySpot(spot) && change.base.version.type !== 'absent');
  if (clears) addClearing(context, plan, found);
  if (isDirectorySpot(spot)) return addNewDirectory(context, plan, found);
  addObject(context, plan, spot, root, clears ? ABSENT : change.base, change.result);
}

/** What another kind of object takes the place of goes first. */
function addClearing(context: PlanContext, plan: Plan, { change, spot }: FoundChange): void {
  for (const below of removedBelow(context.view, spot))
    plan.steps.push({ op: 'delete', path: below.path, base: below.base ?? ABSENT });
  plan.steps.push({ op: 'delete', path: change.path, base: change.base });
}

/** An attribute change leaves the content: the result's is the base's. */
function withContentOf(base: Base, result: Version): Version {
  if (base.version.type !== 'file' || result.type !== 'file') return result;
  return { ...result, cid: base.version.cid, sizeBytes: base.version.sizeBytes };
}

/** What the name that a rename came from held, as its whiteout recorded it. */
function sourceBase(context: PlanContext, root: IndexRoot, source: string): Base {
  return spotAt(context.view, root, source)?.dirent.base ?? ABSENT;
}

/** A removed directory takes with it just what the agent saw and removed in it. */
function addRemoval(context: PlanContext, plan: Plan, found: FoundChange): void {
  addClearing(context, plan, found);
  plan.settled.push({ spot: found.spot, root: found.root, change: 'removed' });
}

function addNewDirectory(context: PlanContext, plan: Plan, { spot, root }: FoundChange): void {
  addDirectory(context, plan, spot, root);
  if (!isWhole(context.view, spot)) return;
  for (const below of madeBelow(context.view, spot, context.rules)) {
    if (below.spot === undefined) continue;
    if (below.version.type === 'directory') addDirectory(context, plan, below.spot, root);
    else addObject(context, plan, below.spot, root, ABSENT, below.version);
  }
}

function addObject(context: PlanContext, plan: Plan, spot: Spot, root: IndexRoot, base: Base, result: Version): void {
  const { record, path } = spot;
  if (record === null) return;
  const { uid, gid } = record;
  if (result.type === 'file') plan.steps.push({ ...sealedStep(context, record, base, result), path });
  else if (result.type === 'symlink') plan.steps.push({ op: 'symlink', path, base, target: result.target, uid, gid });
  else if (result.type === 'fifo') plan.steps.push({ op: 'mknod', path, mode: record.mode, uid, gid });
  else return;
  plan.settled.push({ spot, root, change: 'made' });
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
    return { op: 'file', base, result, sealed: sealed.path, uid, gid, mtimeNs: modificationTime(fd) };
  } finally {
    close(fd);
  }
}

const stat = Buffer.alloc(STATX.size_);
/** Decimal nanoseconds since 1970. */
export function modificationTime(fd: number): string {
  statx(fd, '', AT_EMPTY_PATH, stat);
  const nsec = stat.readUInt32LE(STATX.mtime + 8);
  return String(stat.readBigInt64LE(STATX.mtime) * 1_000_000_000n + BigInt(nsec));
}
