// The text of `pending/<id>`: flat header, blank line, what changed. Bounded in size and in time.
//
// Patches are made here, never parsed: the parsing half of the diff library is not for hostile text.
import { structuredPatch } from 'diff';
import type { Change, Version } from './model.ts';
import { visible, visibleLine } from './visible.ts';

/** A side larger than this is described, not compared; callers need read no more than this (and one byte). */
export const DIFF_INPUT_BYTES_MAX = 4 * 1024 * 1024;
export const DIFF_OUTPUT_BYTES_MAX = 256 * 1024;
const DIFF_LINE_BYTES_MAX = 4096;
const DIFF_TIMEOUT_MS = 2000;
const DIFF_EDITS_MAX = 20_000;
const DIFF_NAMES_MAX = 200;
/** As git: a NUL in the first bytes makes a file binary. */
const BINARY_PROBE_BYTES = 8000;
const CONTEXT_LINES = 3;

export interface DiffInput {
  readonly change: Change;
  readonly agent: string;
  readonly taint: string;
  readonly nowMs: number;
  /** The bytes on either side, for regular files; missing when they are not at hand (or too many). */
  readonly before?: Buffer | undefined;
  readonly after?: Buffer | undefined;
  /** For a new directory: paths below it (byte strings), as many as the caller likes to pass. */
  readonly names?: readonly string[];
}

/** The whole text of one pending change. */
export function diffText(input: DiffInput): string {
  return `${header(input)}\n${bounded(body(input))}`;
}

function header({ change, agent, taint, nowMs }: DiffInput): string {
  const path = change.source === undefined ? change.path : `${change.source}\0${change.path}`;
  const rows: readonly (readonly [string, string])[] = [
    ['kind', change.kind],
    ['path', path.split('\0').map(visible).join(' -> ')],
    ['agent', visible(agent)],
    ['base', versionText(change.base.version)],
    ['result', versionText(change.result)],
    ['size', String(change.result.type === 'file' ? change.result.sizeBytes : 0)],
    ['taint', taint === '' ? '-' : visible(taint)],
    ['protected', change.protected ? 'yes' : 'no'],
    ['age', String(Math.max(0, Math.floor((nowMs - change.changedAtMs) / 1000)))],
  ];
  return rows.map(([key, value]) => `${key} ${value}\n`).join('');
}

/** A version as one word or a few: a CID with its mode, `absent`, `directory 755`, `symlink -> TARGET`. */
export function versionText(version: Version): string {
  if (version.type === 'absent') return 'absent';
  if (version.type === 'symlink') return `symlink -> ${visible(version.target)}`;
  const mode = version.mode.toString(8).padStart(3, '0');
  if (version.type === 'file') return `${version.cid === '' ? 'unread' : version.cid} ${mode}`;
  return `${version.type} ${mode}`;
}

function* body(input: DiffInput): Generator<string> {
  const { change } = input;
  if (change.source !== undefined)
    yield* [`rename from ${visible(change.source)}`, `rename to ${visible(change.path)}`];
  yield* attributeLines(change.base.version, change.result);
  if (change.result.type === 'directory' && change.kind === 'create') yield* directoryLines(input);
  else yield* contentLines(input);
}

function* attributeLines(before: Version, after: Version): Generator<string> {
  const [old, now] = [modeText(before), modeText(after)];
  if (old !== undefined && now !== undefined && old !== now) yield* [`old mode ${old}`, `new mode ${now}`];
  else if (old === undefined && now !== undefined) yield `new file mode ${now}`;
  else if (now === undefined && old !== undefined) yield `deleted file mode ${old}`;
  const had = 'xattrs' in before ? (before.xattrs ?? {}) : {};
  const has = 'xattrs' in after ? (after.xattrs ?? {}) : {};
  for (const name of [...new Set([...Object.keys(had), ...Object.keys(has)])].sort()) {
    if (had[name] === has[name]) continue;
    if (had[name] !== undefined) yield `-xattr ${visible(name)} ${xattrText(had[name])}`;
    if (has[name] !== undefined) yield `+xattr ${visible(name)} ${xattrText(has[name])}`;
  }
}

const xattrText = (hex: string) => visible(Buffer.from(hex, 'hex').toString('latin1'));

/** Type and permissions as git and stat write them. */
const TYPE_DIGITS = { file: '100', directory: '40', fifo: '10', socket: '140', device: '20', symlink: '120' } as const;
function modeText(version: Version): string | undefined {
  if (version.type === 'absent') return undefined;
  const mode = version.type === 'symlink' ? 0 : version.mode;
  return TYPE_DIGITS[version.type].slice(0, mode > 0o777 ? -1 : undefined) + mode.toString(8).padStart(3, '0');
}

