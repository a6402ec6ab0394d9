// All agents of this kernel: which names are taken, who resumes what, and which agent a filter means.

import { Agent, noSuchAgent } from './agent.ts';
import type { AgentHost, Session } from './agentHost.ts';
import { readAgentRecords, removeAgentRecord, writeAgentRecord } from './agentRecords.ts';
import type { AgentView } from './agentView.ts';
import type { AgentFilter, AgentItem } from './clientProtocol.ts';
import type { ConnectionProfile } from './connectionProfile.ts';
import type { Mounted, MountFlags } from './mounter.ts';
import { agentDirectory, checkAgentName, type Places } from './places.ts';
import type { AgentStatus } from './protocol.ts';
import { RequestError } from './requestError.ts';

/** The agent that a plain shell resumes in its workspace. */
export const DEFAULT_NAME = 'shell';
const THROWAWAY_NAME = 'throwaway';
const NAME_NUMBER_MAX = 1000;

export interface Entered {
  readonly agent: Agent;
  readonly joined: boolean;
  readonly resumed: boolean;
  readonly mounted: Mounted;
  readonly status: AgentStatus;
}

export class AgentRegistry {
  readonly #places: Places;
  readonly #host: AgentHost;
  readonly #agents = new Map<string, Agent>();
  /** What an agent at rest holds, as far as is known: a kernel that was killed left no word. */
  readonly #kept = new Map<string, AgentStatus>();
  #nextSession = 1;

  constructor(places: Places, host: AgentHost) {
    this.#places = places;
    this.#host = host;
    for (const { place, record } of readAgentRecords(places, (file, reason) => host.log(`${file}: ${reason}`))) {
      const agent = new Agent(place, record.view, host);
      this.#agents.set(agent.key, agent);
      if (record.status !== undefined) this.#kept.set(agent.key, record.status);
    }
  }

