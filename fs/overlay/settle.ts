// After a commit or a rejection: the index follows the host, and the nodes follow the index.
//
// An approved object stays the same node with the same number; its entry goes, so later edits of the host show again.
// While somebody has it open for writing its staging file stays its content, on the new base.
import { sameVersion } from '../host/capture.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import { unlinkat } from '../host/syscall.ts';
import type { Base, Landed, Transaction } from '../journal/model.ts';
import { closeContent } from './content.ts';
import type { IndexRoot, Spot } from './indexTree.ts';
import { indexRoots, spotAt, spotsOf } from './indexTree.ts';
import type { Node } from './node.ts';
import { pathOf, S_IFDIR, S_IFMT } from './node.ts';
import type { Settled } from './plan.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT, direntKey, direntRange, encodeDirent, encodeInode, inodeKey } from './records.ts';
import type { ViewState } from './state.ts';
import { resultVersion } from './versions.ts';

/** Nodes by inode number, for those that a commit touched. */
export function nodesByIno(view: ViewState): Map<number, Node> {
  return new Map(Array.from(view.nodes.values(), (node) => [node.ino, node]));
}

/** Makes the index agree with what has landed; nothing that is on the host stays an agent's difference. */
export function settle(view: ViewState, settled: readonly Settled[], landed: readonly Landed[]): void {
  const nodes = nodesByIno(view);
  const results = new Map(landed.map((each) => [each.path, each]));
  const drop: number[] = [];
  view.ledger.transact((tx) => {
    for (const { spot, root, change, source } of settled) {
      const result = results.get(spot.path);
      const base: Base = baseFrom(result);
      if (change === 'removed') tx.remove('dirents', direntKey(spot.parentIno, spot.name));
      else if (((spot.record?.mode ?? 0) & S_IFMT) === S_IFDIR) settleDirectory(view, tx, spot, base, nodes);
      else settleFile(view, tx, spot, base, nodes, drop);
      if (source !== undefined) removeSource(view, tx, root, source);
    }
  });
  for (const id of drop) unlinkat(view.stagingFd, view.stagingName(id));
}

const baseFrom = (landed: Landed | undefined): Base =>
  landed === undefined
    ? { version: { type: 'absent' } }
    : landed.hint === undefined
      ? { version: landed.version }
      : { version: landed.version, hint: landed.hint };

/** A directory that has landed is merged with the host's from now on. */
function settleDirectory(view: ViewState, tx: Transaction, spot: Spot, base: Base, nodes: Map<number, Node>): void {
  const { record } = spot;
  if (record === null) return;
  const merged = { ...record, lower: spot.path };
  tx.put('inodes', inodeKey(record.ino), encodeInode(merged));
  tx.put('dirents', direntKey(spot.parentIno, spot.name), encodeDirent({ ...spot.dirent, base, removed: 0 }));
  const directory = follow(view, tx, record, spot, nodes);
  const node = nodes.get(record.ino);
  if (node === undefined) return;
  node.record = merged;
  node.lowerDirectory = directory;
  node.hostParent = directory.parent;
  node.hostName = directory.name;
}

/** The host directory that is at a landed path now; where it was moved there, what is below comes with it. */
function follow(
  view: ViewState,
  tx: Transaction,
  record: InodeRecord,
  spot: Spot,
  nodes: Map<number, Node>,
): HostDirectory {
  const there = view.host.at(spot.path);
  view.host.forget(there);
  if (record.lower === '' || record.lower === spot.path || there.parent === null) return there;
  const moved = view.host.at(record.lower);
  moved.moveTo(there.parent, there.name);
  rebase(view, tx, record.ino, `${record.lower}/`, `${spot.path}/`, nodes);
  return moved;
}

/** Records below a moved directory name their host objects by path: it has changed. */
export function rebase(
  view: ViewState,
  tx: Transaction,
  ino: number,
  from: string,
  to: string,
  nodes: Map<number, Node>,
): void {
  for (const { record } of [...spotsOf(view, ino, '', null, undefined)]) {
    if (record === null) continue;
    if (record.lower.startsWith(from)) {
      const rebased = { ...record, lower: to + record.lower.slice(from.length) };
      tx.put('inodes', inodeKey(record.ino), encodeInode(rebased));
      const node = nodes.get(record.ino);
      if (node?.record) node.record = rebased;
    }
    if ((record.mode & S_IFMT) === S_IFDIR) rebase(view, tx, record.ino, from, to, nodes);
  }
}

/** Files that landed while somebody had them open: their entries go with the last handle. */
const landedOpen = new WeakSet<Node>();

