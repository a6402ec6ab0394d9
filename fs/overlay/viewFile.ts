// Small files as the agent sees them, read without nodes: ignore files. For the time of one listing: what a path leads
// to is remembered, so that a file in a deep directory costs one step from its parent.
import type { HostDirectory } from '../host/hostTree.ts';
import { AT_EMPTY_PATH, close, pread, readU64, STATX, statx } from '../host/syscall.ts';
import type { IgnoreSource } from './ignoreRules.ts';
import type { IndexRoot } from './indexTree.ts';
import { indexRoots, lowerOf } from './indexTree.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from './node.ts';
import type { InodeRecord } from './records.ts';
import { decodeDirent, direntKey } from './records.ts';
import type { ViewState } from './state.ts';
import { openContentOf } from './versions.ts';

const FILE_BYTES_MAX = 1024 * 1024 + 1;
const O_NONBLOCK = 0o4000;

/** A directory of the view: the agent's entries, where it has some, and the host's that show through. */
interface Place {
  readonly ino: number | undefined;
  readonly lower: HostDirectory | null;
}

export class ViewFiles implements IgnoreSource {
  private readonly view: ViewState;
  private readonly roots: ReadonlyMap<string, IndexRoot>;
  private readonly places = new Map<string, Place | undefined>();

  constructor(view: ViewState) {
    this.view = view;
    this.roots = new Map(indexRoots(view, () => true).map((root) => [root.path, root]));
  }

  /** At most a megabyte and a byte of a regular file, or undefined where there is none. */
  read(path: string): Buffer | undefined {
    const slash = path.lastIndexOf('/');
    const place = this.place(path.slice(0, slash));
    if (place === undefined) return undefined;
    const name = path.slice(slash + 1);
    const entry = this.entry(place, name);
    if (entry === null) return undefined;
    if (entry !== undefined)
      return (entry.mode & S_IFMT) === S_IFREG ? readAll(openContentOf(this.view, entry)) : undefined;
    return this.readLower(place.lower, name);
  }

  private readLower(directory: HostDirectory | null, name: string): Buffer | undefined {
    const { view } = this;
    if (directory === null || view.host.stat(directory, name, view.stat) < 0) return undefined;
    if ((view.stat.readUInt16LE(STATX.mode) & S_IFMT) !== S_IFREG) return undefined;
    return readAll(view.host.open(directory, name, O_NONBLOCK));
  }

  private place(path: string): Place | undefined {
    if (this.places.has(path)) return this.places.get(path);
    const place = this.find(path);
    this.places.set(path, place);
    return place;
  }

  private find(path: string): Place | undefined {
    const root = this.roots.get(path);
    if (root !== undefined) return { ino: root.ino, lower: root.lower };
    if (path === '') return { ino: undefined, lower: this.view.host.root };
    const slash = path.lastIndexOf('/');
    const above = this.place(path.slice(0, slash));
    if (above === undefined) return undefined;
    const name = path.slice(slash + 1);
    const entry = this.entry(above, name);
    if (entry === null) return undefined;
    if (entry === undefined) return { ino: undefined, lower: above.lower?.child(name) ?? null };
    return (entry.mode & S_IFMT) === S_IFDIR ? { ino: entry.ino, lower: lowerOf(this.view, entry) } : undefined;
  }

  /** The agent's own object at a name, null for a whiteout, undefined where it has no entry. */
  private entry(place: Place, name: string): InodeRecord | null | undefined {
    if (place.ino === undefined) return undefined;
    const bytes = this.view.ledger.get('dirents', direntKey(place.ino, name));
    if (bytes === undefined) return undefined;
    const dirent = decodeDirent(bytes);
    return dirent.whiteout ? null : this.view.readInode(dirent.ino);
  }
}

const stat = Buffer.alloc(STATX.size_);

function readAll(fd: number): Buffer | undefined {
  if (fd < 0) return undefined;
  const sizeBytes = statx(fd, '', AT_EMPTY_PATH, stat) < 0 ? 0 : readU64(stat, STATX.size);
  const bytes = Buffer.alloc(Math.min(sizeBytes, FILE_BYTES_MAX));
  const length = pread(fd, bytes, bytes.length, 0);
  close(fd);
  return length < 0 ? undefined : bytes.subarray(0, length);
}
