// Fills the disk below a ledger, and tells what happened.
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { Errno } from '../../fs/errno.ts';
import type { Ledger } from '../../fs/journal/ledger.ts';
import { openLedger, stepsOf } from './ledgerModel.ts';

const mount = process.argv[2] ?? '';
const options = { segmentBytes: 64 << 20 };
writeFileSync(`${mount}/ballast`, Buffer.alloc(1 << 20));
let ledger = openLedger(`${mount}/ledger`, options);
const value = Buffer.alloc(20_000, 'x');
const event = { op: 'test', path: '/w', verdict: 'allow' } as const;

function countRows(of: Ledger): number {
  let count = 0;
  for (const row of of.range('meta', Buffer.alloc(0), undefined)) if (row.value.equals(value)) count += 1;
  return count;
}

let committed = 0;
let error = '';
while (error === '') {
  try {
    ledger.transact((tx) => {
      tx.put('meta', Buffer.from(`row ${committed}`), value);
      tx.audit(event);
    });
    committed += 1;
  } catch (caught) {
    error = caught instanceof Errno ? caught.name : String(caught);
  }
}
const { bavail, bsize } = statfsSync(mount);
writeFileSync(`${mount}/filler`, Buffer.alloc(Math.max(0, bavail * bsize - 4096)));
const rowsMatch = countRows(ledger) === committed;
let recordedWhileFull = true;
try {
  ledger.record({ ...event, verdict: 'deny' });
} catch {
  recordedWhileFull = false;
}
for (const name of ['filler', 'ballast']) rmSync(`${mount}/${name}`);
ledger.close();
ledger = openLedger(`${mount}/ledger`, options);
const rowsMatchAfter = countRows(ledger) === committed;
ledger.record(event);
const entries = stepsOf(ledger);
ledger.close();
process.stdout.write(JSON.stringify({ committed, error, rowsMatch, recordedWhileFull, rowsMatchAfter, entries }));
