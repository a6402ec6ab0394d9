// What `/.kernel` shows in an agent's own mount: its own state, from its own worker.

import { renderPolicy } from '../../policy/render.ts';
import { MemoryLog } from '../control/eventLog.ts';
import { ioErrorMetric, renderMetrics, renderRules } from '../control/listing.ts';
import { quotePath } from '../control/quote.ts';
import type { AgentFacts, ControlSource, GrowingLog } from '../control/source.ts';
import { fail, type IoCause } from '../errno.ts';
import type { Ledger } from '../journal/ledger.ts';
import type { AuditEvent } from '../journal/model.ts';
import { BUILD } from './build.ts';
import type { AgentOpen, CommitItem, PendingListing } from './protocol.ts';

/** What the worker behind an agent's source can do. */
export interface AgentActor {
  readonly ledger: Ledger;
  pending(): PendingListing;
  detail(id: string): string;
  commits(): readonly CommitItem[];
  requirePending(id: string): void;
  requests(): number;
  /** Answers of EIO so far, by cause. */
  ioErrors(): Readonly<Record<IoCause, number>>;
  /** Passes an event on to whoever follows all agents. */
  tell(event: Readonly<Record<string, unknown>>): void;
}

const DENIALS_MAX = 100;

export class AgentSource implements ControlSource {
  readonly principal = 'agent';
  readonly events = new MemoryLog();
  readonly audit: GrowingLog;
  private readonly actor: AgentActor;
  private open: AgentOpen;
  private readonly did: string;
  private readonly startedAtMs: number;
  private readonly refusals: string[] = [];

  constructor(actor: AgentActor, open: AgentOpen, did: string, startedAtMs: number) {
    this.actor = actor;
    this.open = open;
    this.did = did;
    this.startedAtMs = startedAtMs;
    this.audit = {
      startBytes: () => 0,
      sizeBytes: () => actor.ledger.auditSizeBytes(),
      read: (offset, target) => actor.ledger.readAudit(offset, target.length).copy(target),
    };
  }

  version(): string {
    return `build ${BUILD}\ntransport dev-fuse\n`;
  }
  health(): string {
    return 'ok\n';
  }
  stats(): string {
    return renderMetrics([
      {
        name: 'agentsh_requests_total',
        help: 'FUSE requests answered.',
        kind: 'counter',
        values: [{ value: this.actor.requests() }],
      },
      ioErrorMetric([{ counts: this.actor.ioErrors() }]),
    ]);
  }
  agent(): AgentFacts {
    const { name, workspace } = this.open;
    return { id: `${workspace}:${name}`, name, did: this.did, workspace, startedAtMs: this.startedAtMs };
  }
  mounts(): string {
    return renderRules(this.open.rules);
  }
  policy(): string {
    return renderPolicy(this.open.policy);
  }
  pending(): PendingListing {
    return this.actor.pending();
  }
  requirePending(id: string): void {
    this.actor.requirePending(id);
  }
  pendingDetail(id: string): string {
    return this.actor.detail(id);
  }
  approve(): never {
    return fail('EPERM');
  }
  reject(): never {
    return fail('EPERM');
  }
  commits(): readonly CommitItem[] {
    return this.actor.commits();
  }
  commitText(id: string): string {
    const commit = this.actor.commits().find((each) => each.id === id);
    if (commit === undefined) fail('ENOENT');
    const paths = commit.paths.map((path) => `path ${quotePath(path)}\n`).join('');
    return `id ${commit.id}\nagent ${commit.agent}\ntime ${new Date(commit.atMs).toISOString()}\nby ${commit.by}\n${paths}`;
  }
  auditHead(): string {
    return this.actor.ledger.auditHead();
  }
  who(): never {
    return fail('EPERM');
  }
  denials(): string {
    return this.refusals.join('');
  }
  record(event: AuditEvent): void {
    try {
      this.actor.ledger.record(event);
      this.refused(event);
    } catch {
      // The contract: recording a refusal never fails the refusal.
    }
  }

  /** One mutation, for the followers of events. */
  happened({ op, path, note }: AuditEvent): void {
    const more = note === undefined ? {} : { note };
    this.append({ time: new Date().toISOString(), kind: 'change', op, path: quotePath(path), ...more });
  }

  /** Another policy is in force. */
  replaced(open: AgentOpen, note: string): void {
    this.open = open;
    this.events.append({ time: new Date().toISOString(), kind: 'policy', note });
  }

  /** One refusal, for `denials` and for the followers of events. */
  refused(event: AuditEvent): void {
    const control = event.path.startsWith('/.kernel/');
    const remedy = control ? 'only the operator decides' : (REMEDIES[event.note ?? ''] ?? 'ask the operator');
    const time = new Date().toISOString();
    this.refusals.push(`${time} ${event.op} ${quotePath(event.path)} ${event.rule ?? '-'} ${remedy}\n`);
    if (this.refusals.length > DENIALS_MAX) this.refusals.shift();
    const { op, path, rule, note } = event;
    this.append({ time, kind: 'deny', op, path: quotePath(path), rule, error: note });
  }

  private append(event: Readonly<Record<string, unknown>>): void {
    this.events.append(event);
    this.actor.tell(event);
  }
}

/** What to do about a refusal, by its error. */
const REMEDIES: Readonly<Record<string, string>> = {
  EROFS: 'this path is read-only: write in the workspace, in $HOME or in /tmp',
  EPERM: 'the policy does not show this name: ask the operator to change the policy',
  EXDEV: 'copy instead: a rename or link may not cross into or out of this rule',
  EBUSY: 'the root of a rule stays where it is',
};
