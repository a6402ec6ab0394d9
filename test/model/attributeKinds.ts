// Operations on attributes: stat, mode, owner, times, extended attributes.
import {
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  futimens,
  lgetxattr,
  llistxattr,
  lremovexattr,
  lsetxattr,
  type Timespec,
  UTIME_NOW,
  UTIME_OMIT,
  utimensat,
} from '../../fs/host/syscall.ts';
import { attributesText, bytesText, nameOf, said, status } from './hands.ts';
import { type AnyKind, type Chooser, type Expected, kind } from './operation.ts';
import {
  type Caller,
  demand,
  find,
  findFollowed,
  type Inode,
  MAY,
  may,
  owns,
  type Place,
  refuse,
  type Tree,
  touch,
} from './tree.ts';

const OK = said('ok');
const ATTRIBUTES = ['user.a', 'user.note', 'user.long name'];
const VALUE_BYTES_MAX = 4096;
const KEEP_ID = 0xffff_ffff;
const SET_GID = 0o2000;
const GROUP_EXECUTE = 0o10;
const value = Buffer.alloc(VALUE_BYTES_MAX);
const FILE_MODES = [0o644, 0o600, 0o444, 0o755, 0o664, 0o200, 0o711];
const DIRECTORY_MODES = [0o755, 0o700, 0o711, 0o555, 0o775];
const SPECIAL_MODES = [0o4755, 0o2755, 0o6711, 0o1644, 0o2644];
const SPECIAL_DIRECTORY_MODES = [0o2755, 0o1755, 0o3775];
const IDS = [0, 1, 1000, 54_321];

const openInode = (tree: Tree, slot: number): Inode => tree.open.get(slot)?.description.inode ?? refuse('EBADF');

/** As stat tells of an object. */
export const lineOf = (inode: Inode): string =>
  attributesText(
    inode.kind,
    inode.mode,
    inode.uid,
    inode.gid,
    inode.nlink,
    inode.kind === 'link' ? inode.target.length : inode.content.length,
  );
const expectedOf = (inode: Inode): Expected => ({ text: lineOf(inode), inode });

function modeFor(chooser: Chooser, inode: Inode | undefined): number {
  const directory = inode?.kind === 'directory';
  const special = chooser.features.setId && chooser.chance(4);
  if (directory) return chooser.pick(special ? SPECIAL_DIRECTORY_MODES : DIRECTORY_MODES);
  return chooser.pick(special ? SPECIAL_MODES : FILE_MODES);
}

/** The model's own look, for what a draft depends on. */
function peek(chooser: Chooser, place: Place): Inode | undefined {
  try {
    return findFollowed(chooser.tree, place, chooser.context.caller);
  } catch {
    return undefined;
  }
}

function changeMode(inode: Inode, mode: number, caller: Caller): void {
  if (!owns(inode, caller)) refuse('EPERM');
  const strips = caller.uid !== 0 && caller.gid !== inode.gid;
  inode.mode = strips ? mode & ~SET_GID : mode;
}

/** A change of owner ends what set-id bits promised, also root's. */
function changeOwner(inode: Inode, uid: number, gid: number, caller: Caller): void {
  if (caller.uid !== 0) {
    if (uid !== KEEP_ID && (uid !== inode.uid || !owns(inode, caller))) refuse('EPERM');
    if (gid !== KEEP_ID && (!owns(inode, caller) || (gid !== caller.gid && gid !== inode.gid))) refuse('EPERM');
  }
  if (uid !== KEEP_ID) inode.uid = uid;
  if (gid !== KEEP_ID) inode.gid = gid;
  if (inode.kind !== 'directory') inode.mode &= (inode.mode & GROUP_EXECUTE) !== 0 ? ~0o6000 : ~0o4000;
}

interface Times {
  readonly atime: Timespec;
  readonly mtime: Timespec;
}

