// agentsh log: the audit log, of one agent or of all in the order of time.
import type { CommandModule } from '../commandTable.ts';
import { byteString, type Kernel, withKernel } from '../context.ts';
import { escapeText, readable, safeJson } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';
import { type AgentOption, type JsonOption, withAgent, withJson } from '../options.ts';
import type { Output } from '../output.ts';

/** The kernel's own ledger, beside those of the agents. */
const KERNEL_LEDGER = 'kernel';
const CHUNK_BYTES = 256 * 1024;

/** One audit entry: a flat object. */
type Entry = Readonly<Record<string, string | number | boolean | null>>;

export const command: CommandModule<JsonOption & AgentOption> = {
  declare: (command) => withJson(withAgent(command)),
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const names = options.name === undefined ? await everyLedger(kernel) : [byteString(options.name)];
      const entries = inOrder(names.map((agent) => entriesOf(kernel, agent)));
      if (options.json) await printArray(context.output, entries);
      else for await (const entry of entries) context.output.line(formatEntry(entry));
      return EXIT.ok.code;
    }),
};

async function everyLedger(kernel: Kernel): Promise<string[]> {
  const agents = await kernel.call('ps', {});
  return [KERNEL_LEDGER, ...agents.map(({ agent }) => agent)];
}

/** The entries of one ledger, read piece by piece: a log may be larger than memory. */
async function* entriesOf(kernel: Kernel, agent: string): AsyncGenerator<Entry, undefined> {
  let offset = 0;
  let rest = '';
  for (;;) {
    const { text, sizeBytes } = await kernel.call('audit', { agent, offset, lengthBytes: CHUNK_BYTES });
    offset += text.length;
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield parseEntry(line);
    if (text === '' || offset >= sizeBytes) return undefined;
  }
}

/** The log's bytes are UTF-8; a line that is no object is shown as it is. */
function parseEntry(line: string): Entry {
  try {
    return JSON.parse(readable(line)) as Entry;
  } catch {
    return { note: line };
  }
}

/** Merges streams that are each ordered by time. */
async function* inOrder(streams: readonly AsyncGenerator<Entry, undefined>[]): AsyncGenerator<Entry, undefined> {
  const heads: { readonly stream: AsyncGenerator<Entry, undefined>; entry: Entry }[] = [];
  for (const stream of streams) {
    const first = await stream.next();
    if (first.done !== true) heads.push({ stream, entry: first.value });
  }
  while (heads.length > 0) {
    const head = heads.reduce((left, right) => (timeOf(right.entry) < timeOf(left.entry) ? right : left));
    yield head.entry;
    const next = await head.stream.next();
    if (next.done === true) heads.splice(heads.indexOf(head), 1);
    else head.entry = next.value;
  }
  return undefined;
}

const timeOf = (entry: Entry): string => `${entry.time ?? ''}`;

async function printArray(output: Output, entries: AsyncGenerator<Entry, undefined>): Promise<void> {
  let start = '[';
  for await (const entry of entries) {
    output.line(`${start}${safeJson(entry)}`);
    start = ',';
  }
  output.line(start === '[' ? '[]' : ']');
}

const SHOWN = ['time', 'agent', 'verdict', 'op', 'path'] as const;

function formatEntry(entry: Entry): string {
  const fixed = SHOWN.map((key) => show(entry[key]));
  const rule = show(entry.rule) === '-' ? [] : [`rule=${show(entry.rule)}`];
  const note = show(entry.note) === '-' ? [] : [`(${show(entry.note)})`];
  return [...fixed, ...rule, ...note].join('  ');
}

/** The log has its names escaped already; once more for a log that was tampered with. */
function show(value: Entry[string] | undefined): string {
  return value === undefined || value === null || value === '' ? '-' : escapeText(`${value}`);
}
