// The shape of a policy file, as zod schemas: strict tables, bounded lists, and messages for people.

import { z } from 'zod';
import { EXEC_DEFAULTS, EXEC_VERDICTS, IGNORED_MODES, type Limit, NETWORK_MODES, READ_AUDITS } from './effective.ts';
import { parseEndpoint } from './endpoint.ts';
import { COMMAND_LENGTH_MAX, commandProblem } from './exec.ts';
import { MODES, type Mode } from './model.ts';
import { PATTERN_LENGTH_MAX, patternProblem } from './pattern.ts';
import { bytesOfText, PATH_LENGTH_MAX } from './rules.ts';
import { parseDuration, parseSize } from './units.ts';

/** Entries of any one list. */
export const LIST_LENGTH_MAX = 1000;
const TEXT_LENGTH_MAX = 1024;
const VALUE_LENGTH_MAX = 32_768;

/** The modes by every name a policy file accepts. */
export const MODE_WORDS: ReadonlyMap<string, Mode> = new Map<string, Mode>([
  ...MODES.map((mode) => [mode, mode] as const),
  ['read-only', 'ro'],
  ['write-ephemeral', 'ephemeral'],
  ['invisible-writes', 'invisible'],
]);

const mode = z.enum([...MODE_WORDS.keys()]).transform((word) => MODE_WORDS.get(word)!);

/** One line of text for people. */
const line = z
  .string()
  .max(TEXT_LENGTH_MAX)
  .refine((text) => !/\p{Cc}/u.test(text), 'control characters are not allowed here');

const path = z.string().min(1).max(PATH_LENGTH_MAX);
const pattern = checked(patternProblem, PATTERN_LENGTH_MAX);
const command = checked(commandProblem, COMMAND_LENGTH_MAX);

const endpoint = z
  .string()
  .refine((text) => parseEndpoint(text) !== undefined, 'expected HOST:PORT, as "api.example.com:443"');

const variable = z
  .string()
  .max(TEXT_LENGTH_MAX)
  .regex(/^[A-Za-z_*][A-Za-z0-9_*]*$/, 'expected the name of an environment variable, "*" as wild card');

const limit = z.union([z.number().int().nonnegative(), z.literal('max')], {
  error: 'expected a whole number or "max"',
});
const size = measured('expected a size as "2GiB", a number of bytes, or "max"', parseSize);
const span = measured('expected a time as "2h" or "10m"', parseDuration);
const spanOrMax = measured('expected a time as "2h" or "10m", or "max"', (text) =>
  text === 'max' ? 'max' : parseDuration(text),
);
const amount = z.union([z.number().nonnegative(), z.literal('max')], { error: 'expected a number or "max"' });

const mount = z.strictObject({ path, mode, empty: z.boolean().optional() });
const taint = z.strictObject({ path, label: line.regex(/^[a-z][a-z0-9._:-]*$/, 'expected a label as "web"') });

const files = z.strictObject({
  hide: list(pattern).optional(),
  mask: list(pattern).optional(),
  protect: list(pattern).optional(),
  ignored: z.enum(IGNORED_MODES).optional(),
});

const env = z.strictObject({
  pass: list(variable).optional(),
  set: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable'),
      environmentValue(),
    )
    .optional(),
});

const network = z.strictObject({ mode: z.enum(NETWORK_MODES).optional(), allow: list(endpoint).optional() });

const execRule = z.strictObject({
  verdict: z.enum(EXEC_VERDICTS),
  match: list(command).min(1),
  not_match: list(command).optional(),
  reason: line.optional(),
  to: command.optional(),
});
const exec = z.strictObject({ default: z.enum(EXEC_DEFAULTS).optional(), rules: list(execRule).optional() });

const quota = z.strictObject({
  bytes: size.optional(),
  files: limit.optional(),
  wall: spanOrMax.optional(),
  processes: limit.optional(),
  memory: size.optional(),
  children: limit.optional(),
  input_tokens: limit.optional(),
  output_tokens: limit.optional(),
  usd: amount.optional(),
  warn: z.number().min(0).max(1).optional(),
});

const audit = z.strictObject({ reads: z.enum(READ_AUDITS).optional() });
const approval = z.strictObject({ expire: span.optional(), timeout: span.optional() });

const request = z.strictObject({
  reason: line.optional(),
  mount: list(mount.extend({ reason: line.optional() })).optional(),
  env: z.strictObject({ pass: list(variable).optional() }).optional(),
  network: network.optional(),
});

export const policySchema = z.strictObject({
  version: z.literal(1, { error: 'expected version = 1' }),
  mount: list(mount).optional(),
  taint: list(taint).optional(),
  files: files.optional(),
  env: env.optional(),
  network: network.optional(),
  exec: exec.optional(),
  quota: quota.optional(),
  audit: audit.optional(),
  approval: approval.optional(),
  request: request.optional(),
});
export type PolicyData = z.output<typeof policySchema>;

/** The keys that are valid in the table at `path`, for the nearest valid word. */
export function keysAt(at: readonly PropertyKey[]): readonly string[] {
  let schema: unknown = policySchema;
  for (const part of at) {
    schema = unwrapped(schema);
    if (schema instanceof z.ZodObject) schema = schema.shape[part as string];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else return [];
  }
  schema = unwrapped(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional) inner = inner.unwrap();
  return inner;
}

function list<T extends z.ZodType>(element: T): z.ZodArray<T> {
  return z.array(element).max(LIST_LENGTH_MAX);
}

function checked(problemOf: (text: string) => string | undefined, lengthMax: number) {
  return z
    .string()
    .max(lengthMax)
    .check((context) => {
      const problem = problemOf(bytesOfText(context.value));
      if (problem !== undefined) context.issues.push({ code: 'custom', message: problem, input: context.value });
    });
}

function measured<T extends Limit>(expected: string, parse: (text: string) => T | undefined) {
  return z.union([z.string(), z.number()], { error: expected }).transform((value, context): T => {
    const parsed = parse(String(value));
    if (parsed !== undefined) return parsed;
    context.issues.push({ code: 'custom', message: expected, input: value });
    return z.NEVER;
  });
}

function environmentValue() {
  return z
    .string()
    .max(VALUE_LENGTH_MAX)
    .refine((text) => !text.includes('\0'), 'the value contains a NUL byte');
}
