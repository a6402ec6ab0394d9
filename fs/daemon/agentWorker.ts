// The thread that owns one agent: its ledger, its view, and every connection that shows it.
//
// Synchronous: it answers the kernel and the main thread in the thread that read the request (see workerLoop.ts).
import { mkdirSync } from 'node:fs';
import type { Rule, RuleNode } from '../../policy/model.ts';
import { nameJudge } from '../../policy/names.ts';
import { ruleFor, ruleTree } from '../../policy/rules.ts';
import { loadIdentity, type Signer } from '../audit/identity.ts';
import { ControlTree } from '../control/tree.ts';
import { fail, type IoCause } from '../errno.ts';
import { ROOT_NODE } from '../fuse/abi.ts';
import { backingOf } from '../fuse/backing.ts';
import { Channel, sendTo } from '../fuse/channel.ts';
import { IoErrors } from '../fuse/ioErrors.ts';
import { encodeExpireEntry, encodeInvalidateEntry, encodeInvalidateInode } from '../fuse/notify.ts';
import { Session } from '../fuse/session.ts';
import { AT_FDCWD, close, openat, read } from '../host/syscall.ts';
import { versionText } from '../journal/diffText.ts';
import { Ledger } from '../journal/ledger.ts';
import type { Notifier } from '../operations.ts';
import type { FoundChange } from '../overlay/changes.ts';
import { recoverCommits } from '../overlay/hostCommit.ts';
import { IgnoreRules } from '../overlay/ignoreRules.ts';
import type { Item } from '../overlay/pendingBook.ts';
import { PendingBook } from '../overlay/pendingBook.ts';
import { reloadPolicy } from '../overlay/reload.ts';
import { plantSeeds } from '../overlay/seed.ts';
import { dropAll, dropModes, measure } from '../overlay/session.ts';
import { ViewState } from '../overlay/state.ts';
import { sweepStaging } from '../overlay/sweep.ts';
import { View } from '../overlay/view.ts';
import { ViewFiles } from '../overlay/viewFile.ts';
import { type AgentActor, AgentSource } from './agentSource.ts';
import type { ConnectionProfile } from './connectionProfile.ts';
import { Outbox, type OutboxEvent } from './outbox.ts';
import type {
  AgentMethods,
  AgentOpen,
  Attached,
  AttachParams,
  CommitItem,
  PendingItem,
  PendingListing,
  PolicyParams,
  PolicyResult,
} from './protocol.ts';
import { recoveryLines } from './recoveryLines.ts';
import { RequestError } from './requestError.ts';
import { WorkerLoop } from './workerLoop.ts';

/** TASK_COMM_LEN. */
const COMM_BYTES = 16;
/** Backing files may lie on overlayfs, as everything does in a container. */
const STACK_DEPTH = 2;

interface Served {
  readonly session: Session;
  /** Where the whole view is shown. */
  readonly tree: ControlTree | null;
  readonly fd: number;
  readonly profile: ConnectionProfile;
  /** The node that is 1 on the wire. */
  readonly rootNode: number;
}

class Actor implements AgentActor {
  readonly ledger: Ledger;
  readonly view: ViewState;
  readonly source: AgentSource;
  readonly book: PendingBook;
  private open: AgentOpen;
  private readonly signer: Signer;
  private readonly sessions = new Map<number, Served>();
  private readonly commBuffer = Buffer.alloc(COMM_BYTES);
  private readonly outbox = new Outbox((events) => loop.post({ events }), Date.now);
  private readonly errors = new IoErrors(log, (cause) => loop.post({ event: { kind: 'ioError', cause } }));
  private auditSeen = 0;

  constructor(open: AgentOpen) {
    this.open = open;
    this.signer = loadIdentity(open.keys, 'kernel');
    for (const name of ['staging', 'blobs', 'preimages'])
      mkdirSync(Buffer.from(`${open.directory}/${name}`, 'latin1'), { recursive: true, mode: 0o700 });
    this.ledger = Ledger.open({
      directory: `${open.directory}/ledger`,
      agent: open.name,
      clock: Date.now,
      signer: this.signer,
    });
    for (const line of recoveryLines(this.ledger.recovery)) log(`the ledger: ${line}`);
    this.source = new AgentSource(this, open, this.signer.did, Date.now());
    this.view = this.makeView();
    this.view.host.avoid(open.avoided);
    sweepStaging(this.view);
    plantSeeds(this.view, open.homeFiles, { uid: process.getuid!(), gid: process.getgid!() });
    recoverCommits(this.view, this.view.commitPlaces());
    this.book = new PendingBook(this.view, open.workspace, () => this.ignoreRules());
  }

