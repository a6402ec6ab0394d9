// Reading a range inside a write once woke the held reader: what followed saw an old snapshot, removals were lost.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Tables } from '../../fs/store/tables.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const key = Buffer.from('abc');
const rows = (tables: Tables) => [...tables.range(0, Buffer.from('a'), Buffer.from('b'))].length;

test('a range read inside a write sees the write, and what follows sees the commit', () => {
  const directory = mkdtempSync(join(tmpdir(), 'agentsh-tables-'));
  directories.push(directory);
  const tables = new Tables(directory, ['rows']);
  tables.write(() => tables.put(0, key, Buffer.from('1')));
  expect(tables.get(0, key)?.toString()).toBe('1');
  tables.write(() => {
    tables.remove(0, key);
    expect(tables.get(0, key)).toBeUndefined();
    expect(rows(tables)).toBe(0);
  });
  expect(tables.get(0, key)).toBeUndefined();
  expect(rows(tables)).toBe(0);
  tables.close();
});
