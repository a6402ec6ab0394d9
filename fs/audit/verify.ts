// Checks an exported audit log offline: with the log, its signed checkpoints and the public key alone.
//
// Every line must be the one canonical encoding of an entry, follow its agent's previous entry by number and hash, and
// agree with every signed checkpoint. Lines of several agents may be interleaved: each has a chain of its own.
// A changed line shows only when the next one of its agent names another hash, so one line is held back per agent: the
// line after decides which of the two was touched.
import { EMPTY_CHAIN, hashLine } from './chain.ts';
import { type Checkpoint, openCheckpoint, splitNotes } from './checkpoint.ts';
import { type Entry, parseEntry } from './entry.ts';

export interface BadEntry {
  /** Line of the log, from 1; 0 where it is a checkpoint that is bad, or the whole. */
  readonly line: number;
  /** A byte string (latin1); '' where it is not known. */
  readonly agent: string;
  /** The entry's number in its chain, 0 where it is not known. */
  readonly seq: number;
  readonly reason: string;
}

export interface AgentResult {
  readonly agent: string;
  readonly entries: number;
  /** Hash of the last line. */
  readonly head: string;
  /** How many entries the last signed checkpoint covers; what follows is held by the chain alone. */
  readonly signed: number;
}

export interface VerifyResult {
  readonly sound: boolean;
  readonly entries: number;
  readonly agents: readonly AgentResult[];
  /** The first bad entry. */
  readonly bad?: BadEntry;
}

/** Longer than any entry; a line beyond it is refused before it is parsed. */
const LINE_CHARACTERS_MAX = 256 << 10;

/**
 * @param log the text of the log, or pieces of it (UTF-8)
 * @param checkpoints text of signed notes, of any agents, in any order
 * @param publicKey 32 bytes, Ed25519
 */
export function verifyLog(
  log: string | Iterable<Uint8Array>,
  checkpoints: string,
  publicKey: Uint8Array,
): VerifyResult {
  const chains = new Map<string, AgentChain>();
  const result = (bad: BadEntry | undefined): VerifyResult => {
    const agents = [...chains.values()].map((chain) => chain.result());
    const entries = agents.reduce((sum, { entries }) => sum + entries, 0);
    return bad === undefined ? { sound: true, entries, agents } : { sound: false, entries, agents, bad };
  };
  const signed = openAll(checkpoints, publicKey);
  if ('reason' in signed) return result({ line: 0, agent: '', seq: 0, reason: signed.reason });
  for (const agent of signed.byAgent.keys()) chains.set(agent, new AgentChain(agent, signed.byAgent));

  let number = 0;
  for (const line of linesOf(log)) {
    number += 1;
    const entry = parse(line, number);
    if ('reason' in entry) return result(firstOf(chains, entry));
    const chain = chains.get(entry.agent) ?? new AgentChain(entry.agent, signed.byAgent);
    chains.set(entry.agent, chain);
    const bad = chain.take(line, number, entry);
    if (bad !== undefined) return result(bad);
  }
  return result(firstOf(chains, undefined));
}

interface Held {
  readonly line: number;
  readonly entry: Entry;
  readonly hash: string;
}

/** The chain of one agent, checked with one line held back. */
class AgentChain {
  private readonly agent: string;
  private readonly signed: ReadonlyMap<number, string>;
  private readonly signedSeq: number;
  private held: Held | undefined;
  /** Sits before `held` and one of the two was changed: `held` names another hash, or has the same number. */
  private suspect: Held | undefined;

  constructor(agent: string, byAgent: ReadonlyMap<string, ReadonlyMap<number, string>>) {
    this.agent = agent;
    this.signed = byAgent.get(agent) ?? new Map();
    this.signedSeq = Math.max(0, ...this.signed.keys());
  }

  take(line: string, number: number, entry: Entry): BadEntry | undefined {
    const held = this.held;
    const now: Held = { line: number, entry, hash: hashLine(line) };
    if (held === undefined) {
      if (entry.seq !== 1) return this.bad(now, `is numbered ${entry.seq}, expected 1`);
      if (entry.prev !== EMPTY_CHAIN.head) return this.bad(now, 'is the first, but names a predecessor');
    } else {
      if (this.suspect !== undefined) return this.blame(this.suspect, held, entry.prev);
      const isRival = entry.seq === held.entry.seq && entry.prev === held.entry.prev;
      if (!isRival && entry.seq !== held.entry.seq + 1) {
        return this.bad(now, `is numbered ${entry.seq}, expected ${held.entry.seq + 1}`);
      }
      if (isRival || entry.prev !== held.hash) this.suspect = held;
    }
    this.held = now;
    return this.suspect === undefined ? this.compareSigned(now) : undefined;
  }

