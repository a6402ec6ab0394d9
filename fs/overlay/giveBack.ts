// After a rejection, and at the end of a session: names go back to the host.
//
// - Everything that only a dropped entry leads to goes with it, but for directories of the host's that were moved
//   there: they go home, with what was changed in them.
// - A name whose host object the agent has elsewhere stays taken: nothing of the host's is ever shown twice.
// - Who has a dropped file open keeps what there is.
import { STATX, unlinkat } from '../host/syscall.ts';
import type { Transaction } from '../journal/model.ts';
import type { HostRow, IndexRoot, Spot } from './indexTree.ts';
import { isDirectorySpot, lowerOf, rowOfHost, spotsOf } from './indexTree.ts';
import type { Node } from './node.ts';
import { mayBeOpen, S_IFDIR, S_IFMT } from './node.ts';
import type { DirentRecord, InodeRecord } from './records.ts';
import {
  CONTENT,
  decodeDirent,
  decodeInode,
  direntKey,
  direntName,
  direntRange,
  encodeDirent,
  encodeInode,
  inodeKey,
} from './records.ts';
import { forgetInode, nodesByIno } from './settle.ts';
import type { ViewState } from './state.ts';

/** One run of giving back: what it looks up once, and what is done after it. */
export class GivingBack {
  readonly view: ViewState;
  readonly nodes: Map<number, Node>;
  /** False at the end of a session: all goes, and nothing returns to another name. */
  readonly isSelective: boolean;
  private readonly after: (() => void)[] = [];
  private lowers: Map<string, number> | undefined;
  private names: Map<number, number> | undefined;

  constructor(view: ViewState, isSelective: boolean) {
    this.view = view;
    this.isSelective = isSelective;
    this.nodes = nodesByIno(view);
  }

  /** The agent's file whose bytes are still those at a path of the host. */
  holderOf(path: string): number | undefined {
    if (this.lowers === undefined) {
      this.lowers = new Map();
      for (const { key, value } of this.view.ledger.range('inodes', Buffer.alloc(1), undefined)) {
        const record = decodeInode(Number(key.readBigUInt64BE(0)), value);
        if (record.content === CONTENT.lower) this.lowers.set(record.lower, record.ino);
      }
    }
    return this.lowers.get(path);
  }

  /** How many of the agent's entries lead to an inode. */
  namesOf(ino: number): number {
    if (this.names === undefined) {
      this.names = new Map();
      for (const { value } of this.view.ledger.range('dirents', Buffer.alloc(1), undefined)) {
        const { whiteout, ino: led } = decodeDirent(value);
        if (!whiteout) this.names.set(led, (this.names.get(led) ?? 0) + 1);
      }
    }
    return this.names.get(ino) ?? 0;
  }

  /** One entry that led to a file is gone; gives how many are left. */
  dropped({ ino, lower }: InodeRecord): number {
    const left = this.namesOf(ino) - 1;
    this.names?.set(ino, left);
    if (left <= 0 && this.lowers?.get(lower) === ino) this.lowers.delete(lower);
    return left;
  }

  /** What nodes and files follow with, once the index has changed for certain. */
  later(step: () => void): void {
    this.after.push(step);
  }

  end(): void {
    for (const step of this.after.splice(0)) step();
  }
}

/** Gives a name back to the host; a renamed directory goes home, and gets the host's attributes back. */
export function giveBack(back: GivingBack, root: IndexRoot, spot: Spot): void {
  const { view } = back;
  if (!isStillThere(view, spot)) return;
  // Counted before the first entry goes: a count within the mutation would miss the one that is going.
  back.namesOf(0);
  view.ledger.transact((tx) => {
    if (!goHome(back, tx, root, spot, true)) drop(back, tx, root, spot);
  });
  back.end();
}

/** What is given back together with a directory above is not given back twice. */
function isStillThere(view: ViewState, { parentIno, name, dirent }: Spot): boolean {
  const bytes = view.ledger.get('dirents', direntKey(parentIno, name));
  if (bytes === undefined) return false;
  const now = decodeDirent(bytes);
  return now.whiteout === dirent.whiteout && now.ino === dirent.ino;
}

