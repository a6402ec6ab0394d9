// The command inside a sandbox: it speaks only through the agent's own `/.kernel`, and decides nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from './context.ts';
import { byteString } from './context.ts';
import { showDetail } from './detail.ts';
import { escapeByteLines, escapeName, readable, safeJson } from './escape.ts';
import { EXIT } from './exitCodes.ts';
import { CommandFailure } from './failure.ts';
import type { JsonOption } from './options.ts';

const CONTROL_ROOT = '/.kernel';

/** The agent's control directory, or undefined outside a sandbox: `who` is in the operator's mount alone. */
export function findInsideKernel(): string | undefined {
  const has = (name: string) => existsSync(path.join(CONTROL_ROOT, name));
  return has('agent') && !has('who') ? CONTROL_ROOT : undefined;
}

interface Inside {
  /** The agent's control directory. */
  readonly root: string;
  readonly operands: readonly string[];
  readonly options: JsonOption;
  readonly context: Context;
}

/** What the agent may see, by command. */
const ANSWERS: Readonly<Record<string, (inside: Inside) => void>> = {
  pending,
  diff,
  commits,
  log,
  status: (inside) => printFiles(inside, ['agent', 'health']),
  policy: (inside) => printFiles(inside, ['policy']),
};

/** Answers a command from the control files; what has no answer there is for the operator. */
export function runInside(
  name: string,
  root: string,
  operands: readonly string[],
  options: JsonOption,
  context: Context,
): number {
  const answer = ANSWERS[name];
  if (answer === undefined) {
    throw new CommandFailure('refused', `${name}: not from inside a sandbox; it is for the operator to run`);
  }
  answer({ root, operands, options, context });
  return EXIT.ok.code;
}

/** Byte string. */
function readControl({ root }: Inside, ...names: readonly string[]): string {
  return readFileSync(path.join(root, ...names), 'latin1').replace(/\n$/, '');
}

/** `key value` lines; in JSON one flat object of all files. */
function printFiles(inside: Inside, names: readonly string[]): void {
  const texts = names.map((name) => readControl(inside, name));
  const { output } = inside.context;
  if (!inside.options.json) {
    for (const text of texts) output.line(escapeByteLines(text));
    return;
  }
  const named = names.map((name, index) => [name, readable(texts[index] ?? '')] as const);
  const pairs = named.flatMap(([name, text]) => (/^\S+ /.test(text) ? fieldsOf(text) : [[name, text] as const]));
  output.line(safeJson(Object.fromEntries(pairs)));
}

function fieldsOf(text: string): [string, string][] {
  return text.split('\n').map((line) => {
    const [key = ''] = line.split(' ', 1);
    return [key, line.slice(key.length + 1)];
  });
}

function pending(inside: Inside): void {
  const { output } = inside.context;
  if (!inside.options.json) {
    output.line(escapeByteLines(readControl(inside, 'pending', 'index')));
    return;
  }
  output.line(safeJson(details(inside).map(({ id, header }) => ({ id, ...header }))));
}

interface Detail {
  readonly id: string;
  readonly text: string;
  readonly header: Readonly<Record<string, string>>;
}

/** Every pending change of this agent, as its own file tells it. */
function details(inside: Inside): Detail[] {
  const ids = readdirSync(path.join(inside.root, 'pending')).filter((name) => name !== 'index');
  return ids.map((id) => {
    const text = readControl(inside, 'pending', id);
    return { id, text, header: Object.fromEntries(fieldsOf(readable(text.split('\n\n', 1)[0] ?? ''))) };
  });
}

/** Those that are named by the beginning of an id or by a path; all without a name. */
function diff(inside: Inside): void {
  const { operands, context } = inside;
  const all = details(inside);
  const chosen = operands.length === 0 ? all : operands.map((word) => oneOf(all, word, context));
  if (chosen.length === 0) context.output.note('nothing is pending');
  for (const [index, { text }] of chosen.entries()) {
    if (index > 0) context.output.line('');
    context.output.line(showDetail(text, context.output.colour));
  }
}

function oneOf(all: readonly Detail[], word: string, context: Context): Detail {
  const absolute = escapeName(byteString(path.resolve(context.cwd, word)));
  const found = all.filter(({ id, header }) => id.startsWith(word) || header.path === absolute);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  const reason = found.length === 0 ? 'nothing is pending under that id or path' : 'means several changes';
  throw new CommandFailure('usage', `${word}: ${reason}`);
}

function commits(inside: Inside): void {
  const { output } = inside.context;
  const found = readdirSync(path.join(inside.root, 'commits')).map((id) => [id, readControl(inside, 'commits', id)]);
  if (inside.options.json) output.line(safeJson(found.map(([id, text]) => ({ id, text: readable(text ?? '') }))));
  else for (const [id, text] of found) output.line(`${id}\n${escapeByteLines(text ?? '')}`);
}

/** The log is JSON lines already. */
function log(inside: Inside): void {
  const lines = readControl(inside, 'audit').split('\n');
  const { output } = inside.context;
  if (inside.options.json) output.line(`[${lines.map(escapeByteLines).join(',\n')}]`);
  else for (const line of lines) output.line(escapeByteLines(line));
}
