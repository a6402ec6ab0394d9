// The kernel process as one object: what it owns, in which order that comes up, and in which it goes down.
//
// Up: lock, places, stale mounts, ledger, agents, operator's mount, socket. Down: the same backwards.
import { mkdirSync, realpathSync } from 'node:fs';
import { ioErrorMetric, renderMetrics } from '../control/listing.ts';
import { quotePath } from '../control/quote.ts';
import { IO_CAUSES, type IoCause } from '../errno.ts';
import { cleanStaleMounts } from '../fuse/mount.ts';
import { NotificationQueue } from '../fuse/notify.ts';
import type { AuditEvent } from '../journal/model.ts';
import type { Agent } from './agent.ts';
import { AgentRegistry } from './agents.ts';
import { AuditTrail } from './auditTrail.ts';
import { BUILD } from './build.ts';
import { bytesOf } from './bytePath.ts';
import { Changes } from './changes.ts';
import type { AgentFilter, ConnectionItem, KernelStatus } from './clientProtocol.ts';
import { PROTOCOL_VERSION } from './clientProtocol.ts';
import { EventFeed } from './eventFeed.ts';
import { KernelLedger } from './kernelLedger.ts';
import type { KernelLog } from './kernelLog.ts';
import { writeToken } from './lock.ts';
import { dispatcher } from './methods.ts';
import { Mounter } from './mounter.ts';
import { operatorCalls } from './operatorCalls.ts';
import { OperatorMount } from './operatorMount.ts';
import { forbiddenPlaces, type Places } from './places.ts';
import { PolicyDesk } from './policyDesk.ts';
import { type LoadedView, loadView, type ViewRequest } from './policyView.ts';
import { PolicyWatch } from './policyWatch.ts';
import { recoveryLines } from './recoveryLines.ts';
import { checkMountpoint, Sessions } from './sessions.ts';
import { type Peer, SocketServer } from './socketServer.ts';
import { SpareWorker } from './spareWorker.ts';

export interface KernelOptions {
  readonly places: Places;
  readonly log: KernelLog;
  /** Ends the kernel when its last session or mount has gone and nobody is connected. */
  readonly exitWithLast: boolean;
  readonly idleTimeoutMs: number;
  /** Program of the agents' workers; tests name their own. */
  readonly agentProgram: URL;
  readonly operatorProgram: URL;
  /** Called once everything is down. */
  readonly ended: () => void;
}

const DRAIN_TIMEOUT_MS = 10_000;
/** For the delivery of what the kernel's caches must forget. */
const SETTLE_TIMEOUT_MS = 5000;

export class Kernel {
  readonly startedAtMs = Date.now();
  readonly build = BUILD;
  readonly protocolVersion = PROTOCOL_VERSION;
  readonly places: Places;
  readonly agents: AgentRegistry;
  readonly changes: Changes;
  readonly sessions: Sessions;
  readonly feed: EventFeed;
  readonly ledger: KernelLedger;
  readonly trail: AuditTrail;
  readonly policies: PolicyDesk;
  readonly log: KernelLog;
  readonly #options: KernelOptions;
  readonly #workers: SpareWorker;
  readonly #mounter: Mounter;
  readonly #operator: OperatorMount;
  readonly #forbidden: readonly string[];
  readonly #watch: PolicyWatch;
  readonly #peers = new Map<number, Peer>();
  readonly #complaints = new Set<string>();
  /** Answers of EIO since boot, by agent and cause. */
  readonly #ioErrorCounts = new Map<string, Record<IoCause, number>>();
  #server: SocketServer | undefined;
  #idle: NodeJS.Timeout | undefined;
  #used = false;
  #ending: Promise<void> | undefined;

