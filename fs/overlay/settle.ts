// After a commit or a rejection: the index follows the host, and the nodes follow the index.
//
// An approved object stays the same node with the same number; its entry goes, so later edits of the host show again.
// While somebody has it open for writing its staging file stays its content, on the new base.
import { sameVersion } from '../host/capture.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import { unlinkat } from '../host/syscall.ts';
import type { Base, Landed, Transaction } from '../journal/model.ts';
import type { HostRow, Spot } from './indexTree.ts';
import { indexRoots, rowOfHost, spotAt, spotsOf } from './indexTree.ts';
import type { Move } from './moves.ts';
import { afterMoves } from './moves.ts';
import type { Node } from './node.ts';
import { pathOf, S_IFDIR, S_IFMT } from './node.ts';
import type { Settled } from './plan.ts';
import {
  CONTENT,
  decodeDirent,
  decodeInode,
  direntKey,
  direntRange,
  encodeDirent,
  encodeInode,
  inodeKey,
} from './records.ts';
import { keepSetId } from './setIds.ts';
import type { ViewState } from './state.ts';
import { resultVersion } from './versions.ts';

/** Nodes by inode number, for those that a commit touched. */
export function nodesByIno(view: ViewState): Map<number, Node> {
  return new Map(Array.from(view.nodes.values(), (node) => [node.ino, node]));
}

/** Makes the index agree with what has landed; nothing that is on the host stays an agent's difference. */
export function settle(
  view: ViewState,
  settled: readonly Settled[],
  landed: readonly Landed[],
  moves: readonly Move[] = [],
): void {
  const nodes = nodesByIno(view);
  const results = new Map(landed.map((each) => [each.path, each]));
  const drop: number[] = [];
  // Where a name that was left is again the agent's or the host's is looked up before the index changes.
  const sources = settled.map(({ spot, root, change }) =>
    change === 'moved' ? rowOfHost(view, root, spot.record?.lower ?? '') : undefined,
  );
  for (const move of moves) moveOnHost(view, move);
  view.ledger.transact((tx) => {
    if (moves.length > 0) relocate(view, tx, moves, nodes);
    for (const { spot, change, place } of settled) {
      const base = baseAt(view, place, results.get(place));
      forgetRemoved(view, tx, spot.dirent.removed);
      if (change === 'removed') tx.remove('dirents', direntKey(spot.parentIno, spot.name));
      else if (((spot.record?.mode ?? 0) & S_IFMT) === S_IFDIR) settleDirectory(view, tx, spot, place, base, nodes);
      else settleFile(view, tx, spot, base, nodes, drop);
    }
    for (const source of sources) if (source !== undefined) leaveSource(view, tx, source);
  });
  for (const id of drop) unlinkat(view.stagingFd, view.stagingName(id));
}

/** The known directory follows its rename, with all that is known below it. */
function moveOnHost(view: ViewState, { source, path, isDirectory }: Move): void {
  if (!isDirectory) return;
  const there = view.host.at(path);
  view.host.forget(there);
  if (there.parent !== null) view.host.at(source).moveTo(there.parent, there.name);
}

/** Records name their host objects by path: renames have changed it for what was moved and all below. */
function relocate(view: ViewState, tx: Transaction, moves: readonly Move[], nodes: Map<number, Node>): void {
  for (const { key, value } of [...view.ledger.range('inodes', Buffer.alloc(1), undefined)]) {
    const record = decodeInode(Number(key.readBigUInt64BE(0)), value);
    const lower = afterMoves(moves, record.lower);
    if (record.lower === '' || lower === record.lower) continue;
    const node = nodes.get(record.ino);
    if (node?.record) node.record = { ...node.record, lower };
    tx.put('inodes', key, encodeInode({ ...record, lower }));
  }
}

/** What lies at a place now: as the commit saw it, or, where a step after it has moved it on, as it is. */
function baseAt(view: ViewState, place: string, landed: Landed | undefined): Base {
  if (landed === undefined) {
    const { parent, name } = view.host.at(place);
    return view.captureBase(parent, name, false);
  }
  return landed.hint === undefined ? { version: landed.version } : { version: landed.version, hint: landed.hint };
}

/** A directory that has landed is merged with the host's from now on. */
function settleDirectory(
  view: ViewState,
  tx: Transaction,
  spot: Spot,
  place: string,
  base: Base,
  nodes: Map<number, Node>,
): void {
  const { record } = spot;
  if (record === null) return;
  const merged = { ...record, lower: place };
  tx.put('inodes', inodeKey(record.ino), encodeInode(merged));
  tx.put('dirents', direntKey(spot.parentIno, spot.name), encodeDirent({ ...spot.dirent, base, removed: 0 }));
  const directory = view.host.at(place);
  if (record.lower === '') view.host.forget(directory);
  const node = nodes.get(record.ino);
  if (node === undefined) return;
  node.record = merged;
  node.lowerDirectory = directory;
  node.hostParent = directory.parent;
  node.hostName = directory.name;
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
  view.setOrigin(tx, record.ino, view.birthTime(), hostIno, { sec: record.btimeSec, nsec: record.btimeNsec });
  tx.remove('dirents', direntKey(spot.parentIno, spot.name));
  forgetInode(view, tx, record.ino);
  if (record.content === CONTENT.staging) drop.push(record.stagingId);
  if (node === undefined) return;
  view.idle.drop(node);
  node.servedIno = 0;
  node.record = null;
  node.hostIno = hostIno;
  node.hostParent = parent;
  node.hostName = spot.name;
  if (node.rule.mode === 'rw') keepSetId(view, node, record.mode);
  view.options.notifier.invalidateInode(node.id, -1, 0);
}

function parentOf(view: ViewState, path: string): HostDirectory {
  return view.host.at(path.slice(0, path.lastIndexOf('/')));
}

/** The name that a rename came from is absent on the host now: what the agent has there is new. */
function leaveSource(view: ViewState, tx: Transaction, { parentIno, name }: HostRow): void {
  const key = direntKey(parentIno, name);
  const bytes = view.ledger.get('dirents', key);
  if (bytes === undefined) return;
  const dirent = decodeDirent(bytes);
  if (dirent.whiteout) tx.remove('dirents', key);
  else if (dirent.base !== undefined)
    tx.put('dirents', key, encodeDirent({ ...dirent, base: { version: { type: 'absent' } }, removed: 0 }));
}

/** What the agent saw and removed in a directory that is no more. */
export function forgetRemoved(view: ViewState, tx: Transaction, ino: number): void {
  if (ino === 0 || view.readInode(ino) !== null) return;
  for (const { key, value } of [...view.ledger.range('dirents', ...direntRange(ino))]) {
    forgetRemoved(view, tx, decodeDirent(value).removed);
    tx.remove('dirents', key);
  }
}

export function forgetInode(view: ViewState, tx: Transaction, ino: number): void {
  tx.remove('inodes', inodeKey(ino));
  view.numbers.taken.delete(ino);
  for (const { key } of [...view.ledger.range('xattrs', ...direntRange(ino))]) tx.remove('xattrs', key);
}
