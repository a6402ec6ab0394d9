// What a directory of the host's would mean under another path, looked at name by name before it moves there.
//
// Patterns go by path: moving a directory could bring to light what they hide in it, or make ordinary files into what
// later runs on the host (`github/workflows` as `.github`). The look is bounded; what is too large counts as both.
import { foldName } from '../../policy/nameAlias.ts';
import type { HostDirectory, HostName } from '../host/hostTree.ts';
import { isReservedName } from '../host/reserved.ts';
import { S_IFDIR, S_IFLNK, S_IFREG } from './node.ts';
import { leavesWorkspace, MANIFEST_NAME } from './protectedShape.ts';
import { isHiddenIn } from './resolve.ts';
import type { ViewState } from './state.ts';

/** Names looked at in one directory that moves. */
const NAMES_MAX = 32_768;

export interface Moved {
  /** Something in it is hidden or masked where it is, and would not be where it goes. */
  readonly uncovers: boolean;
  /** Something in it is protected in one of the two places. */
  readonly protects: boolean;
}

interface Look {
  readonly view: ViewState;
  left: number;
  uncovers: boolean;
  protects: boolean;
}

/** @param from where the host has it now; `to` where it would be (absolute paths) */
export function movedTree(view: ViewState, directory: HostDirectory, from: string, to: string): Moved {
  const look: Look = { view, left: NAMES_MAX, uncovers: false, protects: false };
  lookInto(look, directory, from, to);
  return look.left > 0 ? look : { uncovers: true, protects: true };
}

function lookInto(look: Look, directory: HostDirectory, from: string, to: string): void {
  const listed = look.view.host.list(directory);
  if (typeof listed === 'number') return;
  for (const entry of listed) {
    if (--look.left <= 0 || (look.uncovers && look.protects)) return;
    if (!isReservedName(entry.name)) lookAt(look, directory, entry, from, to);
  }
}

function lookAt(look: Look, directory: HostDirectory, { name, type }: HostName, from: string, to: string): void {
  const { view } = look;
  const kind = type << 12;
  const isDirectory = kind === S_IFDIR;
  const hidden = isHiddenIn(view, from, directory, name, isDirectory, kind === S_IFREG);
  const stays = isHiddenIn(view, to, null, name, isDirectory) || isKeyName(view, to, name, isDirectory);
  if (hidden && !stays) look.uncovers = true;
  if (hidden && stays) return;
  look.protects ||= view.judge(from, name, isDirectory).protected || view.judge(to, name, isDirectory).protected;
  look.protects ||= foldName(name) === MANIFEST_NAME;
  if (kind === S_IFLNK) look.protects ||= linkLeaves(view, directory, name, `${to}/${name}`);
  if (isDirectory) lookInto(look, directory.child(name), `${from}/${name}`, `${to}/${name}`);
}

const isKeyName = (view: ViewState, directory: string, name: string, isDirectory: boolean): boolean =>
  view.judge(directory, name, isDirectory).hiddenIfPrivateKey;

function linkLeaves(view: ViewState, directory: HostDirectory, name: string, path: string): boolean {
  const target = view.host.readlink(directory, name);
  return typeof target === 'string' && leavesWorkspace(view, path, target);
}
