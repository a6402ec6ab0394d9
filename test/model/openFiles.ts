// Open files in the model: who may read and write through them, and what writing does to a file.
import type { Answer } from './hands.ts';
import { bytesText, nameOf, said, status } from './hands.ts';
import type { Chooser, Expected } from './operation.ts';
import {
  type Caller,
  type Description,
  EMPTY,
  findFollowed,
  type Inode,
  type Place,
  refuse,
  type Tree,
  touch,
} from './tree.ts';

export const OK = said('ok');
export const O_ACCMODE = 3;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_APPEND = 0o2000;

export const isFile = (inode: Inode): boolean => inode.kind === 'file';
export const mayRead = (flags: number): boolean => (flags & O_ACCMODE) !== O_WRONLY;
export const mayWrite = (flags: number): boolean => (flags & O_ACCMODE) !== 0;
const isWritable = (inode: Inode, flags: number) => isFile(inode) && mayWrite(flags);
export const described = (tree: Tree, slot: number): Description => tree.open.get(slot)?.description ?? refuse('EBADF');

/** Mostly what can be written to, sometimes what cannot. */
export const slotToWrite = (chooser: Chooser): number | undefined =>
  chooser.chance(15) ? chooser.fileSlot() : chooser.slot(isWritable);

/** Mostly a file, sometimes a directory. */
export const slotToRead = (chooser: Chooser): number | undefined =>
  chooser.chance(20) ? chooser.slot(() => true) : chooser.fileSlot();

/** The bytes that an operation writes tell which it was. */
export const stamped = (stamp: string, length: number): Buffer =>
  length === 0 ? EMPTY : Buffer.alloc(length, stamp, 'latin1');
export const markOf = (chooser: Chooser): string => `${chooser.actor}.${chooser.tree.changes.toString(36)};`;

export function resize(inode: Inode, sizeBytes: number): void {
  const { content } = inode;
  if (sizeBytes <= content.length) inode.content = content.subarray(0, sizeBytes);
  else inode.content = Buffer.concat([content, Buffer.alloc(sizeBytes - content.length)]);
}

/** Who is not root ends set-id bits by writing. */
export function endSetId(inode: Inode, caller: Caller): void {
  if (caller.uid === 0) return;
  inode.mode &= (inode.mode & 0o10) !== 0 ? ~0o6000 : ~0o4000;
}

export function store(tree: Tree, inode: Inode, offset: number, data: Buffer, caller: Caller): void {
  const grown = Buffer.alloc(Math.max(offset + data.length, inode.content.length));
  inode.content.copy(grown);
  data.copy(grown, offset);
  inode.content = grown;
  endSetId(inode, caller);
  touch(tree, inode);
}

export function setSize(tree: Tree, inode: Inode, sizeBytes: number, caller: Caller): void {
  const same = sizeBytes === inode.content.length;
  resize(inode, sizeBytes);
  endSetId(inode, caller);
  touch(tree, inode);
  // Whether a size that stays is a change is the file system's to say.
  if (same) inode.mtime = null;
}

/** What was stored through a mapping has reached the file system. */
export function settle(tree: Tree, inode: Inode): void {
  if (!inode.unsynced) return;
  inode.unsynced = false;
  touch(tree, inode);
}

/** A pipe or socket is not opened: it would wait, or be another thing. */
export function isSpecial(chooser: Chooser, place: Place): boolean {
  try {
    const { kind } = findFollowed(chooser.tree, place, { uid: 0, gid: 0 });
    return kind === 'fifo' || kind === 'socket';
  } catch {
    return false;
  }
}

export function readAt({ flags, inode }: Description, offset: number, length: number): Buffer {
  if (!mayRead(flags)) refuse('EBADF');
  if (inode.kind === 'directory') refuse('EISDIR');
  return inode.content.subarray(offset, offset + length);
}

export function writeAt(tree: Tree, slot: number, offset: number | 'here', data: Buffer, caller: Caller): Expected {
  const description = described(tree, slot);
  if (!mayWrite(description.flags)) refuse('EBADF');
  const { inode } = description;
  const appends = (description.flags & O_APPEND) !== 0;
  const start = appends ? inode.content.length : offset === 'here' ? description.offset : offset;
  store(tree, inode, start, data, caller);
  if (offset === 'here') description.offset = start + data.length;
  return said(`${data.length}`);
}

/** The bytes that a call filled, or its error. */
export const gave = (count: number, bytes: Buffer): Answer =>
  count < 0 ? status(count) : said(bytesText(bytes.subarray(0, count)));
/** A number, or the error. */
export const counted = (count: number): Answer => said(count < 0 ? nameOf(count) : `${count}`);
