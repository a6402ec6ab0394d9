// Operations on the bytes of open files: read, write, size.
import { ftruncate, lseek, pread, pwrite, read, write } from '../../fs/host/syscall.ts';
import { bytesText, said, status } from './hands.ts';
import { truncate } from './mapping.ts';
import {
  counted,
  described,
  gave,
  isFile,
  isSpecial,
  markOf,
  mayWrite,
  OK,
  readAt,
  setSize,
  slotToRead,
  slotToWrite,
  stamped,
  writeAt,
} from './openFiles.ts';
import { type AnyKind, FILE_BYTES_MAX, kind } from './operation.ts';
import { demand, findFollowed, MAY, type Place, refuse } from './tree.ts';

export const DATA_KINDS: Readonly<Record<string, AnyKind>> = {
  pread: kind<{ slot: number; offset: number; length: number }>({
    weight: 10,
    draft: (chooser) => {
      const slot = slotToRead(chooser);
      if (slot === undefined) return undefined;
      return { slot, offset: chooser.offset(chooser.sizeOf(slot) + 100), length: chooser.length() };
    },
    expect: (tree, { slot, offset, length }) => said(bytesText(readAt(described(tree, slot), offset, length))),
    perform: (hands, { slot, offset, length }) => {
      const bytes = Buffer.alloc(length);
      return gave(pread(hands.fd(slot), bytes, length, offset), bytes);
    },
  }),

  read: kind<{ slot: number; length: number }>({
    weight: 5,
    draft: (chooser) => {
      const slot = chooser.fileSlot();
      return slot === undefined ? undefined : { slot, length: chooser.length() };
    },
    expect: (tree, { slot, length }) => {
      const description = described(tree, slot);
      const bytes = readAt(description, description.offset, length);
      description.offset += bytes.length;
      return said(bytesText(bytes));
    },
    perform: (hands, { slot, length }) => {
      const bytes = Buffer.alloc(length);
      return gave(read(hands.fd(slot), bytes, length), bytes);
    },
  }),

  pwrite: kind<{ slot: number; offset: number; length: number; stamp: string }>({
    weight: 12,
    draft: (chooser) => {
      const slot = slotToWrite(chooser);
      if (slot === undefined) return undefined;
      const offset = chooser.offset(chooser.chance(4) ? FILE_BYTES_MAX : chooser.sizeOf(slot) + 10);
      return { slot, offset, length: chooser.length(), stamp: markOf(chooser) };
    },
    expect: (tree, { slot, offset, length, stamp }, { caller }) =>
      writeAt(tree, slot, offset, stamped(stamp, length), caller),
    perform: (hands, { slot, offset, length, stamp }) =>
      counted(pwrite(hands.fd(slot), stamped(stamp, length), length, offset)),
  }),

  write: kind<{ slot: number; length: number; stamp: string }>({
    weight: 8,
    draft: (chooser) => {
      const slot = slotToWrite(chooser);
      if (slot === undefined || chooser.sizeOf(slot) > FILE_BYTES_MAX) return undefined;
      return { slot, length: chooser.length(), stamp: markOf(chooser) };
    },
    expect: (tree, { slot, length, stamp }, { caller }) => writeAt(tree, slot, 'here', stamped(stamp, length), caller),
    perform: (hands, { slot, length, stamp }) => counted(write(hands.fd(slot), stamped(stamp, length), length)),
  }),

  seek: kind<{ slot: number; offset: number }>({
    weight: 2,
    draft: (chooser) => {
      const slot = chooser.fileSlot();
      return slot === undefined ? undefined : { slot, offset: chooser.offset(chooser.sizeOf(slot) + 10) };
    },
    expect: (tree, { slot, offset }) => {
      described(tree, slot).offset = offset;
      return said(`${offset}`);
    },
    perform: (hands, { slot, offset }) => counted(lseek(hands.fd(slot), offset, 0)),
  }),

  ftruncate: kind<{ slot: number; size: number }>({
    weight: 4,
    draft: (chooser) => {
      const slot = slotToWrite(chooser);
      return slot === undefined ? undefined : { slot, size: chooser.offset() };
    },
    expect: (tree, { slot, size }, { caller }) => {
      const { inode, flags } = described(tree, slot);
      if (!mayWrite(flags)) refuse('EINVAL');
      setSize(tree, inode, size, caller);
      return OK;
    },
    perform: (hands, { slot, size }) => status(ftruncate(hands.fd(slot), size)),
  }),

  truncate: kind<{ place: Place; size: number }>({
    weight: 3,
    draft: (chooser) => {
      const place = chooser.any(isFile);
      return isSpecial(chooser, place) ? undefined : { place, size: chooser.offset() };
    },
    expect: (tree, { place, size }, { caller }) => {
      const inode = findFollowed(tree, place, caller);
      if (inode.kind === 'directory') refuse('EISDIR');
      demand(inode, MAY.WRITE, caller);
      setSize(tree, inode, size, caller);
      return OK;
    },
    perform: (hands, { place, size }) => status(truncate(hands.pathOf(place), size)),
  }),
};
