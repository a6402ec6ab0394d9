// A view without a kernel: the core's operations over a real directory as the host and a real ledger.
//
// Paths are relative to the workspace, byte strings. Lookups are counted as a kernel would, and given back by `forgetAll`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { signerOfSeed } from '../../fs/audit/identity.ts';
import { Errno } from '../../fs/errno.ts';
import { Ledger } from '../../fs/journal/ledger.ts';
import { type Attributes, type Caller, type DirectorySink, NO_HANDLE, type Notifier } from '../../fs/operations.ts';
import { recoverCommits } from '../../fs/overlay/hostCommit.ts';
import { IgnoreRules } from '../../fs/overlay/ignoreRules.ts';
import type { Node } from '../../fs/overlay/node.ts';
import { PendingBook } from '../../fs/overlay/pendingBook.ts';
import { ViewState } from '../../fs/overlay/state.ts';
import { sweepStaging } from '../../fs/overlay/sweep.ts';
import { View } from '../../fs/overlay/view.ts';
import { ViewFiles } from '../../fs/overlay/viewFile.ts';
import type { Mode, Rule } from '../../policy/model.ts';
import { nameJudge } from '../../policy/names.ts';
import { ruleTree } from '../../policy/rules.ts';
import type { CoreOptions } from './coreOptions.ts';

const signer = signerOfSeed(Buffer.alloc(32, 7));
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
const O_CREAT_EXCL_RDWR = O_RDWR | O_CREAT | O_EXCL;
const IO_BYTES_MAX = 1 << 20;
const UNOPENED = { handle: NO_HANDLE };

export interface Opened {
  readonly node: number;
  readonly handle: number;
}

export class CoreWorld {
  readonly directory: string;
  /** The workspace on the host. */
  readonly host: string;
  readonly caller: Caller;
  readonly happened: string[] = [];
  state!: ViewState;
  view!: View;
  book!: PendingBook;
  private readonly options: CoreOptions;
  private ledger!: Ledger;
  private store: string;
  private generation = 0;
  private readonly held: number[] = [];
  private workspaceNode = 0;

  constructor(options: CoreOptions = {}) {
    this.options = options;
    this.directory = mkdtempSync(`${tmpdir()}/agentsh-core-`);
    this.host = `${this.directory}/work`;
    this.store = `${this.directory}/store0`;
    mkdirSync(this.host);
    this.caller = {
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      pid: 0,
      defer: () => {
        throw new Error('nothing is deferred here');
      },
    };
    this.open();
  }

  /** Opens the agent's store as the worker thread does. */
  open(): void {
    for (const name of ['staging', 'blobs', 'preimages'])
      mkdirSync(`${this.store}/${name}`, { recursive: true, mode: 0o700 });
    this.ledger = Ledger.open({ directory: `${this.store}/ledger`, agent: 'test', clock: Date.now, signer });
    const { mode = 'invisible', rules = {}, hide = [], mask = [] } = this.options;
    const rule = (path: string, of: Mode): Rule => ({ path, mode: of, empty: false, source: 'default' });
    const below = Object.entries(rules).map(([path, of]) => rule(`${this.host}/${path}`, of));
    const all = [{ ...rule('/', 'hidden'), empty: true }, rule(this.host, mode), ...below];
    const silent: Notifier = {
      invalidateInode: () => undefined,
      invalidateEntry: () => undefined,
      expireEntry: () => undefined,
    };
    this.state = new ViewState({
      ledger: this.ledger,
      rules: ruleTree(all),
      judge: nameJudge({ hide, mask, protect: [], scopes: [this.host], builtin: false }),
      forbidden: [],
      tracked: new Set(),
      stagingDirectory: `${this.store}/staging`,
      now: Date.now,
      comm: () => 'test',
      notifier: silent,
      agent: 'test',
      reads: 'none',
      refused: (event) => this.happened.push(`deny ${event.op} ${event.note}`),
      happened: (event) => this.happened.push(event.op),
      places: {
        blobs: `${this.store}/blobs`,
        preimages: `${this.store}/preimages`,
        lock: new Int32Array(new SharedArrayBuffer(4)),
      },
    });
    sweepStaging(this.state);
    recoverCommits(this.state, this.state.commitPlaces());
    const { withoutOpens = false } = this.options;
    const held = { lookups: new Map(), handles: new Set<number>() };
    this.view = new View(this.state, { id: 1, ...held, backing: null, dev: true, withoutOpens }, null);
    this.book = new PendingBook(
      this.state,
      this.host,
      () => new IgnoreRules(this.host, new ViewFiles(this.state), this.options.ignored ?? []),
    );
    this.workspaceNode = this.walkAbsolute(this.host);
  }

