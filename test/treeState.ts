// The state of a directory tree as comparable lines: what "byte for byte unchanged" means in tests.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { lgetxattr, llistxattr } from '../fs/host/syscall.ts';

export interface TreeOptions {
  /** Modification times of files and directories; not those of symbolic links. Default true. */
  readonly times?: boolean;
  /** Names (single components) to leave out with all below them. */
  readonly without?: readonly string[];
}

/** Path below `directory` (byte string, `.` for itself) to a line with type, mode, owner, size, content, times, xattrs. */
export type TreeState = Readonly<Record<string, string>>;

/** Follows no link. Two trees are the same if their states are equal. */
export function treeState(directory: string, options: TreeOptions = {}): TreeState {
  const state: Record<string, string> = {};
  const walk = (path: Buffer, name: string): void => {
    const stats = lstatSync(path);
    state[name] = describe(path, stats, options.times ?? true);
    if (!stats.isDirectory()) return;
    for (const child of readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const word = child.toString('latin1');
      if (options.without?.includes(word)) continue;
      walk(Buffer.concat([path, Buffer.from('/'), child]), name === '.' ? word : `${name}/${word}`);
    }
  };
  walk(Buffer.from(directory), '.');
  return state;
}

/** What differs, one path a line: for messages shorter than two trees. */
export function treeDifference(before: TreeState, after: TreeState): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .filter((name) => before[name] !== after[name])
    .sort()
    .map((name) => `${JSON.stringify(name)}: ${before[name] ?? 'absent'} -> ${after[name] ?? 'absent'}`);
}

function describe(path: Buffer, stats: Stats, times: boolean): string {
  const owner = `${stats.uid}:${stats.gid} ${(stats.mode & 0o7777).toString(8)}`;
  const time = times && !stats.isSymbolicLink() ? ` ${stats.mtimeMs}` : '';
  const words = `${owner}${time}${xattrs(path)}`;
  if (stats.isDirectory()) return `directory ${words}`;
  if (stats.isSymbolicLink()) return `symlink ${words} -> ${readlinkSync(path, 'latin1')}`;
  if (!stats.isFile()) return `special ${stats.mode >> 12} ${words} ${stats.rdev}`;
  return `file ${words} ${stats.size} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 20)}`;
}

const BUFFER_BYTES = 65_536;
const list = Buffer.alloc(BUFFER_BYTES);
const value = Buffer.alloc(BUFFER_BYTES);

function xattrs(path: Buffer): string {
  const name = path.toString('latin1');
  const length = llistxattr(name, list);
  if (length <= 0) return '';
  const names = list.toString('latin1', 0, length).split('\0').filter(Boolean).sort();
  return names
    .map((word) => ` ${word}=${value.toString('hex', 0, Math.max(0, lgetxattr(name, word, value)))}`)
    .join('');
}
