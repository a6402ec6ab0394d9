// A small file system for the transport's tests: a tree in memory, file contents in unlinked temporary files.
//
// `/stream` blocks its readers until something is written to it (deferred reads, poll); `/held` is answered late.
import { fstatSync } from 'node:fs';
import { ERRNO, errno, fail, must } from '../../fs/errno.ts';
import {
  close,
  copyFileRange,
  fallocate,
  ftruncate,
  lseek,
  O_TMPFILE_BIT,
  openat,
  pread,
  pwrite,
} from '../../fs/host/syscall.ts';
import {
  type AttributeChanges,
  type Attributes,
  type AttributesReply,
  type Backing,
  type Caller,
  type CopyFileRange,
  type Deferred,
  type DirectorySink,
  type Entry,
  type FileSystemStatistics,
  FOPEN,
  type OpenReply,
  type Operations,
} from '../../fs/operations.ts';

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const O_RDWR = 2;
const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
const DAY_MS = 86_400_000;

interface Inode {
  readonly node: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  fd: number;
  backingId: number;
  target: string;
  times: { atime: number; mtime: number; ctime: number; btime: number };
  readonly children: Map<string, number>;
  readonly xattrs: Map<string, Buffer>;
}

export class MemoryOperations implements Operations {
  readonly lookups = new Map<number, number>();
  readonly inodes = new Map<number, Inode>();
  readonly openHandles = new Map<number, number>();
  destroyed = 0;
  interrupts = 0;
  private readonly temporary: string;
  private readonly backing: Backing | null;
  private nextNode = 1;
  private nextHandle = 1;
  private streamed: Buffer[] = [];
  private readers: Deferred[] = [];
  private wakers: (() => void)[] = [];

  constructor(temporary: string, backing: Backing | null) {
    this.temporary = temporary;
    this.backing = backing;
    const owner = { uid: 0, gid: 0 };
    const root = this.make(S_IFDIR | 0o1777, owner);
    root.nlink = 2;
    for (const name of ['stream', 'held']) this.attach(root, name, this.make(S_IFREG | 0o666, owner));
  }

