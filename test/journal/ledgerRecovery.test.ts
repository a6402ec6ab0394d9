// The journal is the truth: from any older index, or none, the same state comes back; applying twice changes nothing.
import {
  closeSync,
  cpSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AGENT,
  openLedger,
  rowsAfter,
  rowsOf,
  runStep,
  SEGMENT_BYTES,
  scratch,
  segmentsIn,
  snapshot,
  stepsOf,
} from './ledgerModel.ts';

describe('recovery of a ledger', () => {
  let home: string;
  beforeEach(() => {
    home = scratch();
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  /** A live ledger after `steps` steps, with copies of its directory taken on the way. */
  function history(steps: number, copyAt: readonly number[], segmentBytes = SEGMENT_BYTES): string {
    const ledger = openLedger(`${home}/live`, { segmentBytes });
    for (let index = 0; index < steps; index += 1) {
      if (copyAt.includes(index)) snapshot(`${home}/live`, `${home}/at${index}`);
      runStep(ledger, index);
    }
    snapshot(`${home}/live`, `${home}/end`);
    ledger.close();
    return `${home}/end`;
  }

  it('replays idempotently: any older index with the whole journal gives the same rows', () => {
    const steps = 100;
    const moments = [1, 7, 39, 40, 41, 60, 80, 99];
    const end = history(steps, moments, 1 << 20);
    const expected = rowsAfter(steps);
    fc.assert(
      fc.property(fc.constantFrom(...moments), fc.constantFrom(...moments), (first, second) => {
        const directory = snapshot(end, `${home}/case`);
        for (const moment of [first, second]) {
          // The index goes back in time, twice: what was applied is applied again over it.
          rmSync(`${directory}/index`, { recursive: true });
          cpSync(`${home}/at${moment}/index`, `${directory}/index`, { recursive: true });
          const ledger = openLedger(directory);
          expect(rowsOf(ledger)).toEqual(expected);
          expect(stepsOf(ledger)).toBe(steps);
          expect(ledger.recovery.rebuilt).toBe(false);
          ledger.close();
        }
      }),
      { numRuns: 12 },
    );
  });

  it('refuses an index that is older than what the journal still holds', () => {
    const end = history(100, [7]);
    rmSync(`${end}/index`, { recursive: true });
    cpSync(`${home}/at7/index`, `${end}/index`, { recursive: true });
    expect(() => openLedger(end)).toThrow(/data\.mdb: is at record 7, but the journal holds records/);
  });

  it('rebuilds a missing index from checkpoint and journal, and says so', () => {
    const end = history(100, []);
    rmSync(`${end}/index`, { recursive: true });
    const ledger = openLedger(end);
    expect(ledger.recovery).toMatchObject({ ending: 'crash', rebuilt: true });
    expect(rowsOf(ledger)).toEqual(rowsAfter(100));
    ledger.close();
  });

  it('deletes segments only behind the last two checkpoints', () => {
    const end = history(125, [100]);
    expect(segmentsIn(`${home}/at100`)[0]).not.toBe('journal-0000000000000001.seg');
    const first = Number(segmentsIn(end)[0]?.slice(8, 24));
    // Checkpoints lie behind steps 40, 80 and 120; each takes a record of its own.
    expect(first).toBeGreaterThan(1);
    expect(first).toBeLessThanOrEqual(82);
    const ledger = openLedger(end);
    expect(stepsOf(ledger)).toBe(125);
    ledger.close();
  });

  it('keeps the index near the journal where only records without rows are made', () => {
    const ledger = openLedger(`${home}/live`);
    runStep(ledger, 0);
    for (let round = 0; round < 4; round += 1) {
      for (let index = 0; index < 60; index += 1) ledger.record({ op: 'read', path: '/w', verdict: 'allow' });
      ledger.checkpoint();
    }
    snapshot(`${home}/live`, `${home}/end`);
    ledger.close();
    expect(segmentsIn(`${home}/end`)[0]).not.toBe('journal-0000000000000001.seg');
    const again = openLedger(`${home}/end`);
    expect(rowsOf(again)).toEqual(rowsAfter(1));
    expect(stepsOf(again)).toBe(241);
    again.close();
  });

  it('writes audit lines again that a crash kept from the log', () => {
    const end = history(30, []);
    const whole = readFileSync(`${home}/live/audit.log`);
    for (const size of [0, 1, 100, whole.indexOf(10), whole.indexOf(10) + 1, whole.length - 1]) {
      const directory = snapshot(end, `${home}/case`);
      writeFileSync(`${directory}/audit.log`, whole.subarray(0, size));
      const ledger = openLedger(directory);
      ledger.close();
      expect(readFileSync(`${directory}/audit.log`).equals(whole)).toBe(true);
    }
  });

  it('T40 after power loss holds everything that was synced, whatever of the rest survived', () => {
    const live = `${home}/live`;
    const ledger = openLedger(live, { bootId: 'boot-1', segmentBytes: 1 << 20 });
    for (let index = 0; index < 50; index += 1) runStep(ledger, index);
    ledger.sync();
    const sizes = {
      journal: statSync(`${live}/${segmentsIn(live)[0]}`).size,
      audit: statSync(`${live}/audit.log`).size,
    };
    for (let index = 50; index < 75; index += 1) runStep(ledger, index);
    ledger.auditSizeBytes();
    ledger.readAudit(0, 1);
    snapshot(live, `${home}/end`);
    ledger.close();
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), fc.nat(3000), (kept, isZeroed, garbage) => {
        const directory = snapshot(`${home}/end`, `${home}/case`);
        loseTail(`${directory}/${segmentsIn(directory)[0]}`, sizes.journal, kept, isZeroed);
        loseTail(`${directory}/audit.log`, sizes.audit, 1 - kept, isZeroed);
        writeFileSync(`${directory}/index/data.mdb`, Buffer.alloc(garbage, 'garbage'));
        const recovered = openLedger(directory, { bootId: 'boot-2' });
        const steps = stepsOf(recovered);
        expect(recovered.recovery).toMatchObject({ ending: 'reboot', rebuilt: true });
        expect(steps).toBeGreaterThanOrEqual(50);
        expect(steps).toBeLessThanOrEqual(75);
        expect(rowsOf(recovered)).toEqual(rowsAfter(steps));
        recovered.close();
      }),
      { numRuns: 25 },
    );
  });

  it('T40 after power loss still refuses damage to what was synced', () => {
    const live = `${home}/live`;
    const ledger = openLedger(live, { bootId: 'boot-1', segmentBytes: 1 << 20 });
    for (let index = 0; index < 30; index += 1) runStep(ledger, index);
    ledger.sync();
    runStep(ledger, 30);
    snapshot(live, `${home}/end`);
    ledger.close();
    const segment = `${home}/end/${segmentsIn(`${home}/end`)[0]}`;
    const buffer = readFileSync(segment);
    buffer[buffer.length >> 1] = (buffer[buffer.length >> 1] ?? 0) ^ 1;
    writeFileSync(segment, buffer);
    expect(() => openLedger(`${home}/end`, { bootId: 'boot-2' })).toThrow(/knows that it had been flushed/);
  });

  it('a clean end needs no recovery, in this boot or the next', () => {
    const ledger = openLedger(`${home}/live`, { bootId: 'boot-1' });
    for (let index = 0; index < 20; index += 1) runStep(ledger, index);
    ledger.close();
    for (const bootId of ['boot-1', 'boot-2']) {
      const again = openLedger(`${home}/live`, { bootId });
      expect(again.recovery).toEqual({ ending: 'clean', cutBytes: 0, rebuilt: false, replayed: 0, auditRestored: 0 });
      expect(rowsOf(again)).toEqual(rowsAfter(20));
      again.close();
    }
  });

  it('refuses the store of another agent', () => {
    const ledger = openLedger(`${home}/live`);
    for (let index = 0; index < 45; index += 1) runStep(ledger, index);
    ledger.close();
    expect(() => openLedger(`${home}/live`, { agent: 'codex' })).toThrow(`belongs to agent "${AGENT}"`);
  });
});

/** Of what follows `syncedBytes`, keeps a part; the rest is gone, or reads as zeros. */
function loseTail(file: string, syncedBytes: number, kept: number, isZeroed: boolean): void {
  const sizeBytes = statSync(file).size;
  const at = syncedBytes + Math.floor((sizeBytes - syncedBytes) * kept);
  const fd = openSync(file, 'r+');
  if (isZeroed) writeSync(fd, Buffer.alloc(sizeBytes - at), 0, sizeBytes - at, at);
  else ftruncateSync(fd, at);
  closeSync(fd);
}
