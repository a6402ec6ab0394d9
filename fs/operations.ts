// The inode operations of a view: what a transport asks and the core answers. Knows no wire format.
//
// - Names, link targets and paths are byte strings: one character a byte (latin1).
// - Where a connection opens nothing, operations on a file or directory come with handle 0 and mean its node.
// - A node id, file handle, size or offset is a non-negative safe integer.
// - An operation fails by throwing an `Errno` (fs/errno.ts); anything else thrown is a defect (EIO, logged).
// - Replies may be reused objects: valid only until the next operation on the same view.
// - User and group ids are those the sandbox sees (0 owns its root): the transport shifts them to and from the host's.

/** Who asks: credentials the kernel attests. `pid` is a thread id, 0 where unknown. Reused between requests. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** For mknod, mkdir, create and tmpfile: the mode before the umask. A default ACL of the parent replaces the umask,
   * so where there is one, start from this. */
  readonly modeRequested?: number;
  /**
   * For read and write: the flags that the descriptor has by now (F_SETFL changes those of its open). 0 for pages that
   * were stored through a mapping: they belong where they were stored, whichever descriptor brings them.
   */
  readonly fileFlags?: number;
  /** Answers later: the operation's own result is then ignored. Only for open, read and write. */
  defer(): Deferred;
}

/** An answer that is owed. Exactly one of the methods takes effect; later calls are ignored. */
export interface Deferred {
  /** The payload of a read. */
  data(payload: Buffer): void;
  /** The count of a write. */
  written(sizeBytes: number): void;
  /** The handle of an open (one held for review). Released again if the caller is gone by then. */
  opened(reply: OpenReply): void;
  /** `number` is positive. */
  error(number: number): void;
  /** With what an operation would have thrown. */
  failed(thrown: unknown): void;
  /** Called once if the caller gives up (INTERRUPT, the connection ends). The transport answers EINTR itself. */
  onCancel: (() => void) | null;
}

export interface Attributes {
  ino: number;
  size: number;
  blocks: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  btimeSec: number;
  btimeNsec: number;
  /** Type and permission bits, as in `st_mode`. */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** As in `st_rdev` of the protocol: (major << 8) | minor for small numbers. */
  rdev: number;
  blksize: number;
}

export interface AttributesReply {
  attributes: Attributes;
  attributesValidMs: number;
}

/** `nodeId` 0 is a negative entry: the name is known to be absent for `entryValidMs`. */
export interface Entry extends AttributesReply {
  nodeId: number;
  entryValidMs: number;
}

export interface OpenReply {
  handle: number;
  /** FOPEN_* bits. */
  openFlags: number;
  /** A registered backing file with FOPEN_PASSTHROUGH, else 0. */
  backingId: number;
}

/** What setattr changes: a missing field stays. Times: seconds and nanoseconds, or 'now'. */
export interface AttributeChanges {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: Time | 'now';
  readonly mtime?: Time | 'now';
  readonly ctime?: Time;
  /** The handle the change came by (ftruncate). */
  readonly handle?: number;
  /** Clear set-id bits (FATTR_KILL_SUIDGID). */
  readonly killSetId?: boolean;
}
export interface Time {
  readonly sec: number;
  readonly nsec: number;
}

/** Takes directory records until the reply is full: `false` means "not taken" (and no lookup may be counted). */
export interface DirectorySink {
  /** `type` is `mode >> 12`; `nextOffset` is the cookie of the entry that follows. */
  add(name: string, ino: number, type: number, nextOffset: number): boolean;
  /** With attributes (readdirplus). An entry with nodeId 0 carries no attributes; `.` and `..` count no lookup. */
  addPlus(name: string, entry: Entry, ino: number, type: number, nextOffset: number): boolean;
}

export interface FileSystemStatistics {
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
  readonly blockSizeBytes: number;
  readonly nameBytesMax: number;
}

/** No handle: the operation is on the node itself. Real handles count from 1. */
export const NO_HANDLE = 0;

