// The state of one agent's view: its nodes, its index, and the few primitives every operation is made of.
//
// - One thread owns a view; nothing here waits.
// - A mutation is one ledger transaction (`mutate`); what it changed in the heap is put back if it fails.
// - Rows are written before the reply, so what was acknowledged is in the journal.
import { readdirSync } from 'node:fs';
import type { ReadAudit } from '../../policy/effective.ts';
import type { NameJudge, NameVerdict, Rule, RuleNode } from '../../policy/model.ts';
import type { Errno } from '../errno.ts';
import { damaged, errno, fail, must } from '../errno.ts';
import { capture } from '../host/capture.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import { HostTree } from '../host/hostTree.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  fstatfs,
  futimens,
  lseek,
  NAME_BYTES_MAX,
  O_DIRECTORY,
  openat,
  readI64,
  readU64,
  STATX,
  statx,
  UTIME_NOW,
  unlinkat,
} from '../host/syscall.ts';
import type { Ledger } from '../journal/ledger.ts';
import type { AuditEvent, Base, Transaction } from '../journal/model.ts';
import type { Caller, FileSystemStatistics, Notifier, Time } from '../operations.ts';
import { cidOfFile } from '../store/cid.ts';
import type { Connection, Handle } from './connection.ts';
import type { CommitPlaces } from './hostCommit.ts';
import { IdleContent } from './idleContent.ts';
import { InodeNumbers, OWN_INO_BASE } from './inodeNumbers.ts';
import { Listings } from './listings.ts';
import type { Node, NodeSeed } from './node.ts';
import { newNode, S_IFDIR } from './node.ts';
import { Origins } from './origins.ts';
import type { DirentRecord, InodeRecord } from './records.ts';
import { decodeDirent, decodeInode, direntKey, encodeDirent, encodeInode, inodeKey } from './records.ts';
import { SetIds } from './setIds.ts';

export interface ViewOptions {
  readonly ledger: Ledger;
  readonly rules: RuleNode;
  readonly judge: NameJudge;
  /** Host directories no view may show. */
  readonly forbidden: readonly string[];
  /** Host paths tracked by git: default hide and mask patterns leave them alone. */
  readonly tracked: ReadonlySet<string>;
  /** Directory of the staging files (exists, 0700). */
  readonly stagingDirectory: string;
  readonly now: () => number;
  readonly comm: (pid: number) => string;
  readonly notifier: Notifier;
  readonly agent: string;
  /** Which reads go on record: none, the first of each file in a session, all. */
  readonly reads: ReadAudit;
  /** Called with every refusal, for `denials` and events. */
  readonly refused: (event: AuditEvent) => void;
  /** Called with every mutation that has been committed. */
  readonly happened: (event: AuditEvent) => void;
  readonly places: CommitPlaces;
}

/** Inode numbers: 256 file systems of 2^44 inodes, then the agent's own (inodeNumbers.ts). */
const DEVICE_SHIFT = 2 ** 44;
/** The base's content is identified at once up to this size; beyond it only the hint counts. */
const BASE_CID_BYTES_MAX = 16 * 1024 * 1024;
const NOW: Time = { sec: 0, nsec: UTIME_NOW };
const NO_VERDICT: NameVerdict = {
  hidden: false,
  masked: false,
  protected: false,
  hiddenIfPrivateKey: false,
  byDefault: false,
};

export class ViewState {
  readonly options: ViewOptions;
  /** The rules in force: replaced as a whole, by reload.ts alone. */
  rules: RuleNode;
  names: NameJudge;
  tracked: ReadonlySet<string>;
  reads: ReadAudit;
  readonly ledger: Ledger;
  readonly host: HostTree;
  readonly numbers: InodeNumbers;
  readonly setIds: SetIds;
  readonly stagingFd: number;
  readonly nodes = new Map<number, Node>();
  /** Files by inode number (and rule, for hard links on the host). */
  readonly files = new Map<string | number, Node>();
  readonly handles = new Map<number, Handle>();
  readonly connections = new Map<number, Connection>();
  /** Host inode -> the inode number the agent knows it by. */
  readonly origins: Origins;
  /** The last statx result. */
  readonly stat = Buffer.alloc(STATX.size_);
  readonly root: Node;
  connection: Connection | null = null;
  private readonly clock = Buffer.alloc(STATX.size_);
  /** Files in use without a handle. */
  readonly idle = new IdleContent();
  readonly listings = new Listings();
  private readonly devices = new Map<string, number>();
  private nextNode = 1;
  private nextHandle = 1;
  private undo: (() => void)[] | null = null;
  /** What the open mutation will have done once it is committed. */
  private happening: AuditEvent[] = [];

