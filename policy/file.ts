// Parses one policy file: TOML to checked data, or an error with line, column, reason and the nearest valid word.
//
// Bounded before anything is built from it: bytes, depth, entries.

import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { isPoison, OWN_VARIABLES } from './environment.ts';
import { failedExample } from './exec.ts';
import { InputError, nearestWord } from './inputError.ts';
import { type KeyPath, type Positions, positionsOf } from './positions.ts';
import { isAtOrBelow, pathProblem } from './rules.ts';
import { keysAt, MODE_WORDS, type PolicyData, policySchema } from './schema.ts';
import { expandPath } from './variables.ts';

export const POLICY_BYTES_MAX = 256 * 1024;
const DEPTH_MAX = 16;
const ENTRIES_MAX = 20_000;

/** A parsed file; its paths still hold their `${variables}`. */
export interface PolicyFile {
  readonly file: string;
  /** As it was read, unexpanded. */
  readonly text: string;
  readonly data: PolicyData;
  readonly positions: Positions;
}

/**
 * Parses a policy file.
 * @param file its name, for messages
 * @throws InputError
 */
export function parsePolicy(text: string, file: string): PolicyFile {
  const table = parseTable(text, file);
  const positions = positionsOf(text);
  if (positions.count > ENTRIES_MAX) throw startError(file, `more than ${ENTRIES_MAX} keys and entries`);
  const result = policySchema.safeParse(table);
  if (!result.success) throw issueError(tellingIssue(result.error.issues), table, positions, file);
  const policy = { file, text, data: result.data, positions };
  checkMounts(policy);
  checkTaint(policy);
  checkEnvironment(policy);
  checkExec(policy);
  return policy;
}

/** An error at a place in the file. */
export function errorAt(policy: PolicyFile, path: KeyPath, reason: string, nearest?: string): InputError {
  return new InputError({ file: policy.file, ...policy.positions.value(path), reason, nearest });
}

function startError(file: string, reason: string): InputError {
  return new InputError({ file, line: 1, column: 1, reason });
}

function parseTable(text: string, file: string): unknown {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) throw startError(file, `larger than ${POLICY_BYTES_MAX} bytes`);
  try {
    return parse(text, { maxDepth: DEPTH_MAX });
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const reason = cause.message.split('\n')[0]!.replace(/^Invalid TOML document: /, 'not TOML: ');
    throw new InputError({ file, line: cause.line, column: cause.column, reason }, { cause });
  }
}

type Issue = z.core.$ZodIssue;

/** A misspelt key also makes a missing one: say the first. */
function tellingIssue(issues: readonly Issue[]): Issue {
  return issues.find((issue) => issue.code === 'unrecognized_keys') ?? issues[0]!;
}

/** zod's issue at its place in the text. */
function issueError(issue: Issue, table: unknown, positions: Positions, file: string): InputError {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    const where = path.length === 0 ? '' : ` in ${tableName(path)}`;
    const nearest = nearestWord(key, keysAt(path));
    return new InputError({ file, ...positions.key([...path, key]), reason: `unknown key "${key}"${where}`, nearest });
  }
  if (issue.code === 'invalid_key') {
    return new InputError({
      file,
      ...positions.key(path),
      reason: `${tableName(path)}: ${issue.issues[0]?.message ?? issue.message}`,
    });
  }
  const value = valueAt(table, path);
  if (value === undefined) {
    const key = String(path[path.length - 1]);
    const parent = path.slice(0, -1);
    const where = parent.length === 0 ? '' : ` in ${tableName(parent)}`;
    return new InputError({ file, ...positions.value(parent), reason: `missing key "${key}"${where}` });
  }
  const { reason, nearest } = explain(issue, path, value);
  return new InputError({ file, ...positions.value(path), reason, nearest });
}

function explain(issue: Issue, path: KeyPath, value: unknown): { reason: string; nearest?: string | undefined } {
  const name = tableName(path);
  switch (issue.code) {
    case 'invalid_value': {
      if (issue.message.startsWith('expected')) return { reason: `${name}: ${issue.message}` };
      const words = issue.values.map(String);
      const isMode = path[path.length - 1] === 'mode' && words.includes('invisible');
      const listed = isMode ? [...MODE_WORDS.keys()] : words;
      const reason = `bad ${isMode ? 'mode' : `value for ${name}:`} ${JSON.stringify(value)}; one of ${listed.join(', ')}`;
      return { reason, nearest: typeof value === 'string' ? nearestWord(value, listed) : undefined };
    }
    case 'invalid_type':
      return { reason: `${name}: expected ${kindName(issue.expected)}, found ${kindOf(value)}` };
    case 'too_big':
      return { reason: `${name}: too ${issue.origin === 'number' ? 'large' : 'long'}: at most ${issue.maximum}` };
    case 'too_small':
      return { reason: `${name}: too ${issue.origin === 'number' ? 'small' : 'short'}: at least ${issue.minimum}` };
    default:
      return { reason: `${name}: ${issue.message}` };
  }
}

