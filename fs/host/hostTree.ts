// Directories of the host, reached one component at a time, with their descriptors kept open.
//
// - A `HostDirectory` is a name below another one. Its O_PATH descriptor is opened on demand by openat with
//   O_NOFOLLOW from its parent's, so no path string is ever joined for access and no symlink is followed.
// - Descriptors are kept in least-recently-used order up to a bound; a closed one opens again by the same walk.
// - A descriptor follows what it is open on, so its name is looked at again once a second: what the host moves out of
//   a tree is not seen through it for longer.
// - Nothing here may hang or reach another file system's server: attributes are asked with DONT_SYNC, and mounts of
//   kernel, network and FUSE file systems are known from mountinfo by mount id, never by asking them.
import { readFileSync } from 'node:fs';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  AT_SYMLINK_NOFOLLOW,
  close,
  getdents64,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openat,
  readlinkat,
  readU64,
  STATX,
  statx,
} from './syscall.ts';

/** Descriptors of directories kept open at once. */
const DESCRIPTORS_MAX = 2048;
/** So long a descriptor is believed without a look: a directory that the host moves away is followed no longer. */
const RECHECK_MS = 1000;
const DIRECTORY_BUFFER_BYTES = 64 * 1024;
const ENOENT = -2;
const S_IFDIR = 0o040000;
const STAT_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;

/** File systems the daemon never enters: they could hang it, or let it betray itself. */
const CLOSED_TYPES = new Set(
  (
    'proc sysfs devtmpfs devpts cgroup cgroup2 tracefs debugfs bpf autofs securityfs pstore configfs fusectl ' +
    'hugetlbfs mqueue binfmt_misc efivarfs rpc_pipefs nfs nfs4 nfsd cifs smb3 smbfs 9p ceph afs ncpfs glusterfs'
  ).split(' '),
);

export class HostDirectory {
  parent: HostDirectory | null;
  name: string;
  fd = -1;
  /** What the descriptor was opened as, and when it was last found at this name. */
  identity = '';
  checkedMs = 0;
  newer: HostDirectory | null = null;
  older: HostDirectory | null = null;
  private readonly known = new Map<string, WeakRef<HostDirectory>>();

  constructor(parent: HostDirectory | null, name: string) {
    this.parent = parent;
    this.name = name;
  }

  child(name: string): HostDirectory {
    let child = this.known.get(name)?.deref();
    if (child === undefined) {
      child = new HostDirectory(this, name);
      this.known.set(name, new WeakRef(child));
    }
    return child;
  }

  /** Follows a rename on the host: what lies below keeps its objects and descriptors. */
  moveTo(parent: HostDirectory, name: string): void {
    // In an exchange the other one may be there already.
    if (this.parent?.known.get(this.name)?.deref() === this) this.parent.known.delete(this.name);
    parent.known.set(name, new WeakRef(this));
    this.parent = parent;
    this.name = name;
  }

  /** The absolute path, '' for the root. */
  path(): string {
    return this.parent === null ? '' : `${this.parent.path()}/${this.name}`;
  }
}

export interface HostName {
  readonly name: string;
  readonly ino: number;
  /** `mode >> 12`, 0 where the file system does not say. */
  readonly type: number;
}

export class HostTree {
  readonly root = new HostDirectory(null, '');
  private newest: HostDirectory | null = null;
  private oldest: HostDirectory | null = null;
  private openCount = 0;
  private mountTypes = new Map<number, string>();
  private readonly forbidden: Set<string>;
  private readonly forbiddenNames: Set<string>;
  /** Where our own mounts are, or are about to be: asking one of them would be asking ourselves. */
  private avoided: ReadonlySet<string> = new Set();
  private avoidedNames: ReadonlySet<string> = new Set();
  private readonly scratch = Buffer.alloc(STATX.size_);
  private readonly records = Buffer.alloc(DIRECTORY_BUFFER_BYTES);

