// Checkpoints of the audit log are signed every thousand entries, after five seconds, at the end, and when asked for.
import { readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint, splitNotes } from '../../fs/audit/checkpoint.ts';
import type { Ledger } from '../../fs/journal/ledger.ts';
import { openLedger, scratch, signer } from './ledgerModel.ts';

describe('signed checkpoints of a ledger', () => {
  let home: string;
  let ledger: Ledger;
  let nowMs = 1_700_000_000_000;
  beforeEach(() => {
    home = scratch();
    ledger = openLedger(`${home}/ledger`, { clock: () => nowMs, segmentBytes: 1 << 20 });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const sizes = () =>
    splitNotes(readFileSync(`${home}/ledger/audit.checkpoints`, 'utf8')).map(
      (note) => openCheckpoint(note, signer.publicKey).chain.seq,
    );
  const record = () => ledger.record({ op: 'read', path: '/w', verdict: 'allow' });

  it('come by count, by time, by demand and at the end, and none twice', () => {
    for (let index = 0; index < 2500; index += 1) record();
    expect(sizes()).toEqual([1000, 2000]);
    nowMs += 4999;
    ledger.resetRead();
    expect(sizes()).toEqual([1000, 2000]);
    nowMs += 1;
    ledger.resetRead();
    expect(sizes()).toEqual([1000, 2000, 2500]);
    record();
    expect(openCheckpoint(ledger.auditHead(), signer.publicKey).chain.seq).toBe(2501);
    expect(ledger.auditHead()).toBe(ledger.auditHead());
    record();
    ledger.close();
    expect(sizes()).toEqual([1000, 2000, 2500, 2501, 2502]);
    ledger = openLedger(`${home}/ledger`, { clock: () => nowMs });
    ledger.auditHead();
    ledger.close();
    expect(sizes()).toHaveLength(5);
  });
});
