// At opening: staging files that no inode leads to are what a crash left of unnamed files and unfinished copy-ups.
import { readdirSync } from 'node:fs';
import { CONTENT, decodeInode } from './records.ts';
import type { ViewState } from './state.ts';

export function sweepStaging(view: ViewState): void {
  const wanted = new Set<string>();
  for (const { key, value } of view.ledger.range('inodes', Buffer.alloc(1), undefined)) {
    const record = decodeInode(Number(key.readBigUInt64BE(0)), value);
    if (record.content === CONTENT.staging) wanted.add(view.stagingName(record.stagingId));
  }
  for (const name of readdirSync(view.options.stagingDirectory)) if (!wanted.has(name)) view.discardStaging(name);
}
