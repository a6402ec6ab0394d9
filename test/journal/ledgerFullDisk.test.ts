// T31: on a full disk a transaction fails whole with ENOSPC, reading goes on, and with space again all is well.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scratch } from './ledgerModel.ts';

const CHILD = fileURLToPath(new URL('../../dist/test/journal/fullDiskChild.js', import.meta.url));

describe('a ledger on a full disk', () => {
  let home: string;
  beforeEach(() => {
    home = scratch();
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('T31 fails whole, keeps its audit reserve, and goes on', () => {
    // A small tmpfs in a mount namespace of its own: gone with the process, and no root needed.
    const script = 'mount -t tmpfs -o size=6m tmpfs "$1" && exec "$2" "$3" "$1"';
    const arguments_ = ['-Urm', 'sh', '-c', script, 'sh', home, process.execPath, CHILD];
    const child = spawnSync('unshare', arguments_, { timeout: 25_000 });
    // The database writes a line of its own about it to stderr.
    expect(child.stderr.toString()).not.toContain('at ');
    expect(child.status).toBe(0);
    const result = JSON.parse(child.stdout.toString());
    expect(result).toMatchObject({ error: 'ENOSPC', rowsMatch: true, recordedWhileFull: true, rowsMatchAfter: true });
    expect(result.committed).toBeGreaterThan(5);
    expect(result.entries).toBe(result.committed + 2);
  });
});