/** Called when nobody has a node open any more: if it still is what landed, its name is the host's again. */
export function settleIdle(view: ViewState, node: Node, isUnwritten: boolean): void {
  if (!landedOpen.delete(node) || node.orphan || node.record === null) return;
  const path = pathOf(node);
  const root = indexRoots(view, () => true).findLast((each) =>
    path.startsWith(each.path === '/' ? '/' : `${each.path}/`),
  );
  const spot = root === undefined ? undefined : spotAt(view, root, path);
  if (spot?.record?.ino !== node.ino || spot.record.nlink > 1 || spot.dirent.base === undefined) return;
  const { base } = spot.dirent;
  if (!isUnwritten && !sameVersion(resultVersion(view, spot.record), base.version)) return;
  const drop: number[] = [];
  view.ledger.transact((tx) => settleFile(view, tx, spot, base, new Map([[node.ino, node]]), drop));
  for (const id of drop) unlinkat(view.stagingFd, view.stagingName(id));
}

function settleFile(
  view: ViewState,
  tx: Transaction,
  spot: Spot,
  base: Base,
  nodes: Map<number, Node>,
  drop: number[],
): void {
  const { record } = spot;
  const parent = spot.lowerParent ?? parentOf(view, spot.path);
  if (record === null) return;
  const node = nodes.get(record.ino);
  const busy = node !== undefined && node.opens > 0;
  if (busy || record.nlink > 1 || view.host.stat(parent, spot.name, view.stat) < 0) {
    tx.put('dirents', direntKey(spot.parentIno, spot.name), encodeDirent({ ...spot.dirent, base }));
    if (busy) landedOpen.add(node);
    return;
  }
  const hostIno = view.hostIno();
  view.setOrigin(tx, hostIno, record.ino, view.birthTime());
  tx.remove('dirents', direntKey(spot.parentIno, spot.name));
  forgetInode(view, tx, record.ino);
  if (record.content === CONTENT.staging) drop.push(record.stagingId);
  if (node === undefined) return;
  node.record = null;
  node.hostIno = hostIno;
  node.hostParent = parent;
  node.hostName = spot.name;
  view.options.notifier.invalidateInode(node.id, -1, 0);
}

function parentOf(view: ViewState, path: string): HostDirectory {
  return view.host.at(path.slice(0, path.lastIndexOf('/')));
}

/** The name that a rename came from is absent on the host now: its whiteout has nothing to hide. */
function removeSource(view: ViewState, tx: Transaction, root: IndexRoot, path: string): void {
  const source = spotAt(view, root, path);
  if (source?.record === null) tx.remove('dirents', direntKey(source.parentIno, source.name));
}

export function forgetInode(view: ViewState, tx: Transaction, ino: number): void {
  tx.remove('inodes', inodeKey(ino));
  for (const { key } of [...view.ledger.range('xattrs', ...direntRange(ino))]) tx.remove('xattrs', key);
}

/** Gives a name back to the host: the agent's entry and everything only it leads to goes. */
export function dropSpot(view: ViewState, spot: Spot, nodes: Map<number, Node>): void {
  const staged: number[] = [];
  view.ledger.transact((tx) => {
    tx.remove('dirents', direntKey(spot.parentIno, spot.name));
    dropBelow(view, tx, spot, nodes, staged);
  });
  const parent = nodes.get(spot.parentIno);
  if (parent !== undefined) {
    parent.children.delete(spot.name);
    view.options.notifier.invalidateEntry(parent.id, spot.name);
    view.options.notifier.invalidateInode(parent.id, -1, 0);
  }
  for (const id of staged) unlinkat(view.stagingFd, view.stagingName(id));
}

function dropBelow(view: ViewState, tx: Transaction, spot: Spot, nodes: Map<number, Node>, staged: number[]): void {
  const { record } = spot;
  if (record === null) return;
  if ((record.mode & S_IFMT) === S_IFDIR) {
    for (const below of [...spotsOf(view, record.ino, spot.path, null, undefined)]) {
      tx.remove('dirents', direntKey(record.ino, below.name));
      dropBelow(view, tx, below, nodes, staged);
    }
  } else if (record.nlink > 1) {
    const fewer = { ...record, nlink: record.nlink - 1 };
    tx.put('inodes', inodeKey(record.ino), encodeInode(fewer));
    const node = nodes.get(record.ino);
    if (node !== undefined) node.record = fewer;
    return;
  }
  forgetInode(view, tx, record.ino);
  detach(view, nodes.get(record.ino), record.content === CONTENT.staging ? record.stagingId : 0, staged);
}

/** Those who have it open keep what they have; the name is the host's again. */
function detach(view: ViewState, node: Node | undefined, stagingId: number, staged: number[]): void {
  if (node === undefined || node.opens === 0) {
    if (stagingId !== 0) staged.push(stagingId);
    if (node !== undefined) closeContent(node);
  }
  if (node === undefined) return;
  node.orphan = true;
  if (node.record !== null) node.record = { ...node.record, nlink: 0 };
  view.files.delete(node.ino);
  view.options.notifier.invalidateInode(node.id, 0, 0);
}