  all(): readonly Agent[] {
    return [...this.#agents.values()];
  }

  /** Live, or with an upper as far as is known. */
  mayHaveContent(agent: Agent): boolean {
    const kept = this.#kept.get(agent.key);
    return agent.live || kept === undefined || kept.files > 0;
  }

  liveCount(): number {
    return this.all().filter((agent) => agent.live).length;
  }

  /** Opens or joins: picks the name, claims it at once, then makes what is missing. */
  async enter(
    view: AgentView,
    wanted: { readonly name?: string; readonly program: string },
    peer: number,
  ): Promise<Entered & { readonly session: Session }> {
    const { agent, joined } = this.#claim(view, wanted);
    const session: Session = {
      id: this.#nextSession++,
      peer,
      program: wanted.program,
      sinceMs: Date.now(),
      sandbox: undefined,
    };
    try {
      const mounted = await agent.enter(session, view);
      const status = await agent.call('status', {});
      this.#begin(agent);
      return { agent, joined, resumed: !joined && status.files > 0, mounted, status, session };
    } catch (error) {
      await agent.leave(session.id).catch(() => {});
      throw error;
    } finally {
      agent.claims--;
      this.#host.changed();
    }
  }

  async leave(agent: Agent, session: number): Promise<{ readonly pending: number; readonly ended: boolean }> {
    const left = await agent.leave(session);
    if (left.ended) await this.#after(agent);
    return left;
  }

  async mountAt(
    view: AgentView,
    wanted: { readonly name?: string; readonly program: string },
    mountpoint: string,
    flags: MountFlags,
    profile?: ConnectionProfile,
  ): Promise<{ readonly agent: Agent; readonly joined: boolean }> {
    const known = new Set(this.#agents.values());
    const { agent, joined } = this.#claim(view, wanted);
    this.#host.mounter.places.add(mountpoint);
    try {
      await this.#tellPlaces();
      await agent.mountAt(mountpoint, view, flags, profile);
      this.#begin(agent);
      return { agent, joined };
    } catch (error) {
      this.#host.mounter.places.delete(mountpoint);
      if (!known.has(agent) && agent.claims === 1 && agent.mounts.size === 0) this.#agents.delete(agent.key);
      throw error;
    } finally {
      agent.claims--;
      this.#host.changed();
    }
  }

  async unmountAt(mountpoint: string): Promise<{ readonly agent: Agent; readonly pending: number }> {
    for (const agent of this.#agents.values()) {
      for (const mounted of agent.mounts.values()) {
        if (mounted.mountpoint !== mountpoint || mounted.slot !== undefined || mounted.partOf !== undefined) continue;
        const { pending, ended } = await agent.unmountAt(mounted.connection);
        this.#host.mounter.places.delete(mountpoint);
        await this.#tellPlaces();
        if (ended) await this.#after(agent);
        return { agent, pending };
      }
    }
    throw new RequestError('EINVAL', `${mountpoint}: not a mount of this kernel`);
  }

  async #tellPlaces(): Promise<void> {
    await Promise.all(this.all().map((agent) => agent.avoid().catch(() => {})));
  }

  /** Agents that a filter means, none live preferred over another. Throws ENOENT where a name means none. */
  select(filter: AgentFilter): readonly Agent[] {
    const inWorkspace = this.all().filter(({ place }) => !filter.workspace || place.workspace === filter.workspace);
    if (filter.agent === undefined) return inWorkspace;
    const wanted = filter.agent;
    const found = inWorkspace.filter(
      (agent) => agent.place.name === wanted || agent.key === wanted || agent.key.endsWith(`/${wanted}`),
    );
    if (found.length === 0) throw noSuchAgent(wanted);
    return found;
  }

  /** The one agent that a filter means. */
  one(filter: AgentFilter): Agent {
    const found = this.select(filter);
    if (found.length === 1) return found[0]!;
    if (found.length === 0) throw noSuchAgent(filter.agent ?? '*');
    const live = found.filter((agent) => agent.live);
    if (live.length === 1) return live[0]!;
    const keys = found.map(({ key }) => key).join(', ');
    throw new RequestError('EINVAL', `${filter.agent ?? 'no agent named'}: could be ${keys}; name it workspace:name`);
  }

  async discard(filter: AgentFilter): Promise<Agent> {
    const agent = this.one(filter);
    if (agent.live)
      throw new RequestError('EBUSY', `${agent.key} is live: end its sessions and mounts, or kill it, first`);
    await agent.discard();
    // A session may have come meanwhile: it begins with an empty upper, and keeps its record.
    if (!agent.live) this.#forget(agent);
    return agent;
  }

  async list(): Promise<AgentItem[]> {
    const items = await Promise.all(this.all().map((agent) => this.#item(agent)));
    return items.filter((item) => item !== undefined);
  }

  /** Its view is another now: also for reviews by the next kernel. */
  viewReplaced(agent: Agent): void {
    writeAgentRecord(agent.place, agent.view, this.#kept.get(agent.key));
  }

  async shutdown(): Promise<void> {
    await Promise.allSettled(this.all().map((agent) => agent.shutdown()));
  }

  #claim(
    view: AgentView,
    wanted: { readonly name?: string; readonly program: string },
  ): { readonly agent: Agent; readonly joined: boolean } {
    if (wanted.name !== undefined) checkAgentName(wanted.name);
    const name = wanted.name ?? this.#freeName(view, wanted.program);
    const key = `${view.workspace}:${name}`;
    const directory = agentDirectory(this.#places, view.workspace, name);
    const agent = this.#agents.get(key) ?? new Agent({ name, workspace: view.workspace, directory }, view, this.#host);
    if (view.throwaway && !agent.view.throwaway && this.mayHaveContent(agent) && this.#agents.has(key)) {
      throw new RequestError('EEXIST', `${name} has work of its own: --throwaway needs another name`);
    }
    const joined = agent.live;
    agent.claims++;
    this.#agents.set(key, agent);
    return { agent, joined };
  }

  /** The program's name, or the first `name-N` that nobody lives under; a shell resumes the default agent. */
  #freeName(view: AgentView, program: string): string {
    const base = view.throwaway ? THROWAWAY_NAME : nameOf(program);
    if (base === DEFAULT_NAME) return base;
    for (let number = 1; number <= NAME_NUMBER_MAX; number++) {
      const name = number === 1 ? base : `${base}-${number}`;
      const agent = this.#agents.get(`${view.workspace}:${name}`);
      if (agent === undefined) return name;
      if (!agent.live && !(view.throwaway && this.mayHaveContent(agent))) return name;
    }
    throw new RequestError('EMFILE', `no free name like ${base}; give one with -n`);
  }

  /** From here on its upper is unknown until its last session has ended: also to the next kernel. */
  #begin(agent: Agent): void {
    this.#kept.delete(agent.key);
    writeAgentRecord(agent.place, agent.view, undefined);
  }

  #remember(agent: Agent, status: AgentStatus): void {
    this.#kept.set(agent.key, status);
    writeAgentRecord(agent.place, agent.view, status);
  }

  /** After the last session: what is kept, for `ps` and the next one. */
  async #after(agent: Agent): Promise<void> {
    if (agent.over) return;
    if (agent.view.throwaway) {
      if (!agent.live) this.#forget(agent);
      return;
    }
    if (agent.failure === undefined) this.#remember(agent, await agent.call('status', {}));
  }

  #forget(agent: Agent): void {
    this.#agents.delete(agent.key);
    this.#kept.delete(agent.key);
    removeAgentRecord(agent.place);
  }

  async #statusOf(agent: Agent): Promise<AgentStatus | undefined> {
    const kept = this.#kept.get(agent.key);
    if (agent.failure !== undefined || (!agent.live && kept !== undefined)) return kept;
    const status = await agent.call('status', {}).catch(() => undefined);
    if (status !== undefined && !agent.live) this.#remember(agent, status);
    return status;
  }

  async #item(agent: Agent): Promise<AgentItem | undefined> {
    const { live, failure } = agent;
    if (!live && failure === undefined && !this.mayHaveContent(agent)) return undefined;
    const status = await this.#statusOf(agent);
    if (!live && failure === undefined && status?.files === 0) return undefined;
    const sessions = [...agent.sessions.values()];
    const pids = sessions.flatMap(({ sandbox }) => (sandbox === undefined ? [] : [sandbox.pid]));
    return {
      agent: agent.key,
      name: agent.place.name,
      workspace: agent.place.workspace,
      state: failure !== undefined ? 'failed' : live ? 'live' : 'kept',
      sessions: sessions.length,
      mountpoints: [...agent.mounts.values()].map(({ mountpoint }) => mountpoint),
      pids,
      startedAtMs: agent.startedAtMs,
      status,
      ...(failure === undefined ? {} : { reason: failure }),
    };
  }
}

/** A program's name as an agent's: what is no letter, digit, dot or dash becomes a dash. */
function nameOf(program: string): string {
  const name = program
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 48);
  return name === '' || name === 'kernel' || name === 'operator' ? DEFAULT_NAME : name;
}
