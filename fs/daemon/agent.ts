// One agent of this kernel: its worker, its connections, its sessions, and the order in which they come and go.
//
// - The worker starts when it is needed and ends a while after nobody does.
// - The first session makes the mount, the last one takes it away; both under one queue, so they never cross.
// - A dead worker takes its connections with it; the agent is `failed` until something opens it anew.
import { mkdirSync } from 'node:fs';
import { AUDIT_LOG } from '../audit/log.ts';
import { type AgentHost, type AgentPlace, ledgerDirectory, type Session } from './agentHost.ts';
import type { AgentView } from './agentView.ts';
import { bytesOf, textOf } from './bytePath.ts';
import { type ConnectionProfile, NOT_OFFERED, whyNot, whyNotCached } from './connectionProfile.ts';
import { readPart } from './filePart.ts';
import type { Mounted, MountFlags } from './mounter.ts';
import { killSandbox } from './processes.ts';
import type { AgentMethods, AgentOpen, PolicyResult } from './protocol.ts';
import { RequestError } from './requestError.ts';
import type { WorkerClient } from './workerClient.ts';

const REST_MS = 20_000;

export class Agent {
  readonly place: AgentPlace;
  readonly key: string;
  readonly sessions = new Map<number, Session>();
  readonly mounts = new Map<number, Mounted>();
  readonly #host: AgentHost;
  #worker: WorkerClient<AgentMethods> | undefined;
  #opened = '';
  #view: AgentView;
  #main: Mounted | undefined;
  #failure: string | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #rest: NodeJS.Timeout | undefined;
  #over = false;
  startedAtMs = 0;
  /** Sessions that are being opened: they hold the name already. */
  claims = 0;

  constructor(place: AgentPlace, view: AgentView, host: AgentHost) {
    this.place = place;
    this.key = `${place.workspace}:${place.name}`;
    this.#view = view;
    this.#host = host;
  }

  get view(): AgentView {
    return this.#view;
  }
  get live(): boolean {
    return this.sessions.size > 0 || this.mounts.size > 0 || this.claims > 0;
  }
  /** Shut down: nothing opens it any more. */
  get over(): boolean {
    return this.#over;
  }
  get failure(): string | undefined {
    return this.#failure;
  }

  /** One call to the worker, started and opened if it rests. */
  async call<M extends keyof AgentMethods>(
    method: M,
    params: AgentMethods[M]['params'],
  ): Promise<AgentMethods[M]['result']> {
    const worker = await this.#serial(() => this.#awake());
    try {
      return await worker.call(method, params);
    } finally {
      this.#restLater();
    }
  }

