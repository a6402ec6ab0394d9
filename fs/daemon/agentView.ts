// What an agent is opened with: the workspace, the effective rules, and what its sandbox needs to know of them. Data only.
import type { EffectivePolicy } from '../../policy/effective.ts';
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
}
