// What the operator's mount asks of the main thread, and the answers: everything that the kernel knows, as text or data.

import { createHash } from 'node:crypto';
import { renderRules } from '../control/listing.ts';
import { quotePath } from '../control/quote.ts';
import type { AgentFacts } from '../control/source.ts';
import type { AuditEvent } from '../journal/model.ts';
import { bytesOf } from './bytePath.ts';
import type { ConnectionItem } from './clientProtocol.ts';
import type { Kernel } from './kernel.ts';
import type { ApproveParams, ApproveResult, CommitItem, PendingItem, PendingListing } from './protocol.ts';
import { RequestError } from './requestError.ts';

export type OperatorText = 'version' | 'health' | 'stats' | 'mounts' | 'policy' | 'who' | 'denials' | 'auditHead';
type Nothing = Record<string, never>;

export interface OperatorCalls {
  text: { params: { readonly name: OperatorText }; result: { readonly text: string } };
  agent: { params: Nothing; result: AgentFacts };
  pending: { params: Nothing; result: PendingListing };
  requirePending: { params: { readonly id: string }; result: Nothing };
  pendingDetail: { params: { readonly id: string }; result: { readonly text: string } };
  approve: { params: ApproveParams; result: readonly ApproveResult[] };
  reject: {
    params: { readonly ids: readonly string[]; readonly reason: string; readonly pid: number };
    result: readonly string[];
  };
  commits: { params: Nothing; result: readonly CommitItem[] };
  commitText: { params: { readonly id: string }; result: { readonly text: string } };
  auditSize: { params: Nothing; result: { readonly sizeBytes: number } };
  auditRead: { params: { readonly offset: number; readonly lengthBytes: number }; result: { readonly text: string } };
  replacePolicy: { params: { readonly text: string; readonly by: string }; result: Nothing };
  record: { params: { readonly event: AuditEvent }; result: Nothing };
}

type Handlers = {
  [M in keyof OperatorCalls]: (params: OperatorCalls[M]['params']) => Promise<OperatorCalls[M]['result']>;
};

/** Answers one call of the operator's worker. */
export function operatorCalls(kernel: Kernel): (method: string, params: unknown) => Promise<unknown> {
  const handlers = handlersOf(kernel);
  return (method, params) => {
    if (!Object.hasOwn(handlers, method)) throw new RequestError('ENOSYS', `${method}: no such call`);
    return (handlers[method as keyof OperatorCalls] as (params: unknown) => Promise<unknown>)(params);
  };
}

function handlersOf(kernel: Kernel): Handlers {
  const { changes } = kernel;
  return {
    text: async ({ name }) => ({ text: await TEXTS[name](kernel) }),
    agent: async () => ({ id: kernel.did, name: 'operator', did: kernel.did, startedAtMs: kernel.startedAtMs }),
    pending: async () => allPending(kernel),
    requirePending: async ({ id }) => {
      await changes.require({}, id);
      return {};
    },
    pendingDetail: async ({ id }) => ({ text: (await changes.detail({}, id)).text }),
    approve: async ({ ids, set, by }) => {
      if (set === undefined) return kernel.approve({}, { ids }, by);
      const listing = await allPending(kernel);
      if (listing.set !== set) throw new RequestError('ESTALE', 'the list has changed since; read it again');
      return kernel.approve({}, { ids: listing.items.map((item) => item.id) }, by);
    },
    reject: async ({ ids, reason, pid }) =>
      (await kernel.reject({}, ids, reason, pid)).flatMap(({ rejected }) => rejected),
    commits: async () => changes.commits({}),
    commitText: async ({ id }) => ({ text: commitText(await changes.commits({}), id) }),
    auditSize: async () => ({ sizeBytes: await kernel.trail.sizeBytes() }),
    auditRead: async ({ offset, lengthBytes }) => ({ text: await kernel.trail.read(offset, lengthBytes) }),
    replacePolicy: async ({ text, by }) => {
      await kernel.policies.replace(text, by);
      return {};
    },
    record: async ({ event }) => {
      kernel.record(event);
      return {};
    },
  };
}

/** Every agent's list as one. Its digest is over the ids in order, as each agent's is. */
async function allPending(kernel: Kernel): Promise<PendingListing> {
  const listings = await kernel.changes.pending({}, false);
  const items: PendingItem[] = listings.flatMap(({ items }) => items);
  const ignored = listings.reduce((sum, listing) => sum + listing.ignored, 0);
  if (listings.length === 1) return { set: listings[0]!.set, items, ignored };
  const set = createHash('sha256')
    .update(items.map((item) => `${item.id}\n`).join(''))
    .digest('hex');
  return { set, items, ignored };
}

function commitText(commits: readonly CommitItem[], id: string): string {
  const commit = commits.find((item) => item.id === id);
  if (commit === undefined) throw new RequestError('ENOENT', `${id}: no such commit`);
  const head = [
    `id ${commit.id}`,
    `agent ${commit.agent}`,
    `time ${new Date(commit.atMs).toISOString()}`,
    `by ${commit.by}`,
  ];
  return `${[...head, ...commit.paths.map((place) => `path ${quotePath(place)}`)].join('\n')}\n`;
}

const TEXTS: Readonly<Record<OperatorText, (kernel: Kernel) => Promise<string> | string>> = {
  version: (kernel) => `build ${kernel.build}\nprotocol ${kernel.protocolVersion}\nfuse 7.45\n`,
  health: (kernel) => `${kernel.health().join('\n')}\n`,
  stats: (kernel) => kernel.metrics(),
  mounts: (kernel) => kernel.perAgent((agent) => renderRules(agent.view.policy.rules)),
  policy: (kernel) => kernel.policies.text(),
  who: (kernel) => kernel.who().map(whoLine).join(''),
  denials: (kernel) => kernel.denials.map((line) => `${line}\n`).join(''),
  auditHead: (kernel) => kernel.ledger.head(),
};

function whoLine({ principal, kind, pid, program, where, sinceMs }: ConnectionItem): string {
  const since = new Date(sinceMs).toISOString();
  return `${quotePath(principal)} ${kind} ${pid} ${quotePath(bytesOf(program))} ${since} ${quotePath(bytesOf(where))}\n`;
}