  /** Another view of what is there: its rules are in force at once where the agent is open. */
  replaceView(view: AgentView, note: string): Promise<PolicyResult> {
    return this.#serial(async () => {
      await this.#endParts(view);
      let result: PolicyResult = { hidden: 0, uncut: [] };
      const isOpen = this.#worker?.alive === true && this.#opened !== '';
      if (isOpen) {
        const { policy, tracked } = view;
        const { rules, names } = policy;
        result = await this.#worker!.call('policy', { rules, names, policy, tracked, note });
      }
      this.#view = view;
      if (isOpen) this.#opened = JSON.stringify(view);
      return result;
    });
  }

  /** Audit lines as a byte string: from the worker while it runs, else from the file, which is whole then. */
  async readAudit(offset: number, lengthBytes: number): Promise<{ readonly text: string; readonly sizeBytes: number }> {
    if (this.#worker?.alive && this.#opened !== '') return this.#worker.call('audit', { offset, lengthBytes });
    return readPart(`${ledgerDirectory(this.place)}/${AUDIT_LOG}`, offset, lengthBytes);
  }

  /** Begins a session; the first one makes the mount. The view counts only where nothing of this agent is live. */
  enter(session: Session, view: AgentView): Promise<Mounted> {
    return this.#serial(async () => {
      const worker = await this.#awake(view);
      this.#main ??= await this.#attach(worker, () => this.#host.mounter.mountAgent(this.place.name), false);
      if (this.sessions.size === 0) this.startedAtMs = Date.now();
      this.sessions.set(session.id, session);
      this.#host.changed();
      return this.#main;
    });
  }

  /** Ends a session; the last one takes the mount and what is ephemeral with it. */
  leave(id: number): Promise<{ readonly pending: number; readonly ended: boolean }> {
    return this.#serial(async () => {
      const session = this.sessions.get(id);
      if (session === undefined) return { pending: 0, ended: true };
      if (session.sandbox !== undefined) killSandbox(session.sandbox);
      this.sessions.delete(id);
      if (this.sessions.size === 0 && this.#main !== undefined) await this.#detach(this.#main, false);
      return this.#settle();
    });
  }

  /** The view at a directory that exists, until `unmountAt`. */
  mountAt(mountpoint: string, view: AgentView, flags: MountFlags, profile?: ConnectionProfile): Promise<Mounted> {
    return this.#serial(async () => {
      const { mounter } = this.#host;
      const { name: label, workspace } = this.place;
      const isEntered = mounter.root || flags.allowOther;
      const isAlone = this.mounts.size === 0;
      const { policy } = isAlone ? view : this.#view;
      const facts = { best: mounter.best, isEntered, isAlone, policy, workspace };
      refuse(profile, whyNot(profile, facts));
      const worker = await this.#awake(view);
      const keep = flags.suid || flags.dev;
      const wanted = profile === 'cached' ? 'open' : profile;
      const mounted = await this.#attach(worker, () => mounter.mountAt(mountpoint, label, flags, wanted), keep);
      try {
        refuse(wanted, wanted !== undefined && mounted.profile !== wanted ? NOT_OFFERED : undefined);
        const part = () => mounter.mountPart(mounted, textOf(workspace), label, flags);
        if (profile === 'cached') await this.#attach(worker, part, keep, workspace);
      } catch (error) {
        await this.#detach(mounted, false);
        await this.#settle();
        throw error;
      }
      if (this.startedAtMs === 0) this.startedAtMs = Date.now();
      return mounted;
    });
  }

  unmountAt(connection: number): Promise<{ readonly pending: number; readonly ended: boolean }> {
    return this.#serial(async () => {
      const mounted = this.mounts.get(connection);
      if (mounted !== undefined) await this.#detach(mounted, false);
      return this.#settle();
    });
  }

  /** SIGKILL for every sandbox of this agent; its sessions end as their clients notice. */
  kill(): readonly number[] {
    const killed: number[] = [];
    for (const { sandbox } of this.sessions.values()) {
      if (sandbox !== undefined && killSandbox(sandbox)) killed.push(sandbox.pid);
    }
    return killed;
  }

  /** Drops the whole upper. The caller has made sure that nothing is live, and forgets this object. */
  discard(): Promise<void> {
    return this.#serial(async () => {
      const worker = await this.#awake();
      await worker.call('discard', {});
      await this.#sleep();
    });
  }

  /** Unmounts everything, ends the worker. */
  shutdown(): Promise<void> {
    this.#over = true;
    return this.#serial(async () => {
      this.kill();
      this.sessions.clear();
      for (const mounted of [...this.mounts.values()]) await this.#detach(mounted, true);
      if (this.#worker?.alive && this.#opened !== '') {
        await this.#worker.call('endSession', {}).catch((error) => this.#host.log(`${this.key}: ${error.message}`));
      }
      await this.#sleep();
    });
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work, work);
    this.#queue = done.catch(() => {});
    return done;
  }

  /** The worker, open under `view`; a view other than the open one counts only while nothing is attached. */
  async #awake(view?: AgentView): Promise<WorkerClient<AgentMethods>> {
    clearTimeout(this.#rest);
    // A worker started now would outlive everything: the process could not exit.
    if (this.#over) throw new RequestError('EBUSY', 'the kernel is shutting down');
    if (view !== undefined && this.mounts.size === 0) this.#view = view;
    const wanted = JSON.stringify(this.#view);
    if (this.#worker?.alive && this.#opened !== wanted && this.mounts.size === 0) await this.#sleep();
    if (this.#worker?.alive && this.#opened !== '') return this.#worker;
    mkdirSync(this.place.directory, { recursive: true, mode: 0o700 });
    const worker = this.#start();
    this.#worker = worker;
    try {
      await worker.call('open', this.#openParameters());
    } catch (error) {
      await worker.close();
      throw error;
    }
    this.#opened = wanted;
    this.#failure = undefined;
    return worker;
  }

  #openParameters(): AgentOpen {
    const { policy, tracked, ignored, home, homeFiles } = this.#view;
    const { forbidden, commitLock, keys } = this.#host;
    const avoided = this.#avoided();
    const { rules, names } = policy;
    const { name, workspace, directory } = this.place;
    const place = { name, workspace, directory: bytesOf(directory) };
    return { ...place, rules, names, policy, tracked, ignored, home, homeFiles, keys, forbidden, avoided, commitLock };
  }

  /** Tells the worker where not to look, before a mount is made there. */
  async avoid(): Promise<void> {
    if (this.#worker?.alive) await this.#worker.call('avoid', { places: this.#avoided() });
  }

  #avoided(): string[] {
    return Array.from(this.#host.mounter.places, bytesOf);
  }

  #start(): WorkerClient<AgentMethods> {
    const worker = this.#host.workers.take();
    worker.handlers = {
      notify: (fd, bytes) => this.#host.deliver(fd, bytes),
      event: (event) => this.#host.event(this.key, event),
      ended: (connection) => void this.#connectionEnded(connection),
      exit: (reason) => {
        if (this.#worker === worker) this.#workerEnded(reason);
      },
    };
    return worker;
  }

  /** @param root the directory of the view that the connection shows, else all of it */
  async #attach(
    worker: WorkerClient<AgentMethods>,
    make: () => Promise<Mounted>,
    dev: boolean,
    root?: string,
  ): Promise<Mounted> {
    const mounted = await make();
    const { connection, fd, idShift, profile } = mounted;
    this.mounts.set(connection, mounted);
    try {
      const where = root === undefined ? {} : { root };
      mounted.profile = (await worker.call('attach', { connection, fd, idShift, profile, dev, ...where })).profile;
    } catch (error) {
      await this.#remove(mounted, true);
      throw error;
    }
    this.#host.changed();
    return mounted;
  }

  /** Unmounts, tells the worker, closes the descriptor: in this order nobody waits for an answer that never comes. */
  async #detach(mounted: Mounted, force: boolean): Promise<void> {
    if (!this.mounts.has(mounted.connection)) return;
    await this.#host.mounter.unmount(mounted, force);
    for (const each of [...this.#partsOf(mounted), mounted]) await this.#forget(each);
  }

  /** What is open in a part that a policy no longer allows ends with it: nothing else would tell what is done there. */
  async #endParts({ policy }: AgentView): Promise<void> {
    const reason = whyNotCached(policy, this.place.workspace);
    if (reason === undefined) return;
    for (const part of [...this.mounts.values()].filter(({ partOf }) => partOf !== undefined)) {
      this.#host.log(`${this.key}: the connection at ${part.mountpoint} ends: ${reason}`);
      await this.#host.mounter.unmountPart(part).catch((error) => this.#host.log(`unmount: ${error.message}`));
      await this.#forget(part);
    }
  }

  #partsOf(whole: Mounted): Mounted[] {
    return [...this.mounts.values()].filter(({ partOf }) => partOf === whole.connection);
  }

  async #remove(mounted: Mounted, force: boolean): Promise<void> {
    const unmounted = mounted.partOf === undefined ? this.#host.mounter.unmount(mounted, force) : Promise.resolve();
    await unmounted.catch((error) => this.#host.log(`unmount: ${error.message}`));
    await this.#forget(mounted);
  }

  /** The worker first: it must not notify through a descriptor whose number may be another file's by then. */
  async #forget(mounted: Mounted): Promise<void> {
    if (this.#worker?.alive) {
      await this.#worker.call('detach', { connection: mounted.connection }).catch((error) => {
        this.#host.log(`${this.key}: detach: ${error.message}`);
      });
    }
    if (!this.mounts.delete(mounted.connection)) return;
    if (this.#main === mounted) this.#main = undefined;
    this.#host.drop(mounted.fd, () => this.#host.mounter.closeDevice(mounted));
    this.#host.changed();
  }

  /** After something went: where nothing is left, the session is over. */
  async #settle(): Promise<{ readonly pending: number; readonly ended: boolean }> {
    this.#host.changed();
    if (!this.#worker?.alive) return { pending: 0, ended: !this.live };
    if (this.sessions.size > 0 || this.mounts.size > 0) {
      return { pending: (await this.#worker.call('status', {})).pending, ended: false };
    }
    const { pending } = await this.#worker.call('endSession', {});
    this.startedAtMs = 0;
    if (this.claims > 0) return { pending, ended: false };
    if (this.#view.throwaway) {
      await this.#worker.call('discard', {});
      await this.#sleep();
    } else this.#restLater();
    return { pending, ended: true };
  }

  #restLater(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      void this.#serial(async () => {
        if (!this.live) await this.#sleep();
      });
    }, REST_MS);
    this.#rest.unref();
  }

  async #sleep(): Promise<void> {
    clearTimeout(this.#rest);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#opened = '';
    await worker?.close();
  }

  /** Unmounted from outside, or aborted: the directory is gone already or holds a dead mount. */
  async #connectionEnded(connection: number): Promise<void> {
    await this.#serial(async () => {
      const mounted = this.mounts.get(connection);
      if (mounted === undefined) return;
      this.#host.log(`${this.key}: the mount at ${mounted.mountpoint} ended from outside`);
      await this.#remove(mounted, false);
      if (!this.live) await this.#settle();
    }).catch((error) => this.#host.log(`${this.key}: ${error.message}`));
  }

  #workerEnded(reason: Error | undefined): void {
    this.#worker = undefined;
    this.#opened = '';
    if (reason === undefined && this.mounts.size === 0) return;
    this.#failure = reason?.message ?? 'its worker ended while it was mounted';
    this.#host.log(`${this.key}: worker lost: ${reason?.stack ?? 'no reason'}`);
    this.#host.record({
      op: 'failed',
      path: this.place.workspace,
      verdict: 'info',
      note: `${this.place.name}: ${this.#failure}`,
    });
    void this.#serial(async () => {
      this.sessions.clear();
      for (const mounted of [...this.mounts.values()]) await this.#remove(mounted, true);
    });
  }
}

function refuse(profile: ConnectionProfile | undefined, reason: string | undefined): void {
  if (reason !== undefined) throw new RequestError('environment', `--connection ${profile}: ${reason}`);
}

/** An error for a name that nothing goes by. */
export const noSuchAgent = (name: string): RequestError => new RequestError('ENOENT', `${name}: no such agent`);
