// What an agent is called and where it lies, who is in it, and what it needs of the kernel around it.
import type { AuditEvent } from '../journal/model.ts';
import type { Mounter } from './mounter.ts';
import type { Sandbox } from './processes.ts';
import type { SpareWorker } from './spareWorker.ts';

export interface Session {
  readonly id: number;
  readonly peer: number;
  readonly program: string;
  readonly sinceMs: number;
  sandbox: Sandbox | undefined;
}

export interface AgentPlace {
  readonly name: string;
  /** Byte string. */
  readonly workspace: string;
  /** Of its store; Node's string. */
  readonly directory: string;
}

/** What an agent needs of the kernel around it. */
export interface AgentHost {
  readonly mounter: Mounter;
  readonly workers: SpareWorker;
  readonly forbidden: readonly string[];
  readonly keys: string;
  readonly commitLock: SharedArrayBuffer;
  deliver(fd: number, bytes: Uint8Array): void;
  /** Forgets what waits for a descriptor, and closes it when nothing is being written to it. */
  drop(fd: number, close: () => void): void;
  event(agent: string, event: Readonly<Record<string, unknown>>): void;
  record(event: AuditEvent): void;
  log(text: string): void;
  /** Sessions or mounts came or went. */
  changed(): void;
}

/** Where the agent's worker keeps its ledger. */
export const ledgerDirectory = ({ directory }: Pick<AgentPlace, 'directory'>): string => `${directory}/ledger`;
