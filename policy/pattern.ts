// Name patterns in gitignore syntax, compiled once and matched in time linear in pattern times name.
//
// A hand-written matcher instead of regular expressions: patterns come from policy files, and a regular
// expression with many stars can take exponential time on a name that the agent chooses.

export const PATTERN_LENGTH_MAX = 1024;

/** A segment of a pattern: `**`, or tokens that match one path component. */
type Segment = '**' | readonly Token[];
type Token =
  | { readonly kind: 'byte'; readonly byte: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | ByteSet;
interface ByteSet {
  readonly kind: 'set';
  readonly negated: boolean;
  readonly ranges: readonly { readonly from: string; readonly to: string }[];
}

export interface Pattern {
  readonly text: string;
  readonly negated: boolean;
  readonly directoryOnly: boolean;
  /** Matched against the last component alone, at any depth. */
  readonly basenameOnly: boolean;
  readonly segments: readonly Segment[];
}

/** Why text is no pattern, or undefined if it is one. */
export function patternProblem(text: string): string | undefined {
  if (text.length > PATTERN_LENGTH_MAX) return `the pattern is longer than ${PATTERN_LENGTH_MAX} bytes`;
  if (text.includes('\0')) return 'the pattern contains a NUL byte';
  const body = text.replace(/^!/, '').replace(/^\/+|\/+$/g, '');
  if (body === '') return 'the pattern is empty';
  const components = body.split('/');
  if (components.includes('..') || components.includes('.')) return 'the pattern contains "." or ".." as a component';
  if (components.includes('')) return 'the pattern contains "//"';
  return undefined;
}

/** Compiles one pattern (a byte string) that has no {@link patternProblem}. */
export function compilePattern(text: string): Pattern {
  const negated = text.startsWith('!');
  const signless = negated ? text.slice(1) : text;
  const directoryOnly = signless.endsWith('/');
  const body = signless.replace(/\/+$/, '');
  const basenameOnly = !body.includes('/');
  const segments = body.replace(/^\/+/, '').split('/').map(compileSegment);
  return { text, negated, directoryOnly, basenameOnly, segments };
}

/**
 * Whether the pattern names exactly this path (not: one of its ancestors).
 * @param path its components below the pattern's base, name last
 */
export function matchesPattern(pattern: Pattern, path: readonly string[], isDirectory: boolean): boolean {
  if (pattern.directoryOnly && !isDirectory) return false;
  const name = path[path.length - 1] ?? '';
  const last = pattern.segments[pattern.segments.length - 1]!;
  if (pattern.basenameOnly) return last === '**' || matchesGlob(last, name);
  // Most names fail on the last segment already.
  if (last !== '**' && !matchesGlob(last, name)) return false;
  return matchesSegments(pattern.segments, path);
}

/** The only name that the pattern's last segment matches, or undefined if it matches several. */
export function lastName(pattern: Pattern): string | undefined {
  const last = pattern.segments[pattern.segments.length - 1]!;
  if (last === '**' || last.some((token) => token.kind !== 'byte')) return undefined;
  return last.map((token) => (token.kind === 'byte' ? token.byte : '')).join('');
}

/** Greedy match with a return to the latest `**` only, which is enough: an earlier one can take nothing more. */
function matchesSegments(segments: readonly Segment[], path: readonly string[]): boolean {
  let at = 0;
  let component = 0;
  let retryAt = -1;
  let retryComponent = 0;
  while (component < path.length) {
    const segment = segments[at];
    if (segment === '**') {
      // A trailing `**` matches everything inside, so it needs at least one component: this one.
      if (at === segments.length - 1) return true;
      retryAt = ++at;
      retryComponent = component;
    } else if (segment !== undefined && matchesGlob(segment, path[component]!)) {
      at++;
      component++;
    } else if (retryAt >= 0) {
      at = retryAt;
      component = ++retryComponent;
    } else {
      return false;
    }
  }
  return at === segments.length;
}

function matchesGlob(tokens: readonly Token[], name: string): boolean {
  let at = 0;
  let index = 0;
  let retryAt = -1;
  let retryIndex = 0;
  while (index < name.length) {
    const token = tokens[at];
    if (token?.kind === 'star') {
      retryAt = ++at;
      retryIndex = index;
    } else if (token !== undefined && matchesByte(token, name[index]!)) {
      at++;
      index++;
    } else if (retryAt >= 0) {
      at = retryAt;
      index = ++retryIndex;
    } else {
      return false;
    }
  }
  while (tokens[at]?.kind === 'star') at++;
  return at === tokens.length;
}

function matchesByte(token: Token, byte: string): boolean {
  switch (token.kind) {
    case 'byte':
      return token.byte === byte;
    case 'any':
      return true;
    case 'star':
      return false;
    case 'set':
      return token.ranges.some((range) => range.from <= byte && byte <= range.to) !== token.negated;
  }
}

function compileSegment(segment: string): Segment {
  if (segment === '**') return '**';
  const tokens: Token[] = [];
  let index = 0;
  while (index < segment.length) {
    const byte = segment[index]!;
    const set = byte === '[' ? compileSet(segment, index) : undefined;
    if (set !== undefined) {
      tokens.push(set.set);
      index = set.end;
      continue;
    }
    if (byte === '\\' && index + 1 < segment.length) tokens.push({ kind: 'byte', byte: segment[++index]! });
    else if (byte === '?') tokens.push({ kind: 'any' });
    else if (byte !== '*') tokens.push({ kind: 'byte', byte });
    else if (tokens[tokens.length - 1]?.kind !== 'star') tokens.push({ kind: 'star' });
    index++;
  }
  return tokens;
}

/** `[abc]`, `[a-z]`, `[!…]`, `[^…]`; undefined when the bracket is never closed: then it is a plain byte. */
function compileSet(segment: string, start: number): { set: ByteSet; end: number } | undefined {
  let index = start + 1;
  const negated = segment[index] === '!' || segment[index] === '^';
  if (negated) index++;
  const ranges: { from: string; to: string }[] = [];
  for (let first = true; index < segment.length; first = false) {
    if (segment[index] === ']' && !first) return { set: { kind: 'set', negated, ranges }, end: index + 1 };
    if (segment[index] === '\\' && index + 1 < segment.length) index++;
    const from = segment[index++]!;
    const isRange = segment[index] === '-' && index + 1 < segment.length && segment[index + 1] !== ']';
    const to = isRange ? segment[index + 1]! : from;
    if (isRange) index += 2;
    ranges.push({ from, to });
  }
  return undefined;
}
