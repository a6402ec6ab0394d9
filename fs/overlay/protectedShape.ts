// What is protected by its shape rather than its name: bare repositories, links that leave the workspace, a changed
// `scripts` section of package.json. Such changes run or reach further on the host than their names tell.
import { close, pread } from '../host/syscall.ts';
import type { Base, Version } from '../journal/model.ts';
import type { Spot } from './indexTree.ts';
import { spotsOf } from './indexTree.ts';
import type { ViewState } from './state.ts';
import { openContentOf } from './versions.ts';

const O_NONBLOCK = 0o4000;
const REPOSITORY_NAMES = ['HEAD', 'config', 'objects'];
/** A larger package.json is not parsed: any change of it is protected. */
const MANIFEST_BYTES_MAX = 1024 * 1024;

/** A directory, or the directory of a name, that git would take for a repository. */
export function isProtectedTree(view: ViewState, spot: Spot): boolean {
  const own = spot.record === null ? 0 : spot.dirent.ino;
  if (own !== 0 && holdsAll(view, own)) return true;
  return REPOSITORY_NAMES.includes(spot.name) && holdsAll(view, spot.parentIno);
}

function holdsAll(view: ViewState, ino: number): boolean {
  const names = new Set(Array.from(spotsOf(view, ino, '', null, undefined), (spot) => spot.name));
  return REPOSITORY_NAMES.every((name) => names.has(name));
}

export function isProtectedContent(
  view: ViewState,
  spot: Spot,
  _base: Base,
  result: Version,
  contentPath: string | undefined,
): boolean {
  if (result.type === 'symlink') return leavesWorkspace(view, spot.path, result.target);
  if (spot.name !== 'package.json' || contentPath === undefined) return false;
  const host = spot.lowerParent === null ? -1 : view.host.open(spot.lowerParent, spot.name, O_NONBLOCK);
  const staged = spot.record === null ? -1 : openContentOf(view, spot.record);
  return scriptsOf(readManifest(host)) !== scriptsOf(readManifest(staged));
}

/** Whether a link text, followed on the host, ends outside the rule's root that holds it. */
function leavesWorkspace(view: ViewState, path: string, target: string): boolean {
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
