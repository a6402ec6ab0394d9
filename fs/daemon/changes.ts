// Reviews and decisions over several agents: whose an id or path is, and one answer each.
//
// An agent decides for itself whether an id still means what was reviewed: here a word is only carried to its agent.
import type { Agent } from './agent.ts';
import type { AgentRegistry } from './agents.ts';
import type { AgentFilter, AgentPending, ClientMethods } from './clientProtocol.ts';
import type { CommitItem } from './protocol.ts';
import { failureOf, RequestError } from './requestError.ts';

type Result<M extends keyof ClientMethods> = ClientMethods[M]['result'];
const IDS_MAX = 100_000;

export class Changes {
  readonly #agents: AgentRegistry;
  readonly #log: (text: string) => void;

  constructor(agents: AgentRegistry, log: (text: string) => void) {
    this.#agents = agents;
    this.#log = log;
  }

  /** What waits, by agent; agents with nothing to show are left out. */
  async pending(filter: AgentFilter, ignored: boolean): Promise<AgentPending[]> {
    const listings = await this.#each(filter, async (agent): Promise<AgentPending> => {
      const { set, items, ignored: count } = await agent.call('pending', { ignored });
      return { agent: agent.key, set, items, ignored: count };
    });
    return listings.filter(({ items, ignored: count }) => items.length > 0 || count > 0);
  }

  async detail(filter: AgentFilter, id: string): Promise<Result<'detail'>> {
    const agents = this.#candidates(filter);
    const owner = agents.length === 1 ? agents[0]! : (await this.#owners(agents, [id])).keys().next().value!;
    const { text } = await owner.call('detail', { id }).catch(nameMissing([id]));
    return { agent: owner.key, text };
  }

  /** Whether an id stands for something that `detail` shows. @throws RequestError ENOENT, ESTALE */
  async require(filter: AgentFilter, id: string): Promise<void> {
    const answers = await Promise.allSettled(this.#candidates(filter).map((agent) => agent.call('require', { id })));
    if (answers.some(({ status }) => status === 'fulfilled')) return;
    const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [failureOf(answer.reason)] : []));
    const stale = failures.find(({ code }) => code === 'ESTALE');
    throw stale === undefined
      ? new RequestError('ENOENT', `${id}: nothing pending by this id`)
      : new RequestError(stale.code, stale.message);
  }

  /** @param by who decided, for the record: `operator pid 1234` */
  async approve(
    filter: AgentFilter,
    words: { readonly ids: readonly string[]; readonly set?: string | undefined },
    by: string,
  ): Promise<Result<'approve'>> {
    if (words.set !== undefined) {
      const agent = this.#agents.one(filter);
      const result = await agent.call('approve', { ids: words.ids, set: words.set, by });
      return [{ agent: agent.key, ...result }];
    }
    const results: Result<'approve'>[number][] = [];
    for (const [agent, ids] of await this.#shares(filter, words.ids)) {
      results.push({ agent: agent.key, ...(await agent.call('approve', { ids, by }).catch(nameMissing(ids))) });
    }
    return results;
  }

  async reject(filter: AgentFilter, ids: readonly string[], reason: string, pid: number): Promise<Result<'reject'>> {
    const results: Result<'reject'>[number][] = [];
    for (const [agent, own] of await this.#shares(filter, ids)) {
      const { rejected } = await agent.call('reject', { ids: own, reason, pid }).catch(nameMissing(own));
      results.push({ agent: agent.key, rejected });
    }
    return results;
  }

  async commits(filter: AgentFilter): Promise<CommitItem[]> {
    const lists = await this.#each(filter, (agent) => agent.call('commits', {}));
    return lists.flat().sort((a, b) => a.atMs - b.atMs);
  }

  /** Agents that could own something: live ones, and those at rest with an upper; a named one in any case. */
  #candidates(filter: AgentFilter): readonly Agent[] {
    const found = this.#agents.select(filter);
    if (filter.agent !== undefined && found.length === 1) return found;
    return found.filter((agent) => this.#agents.mayHaveContent(agent));
  }

  /** Asks every candidate. One that fails spoils the answer only where it was asked for by name. */
  async #each<T>(filter: AgentFilter, ask: (agent: Agent) => Promise<T>): Promise<T[]> {
    const answers = await Promise.all(
      this.#candidates(filter).map(async (agent) => {
        try {
          return [await ask(agent)];
        } catch (error) {
          if (filter.agent !== undefined) throw error;
          this.#log(`${agent.key}: left out of a listing: ${failureOf(error).message}`);
          return [];
        }
      }),
    );
    return answers.flat();
  }

  /** Every word at its agent. Nothing has been decided when this throws. */
  async #shares(filter: AgentFilter, ids: readonly string[]): Promise<ReadonlyMap<Agent, readonly string[]>> {
    if (ids.length === 0) throw new RequestError('EINVAL', 'nothing named: give ids or paths');
    if (ids.length > IDS_MAX) throw new RequestError('E2BIG', `more than ${IDS_MAX} ids at once`);
    const agents = this.#candidates(filter);
    if (agents.length === 1) return new Map([[agents[0]!, ids]]);
    return this.#owners(agents, ids);
  }

  async #owners(agents: readonly Agent[], ids: readonly string[]): Promise<Map<Agent, string[]>> {
    const listings = await Promise.all(
      agents.map(async (agent) => {
        const { items } = await agent.call('pending', { ignored: true }).catch(() => ({ items: [] }));
        return { agent, items };
      }),
    );
    const owners = new Map<Agent, string[]>();
    for (const id of ids) {
      const matching = listings.filter(({ items }) => items.some((item) => item.id.startsWith(id) || item.path === id));
      const exact = matching.filter(({ items }) => items.some((item) => item.id === id));
      const found = (exact.length > 0 ? exact : matching).map(({ agent }) => agent);
      if (found.length > 1) throw ambiguous(id, found);
      const owner = found[0] ?? (await this.#remembered(agents, id));
      owners.set(owner, [...(owners.get(owner) ?? []), id]);
    }
    return owners;
  }

  /** Listed by none: the agent that once did answers for it (ESTALE and its successor), or a path lies deeper. */
  async #remembered(agents: readonly Agent[], id: string): Promise<Agent> {
    const knowing: Agent[] = [];
    for (const agent of agents) {
      const known = await agent.call('detail', { id }).then(
        () => true,
        (error) => failureOf(error).code === 'ESTALE',
      );
      if (known) knowing.push(agent);
    }
    if (knowing.length === 1) return knowing[0]!;
    if (knowing.length > 1) throw ambiguous(id, knowing);
    throw new RequestError('ENOENT', `${id}: nothing pending by this id or path`);
  }
}

/** An agent answers with the errno alone: what was asked for belongs beside it. */
function nameMissing(ids: readonly string[]): (error: unknown) => never {
  return (error) => {
    if (failureOf(error).code !== 'ENOENT') throw error;
    throw new RequestError('ENOENT', `${ids.join(', ')}: nothing pending by this id or path`);
  };
}

function ambiguous(id: string, agents: readonly Agent[]): RequestError {
  return new RequestError('EINVAL', `${id}: pending for ${agents.map(({ key }) => key).join(', ')}; say which with -n`);
}
