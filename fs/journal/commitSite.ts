// What the steps of a commit work with: its ports, and the place on the host where one step acts.
import { ERRNO, Errno, errno, fail, must } from '../errno.ts';
import { landableMode, landableXattrs } from '../host/attributes.ts';
import { type CidOf, capture, identityOf, type Match, type MatchOptions, matchesBase } from '../host/capture.ts';
import { partialName, temporaryName } from '../host/reserved.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  close,
  fsync,
  O_DIRECTORY,
  openat,
  renameat2,
  STATX,
  statx,
  syncfs,
  unlinkat,
} from '../host/syscall.ts';
import { HostRoot, type Parent } from '../host/walk.ts';
import type { Base, CommitOutcome, CommitPlan, Version } from './model.ts';

/** Where a test may stop the world, crash or move the host under us, in the order a commit passes them. */
export const FAULT_POINTS = [
  'check',
  'checked',
  'intent',
  'step',
  'partial-written',
  'armed',
  'landed',
  'verified',
  'preimage-copied',
  'kept',
  'writing-in-place',
  'stepped',
  'undo',
  'undone',
  'finishing',
  'finished',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** What a commit needs of the world. Everything is synchronous. */
export interface CommitPorts {
  /** Makes the plan durable; returns before the first byte of the host is touched. Throws to refuse. */
  intent(plan: CommitPlan): void;
  /** The commit has ended; recovery must not run it again. */
  finished(id: string, outcome: CommitOutcome): void;
  /** Does nothing in production. */
  fault(point: FaultPoint, path: string): void;
  readonly cidOf: CidOf;
  /** False where a crash of the machine may lose the commit (a plain close under `rw`): nothing is flushed then. */
  readonly durable?: boolean;
  /** Directory that keeps what was displaced, as `<commit>-<step>`. On the workspace's file system it costs a rename. */
  readonly preimageDirectory: string;
}

/** The host is not what the plan was made for. */
export class HostMoved {
  readonly path: string;
  readonly reason: string;
  constructor(path: string, reason: string) {
    this.path = path;
    this.reason = reason;
  }
}

/** The host refuses a step that was prepared ahead of its turn. */
export class HostRefused {
  readonly path: string;
  readonly error: Errno;
  constructor(path: string, error: Errno) {
    this.path = path;
    this.error = error;
  }
}

/** Directories flushed one by one; more than these cost less by flushing their file systems whole. */
const DIRECTORIES_MAX = 16;

/** One run of a plan: roots and pre-image directory held open. */
export class CommitRun {
  readonly plan: CommitPlan;
  readonly ports: CommitPorts;
  /** O_RDONLY descriptor of the pre-image directory. */
  readonly preimages: number;
  /** An earlier run may have done any part of the plan. */
  readonly recovering: boolean;
  /** Directories that this run made, by step: only those are removed when it goes back. */
  readonly made = new Set<number>();
  /** Entries that kept a directory, by step. */
  readonly leftovers = new Map<number, number>();
  readonly #roots: readonly HostRoot[];
  /** Directories whose names changed, by identity; past the bound their file systems are flushed instead. */
  readonly #unsynced = new Map<string, number>();
  #isMany = false;

  constructor(plan: CommitPlan, ports: CommitPorts, recovering = false) {
    this.plan = plan;
    this.ports = ports;
    this.recovering = recovering;
    this.preimages = must(openat(AT_FDCWD, ports.preimageDirectory, O_DIRECTORY));
    const roots: HostRoot[] = [];
    this.#roots = roots;
    try {
      for (const path of plan.roots) roots.push(new HostRoot(path));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  openParent(path: string): Parent {
    const root = this.#roots.find((candidate) => candidate.contains(path));
    return root === undefined ? fail('EXDEV') : root.openParent(path);
  }

  /** Runs `action` where step `index` acts. */
  at<T>(index: number, path: string, action: (site: Site) => T): T {
    const parent = this.openParent(path);
    try {
      return action(new Site(this, index, path, parent));
    } finally {
      parent.close();
    }
  }

  /** Everything is flushed before it is relied on. */
  get durable(): boolean {
    return this.ports.durable !== false;
  }

  /** Flushes a file, where this commit is to survive the machine. */
  flushFile(fd: number): void {
    if (this.durable) must(fsync(fd));
  }

  /** Notes that names changed in a directory: it is flushed at the end, before the commit is recorded as finished. */
  touched(dirfd: number): void {
    if (!this.durable) return;
    const identity = statIdentity(dirfd);
    if (this.#unsynced.has(identity)) return;
    const isMany = this.#unsynced.size >= DIRECTORIES_MAX;
    this.#isMany ||= isMany;
    if (isMany && [...this.#unsynced.keys()].some((known) => deviceOf(known) === deviceOf(identity))) return;
    // A directory that may be written but not read cannot be flushed by itself; the files in it were.
    const fd = openat(dirfd, '.', O_DIRECTORY);
    if (fd >= 0) this.#unsynced.set(identity, fd);
  }

  /** Makes what the run did to names durable. @throws Errno EIO */
  flush(): void {
    let status = 0;
    const flushed = new Set<string>();
    for (const [identity, fd] of this.#unsynced) {
      const device = deviceOf(identity);
      if (!flushed.has(device)) status = Math.min(status, this.#isMany ? syncfs(fd) : fsync(fd));
      if (this.#isMany) flushed.add(device);
      close(fd);
    }
    this.#unsynced.clear();
    this.#isMany = false;
    must(status);
  }

  close(): void {
    for (const fd of this.#unsynced.values()) close(fd);
    this.#unsynced.clear();
    for (const root of this.#roots) root.close();
    close(this.preimages);
  }
}

/** The file system of a directory, from its identity. */
const deviceOf = (identity: string): string => identity.slice(0, identity.lastIndexOf(':'));

/** A name in a directory where one step acts, and the names reserved for it there. */
export class Site {
  readonly run: CommitRun;
  readonly index: number;
  readonly path: string;
  readonly fd: number;
  readonly name: string;
  readonly temporary: string;
  readonly partial: string;
  readonly preimage: string;

  constructor(run: CommitRun, index: number, path: string, parent: Parent) {
    this.run = run;
    this.index = index;
    this.path = path;
    this.fd = parent.fd;
    this.name = parent.name;
    this.temporary = temporaryName(run.plan.id, index);
    this.partial = partialName(run.plan.id, index);
    this.preimage = `${run.plan.id}-${index}`;
  }

  /** Whether `name` here holds `base`. */
  match(base: Base, name: string, options: MatchOptions = {}): Match {
    return matchesBase(base, this.fd, name, this.run.ports.cidOf, options);
  }

  /** Whether `name` here holds exactly `version`. */
  holds(version: Version, name: string): boolean {
    return this.match({ version }, name) === 'same';
  }

  exists(name: string): boolean {
    return existsAt(this.fd, name);
  }

  hasPreimage(): boolean {
    return existsAt(this.run.preimages, this.preimage);
  }

  fault(point: FaultPoint): void {
    this.run.ports.fault(point, this.path);
  }

  moved(reason: string): never {
    throw new HostMoved(this.path, reason);
  }

  /** Fails unless the name still holds the base. */
  expectBase(base: Base): void {
    const match = this.match(base, this.name);
    if (match === 'differs') this.moved(movedReason(base, capture(this.fd, this.name).version));
    if (match === 'unknown') this.moved('cannot tell whether the host changed: its content was never read');
  }

  /** Renames within this directory; returns 0 or the negated errno. */
  rename(from: string, to: string, flags: number): number {
    const status = renameat2(this.fd, from, this.fd, to, flags);
    if (status === 0) this.run.touched(this.fd);
    return status;
  }

  /** The directory is still where the path leads: nobody moved it away under us. */
  inPlace(): boolean {
    try {
      const again = this.run.openParent(this.path);
      const same = statIdentity(again.fd) === statIdentity(this.fd);
      again.close();
      return same;
    } catch (error) {
      if (error instanceof Errno) return false;
      throw error;
    }
  }
}

/** Why a host version is not the expected one, in words. */
export function movedReason(base: Base, now: Version): string {
  if (now.type === 'absent') return 'removed on the host since';
  if (base.version.type === 'absent') return 'created on the host since';
  return 'changed on the host since';
}

/** Whether a name exists in a directory, whatever it is. */
export function existsAt(dirfd: number, name: string): boolean {
  const status = statx(dirfd, name, AT_SYMLINK_NOFOLLOW, stat);
  if (status === -ERRNO.ENOENT) return false;
  must(status);
  return true;
}

const stat = Buffer.alloc(STATX.size_);

export function statIdentity(fd: number): string {
  must(statx(fd, '', AT_EMPTY_PATH, stat));
  return identityOf(stat);
}

/** Removes one of our own names, file or empty directory; nothing there is fine. */
export function discard(dirfd: number, name: string): void {
  const status = unlinkat(dirfd, name);
  if (status === 0 || status === -ERRNO.ENOENT) return;
  if (status === -ERRNO.EISDIR) must(unlinkat(dirfd, name, AT_REMOVEDIR));
  else throw errno(status);
}

/** A result as it may land on the host: no set-id bits, only portable attributes. */
export function landable(version: Version): Version {
  if (version.type === 'absent' || version.type === 'symlink') return version;
  const { mode: asked, ...rest } = version;
  const mode = landableMode(asked);
  if (rest.type !== 'file' && rest.type !== 'directory') return { type: rest.type, mode };
  const xattrs = landableXattrs(rest.xattrs);
  const extra = xattrs === undefined ? {} : { xattrs };
  if (rest.type === 'directory') return { type: 'directory', mode, ...extra };
  return { type: 'file', cid: rest.cid, sizeBytes: rest.sizeBytes, mode, ...extra };
}
