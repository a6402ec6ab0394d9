// The line formats of control files. Fields are separated by single spaces; a path comes last, quoted where it needs it.

import type { Mode, Rule } from '../../policy/model.ts';
import type { ApproveResult, PendingItem, PendingListing } from '../daemon/protocol.ts';
import { IO_CAUSES, type IoCause } from '../errno.ts';
import { quotePath, quoteText } from './quote.ts';
import { SKIP_REASONS, type Skipped } from './selection.ts';
import type { AgentFacts } from './source.ts';

/** What writing under a mode means, for people. */
export const MODE_NOTES: Readonly<Record<Mode, string>> = {
  rw: 'writes go through',
  invisible: 'writes wait for approval',
  private: 'writes stay with the agent',
  ephemeral: 'writes end with the session',
  ro: 'no writes',
  hidden: 'not there',
};

/** `mounts`: `MODE (NOTE) [empty] SOURCE PATH`. */
export function renderRules(rules: readonly Rule[]): string {
  const line = (rule: Rule): string =>
    `${rule.mode} (${MODE_NOTES[rule.mode]})${rule.empty ? ' empty' : ''} ${quotePath(rule.source)} ${quotePath(rule.path)}\n`;
  return rules.map(line).join('');
}

/** `agent`: flat `key value` lines. */
export function renderAgent(facts: AgentFacts): string {
  const lines: [string, string | undefined][] = [
    ['id', quotePath(facts.id)],
    ['name', quotePath(facts.name)],
    ['did', facts.did],
    ['parent', facts.parent],
    ['workspace', facts.workspace === undefined ? undefined : quotePath(facts.workspace)],
    ['started', new Date(facts.startedAtMs).toISOString()],
  ];
  return lines.map(([key, value]) => (value === undefined ? '' : `${key} ${value}\n`)).join('');
}

/** `pending/index`: `set DIGEST`, one item a line, `N ignored paths kept private`. */
export function renderPending(listing: PendingListing): string {
  const items = listing.items.map((item) => `${renderItem(item)}\n`).join('');
  return `set ${listing.set}\n${items}${listing.ignored} ignored paths kept private\n`;
}

/** `ID KIND AGENT SIZE AGE FLAGS PATH`; a rename has `SOURCE -> PATH`. FLAGS is `-` or words joined by commas. */
export function renderItem(item: PendingItem): string {
  const flags = [
    item.protected ? 'protected' : '',
    item.count > 1 ? `entries=${item.count}` : '',
    item.taint !== '' ? `taint=${item.taint}` : '',
  ].filter((flag) => flag !== '');
  const source = item.source === undefined ? '' : `${quotePath(item.source)} -> `;
  const shownFlags = flags.length === 0 ? '-' : flags.join(',');
  return `${item.id} ${item.kind} ${quotePath(item.agent)} ${item.sizeBytes} ${item.ageSeconds} ${shownFlags} ${source}${quotePath(item.path)}`;
}

/** `approve` and `reject` in an agent's mount: what waits, `ID PATH`. */
export function renderWaiting(listing: PendingListing): string {
  return listing.items.map((item) => `${item.id} ${quotePath(item.path)}\n`).join('');
}

/** What an approval did: `commit`, `approved`, `parent`, `kept`, `conflict`, `skipped` lines. */
export function renderApproval(
  results: readonly ApproveResult[],
  skipped: readonly Skipped[],
  pathOf: (id: string) => string | undefined,
): string {
  const lines: string[] = [];
  for (const result of results) {
    if (result.commit !== '') lines.push(`commit ${result.commit}`);
    for (const id of result.approved) lines.push(`approved ${withPath(id, pathOf(id))}`);
    for (const path of result.parents) lines.push(`parent ${quotePath(path)}`);
    for (const { path, count } of result.leftovers) lines.push(`kept ${quotePath(path)} ${count} unseen`);
    for (const { path, reason } of result.conflicts) lines.push(`conflict ${quotePath(path)} ${quoteText(reason)}`);
  }
  return `${[...lines, ...skippedLines(skipped)].join('\n')}\n`;
}

/** What a rejection did: `rejected` and `skipped` lines. */
export function renderRejection(
  ids: readonly string[],
  skipped: readonly Skipped[],
  pathOf: (id: string) => string | undefined,
): string {
  const lines = ids.map((id) => `rejected ${withPath(id, pathOf(id))}`);
  return `${[...lines, ...skippedLines(skipped)].join('\n')}\n`;
}

function withPath(id: string, path: string | undefined): string {
  return path === undefined ? quotePath(id) : `${id} ${quotePath(path)}`;
}

function skippedLines(skipped: readonly Skipped[]): string[] {
  return skipped.map(({ item, reason }) => `skipped ${item.id} ${quotePath(item.path)} ${SKIP_REASONS[reason]}`);
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly values: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Answers of EIO: by cause, and by agent where there is more than one to tell apart. */
export function ioErrorMetric(
  counted: readonly {
    readonly labels?: Readonly<Record<string, string>>;
    readonly counts: Readonly<Record<IoCause, number>>;
  }[],
): Metric {
  return {
    name: 'agentsh_io_errors_total',
    help: 'Answers of EIO: content, row, journal (the store is damaged), device (the host failed), invariant (a defect).',
    kind: 'counter',
    values: counted.flatMap(({ labels, counts }) =>
      IO_CAUSES.map((cause) => ({ labels: { ...labels, cause }, value: counts[cause] })),
    ),
  };
}

/** `stats`: Prometheus text exposition. */
export function renderMetrics(metrics: readonly Metric[]): string {
  return metrics.map(renderMetric).join('');
}

function renderMetric({ name, help, kind, values }: Metric): string {
  const lines = values.map(({ labels, value }) => `${name}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`;
}

function renderLabels(labels: Readonly<Record<string, string>> | undefined): string {
  if (labels === undefined) return '';
  const escaped = (value: string): string =>
    value.replace(/[\\"\n]/g, (special) => (special === '\n' ? '\\n' : `\\${special}`));
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return `{${pairs.join(',')}}`;
}