function* directoryLines({ change, names }: DiffInput): Generator<string> {
  yield `new directory with ${change.count} ${change.count === 1 ? 'entry' : 'entries'}, itself included`;
  const listed = names ?? [];
  for (const name of listed.slice(0, DIFF_NAMES_MAX)) yield `+ ${visible(name)}`;
  const rest = Math.max(change.count - 1, listed.length) - Math.min(listed.length, DIFF_NAMES_MAX);
  if (rest > 0) yield `... and ${rest} more`;
}

function* contentLines(input: DiffInput): Generator<string> {
  const { base, result, path, source } = input.change;
  const before = sideOf(base.version, input.before);
  const after = sideOf(result, input.after);
  if (before === after) return;
  if (before === undefined || after === undefined || isBinary(before) || isBinary(after)) {
    if (sameContent(base.version, result)) return;
    yield* [described('-', base.version), described('+', result)].filter((line) => line !== '');
    return;
  }
  yield base.version.type === 'absent' ? '--- /dev/null' : `--- a${visible(source ?? path)}`;
  yield result.type === 'absent' ? '+++ /dev/null' : `+++ b${visible(path)}`;
  yield* hunks(before, after);
}

/** What is compared: text of a file or of a link; '' for what has none; undefined where the bytes are not at hand. */
function sideOf(version: Version, bytes: Buffer | undefined): string | undefined {
  if (version.type === 'symlink') return version.target;
  if (version.type !== 'file') return '';
  if (version.sizeBytes === 0) return '';
  if (bytes === undefined || bytes.length > DIFF_INPUT_BYTES_MAX) return undefined;
  return bytes.toString('latin1');
}

const isBinary = (text: string) => text.slice(0, BINARY_PROBE_BYTES).includes('\0');

const sameContent = (a: Version, b: Version) =>
  a.type === 'file' && b.type === 'file' && a.cid !== '' && a.cid === b.cid;

function described(sign: string, version: Version): string {
  if (version.type === 'absent') return '';
  if (version.type !== 'file') return `${sign} ${versionText(version)}`;
  return `${sign} ${version.sizeBytes} bytes ${version.cid === '' ? 'unread' : version.cid}`;
}

function* hunks(before: string, after: string): Generator<string> {
  if (before === '' || after === '') {
    yield `@@ -${range(1, lineCount(before))} +${range(1, lineCount(after))} @@`;
    yield* wholly('-', before);
    yield* wholly('+', after);
    return;
  }
  const patch = structuredPatch('a', 'b', before, after, undefined, undefined, {
    context: CONTEXT_LINES,
    timeout: DIFF_TIMEOUT_MS,
    maxEditLength: DIFF_EDITS_MAX,
  });
  if (patch === undefined) {
    yield '... the two sides differ too much to compare in the time allowed: all lines follow';
    yield* wholly('-', before);
    yield* wholly('+', after);
    return;
  }
  for (const hunk of patch.hunks) {
    yield `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`;
    for (const line of hunk.lines) yield* shown(line);
  }
}

/** A range without lines names the line before it. */
const range = (start: number, lines: number) =>
  lines === 1 ? String(start) : `${lines === 0 ? start - 1 : start},${lines}`;

const lineCount = (text: string) => (text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0));

function* wholly(sign: string, text: string): Generator<string> {
  if (text === '') return;
  const lines = text.split('\n');
  const ends = lines.at(-1) === '';
  if (ends) lines.pop();
  for (const line of lines) yield* shown(sign + line);
  if (!ends) yield '\\ No newline at end of file';
}

/** One line of a hunk (sign first), made visible; comment lines begin with a backslash, as in any unified diff. */
function* shown(line: string): Generator<string> {
  if (line.startsWith('\\ ')) {
    yield line;
    return;
  }
  const cut = line.length > DIFF_LINE_BYTES_MAX;
  const { text, escaped } = visibleLine(line.slice(1, cut ? DIFF_LINE_BYTES_MAX : undefined));
  yield line.charAt(0) + text;
  if (escaped) yield '\\ Characters shown escaped in the line above';
  if (cut) yield `\\ Line above cut: ${line.length - DIFF_LINE_BYTES_MAX} more bytes`;
}

/** Lines until the bound; a cut says so, in bytes shown. */
function bounded(lines: Iterable<string>): string {
  const kept: string[] = [];
  let sizeBytes = 0;
  for (const line of lines) {
    sizeBytes += Buffer.byteLength(line) + 1;
    if (sizeBytes > DIFF_OUTPUT_BYTES_MAX) {
      kept.push(`... cut: more than ${DIFF_OUTPUT_BYTES_MAX} bytes of changes; read the files themselves`);
      break;
    }
    kept.push(line);
  }
  return kept.map((line) => `${line}\n`).join('');
}
