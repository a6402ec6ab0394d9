// The whole control tree as one table: name, kind, who may do what, and how it is read and written.
//
// Kinds:
//   directory   fixed names, or names that come and go (`entries`)
//   text        rendered whole at open; its size shows as 0, as in /proc
//   log         read by offset from a growing log, with its true size: tail -f, grep, wc and cp work on it
//   stream      blocks and follows a log from the moment of open
import type { Decisions, Writer } from './decisions.ts';
import { renderAgent, renderPending } from './listing.ts';
import { renderReadme } from './readme.ts';
import type { Content, ControlSource, GrowingLog } from './source.ts';

/** `-` is not there, `r` may be read, `rw` takes commands besides. */
export type Access = '-' | 'r' | 'rw';

/** What rows act on: the source, and the decisions made through this mount. */
export interface Control {
  readonly source: ControlSource;
  readonly decisions: Decisions;
}

interface Place {
  /** Relative to `/.kernel`; '' is `/.kernel` itself, and a last component `*` any entry of that directory. */
  readonly path: string;
  readonly agent: Access;
  readonly operator: Access;
  /** What the source has no function for is not writable. */
  readonly writable?: (source: ControlSource) => boolean;
}

export interface TextRow extends Place {
  readonly kind: 'text';
  /** `name` is the entry of a `*` row, else ''. */
  readonly read: (control: Control, name: string) => Content;
  /** `command` is what one write(2) said, without one trailing newline; a byte string. */
  readonly write?: (control: Control, name: string, command: string, writer: Writer) => void;
  /** For texts longer than one write(2): whether this is all of it. What comes until then is gathered. */
  readonly isWhole?: (source: ControlSource, text: string) => boolean;
}
export interface LogRow extends Place {
  readonly kind: 'log' | 'stream';
  readonly log: (source: ControlSource) => GrowingLog;
}
export interface DirectoryRow extends Place {
  readonly kind: 'directory';
  /** The names that come and go, in their order. */
  readonly entries?: (source: ControlSource) => readonly string[];
  /** Throws for a name that is no entry: ENOENT, or ESTALE if it was one. */
  readonly require?: (source: ControlSource, name: string) => void;
}
export type Row = TextRow | LogRow | DirectoryRow;

const both = { agent: 'r', operator: 'r' } as const;
const decided = { agent: 'r', operator: 'rw' } as const;

export const TABLE: readonly Row[] = [
  { path: '', kind: 'directory', ...both },
  { path: 'README', kind: 'text', ...both, read: ({ source }) => renderReadme(source.principal, source.agent()) },
  { path: 'agent', kind: 'text', ...both, read: ({ source }) => renderAgent(source.agent()) },
  {
    path: 'approve',
    kind: 'text',
    ...decided,
    read: ({ decisions }) => decisions.approvals,
    write: ({ decisions }, _name, command, writer) => decisions.approve(command, writer),
  },
  { path: 'audit', kind: 'log', ...both, log: (source) => source.audit },
  { path: 'audit.head', kind: 'text', ...both, read: ({ source }) => source.auditHead() },
  { path: 'audit.pipe', kind: 'stream', ...both, log: (source) => source.audit },
  {
    path: 'commits',
    kind: 'directory',
    ...both,
    entries: (source) => source.commits().map((commit) => commit.id),
    require: (source, name) => void source.commitText(name),
  },
  { path: 'commits/*', kind: 'text', ...both, read: ({ source }, name) => source.commitText(name) },
  { path: 'denials', kind: 'text', ...both, read: ({ source }) => source.denials() },
  { path: 'events', kind: 'log', ...both, log: (source) => source.events },
  { path: 'events.pipe', kind: 'stream', ...both, log: (source) => source.events },
  { path: 'health', kind: 'text', ...both, read: ({ source }) => source.health() },
  { path: 'mounts', kind: 'text', ...both, read: ({ source }) => source.mounts() },
  {
    path: 'pending',
    kind: 'directory',
    ...decided,
    entries: (source) => source.pending().items.map((item) => item.id),
    require: (source, name) => source.requirePending(name),
  },
  { path: 'pending/index', kind: 'text', ...both, read: ({ decisions }) => renderPending(decisions.listed()) },
  {
    path: 'pending/*',
    kind: 'text',
    ...decided,
    read: ({ source }, name) => source.pendingDetail(name),
    write: ({ decisions }, name, command, writer) => decisions.decide(name, command, writer),
  },
  {
    path: 'policy',
    kind: 'text',
    ...decided,
    read: ({ source }) => source.policy(),
    writable: (source) => source.replacePolicy !== undefined,
    isWhole: (source, text) => source.isWholePolicy?.(text) ?? true,
    write: ({ source }, _name, command, writer) =>
      source.replacePolicy?.(Buffer.from(`${command}\n`, 'latin1'), `operator pid ${writer.pid}`),
  },
  {
    path: 'reject',
    kind: 'text',
    ...decided,
    read: ({ decisions }) => decisions.rejections,
    write: ({ decisions }, _name, command, writer) => decisions.reject(command, writer),
  },
  { path: 'stats', kind: 'text', ...both, read: ({ source }) => source.stats() },
  { path: 'version', kind: 'text', ...both, read: ({ source }) => source.version() },
  { path: 'who', kind: 'text', agent: '-', operator: 'r', read: ({ source }) => source.who() },
];

/** What the principal of a mount may do with a row. */
export function accessOf(row: Row, source: ControlSource): Access {
  const access = row[source.principal];
  return access === 'rw' && row.writable?.(source) === false ? 'r' : access;
}

/**
 * Type and permission bits. A directory whose entries take commands shows its write bit: without it the kernel answers
 * EACCES to `echo approve > pending/ID` for an unknown id before the tree can say ENOENT. In an agent's mount the files
 * that decide show write bits too: without them the kernel would answer EACCES to an ordinary user by itself, and the
 * attempt would neither be EPERM nor on record.
 */
export function modeOf(row: Row, source: ControlSource): number {
  if (row.kind === 'directory') return 0o40555 | (accessOf(row, source) === 'rw' ? 0o200 : 0);
  if (accessOf(row, source) === 'rw') return 0o100644;
  return source.principal === 'agent' && row.operator === 'rw' ? 0o100666 : 0o100444;
}

export interface TableIndex {
  readonly rows: readonly Row[];
  /** By the row of a directory: the rows of its fixed names. */
  readonly children: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** By the row of a directory: the row of its `*` entries. */
  readonly entryRow: ReadonlyMap<number, number>;
  readonly parent: readonly number[];
}

/** The part of the table that a principal has, with the ways through it. */
export function indexTable(source: ControlSource): TableIndex {
  const children = new Map<number, Map<string, number>>();
  const entryRow = new Map<number, number>();
  const byPath = new Map(TABLE.map((row, index) => [row.path, index]));
  const parent = TABLE.map((row) => byPath.get(row.path.slice(0, Math.max(row.path.lastIndexOf('/'), 0))) ?? 0);
  for (const [index, row] of TABLE.entries()) {
    if (row.kind === 'directory') children.set(index, children.get(index) ?? new Map());
    if (index === 0 || accessOf(row, source) === '-') continue;
    const above = parent[index]!;
    const name = row.path.slice(row.path.lastIndexOf('/') + 1);
    if (name === '*') entryRow.set(above, index);
    else children.set(above, (children.get(above) ?? new Map<string, number>()).set(name, index));
  }
  return { rows: TABLE, children, entryRow, parent };
}