/** A directory of the host's returns to its name, if that is still free. */
function goHome(back: GivingBack, tx: Transaction, root: IndexRoot, spot: Spot, isRejected = false): boolean {
  const { view } = back;
  const { record } = spot;
  if (
    !back.isSelective ||
    record === null ||
    !isDirectorySpot(spot) ||
    record.lower === '' ||
    record.lower === homeOf(spot)
  )
    return false;
  const row = rowOfHost(view, root, record.lower);
  if (row === undefined || !row.dirent.whiteout || view.readInode(row.parentIno) === null) return false;
  takeRow(back, tx, spot);
  tx.put('dirents', direntKey(row.parentIno, row.name), encodeDirent(pinned(view, record)));
  if (isRejected) resetAttributes(back, tx, record);
  back.later(() => followHome(back, spot, row));
  return true;
}

const pinned = (view: ViewState, record: InodeRecord): DirentRecord => ({
  whiteout: false,
  type: record.mode >> 12,
  ino: record.ino,
  base: undefined,
  removed: 0,
  changedAtMs: view.options.now(),
});

/** Where the host has what would show through at a spot's name. */
const homeOf = (spot: Spot): string => (spot.lowerParent === null ? '' : `${spot.lowerParent.path()}/${spot.name}`);

function followHome(back: GivingBack, spot: Spot, row: HostRow): void {
  const node = back.nodes.get(spot.record?.ino ?? 0);
  const from = back.nodes.get(row.parentIno);
  if (node !== undefined && node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
  if (node !== undefined && from !== undefined) {
    node.parent = from;
    node.name = row.name;
    from.children.set(row.name, node);
  }
  if (from !== undefined) back.view.options.notifier.invalidateEntry(from.id, row.name);
}

/** Mode, owner and attributes are the host's again. */
function resetAttributes(back: GivingBack, tx: Transaction, record: InodeRecord): void {
  const { view } = back;
  const reset = withHostAttributes(view, record);
  forgetInode(view, tx, record.ino);
  tx.put('inodes', inodeKey(record.ino), encodeInode(reset));
  view.numbers.taken.add(record.ino);
  back.later(() => {
    const node = back.nodes.get(record.ino);
    if (node !== undefined) node.record = reset;
  });
}

function withHostAttributes(view: ViewState, record: InodeRecord): InodeRecord {
  const lower = view.host.at(record.lower);
  if (lower.parent === null || view.host.stat(lower.parent, lower.name, view.stat) !== 0) return record;
  const { stat } = view;
  return {
    ...record,
    mode: stat.readUInt16LE(STATX.mode),
    uid: stat.readUInt32LE(STATX.uid),
    gid: stat.readUInt32LE(STATX.gid),
  };
}

function drop(back: GivingBack, tx: Transaction, root: IndexRoot, spot: Spot): void {
  takeRow(back, tx, spot);
  dropBelow(back, tx, root, spot);
  const { record } = spot;
  // A file that was only renamed is back at its name.
  if (
    !back.isSelective ||
    record === null ||
    record.content !== CONTENT.lower ||
    record.nlink > 1 ||
    record.lower === homeOf(spot)
  )
    return;
  const source = rowOfHost(back.view, root, record.lower);
  if (source?.dirent.whiteout) tx.remove('dirents', direntKey(source.parentIno, source.name));
}

/** The agent's entry goes; the name shows the host's, unless the agent has that elsewhere. */
function takeRow(back: GivingBack, tx: Transaction, spot: Spot): void {
  const { view } = back;
  const { dirent, parentIno, name } = spot;
  const home = homeOf(spot);
  const isElsewhere = back.isSelective && dirent.removed !== 0 && view.readInode(dirent.removed) !== null;
  const holder = spot.record === null || !back.isSelective ? undefined : back.holderOf(home);
  const key = direntKey(parentIno, name);
  if (isElsewhere || (holder !== undefined && holder !== spot.record?.ino))
    tx.put('dirents', key, encodeDirent({ ...dirent, whiteout: true, type: 0, ino: 0 }));
  else {
    tx.remove('dirents', key);
    if (dirent.removed !== 0) restore(back, tx, { parentIno, name, dirent }, home);
  }
  back.later(() => {
    const parent = back.nodes.get(parentIno);
    if (parent === undefined) return;
    parent.children.delete(name);
    view.options.notifier.invalidateEntry(parent.id, name);
    view.options.notifier.invalidateInode(parent.id, -1, 0);
  });
}

/**
 * A removed directory shows again. What the agent has moved out of it stays away: then its entries are the agent's.
 * Returns whether something has.
 */
function restore(back: GivingBack, tx: Transaction, row: HostRow, home: string): boolean {
  const { view } = back;
  const ino = row.dirent.removed;
  let isOwn = false;
  for (const { key, value } of [...view.ledger.range('dirents', ...direntRange(ino))]) {
    const dirent = decodeDirent(value);
    const name = direntName(key);
    const below = `${home}/${name}`;
    if (!back.isSelective) {
      tx.remove('dirents', key);
      continue;
    }
    const isElsewhere =
      dirent.removed === 0 ? back.holderOf(below) !== undefined : view.readInode(dirent.removed) !== null;
    if (isElsewhere) isOwn = true;
    else {
      tx.remove('dirents', key);
      if (dirent.removed !== 0 && restore(back, tx, { parentIno: ino, name, dirent }, below)) isOwn = true;
    }
  }
  if (!isOwn) return false;
  const record = withHostAttributes(view, newDirectory(ino, home));
  tx.put('inodes', inodeKey(ino), encodeInode(record));
  view.numbers.taken.add(ino);
  tx.put('dirents', direntKey(row.parentIno, row.name), encodeDirent(pinned(view, record)));
  return true;
}

const newDirectory = (ino: number, lower: string): InodeRecord => ({
  ino,
  mode: S_IFDIR | 0o755,
  uid: 0,
  gid: 0,
  nlink: 2,
  rdev: 0,
  content: CONTENT.none,
  stagingId: 0,
  atimeSec: 0,
  atimeNsec: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
  ctimeSec: 0,
  ctimeNsec: 0,
  btimeSec: 0,
  btimeNsec: 0,
  lower,
  target: '',
});

function dropBelow(back: GivingBack, tx: Transaction, root: IndexRoot, spot: Spot): void {
  const { view } = back;
  const { record } = spot;
  if (record === null) return;
  if (isDirectorySpot(spot)) {
    for (const below of [...spotsOf(view, record.ino, spot.path, lowerOf(view, record), undefined)])
      if (!goHome(back, tx, root, below)) drop(back, tx, root, below);
  } else {
    const left = record.nlink > 1 || back.isSelective ? back.dropped(record) : 0;
    if (record.nlink > 1 && left > 0) return fewerLinks(back, tx, record);
  }
  forgetInode(view, tx, record.ino);
  back.later(() => detach(back, record));
}

function fewerLinks(back: GivingBack, tx: Transaction, record: InodeRecord): void {
  const now = back.view.readInode(record.ino) ?? record;
  const fewer = { ...now, nlink: now.nlink - 1 };
  tx.put('inodes', inodeKey(record.ino), encodeInode(fewer));
  back.later(() => {
    const node = back.nodes.get(record.ino);
    if (node !== undefined) node.record = fewer;
  });
}

/** Those who have it open keep what they have; the name is the host's again. */
function detach(back: GivingBack, record: InodeRecord): void {
  const { view, nodes } = back;
  const node = nodes.get(record.ino);
  const stagingId = record.content === CONTENT.staging ? record.stagingId : 0;
  if (node === undefined || !mayBeOpen(node)) {
    if (stagingId !== 0) unlinkat(view.stagingFd, view.stagingName(stagingId));
    if (node !== undefined) view.idle.drop(node);
  }
  if (node === undefined) return;
  node.orphan = true;
  if (node.record !== null) node.record = { ...node.record, nlink: 0 };
  if ((node.type & S_IFMT) !== S_IFDIR && view.files.get(node.ino) === node) view.files.delete(node.ino);
  nodes.delete(record.ino);
  view.options.notifier.invalidateInode(node.id, 0, 0);
}
