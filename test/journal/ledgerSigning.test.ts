// Checkpoints of the audit log are signed every thousand entries, after five seconds, at the end, and when asked for.
import { readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint, splitNotes } from '../../fs/audit/checkpoint.ts';
import type { Ledger } from '../../fs/journal/ledger.ts';
import { readHeader, recordBytes } from '../../fs/journal/record.ts';
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

  it('flush the journal about once a second, without being asked', () => {
    const segment = `${home}/ledger/journal-0000000000000001.seg`;
    /** What each record knew to be on disk when it was written. */
    const synced = () => {
      const buffer = readFileSync(segment);
      const known: number[] = [];
      for (let at = 0; at < buffer.length; ) {
        const header = readHeader(buffer, at);
        if (header === undefined) throw new Error('a bad record');
        known.push(header.synced);
        at += recordBytes(header.length);
      }
      return known;
    };
    record();
    record();
    nowMs += 1000;
    record();
    record();
    record();
    expect(synced()).toEqual([0, 1, 1, 3, 3]);
    ledger.close();
  });
});
