// How a listing looks: an aligned table for people, one array of flat objects for scripts.
import { escapeName, readable, safeJson } from './escape.ts';
import type { Output } from './output.ts';

/** A flat object of a listing. Strings are byte strings (latin1), as the kernel sends them. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

export interface Column {
  readonly key: string;
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** How a value is shown in the table; JSON has it as it is. */
  readonly show?: (value: Row[string]) => string;
}

/** `--json`: one array; else a table, and nothing at all where there are no rows. */
export function printListing(output: Output, columns: readonly Column[], rows: readonly Row[], json: boolean): void {
  if (json) {
    output.line(safeJson(rows.map(readableRow)));
    return;
  }
  for (const line of formatTable(columns, rows)) output.line(line);
}

/** One object, as `--json` prints it. */
export function printObject(output: Output, row: Row): void {
  output.line(safeJson(readableRow(row)));
}

function readableRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, typeof value === 'string' ? readable(value) : value]),
  );
}

/** Rows under a header line, columns aligned by display width. */
export function formatTable(columns: readonly Column[], rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const cells = rows.map((row) => columns.map((column) => cellText(column, row[column.key] ?? null)));
  const lines = [columns.map((column) => column.title), ...cells];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => displayWidth(line[index] ?? ''))));
  return lines.map((line) => alignLine(line, columns, widths));
}

function alignLine(line: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  const padded = line.map((cell, index) => {
    const blanks = ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cell)));
    return columns[index]?.align === 'right' ? blanks + cell : cell + blanks;
  });
  return padded.join('  ').trimEnd();
}

function cellText(column: Column, value: Row[string]): string {
  if (column.show !== undefined) return column.show(value);
  if (value === null || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'number' ? `${value}` : escapeName(value);
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns a text takes on a terminal: wide East Asian characters and emoji two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A size for people: `512 B`, `1.5 MiB`. */
export function showBytes(value: Row[string]): string {
  let size = Number(value ?? 0);
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${size} B` : `${size.toFixed(1)} ${UNITS[unit]}`;
}

/** An age in seconds for people: `42s`, `5m`, `3h`, `2d`. */
export function showAge(value: Row[string]): string {
  const seconds = Number(value ?? 0);
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
