// One audit entry as one line: canonical JSON, so that an event has exactly one encoding.
//
//   {"seq":7,"time":"2026-01-31T12:00:00.000Z","agent":"…","pid":1,"comm":"…","op":"…","path":"…","verdict":"…",
//    "rule":"…","base":"…","result":"…","prev":"<64 hex>"[,"note":"…"]}
//
// Keys always in this order, no spaces, `note` only where there is one; strings are escaped byte strings (text.ts), then
// JSON as JSON.stringify writes it. `prev` is the SHA-256 of the agent's previous line without its newline.
import type { AuditEvent } from './event.ts';
import { escapeBytes, unescapeText } from './text.ts';

/** `prev` of the first entry. */
export const NO_PREVIOUS = '0'.repeat(64);
/** Bounds of one entry, in characters of the byte strings; what is longer is cut. */
export const PATH_CHARACTERS_MAX = 8192;
export const TEXT_CHARACTERS_MAX = 1024;

export interface Entry {
  readonly seq: number;
  readonly time: string;
  /** Byte strings (latin1) from here on, as in `AuditEvent`. */
  readonly agent: string;
  readonly pid: number;
  readonly comm: string;
  readonly op: string;
  readonly path: string;
  readonly verdict: string;
  readonly rule: string;
  readonly base: string;
  readonly result: string;
  readonly prev: string;
  readonly note?: string;
}

const TEXT_KEYS = ['agent', 'comm', 'op', 'path', 'verdict', 'rule', 'base', 'result'] as const;
const KEYS = [
  'seq',
  'time',
  'agent',
  'pid',
  'comm',
  'op',
  'path',
  'verdict',
  'rule',
  'base',
  'result',
  'prev',
] as const;

const quote = (text: string | undefined, charactersMax: number): string =>
  text === undefined || text === '' ? '""' : JSON.stringify(escapeBytes(cut(text, charactersMax)));
const cut = (text: string, charactersMax: number): string =>
  text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}...`;

/** The line of an event, without its newline. Pure ASCII and UTF-8, never a control character. */
export function formatEntry(seq: number, timeMs: number, agent: string, event: AuditEvent, prev: string): string {
  const pid = event.pid ?? 0;
  const note = event.note ? `,"note":${quote(event.note, TEXT_CHARACTERS_MAX)}` : '';
  return (
    `{"seq":${seq},"time":"${timeText(timeMs)}","agent":${quote(agent, TEXT_CHARACTERS_MAX)},"pid":${pid},` +
    `"comm":${quote(event.comm, TEXT_CHARACTERS_MAX)},"op":${quote(event.op, TEXT_CHARACTERS_MAX)},` +
    `"path":${quote(event.path, PATH_CHARACTERS_MAX)},"verdict":"${event.verdict}",` +
    `"rule":${quote(event.rule, TEXT_CHARACTERS_MAX)},"base":${quote(event.base, TEXT_CHARACTERS_MAX)},` +
    `"result":${quote(event.result, TEXT_CHARACTERS_MAX)},"prev":"${prev}"${note}}`
  );
}

let lastTimeMs = Number.NaN;
let lastTimeText = '';
/** ISO 8601 with milliseconds; the last one is kept, as many entries share it. */
function timeText(timeMs: number): string {
  if (timeMs !== lastTimeMs) {
    lastTimeText = new Date(timeMs).toISOString();
    lastTimeMs = timeMs;
  }
  return lastTimeText;
}

/**
 * Reads a line.
 * @throws SyntaxError with the reason where it is not the canonical line of an entry
 */
export function parseEntry(line: string): Entry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new SyntaxError('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not an object');
  const raw = value as Record<string, unknown>;
  for (const key of KEYS) {
    const kind = key === 'seq' || key === 'pid' ? 'number' : 'string';
    if (typeof raw[key] !== kind) throw new SyntaxError(`"${key}" is not a ${kind}`);
  }
  if (canonical(raw) !== line) throw new SyntaxError('not in canonical form');
  const entry: Record<string, unknown> = { ...raw };
  for (const key of TEXT_KEYS) entry[key] = unescapeText(raw[key] as string);
  if (typeof raw.note === 'string') entry.note = unescapeText(raw.note);
  return entry as unknown as Entry;
}

/** The line again from its parts; a doubled key, other order, spacing or escape shows as a difference. */
function canonical(raw: Record<string, unknown>): string {
  if (!Number.isSafeInteger(raw.seq) || !Number.isSafeInteger(raw.pid)) throw new SyntaxError('a number out of range');
  if (!/^[0-9a-f]{64}$/.test(raw.prev as string)) throw new SyntaxError('"prev" is not a SHA-256');
  const date = new Date(raw.time as string);
  if (Number.isNaN(date.getTime()) || date.toISOString() !== raw.time) throw new SyntaxError('"time" is not a time');
  const fields = KEYS.map((key) => `"${key}":${JSON.stringify(raw[key])}`);
  if (raw.note !== undefined) {
    if (typeof raw.note !== 'string' || raw.note === '') throw new SyntaxError('"note" is not a text');
    fields.push(`"note":${JSON.stringify(raw.note)}`);
  }
  return `{${fields.join(',')}}`;
}
