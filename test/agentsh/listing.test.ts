// Listings: aligned tables for people, one array of flat objects for scripts.
import { describe, expect, test } from 'vitest';
import { displayWidth, formatTable, printListing, showAge, showBytes } from '../../agentsh/listing.ts';
import { fakeContext } from './fakeContext.ts';

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const COLUMNS = [
  { key: 'name', title: 'NAME' },
  { key: 'size', title: 'SIZE', align: 'right' },
] as const;

describe('formatTable', () => {
  test('aligns by what is shown, wide characters included', () => {
    const rows = [
      { name: bytes('文件'), size: 7 },
      { name: 'a\nlong one', size: 1234 },
    ];
    expect(formatTable(COLUMNS, rows)).toEqual(['NAME         SIZE', '文件            7', 'a\\nlong one  1234']);
  });

  test('prints nothing for no rows', () => {
    expect(formatTable(COLUMNS, [])).toEqual([]);
  });

  test('counts columns, not code points', () => {
    expect(displayWidth('e\u0301x')).toBe(2);
    expect(displayWidth('文a')).toBe(3);
  });
});

describe('printListing', () => {
  test('--json is one array on one line, names decoded where they are UTF-8', () => {
    const context = fakeContext({});
    printListing(
      context.output,
      COLUMNS,
      [
        { name: bytes('grün'), size: 1 },
        { name: 'x\xff', size: 2 },
      ],
      true,
    );
    expect(context.lines).toHaveLength(1);
    expect(JSON.parse(context.lines[0] ?? '')).toEqual([
      { name: 'grün', size: 1 },
      { name: 'x\\xff', size: 2 },
    ]);
  });

  test('--json of nothing is an empty array', () => {
    const context = fakeContext({});
    printListing(context.output, COLUMNS, [], true);
    expect(context.lines).toEqual(['[]']);
  });
});

test('sizes and ages read well', () => {
  expect([showBytes(0), showBytes(1023), showBytes(1536), showBytes(5 * 1024 ** 3)]).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '5.0 GiB',
  ]);
  expect([showAge(59), showAge(61), showAge(7200), showAge(200_000)]).toEqual(['59s', '1m', '2h', '2d']);
});