  constructor(options: ViewOptions) {
    this.options = options;
    this.ledger = options.ledger;
    this.rules = options.rules;
    this.names = options.judge;
    this.tracked = options.tracked;
    this.reads = options.reads;
    this.host = new HostTree(options.forbidden);
    this.stagingFd = openat(AT_FDCWD, options.stagingDirectory, O_DIRECTORY);
    if (this.stagingFd < 0) throw errno(this.stagingFd);
    this.numbers = new InodeNumbers(options.ledger);
    this.setIds = new SetIds(options.ledger);
    this.origins = new Origins(options.ledger);
    const rule: Rule = options.rules.rule ?? { path: '/', mode: 'hidden', empty: true, source: 'default' };
    this.host.stat(this.host.root, '.', this.stat);
    this.root = this.remember({
      ino: this.numbers.root('/'),
      type: S_IFDIR,
      parent: null,
      name: '',
      rule,
      ruleNode: options.rules,
      ownDirectory: this.host.root,
      lowerDirectory: rule.mode === 'hidden' || rule.empty ? null : this.host.root,
      hostParent: this.host.root,
      hostName: '.',
      lookups: 1,
    });
    this.root.record = this.readInode(this.root.ino);
  }

  // Nodes

  remember(seed: NodeSeed): Node {
    const node = newNode(this.nextNode++, seed);
    this.nodes.set(node.id, node);
    return node;
  }

  /** @throws ESTALE for what is gone, or what a later policy took away */
  node(id: number): Node {
    const node = this.nodes.get(id);
    if (node === undefined || node.denied) fail('ESTALE');
    return node;
  }

  handle(id: number): Handle {
    const handle = this.handles.get(id);
    if (handle === undefined) fail('EBADF');
    if (handle.node.denied) fail('ESTALE');
    return handle;
  }

  addHandle(node: Node, flags: number, passthrough: boolean): Handle {
    const connection = this.connection;
    if (connection === null) damaged('invariant', 'an open without a connection');
    const handle: Handle = { id: this.nextHandle++, node, flags, connection, passthrough, wrote: false, names: null };
    this.handles.set(handle.id, handle);
    connection.handles.add(handle.id);
    return handle;
  }

  /** Takes back lookups that the kernel gave up, or never got. */
  uncount(node: Node, count: number): void {
    node.lookups = Math.max(0, node.lookups - count);
    const { connection } = this;
    if (connection === null) return;
    if (connection.withoutOpens) node.blindLookups = Math.max(0, node.blindLookups - count);
    const left = (connection.lookups.get(node.id) ?? 0) - count;
    if (left > 0) connection.lookups.set(node.id, left);
    else connection.lookups.delete(node.id);
  }

  // The index

  readInode(ino: number): InodeRecord | null {
    const bytes = this.ledger.get('inodes', inodeKey(ino));
    return bytes === undefined ? null : decodeInode(ino, bytes);
  }

  dirent(parent: Node, name: string): DirentRecord | undefined {
    if (parent.record === null) return undefined;
    const bytes = this.ledger.get('dirents', direntKey(parent.ino, name));
    return bytes === undefined ? undefined : decodeDirent(bytes);
  }

  /** Runs one mutation; everything it did, in the index and in the heap, is undone if it throws. */
  mutate<T>(body: (tx: Transaction) => T): T {
    if (this.undo !== null) return this.ledger.transact(body);
    const undo: (() => void)[] = [];
    this.undo = undo;
    this.happening = [];
    try {
      const result = this.ledger.transact(body);
      for (const event of this.happening) this.options.happened(event);
      return result;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      this.undo = null;
    }
  }

  onAbort(step: () => void): void {
    this.undo?.push(step);
  }

  /** Replaces a node's record, in the index and in the heap. */
  setRecord(tx: Transaction, node: Node, record: InodeRecord): void {
    const before = node.record;
    node.record = record;
    this.onAbort(() => {
      node.record = before;
    });
    if (node.orphan) return;
    tx.put('inodes', inodeKey(node.ino), encodeInode(record));
    if (!this.numbers.taken.has(node.ino)) this.onAbort(() => this.numbers.taken.delete(node.ino));
    this.numbers.taken.add(node.ino);
  }

  putDirent(tx: Transaction, parent: Node, name: string, dirent: DirentRecord): void {
    tx.put('dirents', direntKey(parent.ino, name), encodeDirent(dirent));
  }

  // The host

  /** The inode number of what `stat` holds: one range for each file system. */
  hostIno(): number {
    return this.deviceRange() + (readU64(this.stat, STATX.ino) % DEVICE_SHIFT);
  }

  /** Where the numbers of a directory's entries begin. */
  inoRange(directory: HostDirectory): number {
    return this.host.stat(directory, '.', this.stat) < 0 ? 0 : this.deviceRange();
  }

  /** The number of a listed entry, as `stat` will give it. */
  listedIno(range: number, hostIno: number): number {
    const ino = range + (hostIno % DEVICE_SHIFT);
    return this.origins.listed(ino);
  }

