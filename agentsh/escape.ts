// Makes names and texts of an agent safe to show: what could move a cursor, hide or reorder text is spelled out.
//
// A terminal acts on control characters, and bidirectional marks make a name read as another (CVE-2021-42574).
// Names are byte strings (latin1): they are decoded as UTF-8 where they are, and shown byte by byte where not.

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * C0 and C1 controls, DEL, bidirectional and zero-width marks, line and paragraph separators, tag characters, lone
 * surrogates, blanks that look like a space, variation selectors.
 */
const INVISIBLE =
  '\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\u{a0}\\u{115f}\\u{1160}\\u{1680}\\u{2000}-\\u{200a}\\u{202f}\\u{205f}\\u{3000}\\u{3164}\\u{fe00}-\\u{fe0f}\\u{ffa0}\\u{e0100}-\\u{e01ef}';
const IN_NAME = new RegExp(`[${INVISIBLE}\\\\]`, 'gu');
const IN_TEXT = new RegExp(`[${INVISIBLE}]`, 'gu');

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/** A byte string (latin1) as one printable line; distinct names stay distinct. */
export function escapeName(name: string): string {
  const decoded = decodeName(name);
  if (decoded !== undefined) return decoded.replace(IN_NAME, spell);
  return name.replace(/[^\x20-\x7e]|\\/g, (byte) => SHORT[byte] ?? `\\x${hex(byte.charCodeAt(0), 2)}`);
}

/** The text of a byte string (latin1) that is UTF-8, else undefined. What is no byte string is text already. */
function decodeName(name: string): string | undefined {
  if (/[^\0-\xff]/.test(name)) return name;
  try {
    return strict.decode(Buffer.from(name, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Decoded text of several lines (a diff, a message): lines and tabs stay, the rest is spelled out. */
export function escapeText(text: string): string {
  return text.replace(IN_TEXT, (character) =>
    character === '\n' || character === '\t' ? character : spell(character),
  );
}

/** A byte string (latin1) of several lines, such as a diff: each line decoded where it is UTF-8, then made safe. */
export function escapeByteLines(bytes: string): string {
  return bytes
    .split('\n')
    .map((line) => {
      const decoded = decodeName(line);
      return decoded === undefined
        ? line.replace(/[^\x20-\x7e\t]/g, (byte) => `\\x${hex(byte.charCodeAt(0), 2)}`)
        : escapeText(decoded);
    })
    .join('\n');
}

/** What a script gets for a byte string: its text where it is UTF-8, else the escaped form that is also shown. */
export function readable(name: string): string {
  return decodeName(name) ?? escapeName(name);
}

/** JSON on one line in which dangerous characters are `\uXXXX`: the value is the same, a terminal sees none of them. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(IN_TEXT, (character) =>
    [...Array(character.length).keys()].map((index) => `\\u${hex(character.charCodeAt(index), 4)}`).join(''),
  );
}

function spell(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const point = character.codePointAt(0) ?? 0;
  return point < 0x80 ? `\\x${hex(point, 2)}` : `\\u{${hex(point, 4)}}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
