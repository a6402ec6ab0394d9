// The effective policy: what is in force for one agent, after all layers. Plain, JSON-safe data.
//
// Paths, patterns and taint paths are byte strings (latin1); everything else is text.

import type { Rule } from './model.ts';

/** What becomes of ignored paths in an invisible workspace; from the widest to the tightest. */
export const IGNORED_MODES = ['invisible', 'private', 'ephemeral'] as const;
export type IgnoredMode = (typeof IGNORED_MODES)[number];

/** From the widest to the tightest. */
export const NETWORK_MODES = ['host', 'allow', 'none'] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

/** From the widest to the tightest. */
export const READ_AUDITS = ['none', 'first', 'all'] as const;
export type ReadAudit = (typeof READ_AUDITS)[number];

export const EXEC_DEFAULTS = ['allow', 'review'] as const;
export type ExecDefault = (typeof EXEC_DEFAULTS)[number];

export const EXEC_VERDICTS = ['allow', 'review', 'block', 'redirect'] as const;
export type ExecVerdict = (typeof EXEC_VERDICTS)[number];

export interface ExecRule {
  readonly verdict: ExecVerdict;
  /** Command patterns, word by word; a last word `*` stands for any further words. */
  readonly match: readonly string[];
  /** Examples of what must not match; tried at load. */
  readonly notMatch: readonly string[];
  readonly reason: string;
  /** What runs instead, for `redirect`. */
  readonly to?: string;
  readonly source: string;
}

/** A bound, or `max` for none. */
export type Limit = number | 'max';

export interface Quota {
  readonly bytes: Limit;
  readonly files: Limit;
  readonly wallMs: Limit;
  readonly processes: Limit;
  readonly memoryBytes: Limit;
  readonly children: Limit;
  readonly inputTokens: Limit;
  readonly outputTokens: Limit;
  readonly usd: Limit;
  /** The share of a limit at which a warning is sent, 0 to 1. */
  readonly warn: number;
}

export interface TaintRule {
  /** An absolute path, possibly with `*` and `**`. */
  readonly path: string;
  readonly label: string;
  readonly source: string;
}

/** What a project file would like beyond what it may set; shown to the operator, never in force by itself. */
export interface PolicyRequest {
  /** One line, as it would stand in a policy file. */
  readonly text: string;
  readonly reason: string;
  readonly source: string;
}

export interface EffectivePolicy {
  /** One rule a path, in the order of the paths. */
  readonly rules: readonly Rule[];
  /** A person's patterns; the built-in ones are the judge's own. */
  readonly names: {
    readonly hide: readonly string[];
    readonly mask: readonly string[];
    readonly protect: readonly string[];
  };
  /** Directories in which hide and mask apply: for {@link nameJudge}. */
  readonly scopes: readonly string[];
  readonly ignored: IgnoredMode;
  readonly env: {
    /** Names that pass from the host, with `*` as wild card. */
    readonly pass: readonly string[];
    /** Names that pass because the profile names them: keys and endpoints. */
    readonly secrets: readonly string[];
    readonly set: Readonly<Record<string, string>>;
  };
  readonly network: {
    readonly mode: NetworkMode;
    /** `HOST:PORT`. Empty unless the mode is `allow`. */
    readonly allow: readonly string[];
    /** Who decided the mode. */
    readonly source: string;
  };
  readonly exec: { readonly default: ExecDefault; readonly rules: readonly ExecRule[] };
  readonly quota: Quota;
  readonly audit: { readonly reads: ReadAudit };
  readonly approval: { readonly expireMs: number; readonly timeoutMs: number };
  readonly taint: readonly TaintRule[];
  readonly requests: readonly PolicyRequest[];
}
