// Every success and every error that the Linux manual pages name has its case, or the reason why it has none.
//
// A row of `coverage/*.tsv` is: page, error (or `success`), what about it, then the names of cases (joined by ` | `) or
// `none: ` and the reason. Each condition of a page (`fixtures/manualErrors.tsv`) has a row of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CASES } from './catalogue.ts';

const place = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const rowsOf = (file: string): string[][] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));

interface Row {
  readonly page: string;
  readonly error: string;
  readonly cases: readonly string[];
  readonly reason: string | null;
}

const rows: readonly Row[] = readdirSync(place('coverage'))
  .sort()
  .flatMap((name) => rowsOf(place(`coverage/${name}`)))
  .map(([page = '', error = '', , how = '']) =>
    how.startsWith('none: ')
      ? { page, error, cases: [], reason: how.slice('none: '.length) }
      : { page, error, cases: how.split(' | '), reason: null },
  );
const manual = rowsOf(place('../../fixtures/manualErrors.tsv'));
const names = Object.entries(CASES).flatMap(([family, cases]) => Object.keys(cases).map((name) => `${family}/${name}`));

test('each condition of a manual page has a row', () => {
  const missing = manual.filter(([page, error, count]) => {
    const own = rows.filter((row) => row.page === page && row.error === error);
    return own.length < Number(count);
  });
  expect(missing.map((row) => row.join(' '))).toEqual([]);
});

test('each page has a case of success', () => {
  const pages = [...new Set(manual.map(([page]) => page))];
  const told = new Set(
    rows.filter(({ error, cases }) => error === 'success' && cases.length > 0).map(({ page }) => page),
  );
  expect(pages.filter((page) => !told.has(page!))).toEqual([]);
});

test('a row names cases that exist, or gives a reason', () => {
  const wrong = rows.filter(({ cases, reason }) =>
    reason === null ? cases.some((name) => !names.includes(name)) : reason.length < 12,
  );
  expect(wrong).toEqual([]);
});

test('every case stands in a row', () => {
  const told = new Set(rows.flatMap(({ cases }) => cases));
  expect(names.filter((name) => !told.has(name))).toEqual([]);
});
