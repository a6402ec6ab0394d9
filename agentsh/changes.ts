// How pending changes look in a listing, shared by the commands that print one.
import type { AgentPending } from '../fs/daemon/clientProtocol.ts';
import { escapeName } from './escape.ts';
import { type Column, type Row, showAge, showBytes } from './listing.ts';
import { allItems, type Selected } from './selection.ts';

export const CHANGE_COLUMNS: readonly Column[] = [
  { key: 'id', title: 'ID' },
  { key: 'kind', title: 'KIND' },
  { key: 'size', title: 'SIZE', align: 'right', show: showBytes },
  { key: 'age', title: 'AGE', align: 'right', show: showAge },
  { key: 'agent', title: 'AGENT' },
  { key: 'protected', title: 'PROTECTED' },
  { key: 'what', title: 'PATH' },
];

/** A row with the keys of the control file's header. */
export function changeRow({ agent, item }: Selected): Row {
  return {
    id: item.id,
    kind: item.kind,
    path: item.path,
    agent,
    base: item.base,
    result: item.result,
    size: item.sizeBytes,
    taint: item.taint,
    protected: item.protected,
    age: item.ageSeconds,
    ...(item.source === undefined ? {} : { source: item.source }),
    ...(item.count > 1 ? { count: item.count } : {}),
  };
}

/** The same row for a table: one column says what a rename or a new directory is about. */
export function shownRow(selected: Selected): Row {
  return { ...changeRow(selected), what: `${where(selected)}` };
}

/** `path`, `old -> new` or `path (12 entries)`; still a byte string. */
function where({ item }: Selected): string {
  if (item.source !== undefined) return `${item.source} -> ${item.path}`;
  return item.count > 1 ? `${item.path} (${item.count} entries)` : item.path;
}

/** One line for a question or a report. */
export function describe(selected: Selected): string {
  const flag = selected.item.protected ? ' [protected]' : '';
  return `${selected.item.kind} ${escapeName(where(selected))}${flag}`;
}

/** The items of every listing as table rows. */
export function shownRows(listings: readonly AgentPending[]): Row[] {
  return allItems(listings).map(shownRow);
}

/** `1 change`, `3 changes`, `2 entries`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
