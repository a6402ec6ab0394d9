// Operations on names: make, link, remove, rename, list.
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  linkat,
  mkdirat,
  mknodat,
  O_DIRECTORY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  readlinkat,
  renameat2,
  symlinkat,
  unlinkat,
} from '../../fs/host/syscall.ts';
import { nameOf, namesText, said, status } from './hands.ts';
import { type AnyKind, kind, UMASK } from './operation.ts';
import {
  demand,
  find,
  findFollowed,
  type Inode,
  link,
  MAY,
  make,
  type Place,
  type RenameHow,
  refuse,
  rename,
  rmdir,
  unlink,
} from './tree.ts';

const AT_SYMLINK_FOLLOW = 0x400;
const S_IFIFO = 0o010000;
const S_IFSOCK = 0o140000;
const OK = said('ok');
const HOWS: Readonly<Record<RenameHow, number>> = {
  replace: 0,
  noreplace: RENAME_NOREPLACE,
  exchange: RENAME_EXCHANGE,
};
const isDirectory = (inode: Inode) => inode.kind === 'directory';
const isNoDirectory = (inode: Inode) => inode.kind !== 'directory';

export const NAME_KINDS: Readonly<Record<string, AnyKind>> = {
  mkdir: kind<{ place: Place; mode: number }>({
    weight: 7,
    draft: (chooser) => ({ place: chooser.room(), mode: chooser.pick([0o777, 0o777, 0o700, 0o755, 0o2755]) }),
    expect: (tree, { place, mode }, { caller }) => {
      // mkdir(2) takes permission bits and the sticky bit only.
      make(tree, place, { kind: 'directory', mode: mode & 0o1777 & ~UMASK }, caller);
      return OK;
    },
    perform: (hands, { place, mode }) => status(mkdirat(hands.at(place), place.path, mode)),
  }),

  mknod: kind<{ place: Place; socket: boolean }>({
    weight: 1,
    draft: (chooser) => ({ place: chooser.room(), socket: chooser.chance(2) }),
    expect: (tree, { place, socket }, { caller }) => {
      make(tree, place, { kind: socket ? 'socket' : 'fifo', mode: 0o666 & ~UMASK }, caller);
      return OK;
    },
    perform: (hands, { place, socket }) =>
      status(mknodat(hands.at(place), place.path, (socket ? S_IFSOCK : S_IFIFO) | 0o666, 0)),
  }),

  symlink: kind<{ place: Place; target: string }>({
    weight: 3,
    draft: (chooser) => ({ place: chooser.room(), target: chooser.linkText() }),
    expect: (tree, { place, target }, { caller }) => {
      make(tree, place, { kind: 'link', mode: 0o777, target }, caller);
      return OK;
    },
    perform: (hands, { place, target }) => status(symlinkat(target, hands.at(place), place.path)),
  }),

  readlink: kind<{ place: Place }>({
    weight: 1,
    draft: (chooser) => ({ place: chooser.any(({ kind }) => kind === 'link') }),
    expect: (tree, { place }, { caller }) => {
      const inode = find(tree, place, caller);
      return inode.kind === 'link' ? said(inode.target) : refuse('EINVAL');
    },
    perform: (hands, { place }) => {
      const target = readlinkat(hands.at(place), place.path);
      return said(typeof target === 'number' ? nameOf(target) : target);
    },
  }),

  unlink: kind<{ place: Place }>({
    weight: 7,
    draft: (chooser) => ({ place: chooser.any(chooser.chance(10) ? undefined : isNoDirectory) }),
    expect: (tree, { place }, { caller }) => {
      unlink(tree, place, caller);
      return OK;
    },
    perform: (hands, { place }) => status(unlinkat(hands.at(place), place.path)),
  }),

  rmdir: kind<{ place: Place }>({
    weight: 5,
    draft: (chooser) => ({ place: chooser.any(chooser.chance(10) ? undefined : isDirectory) }),
    expect: (tree, { place }, { caller }) => {
      rmdir(tree, place, caller);
      return OK;
    },
    perform: (hands, { place }) => status(unlinkat(hands.at(place), place.path, AT_REMOVEDIR)),
  }),

  link: kind<{ from: Place; to: Place }>({
    weight: 5,
    draft: (chooser) =>
      chooser.features.hardLinks
        ? {
            from: chooser.any(chooser.chance(8) ? undefined : isNoDirectory),
            to: chooser.chance(6) ? chooser.any() : chooser.room(),
          }
        : undefined,
    expect: (tree, { from, to }, { caller }) => {
      link(tree, find(tree, from, caller), to, caller);
      return OK;
    },
    perform: (hands, { from, to }) => status(linkat(hands.at(from), from.path, hands.at(to), to.path)),
  }),

  // Gives an open file a name: the only way to keep one that was made without.
  linkOpen: kind<{ slot: number; to: Place }>({
    weight: 3,
    draft: (chooser) => {
      const nameless = chooser.slot(({ kind, nlink }) => kind === 'file' && nlink === 0);
      const any = chooser.features.hardLinks && chooser.chance(3) ? chooser.fileSlot() : undefined;
      const slot = nameless ?? any;
      return slot === undefined ? undefined : { slot, to: chooser.room() };
    },
    expect: (tree, { slot, to }, { caller }) => {
      const inode = tree.open.get(slot)?.description.inode ?? refuse('ENOENT');
      link(tree, inode, to, caller);
      return OK;
    },
    perform: (hands, { slot, to }) =>
      status(linkat(AT_FDCWD, `/proc/self/fd/${hands.fd(slot)}`, hands.at(to), to.path, AT_SYMLINK_FOLLOW)),
  }),

  rename: kind<{ from: Place; to: Place; how: RenameHow }>({
    weight: 15,
    draft: (chooser) => ({
      from: chooser.any(),
      to: chooser.chance(3) ? chooser.any() : chooser.fresh(),
      how: chooser.pick<RenameHow>(['replace', 'replace', 'replace', 'noreplace']),
    }),
    expect: (tree, { from, to, how }, { caller }) => {
      rename(tree, from, to, how, caller);
      return OK;
    },
    perform: (hands, { from, to, how }) =>
      status(renameat2(hands.at(from), from.path, hands.at(to), to.path, HOWS[how])),
  }),

  exchange: kind<{ from: Place; to: Place }>({
    weight: 3,
    draft: (chooser) => ({ from: chooser.any(), to: chooser.any() }),
    expect: (tree, { from, to }, { caller }) => {
      rename(tree, from, to, 'exchange', caller);
      return OK;
    },
    perform: (hands, { from, to }) =>
      status(renameat2(hands.at(from), from.path, hands.at(to), to.path, RENAME_EXCHANGE)),
  }),

  list: kind<{ place: Place }>({
    weight: 4,
    draft: (chooser) => ({ place: chooser.any(isDirectory) }),
    expect: (tree, { place }, { caller }) => {
      const inode = findFollowed(tree, place, caller);
      if (inode.kind !== 'directory') refuse('ENOTDIR');
      demand(inode, MAY.READ, caller);
      return said(listingOf(inode));
    },
    perform: (hands, { place }) =>
      hands.opened(place, O_DIRECTORY, (fd) => {
        const found = hands.list(fd);
        return said(typeof found === 'number' ? nameOf(found) : namesText(found));
      }),
  }),

  listOpen: kind<{ slot: number }>({
    weight: 3,
    draft: (chooser) => {
      const slot = chooser.slot(isDirectory);
      return slot === undefined ? undefined : { slot };
    },
    expect: (tree, { slot }) => {
      const inode = tree.open.get(slot)?.description.inode ?? refuse('EBADF');
      return inode.nlink === 0 ? refuse('ENOENT') : said(listingOf(inode));
    },
    perform: (hands, { slot }) => {
      const found = hands.list(hands.fd(slot));
      return said(typeof found === 'number' ? nameOf(found) : namesText(found));
    },
  }),
};

export const listingOf = (directory: Inode): string =>
  namesText([...directory.entries].map(([name, { kind }]) => ({ name, kind })));