  private deviceRange(): number {
    const device = `${this.stat.readUInt32LE(STATX.devMajor)}:${this.stat.readUInt32LE(STATX.devMinor)}`;
    let index = this.devices.get(device);
    if (index === undefined) {
      index = this.devices.size % 255;
      this.devices.set(device, index);
    }
    return index * DEVICE_SHIFT;
  }

  birthTime(): string {
    return `${readI64(this.stat, STATX.btime)}.${this.stat.readUInt32LE(STATX.btime + 8)}`;
  }

  /** The number the agent knows a host inode by: its own, unless an earlier commit or hard link joined it. */
  knownIno(hostIno: number): number {
    if (this.origins.size === 0) return hostIno;
    return this.origins.find(hostIno, this.birthTime())?.ino ?? hostIno;
  }

  /** The host inode that `stat` describes is known as `ino` from now on; `born` as the agent was told so far. */
  setOrigin(tx: Transaction, ino: number, btime: string, hostIno: number, born?: Time): void {
    const origin = born === undefined ? { ino, btime } : { ino, btime, born };
    this.origins.set(tx, hostIno, origin, (undo) => this.onAbort(undo));
  }

  judge(directory: string, name: string, isDirectoryName: boolean): NameVerdict {
    const verdict = this.names.judge(directory, name, isDirectoryName);
    if (!verdict.byDefault) return verdict;
    return this.tracked.has(`${directory}/${name}`) ? { ...NO_VERDICT, protected: verdict.protected } : verdict;
  }

  /** What the host has at a name now, as the base of a first change. */
  captureBase(directory: HostDirectory | null, name: string, withCid: boolean): Base {
    if (directory === null) return { version: { type: 'absent' } };
    const fd = this.host.descriptor(directory);
    if (fd < 0) return { version: { type: 'absent' } };
    const captured = capture(fd, name, { nowMs: this.options.now(), cidOf: cidOfSmall, onlyIfUnreliable: !withCid });
    return captured.hint === undefined
      ? { version: captured.version }
      : { version: captured.version, hint: captured.hint };
  }

  // Staging files

  stagingName(id: number): string {
    return (id - OWN_INO_BASE).toString(36);
  }

  stagingPath(id: number): string {
    return `${this.options.stagingDirectory}/${this.stagingName(id)}`;
  }

  /** Bytes on disk of all staging files. */
  stagedBytes(): number {
    let blocks = 0;
    for (const name of readdirSync(this.options.stagingDirectory)) {
      if (statx(this.stagingFd, name, AT_SYMLINK_NOFOLLOW, this.stat) === 0) blocks += readU64(this.stat, STATX.blocks);
    }
    return blocks * 512;
  }

  discardStaging(name: string): void {
    unlinkat(this.stagingFd, name);
  }

  // The record of what happened

  event(op: string, path: string, rule: Rule, caller: Caller | null, more: Partial<AuditEvent> = {}): AuditEvent {
    const pid = caller?.pid ?? 0;
    const event: AuditEvent = {
      op,
      path,
      verdict: 'allow',
      rule: rule.source,
      pid,
      comm: this.options.comm(pid),
      ...more,
    };
    if (this.undo !== null) this.happening.push(event);
    return event;
  }

  /** Records a refusal and throws it. */
  refuse(op: string, path: string, rule: Rule, caller: Caller | null, number: Errno): never {
    const event = this.event(op, path, rule, caller, { verdict: 'deny', note: number.name });
    this.ledger.record(event);
    this.options.refused(event);
    throw number;
  }

  checkName(name: string): void {
    if (name.length > NAME_BYTES_MAX) fail('ENAMETOOLONG');
  }

  /**
   * The time for what changes now, from the clock that also dates the staging files: file systems keep one of their
   * own, up to a tick behind, and `make` or `find -newer` must never see what came later as the older.
   */
  nowTime(): Time {
    must(futimens(this.stagingFd, NOW, NOW));
    must(statx(this.stagingFd, '', AT_EMPTY_PATH, this.clock));
    return { sec: readI64(this.clock, STATX.mtime), nsec: this.clock.readUInt32LE(STATX.mtime + 8) };
  }

  commitPlaces(): CommitPlaces {
    return this.options.places;
  }

  /** Space of the file system that holds the staging files. */
  statistics(buffer: Buffer): FileSystemStatistics {
    must(fstatfs(this.stagingFd, buffer));
    return {
      blocks: readU64(buffer, 16),
      blocksFree: readU64(buffer, 24),
      blocksAvailable: readU64(buffer, 32),
      files: readU64(buffer, 40),
      filesFree: readU64(buffer, 48),
      blockSizeBytes: readU64(buffer, 8),
      nameBytesMax: NAME_BYTES_MAX,
    };
  }
}

/** The CID of a base's bytes, '' beyond the bound. */
function cidOfSmall(fd: number): string {
  return must(lseek(fd, 0, 2)) <= BASE_CID_BYTES_MAX ? cidOfFile(fd) : '';
}