  /** @param forbidden absolute paths of directories that no view may show (stores, run directories) */
  constructor(forbidden: readonly string[]) {
    this.root.fd = openat(AT_FDCWD, '/', O_PATH | O_DIRECTORY);
    this.forbidden = new Set(forbidden.map((path) => this.identityAt(path)).filter((text) => text !== ''));
    this.forbidden.add(AVOIDED);
    this.forbiddenNames = new Set(forbidden.map(lastName));
  }

  /** From now on no name at these absolute paths is looked at: each is a directory that no view may show. */
  avoid(paths: readonly string[]): void {
    this.avoided = new Set(paths);
    this.avoidedNames = new Set(paths.map(lastName));
  }

  private isAvoided(directory: HostDirectory, name: string): boolean {
    return this.avoidedNames.has(name) && this.avoided.has(`${directory.path()}/${name}`);
  }

  /** The directory at an absolute path (latin1), without touching the host. */
  at(path: string): HostDirectory {
    let directory = this.root;
    for (const name of path.split('/')) if (name !== '') directory = directory.child(name);
    return directory;
  }

  /** The O_PATH descriptor of a directory, or the negated errno. */
  descriptor(directory: HostDirectory): number {
    if (directory.parent === null) return directory.fd;
    const now = Date.now();
    if (directory.fd >= 0 && now - directory.checkedMs < RECHECK_MS) {
      this.touch(directory);
      return directory.fd;
    }
    if (this.isAvoided(directory.parent, directory.name)) return ENOENT;
    const parent = this.descriptor(directory.parent);
    if (parent < 0) return parent;
    if (directory.fd >= 0 && this.isThere(directory, parent)) {
      directory.checkedMs = now;
      this.touch(directory);
      return directory.fd;
    }
    this.forget(directory);
    const fd = openat(parent, directory.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) return fd;
    directory.fd = fd;
    directory.identity = this.identityOf(fd);
    directory.checkedMs = now;
    this.link(directory);
    this.openCount += 1;
    if (this.openCount > DESCRIPTORS_MAX) this.closeOldest();
    return fd;
  }

  /** statx of a name below a directory into `buffer` (or a shared one): 0, or the negated errno. */
  stat(directory: HostDirectory, name: string, buffer: Buffer): number {
    if (this.isAvoided(directory, name)) return describeAvoided(buffer);
    const fd = this.descriptor(directory);
    if (fd < 0) return fd;
    const status = statx(fd, name, STAT_FLAGS, buffer);
    // A descriptor of a directory that the host has moved or removed meanwhile walks anew, once.
    if (status === -2 && directory.parent !== null && this.isStale(directory)) {
      this.forget(directory);
      const again = this.descriptor(directory);
      return again < 0 ? again : statx(again, name, STAT_FLAGS, buffer);
    }
    return status;
  }

  /** Whether a directory just described by `stat` may be entered: not ours, and no closed file system. */
  mayEnter(buffer: Buffer): boolean {
    if (this.forbidden.size > 0 && this.forbidden.has(identity(buffer))) return false;
    const mountId = readU64(buffer, STATX.mntId);
    const type = this.mountType(mountId);
    return !(CLOSED_TYPES.has(type) || type === 'fuse' || type.startsWith('fuse.') || type === 'fuseblk');
  }

  /** Whether a directory just described by `stat` is one that no view may show at all. */
  isForbidden(buffer: Buffer): boolean {
    return this.forbidden.size > 0 && this.forbidden.has(identity(buffer));
  }

  /** Whether a directory of this name could be one that no view may show. */
  isForbiddenName(name: string): boolean {
    return this.forbiddenNames.has(name) || this.avoidedNames.has(name);
  }

  /** The names in a directory without `.` and `..`, or the negated errno. */
  list(directory: HostDirectory): HostName[] | number {
    // Another directory may have taken the name since: nothing that is asked of the old one would tell.
    if (directory.fd >= 0 && this.isStale(directory)) this.forget(directory);
    const base = this.descriptor(directory);
    if (base < 0) return base;
    const fd = openat(base, '.', O_DIRECTORY);
    if (fd < 0) return fd;
    const names: HostName[] = [];
    let status = getdents64(fd, this.records);
    while (status > 0) {
      readRecords(this.records, status, names);
      status = getdents64(fd, this.records);
    }
    close(fd);
    return status < 0 ? status : names;
  }

