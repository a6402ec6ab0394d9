// What the `/.kernel` tree renders from and acts through: one implementation for an agent, one for the operator.
//
// - Every call is synchronous: the caller is a thread that answers the kernel.
// - A call fails by throwing an `Errno` (fs/errno.ts) or a `Refusal` (./refusal.ts), which adds a reason.
// - What an agent's source returns is that agent's own; the operator's source returns everything.
import type { AgentMethods, ApproveParams, ApproveResult, CommitItem, PendingListing } from '../daemon/protocol.ts';
import type { AuditEvent } from '../journal/model.ts';

export type Principal = 'agent' | 'operator';

/** Content of a file: text (then it is UTF-8), or bytes. A path in a text is shown by quotePath (./quote.ts). */
export type Content = string | Buffer;

/** Bytes that only ever grow at the end, in whole lines. A position once readable never changes its byte. */
export interface GrowingLog {
  /** The first byte that is still kept: 0 where nothing is dropped. */
  startBytes(): number;
  /** One past the last byte: everything ever appended. */
  sizeBytes(): number;
  /** Fills `target` from its start with the bytes at `offset` (within start and size); returns how many, 0 at the end. */
  read(offset: number, target: Buffer): number;
}

/** Who a mount belongs to, for the file `agent`. A missing field is not shown. */
export interface AgentFacts {
  readonly id: string;
  readonly name: string;
  readonly did?: string;
  readonly parent?: string;
  readonly workspace?: string;
  readonly startedAtMs: number;
}

export interface ControlSource {
  readonly principal: Principal;
  /** Build and FUSE features, flat `key value` lines. */
  version(): Content;
  /** `ok`, or the reasons why not, one a line. */
  health(): Content;
  /** Prometheus text (see renderMetrics in ./listing.ts). */
  stats(): Content;
  agent(): AgentFacts;
  /** Effective rules, one a line (see renderRules in ./listing.ts). */
  mounts(): Content;
  /** Effective policy as TOML. */
  policy(): Content;
  /** Replaces the policy. Only an operator's source may have it; without it `policy` is read-only. */
  replacePolicy?(toml: Buffer, by: string): void;
  /** Whether what was written so far (a byte string) is a whole text: else more writes of it follow. */
  isWholePolicy?(text: string): boolean;

  pending(): PendingListing;
  /** Throws ENOENT for an id never listed, ESTALE for one whose change moved on; returns for what pendingDetail renders. */
  requirePending(id: string): void;
  /** Header, blank line, diff; or verdict and reason after a decision. Throws ENOENT or ESTALE. */
  pendingDetail(id: string): Content;
  /**
   * Approves all of it or nothing; one result for each agent concerned. Operator only.
   * `ids` holds full ids, and absolute paths that the listing does not name (inside a new directory, or ignored).
   * Conflicts come back in the results (then nothing of that agent has landed); ENOENT and ESTALE are thrown.
   */
  approve(params: ApproveParams): readonly ApproveResult[];
  /** Rejects all of it or nothing; returns the ids. Operator only. */
  reject(params: AgentMethods['reject']['params']): readonly string[];

  commits(): readonly CommitItem[];
  /** What was applied, when, by whose word. Throws ENOENT. */
  commitText(id: string): Content;

  readonly audit: GrowingLog;
  /** The last signed checkpoint; empty before the first. */
  auditHead(): Content;
  readonly events: GrowingLog;
  /** Connections by principal, one a line. Operator only. */
  who(): Content;
  /** The last 100 refusals: `time op path rule file:line remedy`, naming nothing hidden. */
  denials(): Content;
  /** A refusal of the control files, for the audit log. Must not throw. */
  record(event: AuditEvent): void;
}