  /** Ends the agent cleanly. */
  close(): void {
    this.forgetAll();
    this.view.destroy();
    this.state.host.close();
    this.ledger.close();
    this.held.length = 0;
  }

  reopen(): void {
    this.close();
    this.open();
  }

  /** What a killed kernel would find: the store as it is now, and nothing of the heap. */
  crash(): void {
    this.generation += 1;
    const next = `${this.directory}/store${this.generation}`;
    execFileSync('cp', ['-a', this.store, next]);
    this.close();
    rmSync(this.store, { recursive: true });
    this.store = next;
    this.open();
  }

  /** Closes, and removes everything. */
  end(): void {
    this.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  // Names

  private walkAbsolute(path: string): number {
    let node = this.state.root.id;
    for (const name of path.split('/').slice(1)) node = this.lookup(node, name);
    return node;
  }

  private lookup(parent: number, name: string): number {
    const { nodeId } = this.view.lookup(parent, name, this.caller);
    if (nodeId === 0) throw new Errno(2);
    this.held.push(nodeId);
    return nodeId;
  }

  /** The node id of a path; its lookups are held until `forgetAll`. @throws ENOENT */
  node(path: string): number {
    let node = this.workspaceNode;
    for (const name of path.split('/')) if (name !== '' && name !== '.') node = this.lookup(node, name);
    return node;
  }

  /** The kernel drops every name it caches, but the workspace's. */
  forgetAll(): void {
    const keep = this.held.indexOf(this.workspaceNode);
    for (const [index, id] of this.held.entries()) if (index > keep) this.view.forget(id, 1);
    this.held.length = keep + 1;
  }

  private parentOf(path: string): [number, string] {
    const slash = path.lastIndexOf('/');
    return [this.node(slash < 0 ? '' : path.slice(0, slash)), path.slice(slash + 1)];
  }

  exists(path: string): boolean {
    try {
      this.node(path);
      return true;
    } catch (error) {
      if (error instanceof Errno) return false;
      throw error;
    }
  }

  stat(path: string): Attributes {
    return { ...this.view.getattr(this.node(path), undefined, this.caller).attributes };
  }

  inner(path: string): Node {
    return this.state.node(this.node(path));
  }

  mkdir(path: string, mode = 0o755): void {
    this.hold(this.view.mkdir(...this.parentOf(path), mode, this.caller).nodeId);
  }

  private hold(id: number): void {
    this.held.push(id);
  }

  symlink(target: string, path: string): void {
    this.hold(this.view.symlink(...this.parentOf(path), target, this.caller).nodeId);
  }

  fifo(path: string): void {
    this.hold(this.view.mknod(...this.parentOf(path), 0o010644, 0, this.caller).nodeId);
  }

  unlink(path: string): void {
    this.view.unlink(...this.parentOf(path), this.caller);
  }

  rmdir(path: string): void {
    this.view.rmdir(...this.parentOf(path), this.caller);
  }

  /** `rm -r`. */
  remove(path: string): void {
    const { mode } = this.stat(path);
    if ((mode & 0o170000) !== 0o040000) return this.unlink(path);
    for (const name of this.list(path)) this.remove(`${path}/${name}`);
    this.rmdir(path);
  }

  rename(from: string, to: string, flags = 0): void {
    this.view.rename(...this.parentOf(from), ...this.parentOf(to), flags, this.caller);
  }

  link(from: string, to: string): void {
    const node = this.node(from);
    this.hold(this.view.link(node, ...this.parentOf(to), this.caller).nodeId);
  }

  readlink(path: string): string {
    return this.view.readlink(this.node(path));
  }

  chmod(path: string, mode: number): void {
    this.view.setattr(this.node(path), { mode }, this.caller);
  }

  truncate(path: string, size: number): void {
    this.view.setattr(this.node(path), { size }, this.caller);
  }

  setxattr(path: string, name: string, value: string): void {
    this.view.setxattr(this.node(path), name, Buffer.from(value, 'latin1'), 0, this.caller);
  }

  removexattr(path: string, name: string): void {
    this.view.removexattr(this.node(path), name, this.caller);
  }

  /** Names in order, from a stream of single entries. */
  list(path: string): string[] {
    return this.entries(path).map(({ name }) => name);
  }

  entries(path: string, plus = false): { name: string; ino: number; type: number }[] {
    const node = this.node(path);
    const { handle } = this.options.withoutOpens ? UNOPENED : this.view.opendir(node, 0, this.caller);
    const found: { name: string; ino: number; type: number }[] = [];
    const take = (name: string, ino: number, type: number) => {
      if (name !== '.' && name !== '..') found.push({ name, ino, type });
      return true;
    };
    const sink: DirectorySink = {
      add: (name, ino, type) => take(name, ino, type),
      addPlus: (name, entry, ino, type) => {
        if (entry.nodeId !== 0 && name !== '.' && name !== '..') this.hold(entry.nodeId);
        return take(name, ino, type);
      },
    };
    this.view.readdir(node, handle, 0, sink, plus, this.caller);
    if (handle !== NO_HANDLE) this.view.releasedir(node, handle);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  // Bytes

  openFile(path: string, flags: number): Opened {
    const node = this.node(path);
    if (this.options.withoutOpens) return this.heldOpen(node);
    return { node, handle: this.view.open(node, flags, this.caller).handle };
  }

  createFile(path: string, mode = 0o644): Opened {
    const reply = this.view.create(...this.parentOf(path), O_CREAT_EXCL_RDWR, mode, this.caller);
    const { nodeId, handle } = reply;
    this.hold(nodeId);
    return handle === NO_HANDLE ? this.heldOpen(nodeId) : { node: nodeId, handle };
  }

  /** What was looked up last is not forgotten before it is closed. */
  private heldOpen(node: number): Opened {
    this.held.pop();
    return { node, handle: NO_HANDLE };
  }

  unnamed(directory: string): Opened {
    const { nodeId, handle } = this.view.tmpfile(this.node(directory), O_RDWR, 0o600, this.caller);
    this.hold(nodeId);
    return handle === NO_HANDLE ? this.heldOpen(nodeId) : { node: nodeId, handle };
  }

  pwrite({ node, handle }: Opened, offset: number, text: string): void {
    this.view.write(node, handle, offset, Buffer.from(text, 'latin1'), false, this.caller);
  }

  pread({ node, handle }: Opened, offset = 0): string {
    const buffer = Buffer.alloc(IO_BYTES_MAX);
    return buffer.toString('latin1', 0, this.view.read(node, handle, offset, buffer, this.caller));
  }

  /** close(2): flush, then release. */
  closeFile({ node, handle }: Opened): void {
    if (handle === NO_HANDLE) return this.view.forget(node, 1);
    try {
      this.view.flush(node, handle, this.caller);
    } finally {
      this.view.release(node, handle, 0);
    }
  }

  /** Creates or rewrites a file, as a shell's redirection does. */
  write(path: string, text: string): void {
    const file = this.exists(path) ? this.openFile(path, O_WRONLY) : this.createFile(path);
    this.view.setattr(file.node, { size: 0, handle: file.handle }, this.caller);
    if (text !== '') this.pwrite(file, 0, text);
    this.closeFile(file);
  }

  append(path: string, text: string): void {
    const file = this.openFile(path, O_WRONLY);
    this.pwrite(file, this.stat(path).size, text);
    this.closeFile(file);
  }

  read(path: string): string {
    const file = this.openFile(path, O_RDONLY);
    const text = this.pread(file);
    this.closeFile(file);
    return text;
  }

  xattrs(path: string): Record<string, string> {
    const node = this.node(path);
    const names = this.view.listxattr(node, this.caller).toString('latin1').split('\0').filter(Boolean).sort();
    return Object.fromEntries(names.map((name) => [name, this.view.getxattr(node, name, this.caller).toString('hex')]));
  }

  /** Everything the agent sees below a path, one line a name. */
  tree(path = ''): Record<string, string> {
    const state: Record<string, string> = {};
    for (const { name, ino, type } of this.entries(path)) {
      const at = path === '' ? name : `${path}/${name}`;
      const attributes = this.stat(at);
      if (attributes.ino !== ino) throw new Error(`${at}: listed as ${ino}, found as ${attributes.ino}`);
      if (attributes.mode >> 12 !== type) throw new Error(`${at}: listed as type ${type}`);
      state[at] = this.describe(at, attributes);
      if (type === 0o4) Object.assign(state, this.tree(at));
    }
    return state;
  }

  private describe(path: string, { mode, size }: Attributes): string {
    const type = mode >> 12;
    if (type === 0o12) return `link ${this.readlink(path)}`;
    const word = `${(mode & 0o7777).toString(8)} ${JSON.stringify(this.xattrs(path))}`;
    if (type === 0o4) return `directory ${word}`;
    if (type !== 0o10) return `special ${type} ${word}`;
    const text = this.read(path);
    if (text.length !== size) throw new Error(`${path}: ${size} bytes, read ${text.length}`);
    return `file ${word} ${JSON.stringify(text)}`;
  }

  stagingNames(): string[] {
    return readdirSync(`${this.store}/staging`);
  }

  /** Nodes that are still remembered, but for those above the workspace and itself. */
  leftNodes(): string[] {
    const ids = new Set(this.held);
    return Array.from(this.state.nodes.values())
      .filter((node) => !ids.has(node.id) && node !== this.state.root)
      .map((node) => `${node.id} ${node.name} lookups ${node.lookups} opens ${node.opens}`);
  }
}
