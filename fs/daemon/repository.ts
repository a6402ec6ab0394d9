// Finds the git repository around a directory by walking up, and reads which paths it tracks. Never runs git.
//
// Only a repository of the user's own counts, as in git itself: a `.git` that somebody else planted in a parent
// directory must not widen a workspace.
import { lstatSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type GitIndex, INDEX_BYTES_MAX, mergeShared, parseGitIndex } from '../host/gitIndex.ts';
import { native, realPath } from './bytePath.ts';

export interface Repository {
  /** Root of the work tree. Paths here are byte strings. */
  readonly root: string;
  /** The repository's own directory: `.git`, or where a linked worktree's or submodule's `.git` file leads. */
  readonly gitDirectory: string;
  /** The shared one: differs from `gitDirectory` in a linked worktree. */
  readonly commonDirectory: string;
}

const WALK_DEPTH_MAX = 256;
const POINTER_BYTES_MAX = 8192;
const CONFIG_BYTES_MAX = 1024 * 1024;

/** The innermost repository at or above `directory` (absolute, real) that belongs to one of `owners`. */
export function findRepository(directory: string, owners: ReadonlySet<number>): Repository | undefined {
  let root = directory;
  for (let depth = 0; depth < WALK_DEPTH_MAX; depth++) {
    const found = repositoryAt(root, owners);
    if (found !== undefined) return found;
    const parent = path.dirname(root);
    if (parent === root) return undefined;
    root = parent;
  }
  return undefined;
}

function repositoryAt(root: string, owners: ReadonlySet<number>): Repository | undefined {
  try {
    const entry = path.join(root, '.git');
    const found = lstatSync(native(entry));
    if (!owners.has(found.uid)) return undefined;
    const pointed = found.isDirectory() ? entry : pointedAt(entry, root, 'gitdir: ');
    if (pointed === undefined || !statSync(native(path.join(pointed, 'HEAD'))).isFile()) return undefined;
    const gitDirectory = realPath(pointed);
    const commonDirectory = realPath(pointedAt(path.join(pointed, 'commondir'), pointed, '') ?? pointed);
    const repository = { root, gitDirectory, commonDirectory };
    return belongsTogether(repository) ? repository : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the directories of a repository say the same of each other. The pointers lie in the work tree, where an
 * agent or an unpacked archive may have written them, and what they name is shown to the agent: so a directory
 * elsewhere counts only if it points back, and a shared one only if it holds the other as git puts it there.
 */
function belongsTogether({ root, gitDirectory, commonDirectory }: Repository): boolean {
  if (commonDirectory !== gitDirectory && path.dirname(path.dirname(gitDirectory)) !== commonDirectory) return false;
  if (commonDirectory !== gitDirectory && path.basename(path.dirname(gitDirectory)) !== 'worktrees') return false;
  if (isWithin(gitDirectory, root)) return true;
  const back = pointedAt(path.join(gitDirectory, 'gitdir'), gitDirectory, '') ?? workTreeOf(gitDirectory);
  return back !== undefined && [root, path.join(root, '.git')].includes(realPath(back));
}

const isWithin = (place: string, root: string): boolean => `${place}/`.startsWith(root === '/' ? '/' : `${root}/`);

/** `core.worktree`, as a submodule's repository has it. */
function workTreeOf(gitDirectory: string): string | undefined {
  const file = path.join(gitDirectory, 'config');
  const found = lstatSync(native(file), { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || found.size > CONFIG_BYTES_MAX) return undefined;
  const line = /^\s*worktree\s*=\s*(\S[^\n]*?)\s*$/im.exec(readFileSync(native(file), 'latin1'))?.[1];
  return line === undefined ? undefined : path.resolve(gitDirectory, line);
}

/** The path that a one-line file names, resolved against `base`; undefined where there is no such file. */
function pointedAt(file: string, base: string, prefix: string): string | undefined {
  const found = lstatSync(native(file), { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || found.size > POINTER_BYTES_MAX) return undefined;
  const line = readFileSync(native(file), 'latin1').replace(/\n$/, '');
  return line.startsWith(prefix) && line.length > prefix.length
    ? path.resolve(base, line.slice(prefix.length))
    : undefined;
}

/**
 * What the repository's index tracks, relative to its root, as byte strings. Empty without an index.
 * @throws Error where the index is there but cannot be understood
 */
export function trackedPaths(repository: Repository): readonly string[] {
  const bytes = readIndex(path.join(repository.gitDirectory, 'index'));
  if (bytes === undefined) return [];
  const objectNameBytes = usesSha256(repository) ? 32 : 20;
  const index = parseGitIndex(bytes, objectNameBytes);
  if (index.shared === undefined) return index.paths;
  return mergeShared(index, sharedIndex(repository, index.shared, objectNameBytes));
}

function sharedIndex(repository: Repository, name: string, objectNameBytes: 20 | 32): GitIndex {
  const bytes = readIndex(path.join(repository.gitDirectory, `sharedindex.${name}`));
  if (bytes === undefined) throw new Error(`the git index builds on sharedindex.${name}, which is missing`);
  return parseGitIndex(bytes, objectNameBytes);
}

function readIndex(file: string): Buffer | undefined {
  const found = lstatSync(native(file), { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile() || found.size > INDEX_BYTES_MAX) throw new Error(`${file} is no index that can be read`);
  return readFileSync(native(file));
}

/** `extensions.objectFormat` of the repository's configuration; nothing else of it is read. */
function usesSha256(repository: Repository): boolean {
  try {
    const text = readFileSync(native(path.join(repository.commonDirectory, 'config')), 'latin1');
    return /^\s*objectformat\s*=\s*"?sha256"?\s*$/im.test(text);
  } catch {
    return false;
  }
}