  private makeView(): ViewState {
    const { open, source } = this;
    return new ViewState({
      ledger: this.ledger,
      rules: withOwnPlaces(open.rules, open.forbidden),
      judge: nameJudge({ ...open.names, scopes: open.policy.scopes }),
      forbidden: open.forbidden,
      tracked: new Set(open.tracked),
      stagingDirectory: `${open.directory}/staging`,
      now: Date.now,
      comm: (pid) => this.comm(pid),
      notifier: this.notifier(),
      agent: open.name,
      reads: open.policy.audit.reads,
      refused: (event) => source.refused(event),
      happened: (event) => source.happened(event),
      places: {
        blobs: `${open.directory}/blobs`,
        preimages: `${open.directory}/preimages`,
        lock: new Int32Array(open.commitLock),
      },
    });
  }

  private notifier(): Notifier {
    const tell = (node: number, except: number | undefined, encode: (node: number) => Buffer) => {
      for (const [id, { fd, rootNode }] of this.sessions) {
        if (id === except || (node === ROOT_NODE && rootNode !== ROOT_NODE)) continue;
        loop.post({ notify: { fd, bytes: encode(node === rootNode ? ROOT_NODE : node) } });
      }
    };
    const tellName = (parent: number, except: number | undefined, encode: (parent: number) => Buffer) => {
      tell(parent, except, encode);
      // A listing that the Linux kernel keeps is as old as the name in it, and goes with the directory's pages.
      const keeps = [...this.sessions.values()].some(({ profile }) => profile === 'cached');
      if (keeps) tell(parent, except, (node) => encodeInvalidateInode(node, 0, 0));
    };
    return {
      invalidateInode: (node, offset, length, except) =>
        tell(node, except, (id) => encodeInvalidateInode(id, offset, length)),
      invalidateEntry: (parent, name, except) => tellName(parent, except, (id) => encodeInvalidateEntry(id, name)),
      expireEntry: (parent, name) => tellName(parent, undefined, (id) => encodeExpireEntry(id, name)),
    };
  }

  private ignoreRules(): IgnoreRules {
    const { workspace, ignored, policy } = this.open;
    return new IgnoreRules(workspace, new ViewFiles(this.view), policy.ignored === 'invisible' ? [] : ignored);
  }

  /** The name of a thread as it is now: a remembered one would be that of before its exec. */
  private comm(pid: number): string {
    if (pid === 0) return '';
    const fd = openat(AT_FDCWD, `/proc/${pid}/comm`, 0);
    if (fd < 0) return '';
    const length = read(fd, this.commBuffer, COMM_BYTES);
    close(fd);
    return length <= 0 ? '' : this.commBuffer.toString('latin1', 0, length - 1);
  }

  /** Puts another policy in force: on record first, since what cannot be recorded must not happen. */
  reload({ rules, names, policy, tracked, note }: PolicyParams): PolicyResult {
    this.ledger.record({ op: 'policy', path: this.open.workspace, verdict: 'info', note });
    this.ledger.sync();
    this.open = { ...this.open, rules, names, policy, tracked };
    this.source.replaced(this.open, note);
    return reloadPolicy(this.view, {
      rules: withOwnPlaces(rules, this.open.forbidden),
      judge: nameJudge({ ...names, scopes: policy.scopes }),
      tracked: new Set(tracked),
      reads: policy.audit.reads,
    });
  }

  attach({ connection, fd, idShift, profile, dev, root }: AttachParams): Attached {
    const passthrough = profile === 'passthrough';
    const withoutOpens = profile === 'cached';
    const ids = { uid: idShift === 0 ? process.getuid!() : 0, gid: idShift === 0 ? process.getgid!() : 0 };
    const tree = root === undefined ? new ControlTree(this.source, ids) : null;
    const backing = passthrough ? backingOf(fd) : null;
    const held = { lookups: new Map(), handles: new Set<number>() };
    const view = new View(this.view, { id: connection, ...held, backing, dev, withoutOpens }, tree);
    const rootNode = root === undefined ? ROOT_NODE : view.holdRoot(root);
    const session = new Session({
      operations: view,
      idShift,
      send: sendTo(fd),
      log,
      ioErrors: this.errors,
      passthrough,
      stackDepth: STACK_DEPTH,
      withoutOpens,
      rootNode,
    });
    this.sessions.set(connection, { session, tree, fd, profile, rootNode });
    const channel = new Channel(fd, session, log, loop.buffer);
    loop.add(connection, channel);
    // INIT waits since the mount was made.
    channel.service(1);
    return { profile: passthrough && !session.negotiated.passthrough ? 'open' : profile };
  }

  detach(connection: number): void {
    loop.remove(connection);
    this.sessions.delete(connection);
  }

  /** Followers of the logs hear what has come since they last did; nothing is held while the thread sleeps. */
  rest(): number {
    const size = this.ledger.auditSizeBytes();
    if (size !== this.auditSeen) {
      this.auditSeen = size;
      for (const { tree } of this.sessions.values()) tree?.wake();
    }
    this.ledger.resetRead();
    return this.outbox.flush();
  }

