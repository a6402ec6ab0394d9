// The small parts of the kernel process, each alone.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuditTrail } from '../../fs/daemon/auditTrail.ts';
import { readPart } from '../../fs/daemon/filePart.ts';
import { KernelLog } from '../../fs/daemon/kernelLog.ts';
import { LineReader } from '../../fs/daemon/lines.ts';
import { killSandbox, sandboxOf } from '../../fs/daemon/processes.ts';
import { SlidingWindow } from '../../fs/daemon/slidingWindow.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync('/var/tmp/agentsh-parts-');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a sliding window slides: it never lets more through in any window', () => {
  let now = 0;
  const window = new SlidingWindow({ countMax: 3, windowMs: 10 }, () => now);
  const taken = [];
  for (now = 0; now < 40; now++) if (window.take('a')) taken.push(now);
  expect(taken.slice(0, 6)).toEqual([0, 1, 2, 10, 11, 12]);
  for (const from of taken) expect(taken.filter((time) => time >= from && time < from + 10).length).toBeLessThan(4);
  expect(window.take('b')).toBe(true);
});

test('lines are cut wherever the chunks are', () => {
  const text = 'one\n\nthree: ümläut\n';
  for (let size = 1; size <= text.length; size++) {
    const lines: string[] = [];
    const reader = new LineReader((line) => lines.push(line));
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect(lines).toEqual(['one', '', 'three: ümläut']);
  }
});

test('a line beyond its bound is refused, complete or not', () => {
  expect(() => new LineReader(() => {}, 4).push(Buffer.from('12345'))).toThrow('longer than 4');
  expect(() => new LineReader(() => {}, 4).push(Buffer.from('12345\n'))).toThrow('longer than 4');
});

test('the log is bounded, private, and one line an entry', () => {
  const file = `${root}/log`;
  const log = new KernelLog(file, () => new Date(0));
  log.write('first\nforged 2026 entry\u202e');
  expect(readFileSync(file, 'utf8')).toBe(
    `1970-01-01T00:00:00.000Z [${process.pid}] first\\u{a}forged 2026 entry\\u{202e}\n`,
  );
  for (let count = 0; count < 1500; count++) log.write('x'.repeat(5000));
  expect(statSync(file).size).toBeLessThanOrEqual(2 * 1024 * 1024);
  expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(2 * 1024 * 1024);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a process is known by its start time, too', () => {
  const own = sandboxOf(process.pid)!;
  expect(killSandbox({ ...own, startTime: `${Number(own.startTime) + 1}` })).toBe(false);
  for (const pid of [0, 1, -1, 1.5, 4_194_305]) expect(sandboxOf(pid)).toBeUndefined();
});

test('a trail over growing logs never moves a byte it has shown', async () => {
  const logs = new Map([
    ['a', 'a1\n'],
    ['b', ''],
  ]);
  const sources = [...logs.keys()].map((key) => ({
    key,
    read: async (offset: number, lengthBytes: number) => {
      const text = logs.get(key)!;
      return { text: text.slice(offset, offset + lengthBytes), sizeBytes: text.length };
    },
  }));
  const trail = new AuditTrail(() => sources);
  let shown = '';
  for (const [key, line] of [
    ['b', 'b1\n'],
    ['a', 'a2\n'],
    ['a', 'a3\n'],
    ['b', 'b2\n'],
  ] as const) {
    const size = await trail.sizeBytes();
    const text = await trail.read(0, size);
    expect(text).toHaveLength(size);
    expect(text.startsWith(shown)).toBe(true);
    shown = text;
    logs.set(key, logs.get(key)! + line);
  }
  const size = await trail.sizeBytes();
  const whole = await trail.read(0, size);
  expect(whole).toBe('a1\nb1\na2\na3\nb2\n');
  for (let offset = 0; offset < size; offset++)
    expect(await trail.read(offset, 4)).toBe(whole.slice(offset, offset + 4));
});

test('a part of a file beyond its end, or of none, is empty', () => {
  writeFileSync(`${root}/f`, 'ü-bytes');
  expect(readPart(`${root}/f`, 0, 2)).toEqual({ text: 'Ã¼', sizeBytes: 8 });
  expect(readPart(`${root}/f`, 100, 2)).toEqual({ text: '', sizeBytes: 8 });
  expect(readPart(`${root}/none`, 0, 2)).toEqual({ text: '', sizeBytes: 0 });
});
