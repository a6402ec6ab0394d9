// Transactions: whole or not at all, seen at once, recorded with what they did; one owner at a time.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyLog } from '../../fs/audit/verify.ts';
import { ERRNO, errno } from '../../fs/errno.ts';
import type { Ledger } from '../../fs/journal/ledger.ts';
import { StoreFailure } from '../../fs/store/failure.ts';
import { openLedger, rowsOf, scratch, signer, snapshot, stepsOf } from './ledgerModel.ts';

const CHILD = fileURLToPath(new URL('../../dist/test/journal/ledgerChild.js', import.meta.url));
const key = (text: string) => Buffer.from(text);
const event = (path: string) => ({ op: 'test', path, verdict: 'allow' }) as const;

describe('a ledger', () => {
  let home: string;
  let ledger: Ledger;
  let faultAt = '';
  const open = () =>
    openLedger(`${home}/ledger`, {
      fault: (point) => {
        if (point === faultAt) throw errno(ERRNO.EIO);
      },
    });
  beforeEach(() => {
    home = scratch();
    faultAt = '';
    ledger = open();
  });
  afterEach(() => {
    ledger.close();
    rmSync(home, { recursive: true, force: true });
  });

  it('shows a transaction its own writes, and everybody what it committed', () => {
    const seen = ledger.transact((tx) => {
      tx.put('inodes', key('1'), key('one'));
      const within = [tx.get('inodes', key('1')), ledger.get('inodes', key('1')), tx.get('dirents', key('1'))];
      tx.put('inodes', key('1'), key('two'));
      return within.map((value) => value?.toString());
    });
    expect(seen).toEqual(['one', 'one', undefined]);
    expect(ledger.get('inodes', key('1'))?.toString()).toBe('two');
    ledger.transact((tx) => tx.remove('inodes', key('1')));
    expect(ledger.get('inodes', key('1'))).toBeUndefined();
  });

  it('keeps values of any size and any bytes, and hands out copies', () => {
    const sizes = [0, 1, 4000, 65_536, 300_000];
    for (const size of sizes) ledger.transact((tx) => tx.put('meta', key(`${size}`), Buffer.alloc(size, 0xfe)));
    for (const size of sizes) expect(ledger.get('meta', key(`${size}`))?.equals(Buffer.alloc(size, 0xfe))).toBe(true);
    ledger.get('meta', key('1'))?.fill(0);
    const kept = ledger.get('meta', key('1'));
    ledger.get('meta', key('4000'));
    expect(kept).toEqual(Buffer.from([0xfe]));
  });

  it('gives ranges by key bytes, beyond one batch, while rows change', () => {
    const number = (value: number) => Buffer.from([value >> 8, value & 0xff]);
    ledger.transact((tx) => {
      for (let value = 0; value < 700; value += 1) tx.put('dirents', number(value), number(value));
    });
    const seen: number[] = [];
    for (const { key: at } of ledger.range('dirents', number(100), number(600))) {
      seen.push(at.readUInt16BE(0));
      ledger.transact((tx) => tx.remove('dirents', at));
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => index + 100));
    expect([...ledger.range('dirents', number(0), number(0xffff))]).toHaveLength(200);
  });

  it('gives ranges inside a transaction as it has changed them', () => {
    ledger.transact((tx) => tx.put('meta', key('a'), key('1')));
    const within = ledger.transact((tx) => {
      tx.put('meta', key('b'), key('2'));
      tx.remove('meta', key('a'));
      return Array.from(ledger.range('meta', key('a'), key('z')), (row) => `${row.key}=${row.value}`);
    });
    expect(within).toEqual(['b=2']);
  });

  it('leaves nothing of a body that throws', () => {
    ledger.transact((tx) => tx.put('inodes', key('1'), key('one')));
    const sizeBytes = ledger.auditSizeBytes();
    const failing = () =>
      ledger.transact((tx) => {
        tx.put('inodes', key('1'), key('changed'));
        tx.audit(event('/never'));
        throw errno(ERRNO.ENOSPC);
      });
    expect(failing).toThrow(errno(ERRNO.ENOSPC));
    expect(ledger.get('inodes', key('1'))?.toString()).toBe('one');
    expect(ledger.auditSizeBytes()).toBe(sizeBytes);
  });

  it('joins transactions within one, and dooms the whole where a joined one failed', () => {
    ledger.transact((tx) => {
      tx.put('inodes', key('1'), key('outer'));
      ledger.transact((inner) => inner.put('inodes', key('2'), key('inner')));
      ledger.record(event('/joined'));
    });
    expect(ledger.get('inodes', key('2'))?.toString()).toBe('inner');
    const swallowing = () =>
      ledger.transact((tx) => {
        tx.put('inodes', key('3'), key('x'));
        try {
          ledger.transact(() => {
            throw new Error('inner');
          });
        } catch {}
      });
    expect(swallowing).toThrow('a joined transaction failed');
    expect(ledger.get('inodes', key('3'))).toBeUndefined();
    expect(stepsOf(ledger)).toBe(1);
  });

  it('T66 takes back what was journaled when the commit fails, also across a crash', () => {
    ledger.transact((tx) => tx.put('inodes', key('1'), key('before')));
    for (const point of ['before-append', 'appended', 'before-commit']) {
      faultAt = point;
      const change = () =>
        ledger.transact((tx) => {
          tx.put('inodes', key('1'), key(point));
          tx.audit(event(`/${point}`));
        });
      expect(change).toThrow(errno(ERRNO.EIO));
      expect(ledger.get('inodes', key('1'))?.toString()).toBe('before');
    }
    faultAt = '';
    ledger.record(event('/after'));
    expect(stepsOf(ledger)).toBe(1);
    const copy = openLedger(snapshot(`${home}/ledger`, `${home}/copy`));
    expect(rowsOf(copy)).toEqual({ 'inodes 1': 'before' });
    expect(stepsOf(copy)).toBe(1);
    copy.close();
    rmSync(`${home}/copy/index`, { recursive: true });
    const rebuilt = openLedger(`${home}/copy`);
    expect(rowsOf(rebuilt)).toEqual({ 'inodes 1': 'before' });
    rebuilt.close();
  });

  it('refuses keys and tables that cannot be', () => {
    expect(() => ledger.transact((tx) => tx.put('inodes', Buffer.alloc(0), key('')))).toThrow(RangeError);
    expect(() => ledger.transact((tx) => tx.put('inodes', Buffer.alloc(1979), key('')))).toThrow(RangeError);
    expect(() => ledger.transact((tx) => tx.put('ledger' as 'inodes', key('lastSeq'), key('')))).toThrow(RangeError);
    ledger.transact((tx) => tx.put('inodes', Buffer.alloc(1978, 1), key('long')));
    expect(ledger.get('inodes', Buffer.alloc(1978, 1))?.toString()).toBe('long');
  });

  it('lets readers of the audit log see everything at once, from any byte', () => {
    for (let index = 0; index < 20; index += 1) ledger.record(event(`/w/${index}`));
    const sizeBytes = ledger.auditSizeBytes();
    const whole = ledger.readAudit(0, sizeBytes).toString();
    expect(whole.split('\n')).toHaveLength(21);
    expect(ledger.readAudit(100, 50).toString()).toBe(whole.slice(100, 150));
    expect(ledger.readAudit(sizeBytes, 10)).toHaveLength(0);
    expect(ledger.readAudit(sizeBytes + 5, 10)).toHaveLength(0);
    expect(verifyLog(whole, ledger.auditHead(), signer.publicKey)).toMatchObject({ sound: true, entries: 20 });
  });

  it('is refused to a second opener, in this process and in another', () => {
    expect(() => openLedger(`${home}/ledger`)).toThrow(StoreFailure);
    const child = spawnSync(process.execPath, [CHILD, `${home}/ledger`, '1'], { timeout: 20_000 });
    expect(child.status).not.toBe(0);
    expect(child.stderr.toString()).toContain('another kernel has it open');
    ledger.close();
    ledger = open();
  });

  it('keeps its directory to its owner, and refuses one that is open to others', () => {
    expect(statSync(`${home}/ledger`).mode & 0o7777).toBe(0o700);
    for (const name of ['audit.log', 'audit.checkpoints', 'lock', 'format', 'open']) {
      expect(statSync(`${home}/ledger/${name}`).mode & 0o077).toBe(0);
    }
    ledger.close();
    chmodSync(`${home}/ledger`, 0o755);
    expect(() => open()).toThrow(/chmod 0700/);
    chmodSync(`${home}/ledger`, 0o700);
    ledger = open();
  });
});