  /** Opens a file below a directory without following a link, or gives the negated errno. */
  open(directory: HostDirectory, name: string, flags: number, mode = 0): number {
    const fd = this.descriptor(directory);
    return fd < 0 ? fd : openat(fd, name, flags | O_NOFOLLOW, mode);
  }

  readlink(directory: HostDirectory, name: string): string | number {
    const fd = this.descriptor(directory);
    return fd < 0 ? fd : readlinkat(fd, name);
  }

  /** Closes a directory's descriptor: the next use walks again. */
  forget(directory: HostDirectory): void {
    if (directory.fd < 0 || directory.parent === null) return;
    close(directory.fd);
    directory.fd = -1;
    this.unlink(directory);
    this.openCount -= 1;
  }

  /** Closes everything. */
  close(): void {
    while (this.oldest !== null) this.forget(this.oldest);
    close(this.root.fd);
    this.root.fd = -1;
  }

  private isStale(directory: HostDirectory): boolean {
    if (directory.parent === null) return false;
    const parent = this.descriptor(directory.parent);
    return parent < 0 || !this.isThere(directory, parent);
  }

  /** Whether a directory's name still leads to what its descriptor is open on. */
  private isThere(directory: HostDirectory, parent: number): boolean {
    const status = statx(parent, directory.name, STAT_FLAGS, this.scratch);
    return status === 0 && identity(this.scratch) === directory.identity;
  }

  private identityOf(fd: number): string {
    return statx(fd, '', STAT_FLAGS | AT_EMPTY_PATH, this.scratch) < 0 ? '' : identity(this.scratch);
  }

  private identityAt(path: string): string {
    return statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, this.scratch) < 0 ? '' : identity(this.scratch);
  }

  private mountType(mountId: number): string {
    let type = this.mountTypes.get(mountId);
    if (type === undefined) {
      this.mountTypes = readMountTypes();
      type = this.mountTypes.get(mountId) ?? '';
      this.mountTypes.set(mountId, type);
    }
    return type;
  }

  private touch(directory: HostDirectory): void {
    if (this.newest === directory) return;
    this.unlink(directory);
    this.link(directory);
  }

  private link(directory: HostDirectory): void {
    directory.older = this.newest;
    directory.newer = null;
    if (this.newest !== null) this.newest.newer = directory;
    this.newest = directory;
    this.oldest ??= directory;
  }

  private unlink(directory: HostDirectory): void {
    if (directory.newer !== null) directory.newer.older = directory.older;
    else this.newest = directory.older;
    if (directory.older !== null) directory.older.newer = directory.newer;
    else this.oldest = directory.newer;
    directory.newer = null;
    directory.older = null;
  }

  private closeOldest(): void {
    if (this.oldest !== null) this.forget(this.oldest);
  }
}

const lastName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The identity that nothing has. */
const AVOIDED = '0:0:0';

function describeAvoided(buffer: Buffer): number {
  buffer.fill(0);
  buffer.writeUInt16LE(S_IFDIR, STATX.mode);
  return 0;
}

/** Device and inode number as one text. */
function identity(buffer: Buffer): string {
  return `${buffer.readUInt32LE(STATX.devMajor)}:${buffer.readUInt32LE(STATX.devMinor)}:${readU64(buffer, STATX.ino)}`;
}

function readRecords(records: Buffer, length: number, names: HostName[]): void {
  for (let at = 0; at < length; ) {
    const recordBytes = records.readUInt16LE(at + 16);
    const end = records.indexOf(0, at + 19);
    const name = records.toString('latin1', at + 19, end);
    if (name !== '.' && name !== '..') names.push({ name, ino: readU64(records, at), type: records[at + 18] ?? 0 });
    at += recordBytes;
  }
}

/** Mount id to file system type, from mountinfo: `id parent maj:min root point options [optional…] - type …`. */
function readMountTypes(): Map<number, string> {
  const types = new Map<number, string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    const [left, right] = line.split(' - ');
    if (left !== undefined && right !== undefined) types.set(Number.parseInt(left, 10), right.split(' ')[0] ?? '');
  }
  return types;
}