  /** The caller has locked the home and made the places. */
  static async boot(options: KernelOptions): Promise<Kernel> {
    const { places, log } = options;
    for (const directory of [places.mounts, places.run]) {
      for (const { mountpoint, reason } of await cleanStaleMounts(realpathSync(directory))) {
        log.write(`stale mount ${mountpoint}: ${reason}`);
      }
    }
    const kernel = new Kernel(options);
    try {
      await kernel.#start();
    } catch (error) {
      // A process with a worker that sleeps in poll(2) cannot exit.
      await kernel.#workers.close();
      await kernel.#operator.stop();
      throw error;
    }
    return kernel;
  }

  private constructor(options: KernelOptions) {
    const { places, log } = options;
    this.#options = options;
    this.places = places;
    this.log = log;
    this.#workers = new SpareWorker(options.agentProgram);
    this.ledger = new KernelLedger(places);
    for (const line of recoveryLines(this.ledger.recovery)) log.write(`the kernel's ledger: ${line}`);
    this.#mounter = new Mounter(realpathSync(places.mounts));
    this.#forbidden = forbiddenPlaces(places);
    const notifications = new NotificationQueue((text) => log.write(text));
    this.#operator = new OperatorMount(this.#mounter, options.operatorProgram, {
      deliver: (fd, bytes) => notifications.push(fd, Buffer.from(bytes)),
      drop: (fd, close) => notifications.drop(fd, close),
      log: (text) => log.write(text),
    });
    this.feed = new EventFeed((event) => this.#operator.publish(event));
    this.agents = new AgentRegistry(places, {
      mounter: this.#mounter,
      workers: this.#workers,
      forbidden: this.#forbidden,
      keys: bytesOf(places.keys),
      commitLock: new SharedArrayBuffer(8),
      deliver: (fd, bytes) => notifications.push(fd, Buffer.from(bytes)),
      drop: (fd, close) => notifications.drop(fd, close),
      event: (agent, event) => this.#event(agent, event),
      record: (event) => this.#note(event),
      log: (text) => log.write(text),
      changed: () => this.#agentsChanged(),
    });
    const live = () => this.agents.all().filter((agent) => agent.live);
    const write = (text: string) => log.write(text);
    this.policies = new PolicyDesk({
      live,
      record: (event) => this.record(event),
      log: write,
      settled: () => Promise.race([notifications.idle(), after(SETTLE_TIMEOUT_MS)]),
      changed: (agent) => this.agents.viewReplaced(agent),
    });
    this.#watch = new PolicyWatch({ live, edited: (agent, file) => this.policies.edited(agent, file), log: write });
    this.changes = new Changes(this.agents, (text) => log.write(text));
    this.sessions = new Sessions(this);
    this.trail = new AuditTrail(() => [
      { key: 'kernel', read: async (offset, lengthBytes) => this.ledger.read(offset, lengthBytes) },
      ...this.agents.all().map((agent) => ({
        key: agent.key,
        read: (offset: number, lengthBytes: number) => agent.readAudit(offset, lengthBytes),
      })),
    ]);
  }

  get did(): string {
    return this.ledger.signer.did;
  }

  get denials(): readonly string[] {
    return this.feed.denials;
  }

  /** What a client's request means here: workspace, policy and facts. */
  view(request: ViewRequest): LoadedView {
    return loadView(request, { home: this.places.home, forbidden: this.#forbidden });
  }

  /** A mountpoint for `agentsh mount`, checked; without symlinks. */
  checkMountpoint(bytes: string): string {
    const mounted = this.agents
      .all()
      .flatMap((agent) => [...agent.mounts.values()].map(({ mountpoint }) => mountpoint));
    return checkMountpoint(bytes, this.#forbidden, mounted);
  }

  /** Into the kernel's ledger and to whoever watches. Throws where it cannot be recorded. */
  record(event: AuditEvent): void {
    this.ledger.record(event);
    this.feed.publish({ agent: 'kernel', ...event, path: quotePath(event.path) });
  }

  async approve(
    filter: AgentFilter,
    words: { readonly ids: readonly string[]; readonly set?: string | undefined },
    by: string,
  ): Promise<Awaited<ReturnType<Changes['approve']>>> {
    this.record({ op: 'approve', path: '', verdict: 'info', note: `${by}: ${noteOf(words.ids, words.set)}` });
    return this.changes.approve(filter, words, by);
  }

  async reject(
    filter: AgentFilter,
    ids: readonly string[],
    reason: string,
    pid: number,
  ): Promise<Awaited<ReturnType<Changes['reject']>>> {
    this.record({ op: 'reject', path: '', verdict: 'info', pid, note: noteOf(ids, undefined) });
    return this.changes.reject(filter, ids, reason, pid);
  }

  status(): KernelStatus {
    const agents = this.agents.all();
    const sum = (count: (agent: Agent) => number) => agents.reduce((total, agent) => total + count(agent), 0);
    return {
      pid: process.pid,
      home: this.places.home,
      run: this.places.run,
      socket: this.places.socket,
      operator: this.#operator.mountpoint,
      build: BUILD,
      startedAtMs: this.startedAtMs,
      health: this.health(),
      agents: this.agents.liveCount(),
      mounts: sum((agent) => agent.mounts.size),
      sessions: sum((agent) => agent.sessions.size),
    };
  }

  /** `ok`, or one reason each. */
  health(): readonly string[] {
    const failed = this.agents.all().flatMap((agent) => (agent.failure ? [`${agent.key}: ${agent.failure}`] : []));
    const reasons = [...this.#complaints, ...this.#operator.problem, ...failed];
    return reasons.length === 0 ? ['ok'] : reasons;
  }

  metrics(): string {
    const { agents, mounts, sessions } = this.status();
    const gauge = (name: string, help: string, value: number) =>
      ({ name: `agentsh_${name}`, help, kind: 'gauge', values: [{ value }] }) as const;
    return renderMetrics([
      gauge('agents_live', 'Agents with sessions or mounts.', agents),
      gauge('mounts', 'FUSE connections of agents.', mounts),
      gauge('sessions', 'Open sessions.', sessions),
      gauge('clients', 'Connections on the socket.', this.#peers.size),
      gauge('uptime_seconds', 'Since boot.', Math.floor((Date.now() - this.startedAtMs) / 1000)),
      ioErrorMetric(this.agents.all().map(({ key }) => ({ labels: { agent: key }, counts: this.#ioErrors(key) }))),
      gauge('resident_bytes', 'Memory of the kernel process.', process.memoryUsage.rss()),
    ]);
  }

  isConnected(peer: Peer): boolean {
    return this.#peers.has(peer.id);
  }

  /** Connections by principal. */
  who(): ConnectionItem[] {
    const sockets = [...this.#peers.values()].map(
      ({ pid, program, sinceMs }): ConnectionItem => ({
        principal: 'operator',
        kind: 'socket',
        pid,
        program,
        where: this.places.socket,
        sinceMs,
      }),
    );
    const mounts = this.agents.all().flatMap((agent) =>
      [...agent.mounts.values()].map(({ mountpoint, profile }): ConnectionItem => {
        const pid = [...agent.sessions.values()].find(({ sandbox }) => sandbox !== undefined)?.sandbox?.pid ?? 0;
        const program = [...agent.sessions.values()][0]?.program ?? '';
        const sinceMs = agent.startedAtMs;
        return { principal: agent.key, kind: 'mount', pid, program, where: mountpoint, profile, sinceMs };
      }),
    );
    return [...sockets, ...mounts];
  }

  /** A text for every live agent, each under a line with its name. */
  perAgent(render: (agent: Agent) => string): string {
    return this.agents
      .all()
      .filter((agent) => agent.live)
      .map((agent) => `# ${quotePath(agent.key)}\n${render(agent)}`)
      .join('');
  }

  /** Drains and ends; resolves when everything is down. A second call waits for the first. */
  end(reason: string): Promise<void> {
    this.#ending ??= this.#stop(reason);
    return this.#ending;
  }

  async #start(): Promise<void> {
    // First, as it takes longest: it loads its program while this thread boots.
    this.#workers.start();
    this.record({ op: 'boot', path: bytesOf(this.places.home), verdict: 'info', pid: process.pid, note: BUILD });
    const place = `${realpathSync(this.places.run)}/kernel`;
    mkdirSync(place, { recursive: true, mode: 0o700 });
    await this.#operator.start(place, operatorCalls(this));
    const serve = dispatcher(this);
    this.#server = new SocketServer(
      writeToken(this.places.token),
      { version: PROTOCOL_VERSION, pid: process.pid, build: BUILD },
      {
        request: serve,
        arrived: (peer) => {
          this.#peers.set(peer.id, peer);
          this.#considerIdle();
        },
        gone: (peer) => {
          this.#peers.delete(peer.id);
          void this.sessions.endOf(peer.id).finally(() => this.#considerIdle());
        },
        log: (text) => this.log.write(text),
      },
    );
    await this.#server.listen(this.places.socket);
    this.log.write(`serving ${this.places.socket}, build ${BUILD}`);
    this.#considerIdle();
  }

  async #stop(reason: string): Promise<void> {
    clearTimeout(this.#idle);
    this.log.write(`ending: ${reason}`);
    await this.#server?.drain(DRAIN_TIMEOUT_MS);
    this.#watch.close();
    await this.agents.shutdown();
    await this.#workers.close();
    await this.#operator.stop();
    this.#server?.destroy();
    try {
      this.record({ op: 'shutdown', path: '', verdict: 'info', pid: process.pid, note: reason });
      this.ledger.close();
    } catch (error) {
      this.log.error('the ledger could not be closed', error);
    }
    this.log.write('ended');
    this.#options.ended();
  }

  /** Records what has happened already: there is nobody to refuse. */
  #note(event: AuditEvent): void {
    try {
      this.record(event);
    } catch (error) {
      this.log.error('an event could not be recorded', error);
      this.#complaints.add('the record of the kernel cannot be written');
    }
  }

  #event(agent: string, event: Readonly<Record<string, unknown>>): void {
    if (event.kind === 'log') this.log.write(`${agent}: ${String(event.text)}`);
    else if (event.kind === 'ioError') this.#ioErrors(agent)[event.cause as IoCause] += 1;
    else this.feed.publish({ agent, ...event });
  }

  #ioErrors(agent: string): Record<IoCause, number> {
    let counts = this.#ioErrorCounts.get(agent);
    if (counts === undefined) {
      counts = Object.fromEntries(IO_CAUSES.map((cause) => [cause, 0])) as Record<IoCause, number>;
      this.#ioErrorCounts.set(agent, counts);
    }
    return counts;
  }

  #agentsChanged(): void {
    if (this.#ending === undefined) this.#watch.follow();
    this.#considerIdle();
  }

  /** Starts the clock when nobody is connected and nothing is mounted, stops it otherwise. */
  #considerIdle(): void {
    clearTimeout(this.#idle);
    if (this.#ending !== undefined || this.#server === undefined) return;
    if (this.agents.liveCount() > 0) {
      this.#used = true;
      return;
    }
    if (this.#peers.size > 0) return;
    if (this.#options.exitWithLast && this.#used) return void this.end('its last client has gone');
    this.#idle = setTimeout(() => void this.end('idle'), this.#options.idleTimeoutMs);
  }
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });

const NOTED_IDS_MAX = 20;

function noteOf(ids: readonly string[], set: string | undefined): string {
  const words = set === undefined ? ids : [`set ${set}`, ...ids];
  const more = words.length > NOTED_IDS_MAX ? ` and ${words.length - NOTED_IDS_MAX} more` : '';
  return words.slice(0, NOTED_IDS_MAX).join(' ') + more;
}
