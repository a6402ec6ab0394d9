// The policies of live agents: shown as TOML, replaced by the operator's word, tightened by an edit of their files.
//
// - Every change is on record with the hashes of both texts, the kernel's and the agent's, before it takes effect.
// - An answer comes when it holds: the view judges anew, the kernel has been told to forget, and processes that hold
//   what cannot be cut have ended.
// - What a running sandbox was made with (network, environment, limits) counts for sessions that begin later.
import { createHash } from 'node:crypto';
import type { EffectivePolicy } from '../../policy/effective.ts';
import { parsePolicy } from '../../policy/file.ts';
import { InputError } from '../../policy/inputError.ts';
import { renderPolicy } from '../../policy/render.ts';
import { isSamePolicy, loosens, tightened } from '../../policy/stricter.ts';
import type { AuditEvent } from '../journal/model.ts';
import type { Agent } from './agent.ts';
import type { AgentView } from './agentView.ts';
import { endHolders } from './holders.ts';
import { type PolicyBlock, policyBlocks, renderBlocks } from './policyBlocks.ts';
import { failureOf, RequestError } from './requestError.ts';

/** The name of the text in messages. */
const FILE = '/.kernel/policy';

export interface PolicyHost {
  live(): readonly Agent[];
  /** Into the kernel's ledger and to whoever watches; throws where it cannot be recorded. */
  record(event: AuditEvent): void;
  log(text: string): void;
  /** Resolves when the kernel's caches have heard all that was sent so far. */
  settled(): Promise<void>;
  /** An agent's view is another now. */
  changed(agent: Agent): void;
}

interface Change {
  readonly agent: Agent;
  readonly view: AgentView;
}

export class PolicyDesk {
  readonly #host: PolicyHost;
  /** Why the last text was refused; shown until one is taken. */
  #refusal: string | undefined;
  /** What the files of an agent's view last said, to tell an edit from a reload that finds nothing new. */
  readonly #fromFiles = new WeakMap<Agent, EffectivePolicy>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(host: PolicyHost) {
    this.#host = host;
  }

  /** What reading `policy` shows. Writing it back changes nothing. */
  text(): string {
    const blocks = this.#host.live().map((agent) => ({ key: agent.key, text: renderPolicy(agent.view.policy) }));
    return renderBlocks(blocks, this.#refusal);
  }

  /** Puts a whole text in force: for all agents it names, or for none. */
  replace(text: string, by: string): Promise<void> {
    return this.#serial(async () => {
      try {
        const changes = policyBlocks(text).map((block) => this.#changeOf(block));
        for (const change of changes) await this.#apply(change, by);
        this.#refusal = undefined;
      } catch (error) {
        this.#refusal = failureOf(error).message;
        this.#host.record({ op: 'policy', path: FILE, verdict: 'deny', note: `${by}: ${this.#refusal}` });
        throw error;
      }
    });
  }

  /** A policy file of an agent was edited: what tightens is applied, the rest waits for a new session. */
  edited(agent: Agent, file: string): Promise<void> {
    return this.#serial(() => this.#edited(agent, file));
  }

  async #edited(agent: Agent, file: string): Promise<void> {
    const source = agent.view.source?.();
    if (source === undefined || !agent.live) return;
    const tell = (note: string) => {
      this.#host.log(`${agent.key}: ${file}: ${note}`);
      this.#host.record({ op: 'policy', path: agent.place.workspace, verdict: 'info', note: `${file}: ${note}` });
    };
    let wanted: EffectivePolicy;
    try {
      wanted = source.reload().policy;
    } catch (error) {
      return tell(`ignored, the policy stays as it is: ${failureOf(error).message}`);
    }
    const known = this.#fromFiles.get(agent);
    if (known !== undefined && isSamePolicy(known, wanted)) return;
    this.#fromFiles.set(agent, wanted);
    const { policy } = agent.view;
    if (loosens(policy, wanted)) tell('what it loosens counts in a new session, or through /.kernel/policy');
    const next = tightened(policy, wanted);
    if (!isSamePolicy(policy, next)) await this.#apply({ agent, view: source.withPolicy(next) }, file);
  }

  #changeOf({ key, text }: PolicyBlock): Change {
    const agent = this.#agentOf(key);
    const source = agent.view.source?.();
    if (source === undefined) throw new RequestError('EBUSY', `${agent.key}: its session began in another kernel`);
    try {
      return { agent, view: source.withPolicy(source.complete(parsePolicy(text, FILE), agent.view.policy)) };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new RequestError('EINVAL', error.message, { cause: error });
    }
  }

  #agentOf(key: string | undefined): Agent {
    const live = this.#host.live();
    if (live.length === 0) throw new RequestError('ENOENT', 'no agent is live');
    if (key === undefined) {
      if (live.length === 1) return live[0]!;
      throw new RequestError('EINVAL', `${live.length} agents are live: begin with a line "# agent WORKSPACE:NAME"`);
    }
    const found = live.find((agent) => agent.key === key);
    if (found === undefined) throw new RequestError('ENOENT', `${key}: no live agent`);
    return found;
  }

  async #apply({ agent, view }: Change, by: string): Promise<void> {
    const hashes = `old sha256:${hashOf(agent.view.policy)} new sha256:${hashOf(view.policy)}`;
    this.#host.record({
      op: 'policy',
      path: agent.place.workspace,
      verdict: 'info',
      note: `${agent.place.name}: ${by}: ${hashes}`,
    });
    const { hidden, uncut } = await agent.replaceView(view, `${by}: ${hashes}`);
    this.#host.changed(agent);
    await this.#host.settled();
    this.#host.log(`${agent.key}: policy replaced by ${by}; ${hidden} objects in use are hidden now`);
    if (uncut.length > 0) await this.#cut(agent, uncut);
  }

  /** Passthrough cannot be taken back: who still holds it ends. */
  async #cut(agent: Agent, uncut: readonly number[]): Promise<void> {
    const mountpoints = [...agent.mounts.values()].map(({ mountpoint }) => mountpoint);
    const ended = await endHolders(mountpoints, uncut);
    if (ended.length === 0) return;
    this.#host.record({
      op: 'policy',
      path: agent.place.workspace,
      verdict: 'info',
      note: `${agent.place.name}: ended ${ended.join(' ')}: held files that the new policy takes away`,
    });
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work, work);
    this.#queue = done.catch(() => {});
    return done;
  }
}

const hashOf = (policy: EffectivePolicy): string => createHash('sha256').update(renderPolicy(policy)).digest('hex');
