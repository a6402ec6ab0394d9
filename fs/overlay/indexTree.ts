// The agent's own entries as a tree, read from the index alone: no nodes, so a list costs nothing that a mount holds.
import type { Rule, RuleNode } from '../../policy/model.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import { S_IFDIR, S_IFMT } from './node.ts';
import type { DirentRecord, InodeRecord } from './records.ts';
import { decodeDirent, direntKey, direntName, direntRange } from './records.ts';
import type { ViewState } from './state.ts';

/** One entry of the agent's, and where the host's version of that name lies. */
export interface Spot {
  /** Absolute path in the view, and on the host. */
  readonly path: string;
  readonly parentIno: number;
  readonly name: string;
  readonly dirent: DirentRecord;
  /** Null for a whiteout. */
  readonly record: InodeRecord | null;
  /** The host directory the name would show through from; null where nothing does. */
  readonly lowerParent: HostDirectory | null;
}

/** A rule's root in the index. */
export interface IndexRoot {
  readonly path: string;
  readonly ino: number;
  readonly ruleNode: RuleNode;
  readonly lower: HostDirectory | null;
}

/**
 * The roots of all rules of the given modes that the agent ever changed something below, and the directories between
 * them that lead from one rule to another: no entry leads to either. What is nearer to `/` comes first.
 */
export function indexRoots(view: ViewState, wanted: (node: RuleNode) => boolean): IndexRoot[] {
  const roots: IndexRoot[] = [];
  const visit = (node: RuleNode, path: string, above: Rule | undefined) => {
    const rule = node.rule ?? above;
    if (rule !== undefined && wanted({ ...node, rule })) {
      const ino = view.numbers.knownRoot(path === '' ? '/' : path);
      if (ino !== undefined && view.readInode(ino) !== null)
        roots.push({ path, ino, ruleNode: node, lower: rule.empty ? null : view.host.at(path) });
    }
    for (const [name, below] of node.children) visit(below, `${path}/${name}`, rule);
  };
  visit(view.rules, '', undefined);
  return roots;
}

/** The entries of one directory in name order, without those that another rule owns. */
export function* spotsOf(
  view: ViewState,
  ino: number,
  path: string,
  lower: HostDirectory | null,
  ruleNode: RuleNode | undefined,
): Generator<Spot> {
  for (const { key, value } of view.ledger.range('dirents', ...direntRange(ino))) {
    const name = direntName(key);
    if (ruleNode?.children.get(name)?.rule !== undefined) continue;
    const dirent = decodeDirent(value);
    const record = dirent.whiteout ? null : view.readInode(dirent.ino);
    if (!dirent.whiteout && record === null) continue;
    yield { path: `${path}/${name}`, parentIno: ino, name, dirent, record, lowerParent: lower };
  }
}

export const isDirectorySpot = (spot: Spot): boolean => ((spot.record?.mode ?? 0) & S_IFMT) === S_IFDIR;

/** The host directory that shows through in a directory of the agent's. */
export const lowerOf = (view: ViewState, record: InodeRecord): HostDirectory | null =>
  record.lower === '' ? null : view.host.at(record.lower);

/** The entry at a path below a root, walking the index and then the host's names. */
export function spotAt(view: ViewState, root: IndexRoot, path: string): Spot | undefined {
  const names = path.slice(root.path.length + 1).split('/');
  let ino = root.ino;
  let lower = root.lower;
  let at = root.path;
  for (const [index, name] of names.entries()) {
    const bytes = view.ledger.get('dirents', direntKey(ino, name));
    if (bytes === undefined) return undefined;
    const dirent = decodeDirent(bytes);
    const record = dirent.whiteout ? null : view.readInode(dirent.ino);
    at = `${at}/${name}`;
    const spot = { path: at, parentIno: ino, name, dirent, record, lowerParent: lower };
    if (index === names.length - 1) return spot;
    if (record === null) return undefined;
    ino = dirent.ino;
    lower = lowerOf(view, record);
  }
  return undefined;
}

/** The row of a name by its path on the host, also where the agent has moved or removed a directory above it. */
export interface HostRow {
  readonly parentIno: number;
  readonly name: string;
  readonly dirent: DirentRecord;
}

export function rowOfHost(view: ViewState, root: IndexRoot, path: string): HostRow | undefined {
  const names = path.slice(root.path.length + 1).split('/');
  let ino = root.ino;
  let at = root.path;
  for (const [index, name] of names.entries()) {
    const bytes = view.ledger.get('dirents', direntKey(ino, name));
    if (bytes === undefined) return undefined;
    const dirent = decodeDirent(bytes);
    if (index === names.length - 1) return { parentIno: ino, name, dirent };
    at = `${at}/${name}`;
    const isHere = !dirent.whiteout && view.readInode(dirent.ino)?.lower === at;
    ino = isHere ? dirent.ino : dirent.removed;
    if (ino === 0) return undefined;
  }
  return undefined;
}
