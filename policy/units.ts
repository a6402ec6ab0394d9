// Sizes and durations as people write them in policy files, both ways.

import type { Limit } from './effective.ts';

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['kB', 1e3],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['K', 2 ** 10],
  ['KiB', 2 ** 10],
  ['M', 2 ** 20],
  ['MiB', 2 ** 20],
  ['G', 2 ** 30],
  ['GiB', 2 ** 30],
  ['T', 2 ** 40],
  ['TiB', 2 ** 40],
]);

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const QUANTITY = /^(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]*)$/;

/** `2GiB`, `500 MB`, `1048576`, or `max`; undefined if it is none of these or not an exact number of bytes. */
export function parseSize(text: string): Limit | undefined {
  return text === 'max' ? 'max' : parseQuantity(text, SIZE_UNITS);
}

/** `72h`, `10m`, `1.5s`: milliseconds; a unit is required. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS);
}

function parseQuantity(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const match = QUANTITY.exec(text);
  const factor = units.get(match?.[2] ?? '?');
  if (match === null || factor === undefined) return undefined;
  const value = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The shortest exact form: `2GiB`, `1500`, `max`. */
export function formatSize(limit: Limit): string {
  if (limit === 'max') return 'max';
  return formatQuantity(limit, [
    ['TiB', 2 ** 40],
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ]);
}

/** The shortest exact form: `72h`, `90s`, `1500ms`. */
export function formatDuration(durationMs: number): string {
  const text = formatQuantity(durationMs, [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ]);
  return /\d$/.test(text) ? `${text}ms` : text;
}

function formatQuantity(value: number, units: readonly (readonly [string, number])[]): string {
  const unit = value > 0 ? units.find(([, factor]) => value % factor === 0) : undefined;
  return unit === undefined ? String(value) : `${value / unit[1]}${unit[0]}`;
}
