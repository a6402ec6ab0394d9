// The hash chain of one agent's entries: each carries the SHA-256 of the line before it.
import { createHash } from 'node:crypto';
import { formatEntry, NO_PREVIOUS } from './entry.ts';
import type { AuditEvent } from './event.ts';

/** Where a chain stands: how many entries, and the hash of the last line (hex). */
export interface ChainState {
  readonly seq: number;
  readonly head: string;
}

export const EMPTY_CHAIN: ChainState = { seq: 0, head: NO_PREVIOUS };

/** The SHA-256 (hex) of a line without its newline. */
export const hashLine = (line: string | Uint8Array): string => createHash('sha256').update(line).digest('hex');

/** The next line of a chain, and where the chain stands after it. */
export function extend(
  chain: ChainState,
  timeMs: number,
  agent: string,
  event: AuditEvent,
): { readonly line: string; readonly chain: ChainState } {
  const seq = chain.seq + 1;
  const line = formatEntry(seq, timeMs, agent, event, chain.head);
  return { line, chain: { seq, head: hashLine(line) } };
}