  lookup(parent: number, name: string): Entry {
    const node = this.directory(parent).children.get(name);
    if (node === undefined) fail('ENOENT');
    return this.entry(this.inode(node));
  }
  forget(node: number, count: number): void {
    const left = (this.lookups.get(node) ?? 0) - count;
    if (left > 0) this.lookups.set(node, left);
    else this.lookups.delete(node);
  }
  getattr(node: number): AttributesReply {
    return { attributes: this.attributes(this.inode(node)), attributesValidMs: 1000 };
  }
  setattr(node: number, changes: AttributeChanges): AttributesReply {
    const inode = this.inode(node);
    const now = Date.now();
    const { mode, uid, gid, size, atime, mtime } = changes;
    if (mode !== undefined) inode.mode = (inode.mode & S_IFMT) | (mode & 0o7777);
    if (uid !== undefined) inode.uid = uid;
    if (gid !== undefined) inode.gid = gid;
    if (size !== undefined) must(ftruncate(inode.fd, size));
    const moment = (time: typeof atime) => (typeof time === 'object' ? time.sec * 1000 + time.nsec / 1e6 : now);
    if (atime !== undefined) inode.times.atime = moment(atime);
    if (mtime !== undefined || size !== undefined) inode.times.mtime = moment(mtime);
    inode.times.ctime = now;
    return this.getattr(node);
  }
  readlink(node: number): string {
    return this.inode(node).target;
  }
  symlink(parent: number, name: string, target: string, caller: Caller): Entry {
    const inode = this.make(S_IFLNK | 0o777, caller);
    inode.target = target;
    return this.entry(this.attach(this.directory(parent), name, inode));
  }
  mknod(parent: number, name: string, mode: number, rdev: number, caller: Caller): Entry {
    const inode = this.make(mode, caller);
    inode.rdev = rdev;
    return this.entry(this.attach(this.directory(parent), name, inode));
  }
  mkdir(parent: number, name: string, mode: number, caller: Caller): Entry {
    const inode = this.make(S_IFDIR | mode, caller);
    inode.nlink = 2;
    this.directory(parent).nlink++;
    return this.entry(this.attach(this.directory(parent), name, inode));
  }
  unlink(parent: number, name: string): void {
    this.detach(this.directory(parent), name);
  }
  rmdir(parent: number, name: string): void {
    const directory = this.directory(parent);
    const node = directory.children.get(name);
    if (node === undefined) fail('ENOENT');
    if (this.directory(node).children.size > 0) fail('ENOTEMPTY');
    directory.nlink--;
    this.detach(directory, name);
  }
  rename(parent: number, name: string, newParent: number, newName: string, flags: number): void {
    const from = this.directory(parent).children;
    const to = this.directory(newParent).children;
    const moved = from.get(name);
    const replaced = to.get(newName);
    if (moved === undefined) fail('ENOENT');
    if (flags === 1 && replaced !== undefined) fail('EEXIST');
    if (flags === 2 && replaced === undefined) fail('ENOENT');
    if (moved === replaced) return;
    if (flags === 0 && replaced !== undefined) this.detach(this.directory(newParent), newName);
    from.delete(name);
    to.set(newName, moved);
    if (flags === 2) from.set(name, replaced!);
  }
  link(node: number, newParent: number, newName: string): Entry {
    const inode = this.attach(this.directory(newParent), newName, this.inode(node));
    inode.nlink++;
    return this.entry(inode);
  }
  open(node: number, _flags: number, caller: Caller): OpenReply {
    if (node === this.special('held')) {
      const deferred = caller.defer();
      setTimeout(() => deferred.opened(this.opened(node)), 50);
      return { handle: 0, openFlags: 0, backingId: 0 };
    }
    return this.opened(node);
  }
  create(parent: number, name: string, _flags: number, mode: number, caller: Caller): Entry & OpenReply {
    const inode = this.attach(this.directory(parent), name, this.make(S_IFREG | mode, caller));
    return { ...this.entry(inode), ...this.opened(inode.node) };
  }
  tmpfile(_parent: number, _flags: number, mode: number, caller: Caller): Entry & OpenReply {
    const inode = this.make(S_IFREG | mode, caller);
    inode.nlink = 0;
    return { ...this.entry(inode), ...this.opened(inode.node) };
  }
  read(node: number, _handle: number, offset: number, target: Buffer, caller: Caller): number {
    if (node !== this.special('stream')) return must(pread(this.inode(node).fd, target, target.length, offset));
    const next = this.streamed.shift();
    if (next !== undefined) return next.copy(target);
    const deferred = caller.defer();
    this.readers.push(deferred);
    deferred.onCancel = () => {
      this.interrupts++;
      this.readers = this.readers.filter((reader) => reader !== deferred);
    };
    return 0;
  }
  write(node: number, _handle: number, offset: number, data: Buffer): number {
    const inode = this.inode(node);
    inode.times.mtime = Date.now();
    if (node !== this.special('stream')) return must(pwrite(inode.fd, data, data.length, offset));
    const reader = this.readers.shift();
    if (reader === undefined) this.streamed.push(Buffer.from(data));
    else reader.data(data);
    for (const wake of this.wakers.splice(0)) wake();
    return data.length;
  }
  statfs(): FileSystemStatistics {
    return {
      blocks: 1000,
      blocksFree: 500,
      blocksAvailable: 400,
      files: 100,
      filesFree: 50,
      blockSizeBytes: 4096,
      nameBytesMax: 255,
    };
  }
  flush(): void {}
  release(_node: number, handle: number): void {
    if (!this.openHandles.delete(handle)) fail('EBADF');
  }
  fsync(): void {}
  getxattr(node: number, name: string): Buffer {
    return this.inode(node).xattrs.get(name) ?? fail('ENODATA');
  }
  setxattr(node: number, name: string, value: Buffer, flags: number): void {
    const { xattrs } = this.inode(node);
    if (flags === 1 && xattrs.has(name)) fail('EEXIST');
    if (flags === 2 && !xattrs.has(name)) fail('ENODATA');
    xattrs.set(name, value);
  }
  listxattr(node: number): Buffer {
    return Buffer.from([...this.inode(node).xattrs.keys()].map((name) => `${name}\0`).join(''), 'latin1');
  }
  removexattr(node: number, name: string): void {
    if (!this.inode(node).xattrs.delete(name)) fail('ENODATA');
  }
  opendir(node: number): OpenReply {
    this.directory(node);
    return { handle: this.handle(node), openFlags: 0, backingId: 0 };
  }
  readdir(node: number, _handle: number, offset: number, sink: DirectorySink, plus: boolean): void {
    const directory = this.directory(node);
    const names: [string, number][] = [['.', node], ['..', node], ...directory.children];
    for (let index = offset; index < names.length; index++) {
      const [name, child] = names[index]!;
      const type = this.inode(child).mode >> 12;
      const taken = plus
        ? this.addPlus(sink, name, child, type, index + 1)
        : sink.add(name, child + 100, type, index + 1);
      if (!taken) return;
    }
  }
  releasedir(_node: number, handle: number): void {
    if (!this.openHandles.delete(handle)) fail('EBADF');
  }
  fsyncdir(): void {}
  fallocate(node: number, _handle: number, mode: number, offset: number, length: number): void {
    must(fallocate(this.inode(node).fd, mode, offset, length));
  }
  lseek(node: number, _handle: number, offset: number, whence: number): number {
    return must(lseek(this.inode(node).fd, offset, whence));
  }
  copyFileRange(request: CopyFileRange): number {
    const { fromNode, fromOffset, toNode, toOffset, length } = request;
    return must(copyFileRange(this.inode(fromNode).fd, fromOffset, this.inode(toNode).fd, toOffset, length));
  }
  poll(node: number, _handle: number, events: number, wake: (() => void) | null): number {
    if (node !== this.special('stream')) return events;
    if (wake !== null) this.wakers.push(wake);
    return events & (this.streamed.length > 0 ? 0o5 : 0o4);
  }
  destroy(): void {
    this.destroyed++;
    for (const { fd } of this.inodes.values()) if (fd >= 0) close(fd);
  }