  tell(event: OutboxEvent): void {
    this.outbox.add(event);
  }

  requests(): number {
    let total = 0;
    for (const { session } of this.sessions.values())
      for (const count of Object.values(session.requestCounts())) total += count;
    return total;
  }

  ioErrors(): Readonly<Record<IoCause, number>> {
    return this.errors.counts;
  }

  pending(withIgnored = false): PendingListing {
    const { set, items, ignored } = this.book.list();
    const shown = items.map((item) => this.item(item.id, item));
    const hidden = withIgnored ? ignored.map((found) => this.item('', found)) : [];
    return { set, items: [...shown, ...hidden], ignored: ignored.length };
  }

  private item(id: string, { change }: FoundChange | Item): PendingItem {
    return {
      id,
      kind: change.kind,
      path: change.path,
      ...(change.source === undefined ? {} : { source: change.source }),
      agent: this.open.name,
      base: versionText(change.base.version),
      result: versionText(change.result),
      sizeBytes: change.result.type === 'file' ? change.result.sizeBytes : 0,
      taint: '',
      protected: change.protected,
      ageSeconds: Math.max(0, Math.floor((Date.now() - change.changedAtMs) / 1000)),
      count: change.count,
    };
  }

  requirePending(id: string): void {
    this.book.require(id);
  }

  detail(id: string): string {
    return this.book.detail(id);
  }

  commits(): readonly CommitItem[] {
    return this.book.commits().map(({ plan, by }) => ({
      id: plan.id,
      agent: this.open.name,
      atMs: plan.atMs,
      by,
      paths: plan.steps.map(({ path }) => path),
    }));
  }

  close(): void {
    for (const connection of [...this.sessions.keys()]) this.detach(connection);
    this.ledger.close();
  }
}

/** Where a rule shows the host and our own stores in it, they are hidden by rule: what leads to them cannot be moved. */
function withOwnPlaces(rules: readonly Rule[], places: readonly string[]): RuleNode {
  const tree = ruleTree(rules);
  const shown = places.filter((place) => {
    const { mode, empty } = ruleFor(tree, place);
    return !empty && mode !== 'hidden' && mode !== 'ro';
  });
  if (shown.length === 0) return tree;
  return ruleTree([
    ...rules,
    ...shown.map((path): Rule => ({ path, mode: 'hidden', empty: false, source: 'agentsh' })),
  ]);
}

let actor: Actor | undefined;

function opened(): Actor {
  if (actor === undefined) fail('EBADF');
  return actor;
}

const methods: { [M in keyof AgentMethods]: (params: AgentMethods[M]['params']) => AgentMethods[M]['result'] } = {
  open(params) {
    actor?.close();
    actor = undefined;
    actor = new Actor(params);
    return { ino: actor.view.root.ino };
  },
  attach(params) {
    return opened().attach(params);
  },
  detach({ connection }) {
    opened().detach(connection);
    return {};
  },
  policy: (params) => opened().reload(params),
  status() {
    const { view, book } = opened();
    const { items, ignored } = book.list();
    return {
      pending: items.length,
      ignored: ignored.length,
      ...measure(view),
      connections: view.connections.size,
      requests: opened().requests(),
    };
  },
  pending: ({ ignored }) => opened().pending(ignored),
  detail: ({ id }) => ({ text: opened().detail(id) }),
  require({ id }) {
    opened().requirePending(id);
    return {};
  },
  approve({ ids, set, by }) {
    return opened().book.approve(ids, set, by);
  },
  reject({ ids, reason, pid }) {
    return { rejected: opened().book.reject(ids, reason, `operator pid ${pid}`) };
  },
  commits: () => opened().commits(),
  audit({ offset, lengthBytes }) {
    const { ledger } = opened();
    return { text: ledger.readAudit(offset, lengthBytes).toString('latin1'), sizeBytes: ledger.auditSizeBytes() };
  },
  endSession() {
    const { view, book } = opened();
    dropModes(view, ['ephemeral']);
    for (const node of view.nodes.values()) node.readLogged = false;
    return { pending: book.list().items.length };
  },
  avoid({ places }) {
    actor?.view.host.avoid(places);
    return {};
  },
  discard() {
    const { view } = opened();
    dropAll(view);
    return {};
  },
  record({ event }) {
    opened().ledger.record(event);
    return {};
  },
  close() {
    actor?.close();
    actor = undefined;
    return {};
  },
};

const loop = new WorkerLoop({
  request(method, params) {
    const handle = methods[method as keyof AgentMethods] as ((params: unknown) => unknown) | undefined;
    if (handle === undefined) throw new RequestError('ENOSYS', `${method}: no such method`);
    return handle(params);
  },
  beforeSleep: () => actor?.rest() ?? -1,
});

function log(text: string): void {
  loop.post({ event: { kind: 'log', text } });
}

loop.run();
