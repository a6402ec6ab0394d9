// Shows bytes that an agent chose so that nothing in them can act on a terminal or deceive a reader.
//
// Control, bidirectional, zero-width, private and unassigned characters and invalid UTF-8 appear as \x1b, \u{202e}, \xff.

/** What never reaches a terminal: Cc, Cf (bidi, zero width, tags), line and paragraph separators, unassigned, private. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}\u240d]/u;
const UNSAFE_OR_BACKSLASH = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}\u240d\\]/gu;
const SHORT: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) as number;
  // 0x80-0x9f are characters here, not bytes: \x is kept for ASCII and for bytes that are no UTF-8.
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** A byte string (latin1), a name or a path, as one line of text; two different ones never look the same. */
export function visible(bytes: string): string {
  return pieces(bytes)
    .map((piece) => (piece.valid ? piece.text.replace(UNSAFE_OR_BACKSLASH, escapeCharacter) : byteText(piece.text)))
    .join('');
}

/**
 * A line of a file (byte string, without its newline). A final CR shows as U+240D, tabs stay.
 * `escaped`: something was escaped, and then backslashes in this line are doubled.
 */
export function visibleLine(bytes: string): { readonly text: string; readonly escaped: boolean } {
  const cr = bytes.endsWith('\r');
  const body = cr ? bytes.slice(0, -1) : bytes;
  const tail = cr ? '\u240d' : '';
  const parts = pieces(body);
  const plain = parts.every((piece) => piece.valid && !UNSAFE.test(piece.text.replaceAll('\t', '')));
  if (plain) return { text: parts.map((piece) => piece.text).join('') + tail, escaped: false };
  return { text: body.split('\t').map(visible).join('\t') + tail, escaped: true };
}

const byteText = (bytes: string) =>
  [...bytes].map((byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

interface Piece {
  readonly valid: boolean;
  /** Characters where valid, else bytes. */
  readonly text: string;
}

/** One well-formed UTF-8 character (RFC 3629 table) in a byte string. */
const UTF8 =
  /(?:[^\x80-\xff]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+/g;

function pieces(bytes: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const match of bytes.matchAll(UTF8)) {
    if (match.index > at) found.push({ valid: false, text: bytes.slice(at, match.index) });
    found.push({ valid: true, text: Buffer.from(match[0], 'latin1').toString('utf8') });
    at = match.index + match[0].length;
  }
  if (at < bytes.length) found.push({ valid: false, text: bytes.slice(at) });
  return found;
}