  /** What is still undecided when the log ends, or another line is bad already. */
  undecided(): BadEntry | undefined {
    if (this.suspect === undefined || this.held === undefined) return undefined;
    return this.blame(this.suspect, this.held, undefined);
  }

  /** A log that ends before its last checkpoint was cut, or rolled back. */
  missing(): BadEntry | undefined {
    const seq = this.held?.entry.seq ?? 0;
    if (seq >= this.signedSeq) return undefined;
    const agent = JSON.stringify(this.agent);
    const reason = `the log of ${agent} ends at entry ${seq}, but a signed checkpoint covers ${this.signedSeq}`;
    return { line: (this.held?.line ?? 0) + 1, agent: this.agent, seq: seq + 1, reason };
  }

  result(): AgentResult {
    const entries = this.held?.entry.seq ?? 0;
    return { agent: this.agent, entries, head: this.held?.hash ?? EMPTY_CHAIN.head, signed: this.signedSeq };
  }

  /** One of two lines is not as it was written: signed checkpoints decide, else the hash that the line after them names. */
  private blame(first: Held, second: Held, prevAfter: string | undefined): BadEntry {
    const signedHash = (held: Held) => this.signed.get(held.entry.seq);
    const secondHolds = signedHash(second) === second.hash || prevAfter === second.hash;
    const secondIsWitnessed = signedHash(second) !== undefined || prevAfter !== undefined;
    if (first.entry.seq === second.entry.seq) {
      return this.bad(secondHolds ? first : second, `was put in: there are two entries ${first.entry.seq}`);
    }
    if (signedHash(first) === first.hash || (secondIsWitnessed && !secondHolds)) {
      return this.bad(second, 'was changed: it does not name the hash of the entry before it');
    }
    return this.bad(first, 'was changed: the entry after it names another hash');
  }

  private compareSigned(now: Held): BadEntry | undefined {
    const head = this.signed.get(now.entry.seq);
    if (head === undefined || head === now.hash) return undefined;
    return this.bad(now, 'is not the one that a signed checkpoint covers (it, or one before it, was changed)');
  }

  private bad(held: Held, reason: string): BadEntry {
    return { line: held.line, agent: this.agent, seq: held.entry.seq, reason };
  }
}

/** The earliest of what chains still have to say, and `other`. */
function firstOf(chains: ReadonlyMap<string, AgentChain>, other: BadEntry | undefined): BadEntry | undefined {
  let first = other;
  for (const chain of chains.values()) {
    const open = chain.undecided() ?? (other === undefined ? chain.missing() : undefined);
    if (open !== undefined && (first === undefined || open.line < first.line)) first = open;
  }
  return first;
}

function parse(line: string, number: number): Entry | BadEntry {
  try {
    if (line.length > LINE_CHARACTERS_MAX) throw new SyntaxError('too long');
    return parseEntry(line);
  } catch (error) {
    return { line: number, agent: '', seq: 0, reason: `is no entry: ${(error as Error).message}` };
  }
}

/** Lines without their newlines. A last line without one is still a line: it was cut, and will not parse. */
function* linesOf(log: string | Iterable<Uint8Array>): Generator<string> {
  let rest = '';
  const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  const pieces = typeof log === 'string' ? [log] : log;
  for (const piece of pieces) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield `${rest}\u0000`;
}

type Signed = { readonly byAgent: Map<string, Map<number, string>> };

/** All checkpoints by agent and entry count; two that differ for one count prove two histories. */
function openAll(text: string, publicKey: Uint8Array): Signed | { readonly reason: string } {
  const byAgent = new Map<string, Map<number, string>>();
  for (const [index, note] of splitNotes(text).entries()) {
    let checkpoint: Checkpoint;
    try {
      checkpoint = openCheckpoint(note, publicKey);
    } catch (error) {
      return { reason: `checkpoint ${index + 1}: ${(error as Error).message}` };
    }
    const { seq, head } = checkpoint.chain;
    const heads = byAgent.get(checkpoint.agent) ?? new Map<number, string>();
    byAgent.set(checkpoint.agent, heads);
    const other = heads.get(seq);
    if (other !== undefined && other !== head) {
      return { reason: `two signed checkpoints of entry ${seq} differ: the log has two histories` };
    }
    if (seq > 0) heads.set(seq, head);
  }
  return { byAgent };
}
