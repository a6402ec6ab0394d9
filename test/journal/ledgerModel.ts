// What a ledger should hold after the first n steps of a fixed history, and the steps themselves.
//
// Step i makes exactly one audit entry, so the number of entries tells how many steps a ledger has seen.
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../fs/audit/checkpoint.ts';
import { signerOfSeed } from '../../fs/audit/identity.ts';
import { verifyLog } from '../../fs/audit/verify.ts';
import { Ledger, type LedgerOptions } from '../../fs/journal/ledger.ts';
import { TABLES, type Table } from '../../fs/journal/model.ts';

export const signer = signerOfSeed(Buffer.alloc(32, 3));
export const AGENT = 'claude';
/** Small, so that a short history rolls over and prunes segments. */
export const SEGMENT_BYTES = 12_000;
const CHECKPOINT_EVERY = 40;
const KEYS = 23;

export function openLedger(directory: string, options: Partial<LedgerOptions> = {}): Ledger {
  let nowMs = 1_700_000_000_000;
  const clock = () => {
    nowMs += 1;
    return nowMs;
  };
  return Ledger.open({ directory, agent: AGENT, clock, signer, segmentBytes: SEGMENT_BYTES, ...options });
}

interface Edit {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** Scattered, but the same for the same number. */
const scatter = (number: number): number => Math.imul(number ^ (number >>> 7), 0x9e3779b1) >>> 8;

/** The rows that step `index` changes; none for every fifth, which only records. */
export function editsOf(index: number): Edit[] {
  if (index % 5 === 4) return [];
  const edits: Edit[] = [];
  for (let part = 0; part < 3; part += 1) {
    const random = scatter(index * 3 + part);
    const table = TABLES[random % TABLES.length] ?? 'meta';
    const key = Buffer.from(`key ${random % KEYS}`);
    const value = random % 7 === 0 ? undefined : Buffer.alloc(random % 300, `${index}.${part} `);
    edits.push({ table, key, value });
  }
  return edits;
}

export function runStep(ledger: Ledger, index: number): void {
  const event = { op: 'step', path: `/w/${index}`, verdict: 'allow' } as const;
  const edits = editsOf(index);
  if (edits.length === 0) ledger.record(event);
  else {
    ledger.transact((tx) => {
      for (const { table, key, value } of edits) {
        if (value === undefined) tx.remove(table, key);
        else tx.put(table, key, value);
      }
      tx.audit(event);
    });
  }
  if (index % CHECKPOINT_EVERY === CHECKPOINT_EVERY - 1) ledger.checkpoint();
}

/** Table, key and value of all rows after `steps` steps. */
export function rowsAfter(steps: number): Record<string, string> {
  const rows = new Map<string, string>();
  for (let index = 0; index < steps; index += 1) {
    for (const { table, key, value } of editsOf(index)) {
      if (value === undefined) rows.delete(`${table} ${key}`);
      else rows.set(`${table} ${key}`, value.toString());
    }
  }
  return Object.fromEntries([...rows].sort());
}

export function rowsOf(ledger: Ledger): Record<string, string> {
  const rows: [string, string][] = [];
  for (const table of TABLES) {
    for (const { key, value } of ledger.range(table, Buffer.alloc(0), undefined)) {
      rows.push([`${table} ${key}`, value.toString()]);
    }
  }
  return Object.fromEntries(rows.sort());
}

/** How many steps a ledger has seen, by its own signed word; its log must verify against it. */
export function stepsOf(ledger: Ledger): number {
  const note = ledger.auditHead();
  const log = ledger.readAudit(0, ledger.auditSizeBytes());
  const result = verifyLog([log], note, signer.publicKey);
  const steps = openCheckpoint(note, signer.publicKey).chain.seq;
  if (!result.sound || result.entries !== steps) throw new Error(`the audit log is bad: ${JSON.stringify(result)}`);
  return steps;
}

export const scratch = (): string => mkdtempSync(join(tmpdir(), 'agentsh-ledger-'));

/** What a crash at this moment would leave: a copy, without any lock or open file of the original. */
export function snapshot(directory: string, to: string): string {
  rmSync(to, { recursive: true, force: true });
  cpSync(directory, to, { recursive: true });
  return to;
}

export const segmentsIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .sort();
