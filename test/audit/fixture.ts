// A small log to tamper with: lines of one agent's chain, and its signed checkpoints.
import { type ChainState, EMPTY_CHAIN, extend } from '../../fs/audit/chain.ts';
import { signCheckpoint } from '../../fs/audit/checkpoint.ts';
import type { AuditEvent } from '../../fs/audit/event.ts';
import { signerOfSeed } from '../../fs/audit/identity.ts';

export const signer = signerOfSeed(Buffer.alloc(32, 7));

export interface SmallLog {
  readonly lines: string[];
  /** The chain's state after each line. */
  readonly states: ChainState[];
  /** Signed notes at the end and at every fifth entry. */
  readonly notes: string;
}

export function makeLog(entries: number, agent = 'claude', extra: Partial<AuditEvent> = {}): SmallLog {
  const lines: string[] = [];
  const states: ChainState[] = [];
  const notes: string[] = [];
  let chain = EMPTY_CHAIN;
  for (let index = 1; index <= entries; index += 1) {
    const event: AuditEvent = { op: 'create', path: `/w/file${index}`, verdict: 'allow', pid: 40 + index, ...extra };
    const next = extend(chain, 1_700_000_000_000 + index, agent, event);
    chain = next.chain;
    lines.push(next.line);
    states.push(chain);
    if (index % 5 === 0 || index === entries) notes.push(signCheckpoint(agent, chain, signer));
  }
  return { lines, states, notes: `${notes.join('\n')}\n` };
}

export const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
