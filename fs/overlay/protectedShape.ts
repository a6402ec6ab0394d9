// What is protected by its shape rather than its name: bare repositories, links that leave the workspace, a changed
// `scripts` section of package.json. Such changes run or reach further on the host than their names tell.
import { foldName } from '../../policy/nameAlias.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import { close, pread } from '../host/syscall.ts';
import type { Version } from '../journal/model.ts';
import type { Spot } from './indexTree.ts';
import { isDirectorySpot, lowerOf, spotsOf } from './indexTree.ts';
import type { ViewState } from './state.ts';
import { openContentOf } from './versions.ts';

const O_NONBLOCK = 0o4000;
const REPOSITORY_NAMES = ['HEAD', 'config', 'objects'];
/** What a package manager runs from. */
export const MANIFEST_NAME = 'package.json';
/** A larger package.json is not parsed: any change of it is protected. */
const MANIFEST_BYTES_MAX = 1024 * 1024;

/** A directory, or the directory of a name, that git would take for a repository. */
export function isProtectedTree(view: ViewState, spot: Spot): boolean {
  const { record } = spot;
  if (record !== null && isDirectorySpot(spot) && holdsAll(view, spot.dirent.ino, lowerOf(view, record))) return true;
  return REPOSITORY_NAMES.includes(spot.name) && holdsAll(view, spot.parentIno, spot.lowerParent);
}

/** The agent's names and the host's together: a repository that comes in several approvals is one in the end. */
function holdsAll(view: ViewState, ino: number, lower: HostDirectory | null): boolean {
  const own = new Map(Array.from(spotsOf(view, ino, '', null, undefined), (spot) => [spot.name, spot.record !== null]));
  return REPOSITORY_NAMES.every(
    (name) => own.get(name) ?? (lower !== null && view.host.stat(lower, name, view.stat) === 0),
  );
}

export function isProtectedContent(view: ViewState, spot: Spot, result: Version): boolean {
  if (result.type === 'symlink') return leads(view, spot) || leavesWorkspace(view, spot.path, result.target);
  if (foldName(spot.name) !== MANIFEST_NAME || result.type !== 'file') return false;
  const host = spot.lowerParent === null ? -1 : view.host.open(spot.lowerParent, spot.name, O_NONBLOCK);
  const staged = spot.record === null ? -1 : openContentOf(view, spot.record);
  return scriptsOf(readManifest(host)) !== scriptsOf(readManifest(staged));
}

/** A link in the place of a directory that holds protected names would give them to whatever it points to. */
const leads = (view: ViewState, { path, name }: Spot): boolean =>
  view.names.leads(path.slice(0, -(name.length + 1)), name);

/** Whether a link text, followed on the host, ends outside the rule's root that holds it. */
export function leavesWorkspace(view: ViewState, path: string, target: string): boolean {
  const names = target.startsWith('/') ? [] : path.split('/').slice(1, -1);
  for (const name of target.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') names.pop();
    else names.push(name);
  }
  let node = view.rules;
  let inside = node.rule?.mode === 'invisible';
  for (const name of names) {
    const next = node.children.get(name);
    if (next === undefined) return !inside;
    node = next;
    if (node.rule !== undefined) inside = node.rule.mode === 'invisible' || node.rule.mode === 'rw';
  }
  return !inside;
}

/** Reads and closes. */
function readManifest(fd: number): string | undefined {
  if (fd < 0) return undefined;
  const bytes = Buffer.alloc(MANIFEST_BYTES_MAX);
  const length = pread(fd, bytes, bytes.length, 0);
  close(fd);
  return length === bytes.length ? `too large to parse: ${fd}` : bytes.toString('utf8', 0, Math.max(0, length));
}

/** The scripts section as one text; what cannot be parsed stands for itself. */
function scriptsOf(text: string | undefined): string {
  if (text === undefined) return '';
  try {
    const scripts = (JSON.parse(text) as { scripts?: unknown } | null)?.scripts;
    return scripts === undefined ? '' : JSON.stringify(scripts);
  } catch {
    return text;
  }
}
