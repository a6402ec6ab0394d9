// The operator's source of `/.kernel`: everything is asked of the main thread; only events are kept here.
import { MemoryLog } from '../control/eventLog.ts';
import { refusalOf } from '../control/refusal.ts';
import type { AgentFacts, ControlSource, GrowingLog } from '../control/source.ts';
import type { AuditEvent } from '../journal/model.ts';
import type { OperatorCalls, OperatorText } from './operatorCalls.ts';
import { isWholeText } from './policyBlocks.ts';
import type { ApproveParams, ApproveResult, CommitItem, PendingListing } from './protocol.ts';
import { failureOf } from './requestError.ts';

/** Bytes of audit fetched from the main thread at a time. */
const AUDIT_READ_BYTES_MAX = 1024 * 1024;

type Call = (method: string, params: unknown) => unknown;

export class OperatorSource implements ControlSource {
  readonly principal = 'operator';
  readonly events = new MemoryLog();
  readonly audit: GrowingLog;
  readonly #ask: <M extends keyof OperatorCalls>(
    method: M,
    params: OperatorCalls[M]['params'],
  ) => OperatorCalls[M]['result'];

  constructor(call: Call) {
    this.#ask = (method, params) => {
      try {
        return call(method as string, params) as never;
      } catch (error) {
        throw refusalOf(failureOf(error));
      }
    };
    this.audit = this.#auditLog();
  }

  /** One event for the readers of `events` and `events.pipe`. */
  publish(event: Readonly<Record<string, unknown>>): void {
    this.events.append(event);
  }

  version(): string {
    return this.#text('version');
  }
  health(): string {
    return this.#text('health');
  }
  stats(): string {
    return this.#text('stats');
  }
  mounts(): string {
    return this.#text('mounts');
  }
  policy(): string {
    return this.#text('policy');
  }
  /** UTF-8 text; a byte that is none is an error of the text. */
  replacePolicy(toml: Buffer, by: string): void {
    this.#ask('replacePolicy', { text: toml.toString('utf8'), by });
  }
  isWholePolicy(text: string): boolean {
    return isWholeText(text);
  }
  who(): string {
    return this.#text('who');
  }
  denials(): string {
    return this.#text('denials');
  }
  auditHead(): string {
    return this.#text('auditHead');
  }
  agent(): AgentFacts {
    return this.#ask('agent', {});
  }
  pending(): PendingListing {
    return this.#ask('pending', {});
  }
  requirePending(id: string): void {
    this.#ask('requirePending', { id });
  }
  pendingDetail(id: string): string {
    return this.#ask('pendingDetail', { id }).text;
  }
  approve(params: ApproveParams): readonly ApproveResult[] {
    return this.#ask('approve', params);
  }
  reject(params: {
    readonly ids: readonly string[];
    readonly reason: string;
    readonly pid: number;
  }): readonly string[] {
    return this.#ask('reject', params);
  }
  commits(): readonly CommitItem[] {
    return this.#ask('commits', {});
  }
  commitText(id: string): string {
    return this.#ask('commitText', { id }).text;
  }
  record(event: AuditEvent): void {
    try {
      this.#ask('record', { event });
    } catch {
      // The contract: recording a refusal never fails the refusal.
    }
  }

  #text(name: OperatorText): string {
    return this.#ask('text', { name }).text;
  }

  #auditLog(): GrowingLog {
    return {
      startBytes: () => 0,
      sizeBytes: () => this.#ask('auditSize', {}).sizeBytes,
      read: (offset, target) => {
        const lengthBytes = Math.min(target.length, AUDIT_READ_BYTES_MAX);
        const { text } = this.#ask('auditRead', { offset, lengthBytes });
        return target.write(text, 0, 'latin1');
      },
    };
  }
}
