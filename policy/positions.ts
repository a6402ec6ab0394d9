// Where each key and value of a TOML document stands: the parser keeps no positions, errors need them.
//
// Scans text that the parser has already accepted (so its depth is bounded too), and checks nothing itself.

export type KeyPath = readonly (string | number)[];

/** From 1; columns count UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Positions {
  /** The key that ends the path (of an array's element: its value), or that of the nearest ancestor known. */
  key(path: KeyPath): Position;
  /** The value at the path, or the nearest ancestor's. */
  value(path: KeyPath): Position;
  /** How many keys and array elements there are. */
  readonly count: number;
}

interface Scanner {
  readonly text: string;
  at: number;
  readonly keys: Map<string, number>;
  readonly values: Map<string, number>;
  /** Arrays of tables by path: how many tables so far. */
  readonly tables: Map<string, number>;
}

/** Scans a valid TOML document. */
export function positionsOf(text: string): Positions {
  const scanner: Scanner = { text, at: 0, keys: new Map(), values: new Map(), tables: new Map() };
  scanDocument(scanner);
  const starts = lineStarts(text);
  const find = (first: Map<string, number>, second: Map<string, number>, path: KeyPath): Position => {
    for (let length = path.length; length > 0; length--) {
      const id = idOf(path.slice(0, length));
      const offset = first.get(id) ?? second.get(id);
      if (offset !== undefined) return positionAt(starts, offset);
    }
    return { line: 1, column: 1 };
  };
  return {
    key: (path) => find(scanner.keys, scanner.values, path),
    value: (path) => find(scanner.values, scanner.keys, path),
    count: scanner.keys.size + scanner.values.size,
  };
}

function scanDocument(scanner: Scanner): void {
  let table: KeyPath = [];
  if (scanner.text.charCodeAt(0) === 0xfeff) scanner.at++;
  for (;;) {
    skipBlank(scanner);
    if (scanner.at >= scanner.text.length) return;
    if (scanner.text[scanner.at] === '[') table = scanHeader(scanner);
    else scanPair(scanner, table);
  }
}

/** `[a.b]` or `[[a.b]]`: the path that the pairs below it belong to. */
function scanHeader(scanner: Scanner): KeyPath {
  const isArray = scanner.text.startsWith('[[', scanner.at);
  scanner.at += isArray ? 2 : 1;
  const parts = scanKey(scanner);
  scanner.at += isArray ? 2 : 1;
  const path: (string | number)[] = [];
  for (const [index, part] of parts.entries()) {
    path.push(part.name);
    recordOnce(scanner.keys, path, part.offset);
    const isLast = index === parts.length - 1;
    const id = idOf(path);
    if (isLast && isArray) scanner.tables.set(id, (scanner.tables.get(id) ?? 0) + 1);
    const count = scanner.tables.get(id);
    if (count === undefined) continue;
    path.push(count - 1);
    recordOnce(scanner.values, path, part.offset);
  }
  return path;
}

function scanPair(scanner: Scanner, table: KeyPath): void {
  const path = [...table];
  for (const part of scanKey(scanner)) {
    path.push(part.name);
    recordOnce(scanner.keys, path, part.offset);
  }
  scanner.at++; // the equals sign
  skipBlank(scanner);
  scanValue(scanner, path);
}

interface KeyPart {
  readonly name: string;
  readonly offset: number;
}

/** A dotted key; stops at `=` or `]`. */
function scanKey(scanner: Scanner): KeyPart[] {
  const parts: KeyPart[] = [];
  for (;;) {
    skipBlank(scanner);
    const offset = scanner.at;
    const quote = scanner.text[offset];
    if (quote === '"' || quote === "'") {
      skipString(scanner);
      parts.push({ name: unquote(scanner.text.slice(offset, scanner.at)), offset });
    } else {
      while (/[A-Za-z0-9_-]/.test(scanner.text[scanner.at] ?? '')) scanner.at++;
      parts.push({ name: scanner.text.slice(offset, scanner.at), offset });
    }
    skipBlank(scanner);
    if (scanner.text[scanner.at] !== '.') return parts;
    scanner.at++;
  }
}

function scanValue(scanner: Scanner, path: KeyPath): void {
  scanner.values.set(idOf(path), scanner.at);
  const first = scanner.text[scanner.at];
  if (first === '"' || first === "'") skipString(scanner);
  else if (first === '[') scanArray(scanner, path);
  else if (first === '{') scanInlineTable(scanner, path);
  else while (scanner.at < scanner.text.length && !/[,\]}#\n]/.test(scanner.text[scanner.at]!)) scanner.at++;
}

function scanArray(scanner: Scanner, path: KeyPath): void {
  scanner.at++;
  for (let index = 0; !closes(scanner, ']'); index++) {
    scanValue(scanner, [...path, index]);
    skipComma(scanner);
  }
}

function scanInlineTable(scanner: Scanner, path: KeyPath): void {
  scanner.at++;
  while (!closes(scanner, '}')) {
    scanPair(scanner, path);
    skipComma(scanner);
  }
}

/** Steps over the closing bracket if it comes next. The end of the text closes everything. */
function closes(scanner: Scanner, bracket: string): boolean {
  skipBlank(scanner);
  if (scanner.at >= scanner.text.length) return true;
  if (scanner.text[scanner.at] !== bracket) return false;
  scanner.at++;
  return true;
}

function skipComma(scanner: Scanner): void {
  skipBlank(scanner);
  if (scanner.text[scanner.at] === ',') scanner.at++;
}

/** White space, newlines and comments. */
function skipBlank(scanner: Scanner): void {
  for (;;) {
    const character = scanner.text[scanner.at];
    if (character === '#') {
      const end = scanner.text.indexOf('\n', scanner.at);
      scanner.at = end === -1 ? scanner.text.length : end;
    } else if (character === ' ' || character === '\t' || character === '\n' || character === '\r') {
      scanner.at++;
    } else {
      return;
    }
  }
}

/** All four kinds of string. A multi-line one may end in up to two quotes of its own. */
function skipString(scanner: Scanner): void {
  const quote = scanner.text[scanner.at]!;
  const isLong = scanner.text.startsWith(quote.repeat(3), scanner.at);
  const close = isLong ? quote.repeat(3) : quote;
  scanner.at += close.length;
  while (scanner.at < scanner.text.length && !scanner.text.startsWith(close, scanner.at)) {
    scanner.at += quote === '"' && scanner.text[scanner.at] === '\\' ? 2 : 1;
  }
  scanner.at += close.length;
  if (isLong) while (scanner.text[scanner.at] === quote) scanner.at++;
}

/** The value of a quoted key. Basic strings escape as JSON does, but for `\U` and `\e`, which no valid key needs. */
function unquote(quoted: string): string {
  if (quoted.startsWith("'")) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted.slice(1, -1);
  }
}

function recordOnce(map: Map<string, number>, path: KeyPath, offset: number): void {
  const id = idOf(path);
  if (!map.has(id)) map.set(id, offset);
}

/** Numbers and strings stay apart. */
function idOf(path: KeyPath): string {
  return JSON.stringify(path);
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function positionAt(starts: readonly number[], offset: number): Position {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - starts[low]! + 1 };
}
