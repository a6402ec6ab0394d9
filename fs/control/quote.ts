// Paths as fields of a line: plain where that deceives nobody, else in double quotes with escapes, and back again.
//
// The escapes are those of ../journal/visible.ts, and \" besides; what is inside quotes can be given back to `approve`.
import { visible, visibleLine } from '../journal/visible.ts';

const SIMPLE: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' };
/** One piece of a quoted field: a plain character or an escape. */
const QUOTED = /^"((?:[^"\\\n]|\\["\\nrt]|\\x[0-9a-f]{2}|\\u\{[0-9a-f]{1,6}\})*)"$/;
const ESCAPE = /\\(?:x([0-9a-f]{2})|u\{([0-9a-f]{1,6})\}|(.))/g;

const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** A path or another byte string as one field of text. Two different ones never look the same. */
export function quotePath(path: string): string {
  const text = visible(path);
  return bytesOf(text) === path && /^[^\s"]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/** Text for people (a reason, an error) as the rest of a line. */
export function quoteText(text: string): string {
  return visibleLine(bytesOf(text)).text;
}

/** The byte string behind a quoted field (as bytes, latin1), undefined if the quoting is broken. */
export function unquotePath(quoted: string): string | undefined {
  const inner = QUOTED.exec(quoted)?.[1];
  return inner?.replace(ESCAPE, (_, byte?: string, point?: string, simple?: string) => {
    if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte, 16));
    if (point === undefined) return SIMPLE[simple ?? ''] ?? '';
    const code = Number.parseInt(point, 16);
    return code > 0x10ffff ? '' : bytesOf(String.fromCodePoint(code));
  });
}
