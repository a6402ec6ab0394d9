// Operations on a file's space: allocation, holes, copies within the file system, mappings.
import { copyFileRange, fallocate, lseek } from '../../fs/host/syscall.ts';
import { bytesText, said, status } from './hands.ts';
import { loadMapped, storeMapped } from './mapping.ts';
import {
  counted,
  described,
  endSetId,
  gave,
  isFile,
  markOf,
  mayRead,
  mayWrite,
  O_ACCMODE,
  O_APPEND,
  O_RDWR,
  OK,
  readAt,
  resize,
  slotToWrite,
  stamped,
  store,
} from './openFiles.ts';
import { type AnyKind, FILE_BYTES_MAX, kind } from './operation.ts';
import { type Inode, refuse, Unmodelled } from './tree.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const ZERO_RANGE = 16;

const zerosFrom = (bytes: Buffer, from: number, to: number): boolean => {
  for (let at = from; at < to; at += 1) if (bytes[at] !== 0) return false;
  return true;
};

/** A mapping is as long as the file was when it was drafted: beyond its end there is nothing to map. */
function demandSize(inode: Inode, sizeBytes: number): void {
  if (inode.content.length !== sizeBytes) throw new Unmodelled();
}

export const SPACE_KINDS: Readonly<Record<string, AnyKind>> = {
  fallocate: kind<{ slot: number; mode: number; offset: number; length: number }>({
    weight: 5,
    draft: (chooser) => {
      const slot = slotToWrite(chooser);
      const mode = chooser.pick([
        0,
        KEEP_SIZE,
        PUNCH_HOLE | KEEP_SIZE,
        PUNCH_HOLE | KEEP_SIZE,
        ZERO_RANGE,
        ZERO_RANGE | KEEP_SIZE,
      ]);
      return slot === undefined
        ? undefined
        : { slot, mode, offset: chooser.offset(chooser.sizeOf(slot) + 5000), length: chooser.length() };
    },
    expect: (tree, { slot, mode, offset, length }, { caller }) => {
      const { inode, flags } = described(tree, slot);
      if (!mayWrite(flags)) refuse('EBADF');
      const end = offset + length;
      if ((mode & KEEP_SIZE) === 0 && end > inode.content.length) resize(inode, end);
      if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0) {
        inode.content = Buffer.from(inode.content);
        inode.content.fill(0, Math.min(offset, inode.content.length), Math.min(end, inode.content.length));
      }
      endSetId(inode, caller);
      // What of this is a modification is the file system's to say.
      inode.mtime = null;
      return OK;
    },
    perform: (hands, { slot, mode, offset, length }) => status(fallocate(hands.fd(slot), mode, offset, length)),
  }),

  seekHole: kind<{ slot: number; offset: number; hole: boolean }>({
    weight: 4,
    draft: (chooser) => {
      const slot = chooser.fileSlot();
      if (slot === undefined) return undefined;
      return { slot, offset: chooser.offset(chooser.sizeOf(slot) + 10), hole: chooser.chance(2) };
    },
    expect: (tree, { slot, offset, hole }) => {
      const description = described(tree, slot);
      const { content } = description.inode;
      // Where a file system keeps holes is its own business; what it calls one must read as zeros.
      const accepts = (text: string) => {
        if (text === 'ENXIO') return offset >= content.length || (!hole && zerosFrom(content, offset, content.length));
        const found = Number(text);
        if (!(found >= offset) || offset >= content.length) return false;
        return hole ? found <= content.length : found < content.length && zerosFrom(content, offset, found);
      };
      description.offset = 0;
      return { text: hole ? 'a hole' : 'data', accepts };
    },
    perform: (hands, { slot, offset, hole }) => {
      const found = counted(lseek(hands.fd(slot), offset, hole ? SEEK_HOLE : SEEK_DATA));
      lseek(hands.fd(slot), 0, 0);
      return found;
    },
  }),

  copyRange: kind<{ slot: number; offset: number; target: number; targetOffset: number; length: number }>({
    weight: 3,
    draft: (chooser) => {
      const slot = chooser.fileSlot();
      const target = slotToWrite(chooser);
      if (slot === undefined || target === undefined) return undefined;
      const [offset, targetOffset] = [chooser.offset(chooser.sizeOf(slot) + 10), chooser.offset()];
      // In one file a copy that goes on after a short one would find what the first had added.
      const same = described(chooser.tree, slot).inode === described(chooser.tree, target).inode;
      const length = Math.min(chooser.length(), same ? chooser.sizeOf(slot) - offset : FILE_BYTES_MAX);
      if (length <= 0) return undefined;
      return { slot, offset, target, targetOffset, length };
    },
    expect: (tree, { slot, offset, target, targetOffset, length }, { caller }) => {
      const from = described(tree, slot);
      const to = described(tree, target);
      if (!mayRead(from.flags) || !mayWrite(to.flags) || (to.flags & O_APPEND) !== 0) refuse('EBADF');
      const bytes = Buffer.from(from.inode.content.subarray(offset, offset + length));
      if (from.inode === to.inode && offset + length > from.inode.content.length) throw new Unmodelled();
      const apart = offset + bytes.length <= targetOffset || targetOffset + bytes.length <= offset;
      if (from.inode === to.inode && bytes.length > 0 && !apart) refuse('EINVAL');
      if (bytes.length > 0) store(tree, to.inode, targetOffset, bytes, caller);
      else to.inode.mtime = null;
      return said(`${bytes.length}`);
    },
    perform: (hands, { slot, offset, target, targetOffset, length }) => {
      let done = 0;
      // A short count is an answer, too.
      for (;;) {
        const count = copyFileRange(
          hands.fd(slot),
          offset + done,
          hands.fd(target),
          targetOffset + done,
          length - done,
        );
        if (count < 0) return counted(count);
        done += count;
        if (count === 0 || done === length) return counted(done);
      }
    },
  }),

  mapStore: kind<{ slot: number; size: number; offset: number; length: number; stamp: string; sync: boolean }>({
    weight: 4,
    draft: (chooser) => {
      const slot = chooser.slot((inode, flags) => isFile(inode) && (flags & O_ACCMODE) === O_RDWR);
      const size = slot === undefined ? 0 : chooser.sizeOf(slot);
      if (slot === undefined || size === 0) return undefined;
      const offset = chooser.offset(size - 1);
      const length = Math.min(size - offset, chooser.length());
      return { slot, size, offset, length, stamp: markOf(chooser), sync: !chooser.chance(4) };
    },
    expect: (tree, { slot, size, offset, length, stamp, sync }, { caller }) => {
      const { inode } = described(tree, slot);
      demandSize(inode, size);
      const { mode } = inode;
      store(tree, inode, offset, stamped(stamp, length), caller);
      // A store is no write(2): set-id bits stay.
      inode.mode = mode;
      inode.unsynced = !sync;
      return said(`${length}`);
    },
    perform: (hands, { slot, size, offset, length, stamp, sync }) =>
      counted(storeMapped(hands.fd(slot), size, offset, stamped(stamp, length), sync)),
  }),

  mapLoad: kind<{ slot: number; size: number; offset: number; length: number }>({
    weight: 3,
    draft: (chooser) => {
      const slot = chooser.slot((inode, flags) => isFile(inode) && mayRead(flags));
      const size = slot === undefined ? 0 : chooser.sizeOf(slot);
      if (slot === undefined || size === 0) return undefined;
      const offset = chooser.offset(size - 1);
      return { slot, size, offset, length: Math.min(size - offset, chooser.length()) };
    },
    expect: (tree, { slot, size, offset, length }) => {
      demandSize(described(tree, slot).inode, size);
      return said(bytesText(readAt(described(tree, slot), offset, length)));
    },
    perform: (hands, { slot, size, offset, length }) => {
      const bytes = Buffer.alloc(length);
      return gave(loadMapped(hands.fd(slot), size, offset, bytes), bytes);
    },
  }),
};