function timesFor(chooser: Chooser): Times {
  const now = { sec: 0, nsec: UTIME_NOW };
  if (chooser.chance(4)) return { atime: now, mtime: now };
  const exact = { sec: chooser.random(2_000_000_000), nsec: chooser.random(1_000_000_000) };
  return { atime: chooser.chance(2) ? { sec: 0, nsec: UTIME_OMIT } : exact, mtime: exact };
}

function changeTimes(tree: Tree, inode: Inode, { atime, mtime }: Times, caller: Caller): void {
  const isNow = atime.nsec === UTIME_NOW && mtime.nsec === UTIME_NOW;
  if (!owns(inode, caller)) {
    if (!isNow) refuse('EPERM');
    if (!may(inode, MAY.WRITE, caller)) refuse('EACCES');
  }
  if (isNow) touch(tree, inode);
  else inode.mtime = { ...mtime };
}

const hasUserAttributes = ({ kind }: Inode) => kind === 'file' || kind === 'directory';

export const ATTRIBUTE_KINDS: Readonly<Record<string, AnyKind>> = {
  stat: kind<{ place: Place }>({
    weight: 6,
    draft: (chooser) => ({ place: chooser.any() }),
    expect: (tree, { place }, { caller }) => expectedOf(find(tree, place, caller)),
    perform: (hands, { place }) => hands.statAt(place),
  }),

  fstat: kind<{ slot: number }>({
    weight: 5,
    draft: (chooser) => {
      const slot = chooser.slot(() => true);
      return slot === undefined ? undefined : { slot };
    },
    expect: (tree, { slot }) => expectedOf(openInode(tree, slot)),
    perform: (hands, { slot }) => hands.statSlot(slot),
  }),

  chmod: kind<{ place: Place; mode: number }>({
    weight: 4,
    draft: (chooser) => {
      const place = chooser.any();
      return { place, mode: modeFor(chooser, peek(chooser, place)) };
    },
    expect: (tree, { place, mode }, { caller }) => {
      changeMode(findFollowed(tree, place, caller), mode, caller);
      return OK;
    },
    perform: (hands, { place, mode }) => status(fchmodat(hands.at(place), place.path, mode)),
  }),

  fchmod: kind<{ slot: number; mode: number }>({
    weight: 2,
    draft: (chooser) => {
      const slot = chooser.slot(() => true);
      const inode = slot === undefined ? undefined : chooser.tree.open.get(slot)?.description.inode;
      return slot === undefined ? undefined : { slot, mode: modeFor(chooser, inode) };
    },
    expect: (tree, { slot, mode }, { caller }) => {
      changeMode(openInode(tree, slot), mode, caller);
      return OK;
    },
    perform: (hands, { slot, mode }) => status(fchmod(hands.fd(slot), mode)),
  }),

  chown: kind<{ place: Place; uid: number; gid: number }>({
    weight: 2,
    draft: (chooser) => ({
      place: chooser.any(),
      uid: chooser.chance(3) ? KEEP_ID : chooser.pick(IDS),
      gid: chooser.chance(3) ? KEEP_ID : chooser.pick(IDS),
    }),
    expect: (tree, { place, uid, gid }, { caller }) => {
      changeOwner(find(tree, place, caller), uid, gid, caller);
      return OK;
    },
    perform: (hands, { place, uid, gid }) => status(fchownat(hands.at(place), place.path, uid, gid)),
  }),

  fchown: kind<{ slot: number; gid: number }>({
    weight: 1,
    draft: (chooser) => {
      const slot = chooser.slot(() => true);
      return slot === undefined ? undefined : { slot, gid: chooser.pick([KEEP_ID, ...IDS]) };
    },
    expect: (tree, { slot, gid }, { caller }) => {
      changeOwner(openInode(tree, slot), KEEP_ID, gid, caller);
      return OK;
    },
    perform: (hands, { slot, gid }) => status(fchown(hands.fd(slot), KEEP_ID, gid)),
  }),

  utimens: kind<Times & { place: Place }>({
    weight: 3,
    draft: (chooser) => ({ place: chooser.any(), ...timesFor(chooser) }),
    expect: (tree, { place, ...times }, { caller }) => {
      changeTimes(tree, find(tree, place, caller), times, caller);
      return OK;
    },
    perform: (hands, { place, atime, mtime }) => status(utimensat(hands.at(place), place.path, atime, mtime)),
  }),

  futimens: kind<Times & { slot: number }>({
    weight: 2,
    draft: (chooser) => {
      const slot = chooser.slot(() => true);
      return slot === undefined ? undefined : { slot, ...timesFor(chooser) };
    },
    expect: (tree, { slot, ...times }, { caller }) => {
      changeTimes(tree, openInode(tree, slot), times, caller);
      return OK;
    },
    perform: (hands, { slot, atime, mtime }) => status(futimens(hands.fd(slot), atime, mtime)),
  }),

  setxattr: kind<{ place: Place; name: string; text: string; flags: number }>({
    weight: 4,
    draft: (chooser) => ({
      place: chooser.any(chooser.chance(6) ? undefined : hasUserAttributes),
      name: chooser.pick(ATTRIBUTES),
      text: 'value'.repeat(chooser.random(chooser.chance(8) ? 100 : 4)) + chooser.random(1000),
      flags: chooser.pick([0, 0, 0, 1, 2]),
    }),
    expect: (tree, { place, name, text, flags }, { caller }) => {
      const inode = find(tree, place, caller);
      if (!hasUserAttributes(inode)) refuse('EPERM');
      demand(inode, MAY.WRITE, caller);
      if (flags === 1 && inode.attributes.has(name)) refuse('EEXIST');
      if (flags === 2 && !inode.attributes.has(name)) refuse('ENODATA');
      inode.attributes.set(name, text);
      return OK;
    },
    perform: (hands, { place, name, text, flags }) =>
      status(lsetxattr(hands.pathOf(place), name, Buffer.from(text, 'latin1'), flags)),
  }),

  getxattr: kind<{ place: Place; name: string }>({
    weight: 2,
    draft: (chooser) => ({ place: chooser.any(), name: chooser.pick(ATTRIBUTES) }),
    expect: (tree, { place, name }, { caller }) => {
      const inode = find(tree, place, caller);
      if (!hasUserAttributes(inode)) refuse('ENODATA');
      demand(inode, MAY.READ, caller);
      return said(bytesText(Buffer.from(inode.attributes.get(name) ?? refuse('ENODATA'), 'latin1')));
    },
    perform: (hands, { place, name }) => {
      const length = lgetxattr(hands.pathOf(place), name, value);
      return length < 0 ? status(length) : said(bytesText(value.subarray(0, length)));
    },
  }),

  listxattr: kind<{ place: Place }>({
    weight: 1,
    draft: (chooser) => ({ place: chooser.any() }),
    expect: (tree, { place }, { caller }) => said([...find(tree, place, caller).attributes.keys()].sort().join('\n')),
    perform: (hands, { place }) => said(listedAttributes(hands.pathOf(place))),
  }),

  removexattr: kind<{ place: Place; name: string }>({
    weight: 1,
    draft: (chooser) => ({ place: chooser.any(hasUserAttributes), name: chooser.pick(ATTRIBUTES) }),
    expect: (tree, { place, name }, { caller }) => {
      const inode = find(tree, place, caller);
      if (!hasUserAttributes(inode)) refuse('EPERM');
      demand(inode, MAY.WRITE, caller);
      if (!inode.attributes.delete(name)) refuse('ENODATA');
      return OK;
    },
    perform: (hands, { place, name }) => status(lremovexattr(hands.pathOf(place), name)),
  }),
};

/** The user's own attributes, sorted, one a line; or the name of the error. What agentsh tells of itself is not the file's. */
export function listedAttributes(path: string): string {
  const length = llistxattr(path, value);
  if (length < 0) return nameOf(length);
  const names = value.toString('latin1', 0, length).split('\0');
  return names
    .filter((name) => name.startsWith('user.') && !name.startsWith('user.agentsh.'))
    .sort()
    .join('\n');
}