const KIND_NAMES: Readonly<Record<string, string>> = {
  object: 'a table',
  record: 'a table',
  array: 'a list',
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function kindName(kind: string): string {
  return KIND_NAMES[kind] ?? kind;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'boolean') return String(value);
  return kindName(typeof value);
}

/** `mount[2].path` */
function tableName(path: KeyPath): string {
  return path.reduce<string>((name, part) => {
    if (typeof part === 'number') return `${name}[${part + 1}]`;
    return name === '' ? part : `${name}.${part}`;
  }, '');
}

function valueAt(table: unknown, path: KeyPath): unknown {
  let value = table;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

const NEVER_EMPTY: ReadonlySet<string> = new Set(['rw', 'invisible', 'hidden']);

function checkMounts(policy: PolicyFile): void {
  const firstAt = new Map<string, number>();
  for (const [index, mount] of (policy.data.mount ?? []).entries()) {
    const at: KeyPath = ['mount', index, 'path'];
    checkPath(policy, at, mount.path);
    if (mount.path.includes('*')) {
      throw errorAt(
        policy,
        at,
        'a mount names one path, no pattern; for patterns use hide, mask or protect in [files]',
      );
    }
    if (mount.empty === true && NEVER_EMPTY.has(mount.mode)) {
      throw errorAt(policy, ['mount', index, 'empty'], `impossible rule: ${mount.mode} cannot be empty`);
    }
    const path = expandPath(mount.path, PLACEHOLDERS);
    if (typeof path !== 'string') continue;
    const isOwn = mount.mode === 'hidden' || (mount.mode === 'ro' && mount.empty === true);
    if (!isOwn) checkReserved(policy, at, path);
    const first = firstAt.get(path);
    if (first !== undefined) {
      const line = policy.positions.value(['mount', first, 'path']).line;
      throw errorAt(policy, at, `duplicate rule for ${mount.path}, already in line ${line}`);
    }
    firstAt.set(path, index);
  }
  for (const [index, mount] of (policy.data.request?.mount ?? []).entries()) {
    checkPath(policy, ['request', 'mount', index, 'path'], mount.path);
  }
}

/** Stand-ins that no real path equals: enough to judge form and to find duplicates. */
const PLACEHOLDERS = { workspace: '/\u0001workspace', home: '/\u0001home' };

/** Relative, `..`, NUL, an unknown variable. */
function checkPath(policy: PolicyFile, at: KeyPath, text: string): void {
  const expanded = expandPath(text, PLACEHOLDERS);
  if (typeof expanded !== 'string') throw errorAt(policy, at, expanded.reason, expanded.nearest);
  const problem = pathProblem(expanded);
  if (problem !== undefined) throw errorAt(policy, at, `impossible rule: ${problem}`);
}

const RESERVED: readonly { readonly path: string; readonly below: boolean; readonly why: string }[] = [
  { path: '/.kernel', below: true, why: 'it belongs to agentsh' },
  { path: '/proc', below: true, why: 'the sandbox mounts its own' },
  { path: '/dev', below: false, why: 'the sandbox mounts its own' },
];

/** Rules that show nothing of the host are harmless there, and the defaults hold such. */
function checkReserved(policy: PolicyFile, at: KeyPath, path: string): void {
  for (const reserved of RESERVED) {
    const hit = reserved.below ? isAtOrBelow(path, reserved.path) : path === reserved.path;
    if (hit) throw errorAt(policy, at, `impossible rule: no rule for ${reserved.path}: ${reserved.why}`);
  }
}

function checkTaint(policy: PolicyFile): void {
  for (const [index, taint] of (policy.data.taint ?? []).entries()) {
    checkPath(policy, ['taint', index, 'path'], taint.path);
  }
}

function checkEnvironment(policy: PolicyFile): void {
  const pass = policy.data.env?.pass ?? [];
  const poison = pass.findIndex((name) => !name.includes('*') && isPoison(name));
  if (poison !== -1) {
    const reason = `"${pass[poison]}" never passes from the host: it makes programs load or run other code; use --env`;
    throw errorAt(policy, ['env', 'pass', poison], reason);
  }
  const own = Object.keys(policy.data.env?.set ?? {}).find((name) => OWN_VARIABLES.has(name));
  if (own !== undefined) throw errorAt(policy, ['env', 'set', own], `${own} is set by agentsh itself`);
}

function checkExec(policy: PolicyFile): void {
  for (const [index, rule] of (policy.data.exec?.rules ?? []).entries()) {
    const at: KeyPath = ['exec', 'rules', index];
    if (rule.verdict === 'redirect' && rule.to === undefined) {
      throw errorAt(policy, at, 'a redirect needs "to", the command that runs instead');
    }
    if (rule.verdict !== 'redirect' && rule.to !== undefined) {
      throw errorAt(policy, [...at, 'to'], `"to" belongs to the verdict redirect, not to ${rule.verdict}`);
    }
    const failed = failedExample(rule.match, rule.not_match ?? []);
    if (failed !== undefined) throw errorAt(policy, [...at, failed.list, failed.index], failed.reason);
  }
}