export interface Operations {
  /** Counts one lookup on the node it returns. */
  lookup(parent: number, name: string, caller: Caller): Entry;
  forget(node: number, count: number): void;
  getattr(node: number, handle: number | undefined, caller: Caller): AttributesReply;
  setattr(node: number, changes: AttributeChanges, caller: Caller): AttributesReply;
  readlink(node: number, caller: Caller): string;
  symlink(parent: number, name: string, target: string, caller: Caller): Entry;
  /** `mode` has the umask applied already, here and below. */
  mknod(parent: number, name: string, mode: number, rdev: number, caller: Caller): Entry;
  mkdir(parent: number, name: string, mode: number, caller: Caller): Entry;
  unlink(parent: number, name: string, caller: Caller): void;
  rmdir(parent: number, name: string, caller: Caller): void;
  /** `flags`: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2; others EINVAL. */
  rename(parent: number, name: string, newParent: number, newName: string, flags: number, caller: Caller): void;
  link(node: number, newParent: number, newName: string, caller: Caller): Entry;
  open(node: number, flags: number, caller: Caller): OpenReply;
  /** Handle 0 where the connection opens nothing, here and below. */
  create(parent: number, name: string, flags: number, mode: number, caller: Caller): Entry & OpenReply;
  tmpfile(parent: number, flags: number, mode: number, caller: Caller): Entry & OpenReply;
  /** Fills `target` from its start with at most `target.length` bytes; returns how many (0 at the end). */
  read(node: number, handle: number, offset: number, target: Buffer, caller: Caller): number;
  /** `data` is valid only during the call. `killSetId` clears set-id bits. Returns how many bytes were taken. */
  write(node: number, handle: number, offset: number, data: Buffer, killSetId: boolean, caller: Caller): number;
  statfs(node: number): FileSystemStatistics;
  flush(node: number, handle: number, caller: Caller): void;
  release(node: number, handle: number, flags: number): void;
  fsync(node: number, handle: number, dataOnly: boolean, caller: Caller): void;
  getxattr(node: number, name: string, caller: Caller): Buffer;
  setxattr(node: number, name: string, value: Buffer, flags: number, caller: Caller): void;
  /** NUL-terminated names, one after the other. */
  listxattr(node: number, caller: Caller): Buffer;
  removexattr(node: number, name: string, caller: Caller): void;
  opendir(node: number, flags: number, caller: Caller): OpenReply;
  /** With handle 0 an entry's cookie is its own for good, since no stream is there to remember what was listed. */
  readdir(node: number, handle: number, offset: number, sink: DirectorySink, plus: boolean, caller: Caller): void;
  releasedir(node: number, handle: number): void;
  fsyncdir(node: number, handle: number, dataOnly: boolean, caller: Caller): void;
  fallocate(node: number, handle: number, mode: number, offset: number, length: number, caller: Caller): void;
  /** SEEK_DATA 3 and SEEK_HOLE 4 only; returns the offset. */
  lseek(node: number, handle: number, offset: number, whence: number, caller: Caller): number;
  copyFileRange(request: CopyFileRange, caller: Caller): number;
  /** Returns the ready events; `wake`, where given, is called once when that may have changed. */
  poll(node: number, handle: number, events: number, wake: (() => void) | null, caller: Caller): number;
  /** The connection is going away: every lookup and handle of it is gone. */
  destroy(): void;
}

export interface CopyFileRange {
  readonly fromNode: number;
  readonly fromHandle: number;
  readonly fromOffset: number;
  readonly toNode: number;
  readonly toHandle: number;
  readonly toOffset: number;
  readonly length: number;
}

/** FOPEN_* bits of an open reply. */
export const FOPEN = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  NONSEEKABLE: 1 << 2,
  CACHE_DIR: 1 << 3,
  STREAM: 1 << 4,
  NOFLUSH: 1 << 5,
  PARALLEL_DIRECT_WRITES: 1 << 6,
  PASSTHROUGH: 1 << 7,
} as const;

/** Registers backing files for passthrough. `open` returns an id (> 0), or the negated errno. */
export interface Backing {
  open(fd: number): number;
  close(backingId: number): void;
}

/**
 * Tells the kernel that what it caches is old, on every connection but `except`. Never blocks: another thread delivers.
 * A negative offset is about attributes only; length 0 means to the end.
 */
export interface Notifier {
  invalidateInode(node: number, offset: number, length: number, except?: number): void;
  invalidateEntry(parent: number, name: string, except?: number): void;
  /** The next use of the name asks again. What is mounted below stays, unless the answer then is another object. */
  expireEntry(parent: number, name: string): void;
}
