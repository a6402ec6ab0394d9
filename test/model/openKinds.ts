// Operations that open and close files: with every flag, without a name, twice.
import { fcntl, fdatasync, fsync, O_DIRECTORY, O_NOFOLLOW, O_TMPFILE_BIT, openat } from '../../fs/host/syscall.ts';
import { status } from './hands.ts';
import {
  described,
  isSpecial,
  mayRead,
  mayWrite,
  O_APPEND,
  O_RDWR,
  O_WRONLY,
  OK,
  setSize,
  settle,
} from './openFiles.ts';
import { type AnyKind, kind, UMASK } from './operation.ts';
import {
  type Caller,
  demand,
  findFollowed,
  followedSpot,
  type Inode,
  MAY,
  makeAt,
  type Place,
  refuse,
  type Spot,
  spotOf,
  type Tree,
  touch,
  unnamed,
} from './tree.ts';

const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_TRUNC = 0o1000;
const F_DUPFD_CLOEXEC = 1030;
const OPEN_FLAGS = [
  0,
  O_WRONLY,
  O_RDWR,
  O_RDWR,
  O_RDWR | O_APPEND,
  O_RDWR | O_TRUNC,
  O_WRONLY | O_APPEND,
  O_TRUNC,
  O_RDWR | O_CREAT,
  O_RDWR | O_CREAT,
  O_WRONLY | O_CREAT | O_TRUNC,
  O_RDWR | O_CREAT | O_EXCL,
  O_RDWR | O_CREAT | O_EXCL,
  O_RDWR | O_CREAT | O_APPEND,
  O_RDWR | O_NOFOLLOW,
];

function mayOpen(inode: Inode, flags: number, caller: Caller): void {
  if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) refuse('EEXIST');
  if ((flags & O_CREAT) !== 0 && inode.kind === 'directory') refuse('EISDIR');
  if ((flags & O_DIRECTORY) !== 0 && inode.kind !== 'directory') refuse('ENOTDIR');
  if (inode.kind === 'link') refuse('ELOOP');
  const writes = mayWrite(flags) || (flags & O_TRUNC) !== 0;
  if (writes && inode.kind === 'directory') refuse('EISDIR');
  if (mayRead(flags)) demand(inode, MAY.READ, caller);
  if (writes) demand(inode, MAY.WRITE, caller);
}

function spotToOpen(tree: Tree, place: Place, flags: number, caller: Caller): Spot {
  const stays = (flags & O_NOFOLLOW) !== 0 || (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL);
  return stays ? spotOf(tree, place, caller) : followedSpot(tree, place, caller);
}

export const OPEN_KINDS: Readonly<Record<string, AnyKind>> = {
  open: kind<{ place: Place; flags: number; mode: number; slot: number }>({
    weight: 16,
    draft: (chooser) => {
      if (!chooser.hasFreeSlot()) return undefined;
      const flags = chooser.chance(8) ? O_DIRECTORY : chooser.pick(OPEN_FLAGS);
      const wanted = (inode: Inode) => inode.kind === ((flags & O_DIRECTORY) !== 0 ? 'directory' : 'file');
      const place =
        (flags & O_CREAT) !== 0 && chooser.chance(2)
          ? chooser.room()
          : chooser.any(chooser.chance(8) ? undefined : wanted);
      if (isSpecial(chooser, place)) return undefined;
      return { place, flags, mode: chooser.pick([0o666, 0o600, 0o755]), slot: chooser.newSlot() };
    },
    expect: (tree, { place, flags, mode, slot }, { caller, actor }) => {
      const { parent, name, there } = spotToOpen(tree, place, flags, caller);
      if (there !== undefined) mayOpen(there, flags, caller);
      else if ((flags & O_CREAT) === 0) refuse('ENOENT');
      const inode = there ?? makeAt(tree, parent, name, { kind: 'file', mode: mode & ~UMASK }, caller);
      if (there !== undefined && (flags & O_TRUNC) !== 0) {
        setSize(tree, inode, 0, caller);
        touch(tree, inode);
      }
      tree.open.set(slot, { description: { inode, flags, offset: 0 }, actor });
      return OK;
    },
    perform: (hands, { place, flags, mode, slot }) =>
      hands.keep(slot, openat(hands.at(place), place.path, flags, mode)),
  }),

  tmpfile: kind<{ place: Place; flags: number; slot: number }>({
    weight: 3,
    draft: (chooser) => {
      if (!chooser.features.tmpfile || !chooser.hasFreeSlot()) return undefined;
      const place = chooser.any(({ kind }) => kind === 'directory');
      if (isSpecial(chooser, place)) return undefined;
      return { place, flags: O_RDWR | (chooser.chance(5) ? O_EXCL : 0), slot: chooser.newSlot() };
    },
    expect: (tree, { place, flags, slot }, { caller, actor }) => {
      const directory = findFollowed(tree, place, caller);
      if (directory.kind !== 'directory') refuse('ENOTDIR');
      demand(directory, MAY.WRITE | MAY.EXECUTE, caller);
      const inode = unnamed(tree, directory, { kind: 'file', mode: 0o640 }, caller);
      inode.nlink = 0;
      inode.linkable = (flags & O_EXCL) === 0;
      tree.open.set(slot, { description: { inode, flags, offset: 0 }, actor });
      return OK;
    },
    perform: (hands, { place, flags, slot }) =>
      hands.keep(slot, openat(hands.at(place), place.path, flags | O_TMPFILE_BIT | O_DIRECTORY, 0o640)),
  }),

  dup: kind<{ slot: number; copy: number }>({
    weight: 1,
    draft: (chooser) => {
      const slot = chooser.hasFreeSlot() ? chooser.slot(() => true) : undefined;
      return slot === undefined ? undefined : { slot, copy: chooser.newSlot() };
    },
    expect: (tree, { slot, copy }, { actor }) => {
      tree.open.set(copy, { description: described(tree, slot), actor });
      return OK;
    },
    perform: (hands, { slot, copy }) => hands.keep(copy, fcntl(hands.fd(slot), F_DUPFD_CLOEXEC, 0)),
  }),

  close: kind<{ slot: number }>({
    weight: 9,
    draft: (chooser) => {
      const slot = chooser.slot(() => true);
      return slot === undefined ? undefined : { slot };
    },
    expect: (tree, { slot }) => {
      tree.open.delete(slot);
      return OK;
    },
    perform: (hands, { slot }) => hands.close(slot),
  }),

  fsync: kind<{ slot: number; dataOnly: boolean }>({
    weight: 2,
    draft: (chooser) => {
      const slot = chooser.slot(() => true);
      return slot === undefined ? undefined : { slot, dataOnly: chooser.chance(2) };
    },
    expect: (tree, { slot }) => {
      settle(tree, described(tree, slot).inode);
      return OK;
    },
    perform: (hands, { slot, dataOnly }) => status((dataOnly ? fdatasync : fsync)(hands.fd(slot))),
  }),
};