  /** The node at a name of the root. */
  special(name: string): number {
    return this.directory(1).children.get(name) ?? 0;
  }

  private addPlus(sink: DirectorySink, name: string, node: number, type: number, next: number): boolean {
    const entry = this.entry(this.inode(node));
    const taken = sink.addPlus(name, entry, node + 100, type, next);
    if (!taken || name === '.' || name === '..') this.forget(node, 1);
    return taken;
  }
  private inode(node: number): Inode {
    return this.inodes.get(node) ?? fail('ESTALE');
  }
  private directory(node: number): Inode {
    const inode = this.inode(node);
    if ((inode.mode & S_IFMT) !== S_IFDIR) fail('ENOTDIR');
    return inode;
  }
  private make(mode: number, owner: { readonly uid: number; readonly gid: number }): Inode {
    const now = Date.now();
    const isFile = (mode & S_IFMT) === S_IFREG;
    const inode: Inode = {
      node: this.nextNode++,
      mode,
      nlink: 1,
      uid: owner.uid,
      gid: owner.gid,
      rdev: 0,
      fd: isFile ? must(openat(-100, this.temporary, O_TMPFILE_BIT | O_DIRECTORY | O_RDWR, 0o600)) : -1,
      backingId: 0,
      target: '',
      times: { atime: now, mtime: now, ctime: now, btime: now },
      children: new Map(),
      xattrs: new Map(),
    };
    this.inodes.set(inode.node, inode);
    return inode;
  }
  private attach(parent: Inode, name: string, inode: Inode): Inode {
    if (parent.children.has(name)) throw errno(ERRNO.EEXIST);
    parent.children.set(name, inode.node);
    return inode;
  }
  private detach(parent: Inode, name: string): void {
    const node = parent.children.get(name);
    if (node === undefined) fail('ENOENT');
    parent.children.delete(name);
    this.inode(node).nlink--;
  }
  private handle(node: number): number {
    this.openHandles.set(this.nextHandle, node);
    return this.nextHandle++;
  }
  private opened(node: number): OpenReply {
    const handle = this.handle(node);
    if (node === this.special('stream')) {
      return { handle, openFlags: FOPEN.DIRECT_IO | FOPEN.NONSEEKABLE | FOPEN.STREAM, backingId: 0 };
    }
    if (this.backing === null) return { handle, openFlags: 0, backingId: 0 };
    const inode = this.inode(node);
    if (inode.backingId === 0) inode.backingId = must(this.backing.open(inode.fd));
    return { handle, openFlags: FOPEN.PASSTHROUGH, backingId: inode.backingId };
  }
  private entry(inode: Inode): Entry {
    this.lookups.set(inode.node, (this.lookups.get(inode.node) ?? 0) + 1);
    return { nodeId: inode.node, entryValidMs: DAY_MS, ...this.getattr(inode.node) };
  }
  private attributes(inode: Inode): Attributes {
    const stat = inode.fd >= 0 ? fstatSync(inode.fd) : { size: inode.target.length, blocks: 0 };
    const { atime, mtime, ctime, btime } = inode.times;
    const nanoseconds = (ms: number) => Math.floor((ms - Math.floor(ms / 1000) * 1000) * 1e6);
    return {
      ino: inode.node + 100,
      size: stat.size,
      blocks: stat.blocks,
      atimeSec: Math.floor(atime / 1000),
      atimeNsec: nanoseconds(atime),
      mtimeSec: Math.floor(mtime / 1000),
      mtimeNsec: nanoseconds(mtime),
      ctimeSec: Math.floor(ctime / 1000),
      ctimeNsec: nanoseconds(ctime),
      btimeSec: Math.floor(btime / 1000),
      btimeNsec: nanoseconds(btime),
      mode: inode.mode,
      nlink: inode.nlink,
      uid: inode.uid,
      gid: inode.gid,
      rdev: inode.rdev,
      blksize: 4096,
    };
  }
}
