// What an agent is opened with: the workspace, the effective rules, and what its sandbox needs to know of them.
//
// Data that goes to disk as JSON, but for `source`.
import type { EffectivePolicy } from '../../policy/effective.ts';
import type { PolicyFile } from '../../policy/file.ts';
import type { PolicySummary } from './clientProtocol.ts';
import type { SeedFile } from './protocol.ts';

export interface AgentView {
  /** Absolute real path, a byte string; so is `home`. */
  readonly workspace: string;
  readonly home: string;
  readonly policy: EffectivePolicy;
  readonly tracked: readonly string[];
  readonly ignored: readonly string[];
  readonly homeFiles: readonly SeedFile[];
  readonly summary: PolicySummary;
  /** Lines to print at start. */
  readonly grants: readonly string[];
  /** Its upper does not outlive its sessions. */
  readonly throwaway: boolean;
  /** Missing in a view that comes from an agent's record: then there is nobody's request to go back to. */
  readonly source?: () => ViewSource;
}

/** What a view was loaded from, for as long as the kernel that loaded it runs. */
export interface ViewSource {
  readonly watched: readonly WatchedFile[];
  /** The view as its policy files are now. Throws as loading it did. */
  reload(): AgentView;
  /** The same view under another policy. */
  withPolicy(policy: EffectivePolicy): AgentView;
  /** What a whole policy, as the operator wrote it, means here. */
  complete(file: PolicyFile, before: EffectivePolicy): EffectivePolicy;
}

/** A policy file that may come, change or go. Byte strings; the base is a directory above it that exists. */
export interface WatchedFile {
  readonly base: string;
  readonly file: string;
}
