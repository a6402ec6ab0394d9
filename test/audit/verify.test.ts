// T61, T62: any edit, swap, insertion, deletion, cut or roll-back of an audit log is found, and the place is named.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extend } from '../../fs/audit/chain.ts';
import { signCheckpoint } from '../../fs/audit/checkpoint.ts';
import { signerOfSeed } from '../../fs/audit/identity.ts';
import { verifyLog } from '../../fs/audit/verify.ts';
import { makeLog, signer, textOf } from './fixture.ts';

const ENTRIES = 12;
const verify = (lines: readonly string[], notes = makeLog(ENTRIES).notes) =>
  verifyLog(textOf(lines), notes, signer.publicKey);

describe('verify', () => {
  it('accepts a log as it was written, whole or in pieces', () => {
    const { lines, states, notes } = makeLog(ENTRIES);
    const expected = { agent: 'claude', entries: ENTRIES, head: states.at(-1)?.head, signed: ENTRIES };
    expect(verify(lines)).toEqual({ sound: true, entries: ENTRIES, agents: [expected] });
    const bytes = Buffer.from(textOf(lines));
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => bytes.subarray(at * 7, at * 7 + 7));
    expect(verifyLog(pieces, notes, signer.publicKey).sound).toBe(true);
  });

  it('T62 names the entry that was edited, at every position', () => {
    for (let at = 0; at < ENTRIES; at += 1) {
      const { lines } = makeLog(ENTRIES);
      lines[at] = lines[at]?.replace('"verdict":"allow"', '"verdict":"deny"') ?? '';
      expect(verify(lines)).toMatchObject({ sound: false, bad: { line: at + 1, seq: at + 1, agent: 'claude' } });
    }
  });

  it('T62 names the entry whose link to its predecessor was edited', () => {
    for (let at = 0; at < ENTRIES; at += 1) {
      const { lines } = makeLog(ENTRIES);
      lines[at] = lines[at]?.replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${'ab'.repeat(32)}"`) ?? '';
      expect(verify(lines).bad?.line).toBe(at + 1);
    }
  });

  it('T62 finds an edit without any checkpoint, unless it is the last line', () => {
    const { lines } = makeLog(ENTRIES);
    lines[3] = lines[3]?.replace('file4', 'fileX') ?? '';
    expect(verify(lines, '').bad?.line).toBe(4);
  });

  it('T62 names the place of a swap, a deletion and a repetition', () => {
    for (let at = 0; at + 1 < ENTRIES; at += 1) {
      const swapped = makeLog(ENTRIES).lines;
      [swapped[at], swapped[at + 1]] = [swapped[at + 1] ?? '', swapped[at] ?? ''];
      expect(verify(swapped).bad?.line).toBe(at + 1);
      const deleted = makeLog(ENTRIES).lines;
      deleted.splice(at, 1);
      expect(verify(deleted).bad?.line).toBe(at + 1);
      const repeated = makeLog(ENTRIES).lines;
      repeated.splice(at, 0, repeated[at] ?? '');
      expect(verify(repeated).bad?.reason).toContain(`two entries ${at + 1}`);
    }
  });

  it('T62 names a line that was put in, at every position', () => {
    for (let at = 0; at < ENTRIES; at += 1) {
      const { lines, states } = makeLog(ENTRIES);
      const before = at === 0 ? { seq: 0, head: '0'.repeat(64) } : (states[at - 1] ?? { seq: 0, head: '' });
      const forged = extend(before, 1_700_000_000_000, 'claude', { op: 'unlink', path: '/w/x', verdict: 'allow' });
      lines.splice(at, 0, forged.line);
      expect(verify(lines).bad?.line).toBe(at + 1);
    }
  });

  it('T61 a log cut at any entry fails against the last checkpoint', () => {
    for (let kept = 0; kept < ENTRIES; kept += 1) {
      const result = verify(makeLog(ENTRIES).lines.slice(0, kept));
      expect(result).toMatchObject({ sound: false, bad: { line: kept + 1, seq: kept + 1 } });
      expect(result.bad?.reason).toContain(`covers ${ENTRIES}`);
    }
  });

  it('T61 a log cut within a line fails there', () => {
    const text = textOf(makeLog(ENTRIES).lines).slice(0, -1);
    expect(verifyLog(text, '', signer.publicKey).bad).toMatchObject({ line: ENTRIES });
  });

  it('T61 a history rewritten with right hashes fails at the first signed entry behind the change', () => {
    const { lines, states, notes } = makeLog(ENTRIES);
    const rewritten = lines.slice(0, 6);
    let chain = states[5] ?? { seq: 0, head: '' };
    for (let index = 7; index <= ENTRIES; index += 1) {
      const next = extend(chain, 1_700_000_000_000 + index, 'claude', { op: 'read', path: '/w/y', verdict: 'allow' });
      rewritten.push(next.line);
      chain = next.chain;
    }
    expect(verify(rewritten, '').sound).toBe(true);
    expect(verify(rewritten, notes).bad).toMatchObject({ line: 10, seq: 10 });
  });

  it('checks interleaved agents each by its own chain', () => {
    const a = makeLog(6, 'claude');
    const b = makeLog(6, 'codex');
    const mixed = a.lines.flatMap((line, at) => [line, b.lines[at] ?? '']);
    const notes = a.notes + b.notes;
    expect(verify(mixed, notes)).toMatchObject({ sound: true, entries: 12 });
    mixed[7] = mixed[7]?.replace('file4', 'other') ?? '';
    expect(verify(mixed, notes).bad).toMatchObject({ line: 8, agent: 'codex', seq: 4 });
    const without = mixed.filter((line) => line.includes('"agent":"claude"'));
    expect(verify(without, notes).bad?.reason).toContain('codex');
  });

  it('refuses checkpoints of another key, edited ones, and two histories', () => {
    const { lines, states, notes } = makeLog(ENTRIES);
    expect(verifyLog(textOf(lines), notes, signerOfSeed(Buffer.alloc(32, 8)).publicKey).bad?.reason).toContain(
      'did not sign',
    );
    expect(verify(lines, notes.replace('claude\n5\n', 'claude\n4\n')).bad?.reason).toContain('signature');
    const other = signCheckpoint('claude', { seq: 5, head: states[6]?.head ?? '' }, signer);
    expect(verify(lines, `${notes}${other}`).bad?.reason).toContain('two histories');
  });

  it('T65 finds any flipped bit of any line', () => {
    const text = Buffer.from(textOf(makeLog(ENTRIES).lines));
    const { notes } = makeLog(ENTRIES);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(7), (at, bit) => {
        const copy = Buffer.from(text);
        copy[at] = (copy[at] ?? 0) ^ (1 << bit);
        const line = text.subarray(0, at).toString().split('\n').length;
        const { bad } = verifyLog([copy], notes, signer.publicKey);
        // An entry given to another agent is missing from its own chain: seen at the next entry of that chain.
        const isStolen = copy.toString('latin1').split('\n')[line - 1]?.includes('"agent":"claude"') === false;
        if (isStolen && bad?.line === line + 1) expect(bad.reason).toContain(`expected ${line}`);
        else expect(bad?.line).toBe(line);
      }),
      { numRuns: 400 },
    );
  });
});
