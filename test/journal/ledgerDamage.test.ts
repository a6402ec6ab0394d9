// A damaged store is refused, with the file and the place; nothing is repaired behind anybody's back.
import { appendFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../fs/journal/ledger.ts';
import { HEADER_BYTES, readHeader, recordBytes } from '../../fs/journal/record.ts';
import { StoreFailure } from '../../fs/store/failure.ts';
import { openLedger, rowsAfter, rowsOf, runStep, scratch, segmentsIn, snapshot, stepsOf } from './ledgerModel.ts';

const WHOLE = { segmentBytes: 1 << 20 };

describe('a damaged ledger', () => {
  let home: string;
  let live: string;
  let ledger: Ledger;
  /** Left as by kill -9. */
  let crashed: string;
  /** Left as by close. */
  let closed: string;

  beforeEach(() => {
    home = scratch();
    live = `${home}/live`;
    ledger = openLedger(live, WHOLE);
    for (let index = 0; index < 35; index += 1) runStep(ledger, index);
    crashed = snapshot(live, `${home}/crashed`);
    ledger.close();
    closed = snapshot(live, `${home}/closed`);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const segmentOf = (directory: string) => `${directory}/${segmentsIn(directory)[0]}`;

  function recordOffsets(file: string): number[] {
    const buffer = readFileSync(file);
    const offsets: number[] = [];
    for (let at = 0; at < buffer.length; at += recordBytes(readHeader(buffer, at)?.length ?? buffer.length))
      offsets.push(at);
    return offsets;
  }

  function flip(file: string, at: number): void {
    const buffer = readFileSync(file);
    buffer[at] = (buffer[at] ?? 0) ^ 0x10;
    writeFileSync(file, buffer);
  }

  function refusal(directory: string): StoreFailure {
    try {
      openLedger(directory).close();
    } catch (error) {
      if (error instanceof StoreFailure) return error;
      throw error;
    }
    throw new Error('it was opened');
  }

  it('names file and offset for one flipped bit anywhere in a segment, however it was left', () => {
    const offsets = recordOffsets(segmentOf(closed));
    expect(offsets).toHaveLength(35);
    const file = `${home}/case`;
    const places = [0, 5, 9, 17, 25, HEADER_BYTES + 9];
    for (const [index, offset] of offsets.entries()) {
      for (const within of [places[index % places.length] ?? 0, HEADER_BYTES + 20]) {
        const directory = snapshot(index % 2 === 0 ? closed : crashed, file);
        flip(segmentOf(directory), offset + within);
        expect(refusal(directory)).toMatchObject({ code: 'corrupt', file: segmentOf(directory), offset });
        const before = readFileSync(segmentOf(directory));
        expect(refusal(directory).message).toContain(`at byte ${offset}`);
        expect(readFileSync(segmentOf(directory)).equals(before)).toBe(true);
      }
    }
  });

  it('cuts off a last record that was never completed, at every length', () => {
    const file = segmentOf(crashed);
    const last = recordOffsets(file).at(-1) ?? 0;
    const sizeBytes = statSync(file).size;
    for (let size = last + 1; size < sizeBytes; size += 23) {
      const directory = snapshot(crashed, `${home}/case`);
      truncateSync(segmentOf(directory), size);
      const recovered = openLedger(directory, WHOLE);
      expect(recovered.recovery.cutBytes).toBe(size - last);
      expect(stepsOf(recovered)).toBe(34);
      expect(rowsOf(recovered)).toEqual(rowsAfter(34));
      runStep(recovered, 34);
      recovered.close();
      const again = openLedger(directory, WHOLE);
      expect(rowsOf(again)).toEqual(rowsAfter(35));
      again.close();
    }
  });

  it('refuses a torn tail where the store was closed cleanly', () => {
    const file = segmentOf(closed);
    truncateSync(file, statSync(file).size - 3);
    expect(refusal(closed).message).toContain('closed cleanly');
  });

  it('refuses a journal that lost records the index has', () => {
    const file = segmentOf(crashed);
    truncateSync(file, recordOffsets(file).at(-3) ?? 0);
    expect(refusal(crashed)).toMatchObject({ code: 'corrupt', file: `${crashed}/index/data.mdb` });
  });

  it('refuses a damaged index instead of dying of it, and rebuilds it once it is removed', () => {
    const data = `${closed}/index/data.mdb`;
    const whole = readFileSync(data);
    const garbage = Buffer.alloc(20_000, 'garbage');
    const secondOnly = Buffer.concat([whole.subarray(0, 4096), garbage]);
    for (const bytes of [
      garbage,
      garbage.subarray(0, 100),
      whole.subarray(0, 4100),
      whole.subarray(0, 8192),
      secondOnly,
    ]) {
      writeFileSync(data, bytes);
      expect(refusal(closed)).toMatchObject({ code: 'corrupt', file: data });
    }
    rmSync(data);
    const rebuilt = openLedger(closed);
    expect(rebuilt.recovery.rebuilt).toBe(true);
    expect(rowsOf(rebuilt)).toEqual(rowsAfter(35));
    rebuilt.close();
  });

  it('refuses a missing segment', () => {
    rmSync(segmentOf(closed));
    expect(refusal(closed).code).toBe('corrupt');
  });

  it('T62 refuses an audit log that says something else than the journal', () => {
    for (const directory of [closed, crashed]) {
      const log = `${directory}/audit.log`;
      if (directory === crashed) writeFileSync(log, readFileSync(`${closed}/audit.log`));
      const text = readFileSync(log, 'utf8');
      writeFileSync(log, text.replace('/w/20', '/w/99'));
      const offset = text.split('\n').slice(0, 20).join('\n').length + 1;
      expect(refusal(directory)).toMatchObject({ code: 'corrupt', file: log, offset });
      writeFileSync(log, text);
      appendFileSync(log, '{"seq":36}\n');
      expect(refusal(directory)).toMatchObject({ file: log, offset: text.length });
      writeFileSync(log, text);
    }
  });

  it('T61 refuses a store that was put back to before a signed checkpoint', () => {
    const again = openLedger(live, WHOLE);
    for (let index = 35; index < 38; index += 1) runStep(again, index);
    again.close();
    writeFileSync(`${closed}/audit.checkpoints`, readFileSync(`${live}/audit.checkpoints`));
    expect(refusal(closed).message).toContain('covers 38 entries, but the log holds 35: it was rolled back');
  });

  it('refuses a damaged checkpoint when it needs it', () => {
    const again = openLedger(live, WHOLE);
    for (let index = 35; index < 45; index += 1) runStep(again, index);
    again.close();
    const [name] = ['checkpoint-0000000000000040.ckpt'];
    flip(`${live}/${name}`, statSync(`${live}/${name}`).size >> 1);
    rmSync(`${live}/index`, { recursive: true });
    expect(refusal(live)).toMatchObject({ code: 'corrupt', file: `${live}/${name}` });
  });

  it('refuses a newer format, and an unreadable one', () => {
    writeFileSync(`${closed}/format`, '2\n');
    expect(refusal(closed)).toMatchObject({ code: 'format' });
    expect(refusal(closed).message).toContain('has format 2; this version reads 1');
    writeFileSync(`${closed}/format`, '');
    expect(refusal(closed)).toMatchObject({ code: 'format' });
  });
});
