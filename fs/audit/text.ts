// One text for every byte string, and one byte string for every text: how names appear in the audit log.
//
// Input is a byte string (latin1, one character a byte). Printable ASCII stands for itself, a backslash is `\\`,
// well-formed UTF-8 of printable characters is shown as such, and every other byte (controls, DEL, bidirectional and
// line separators, invalid sequences) is `\xHH` in lower case. `unescapeText` turns it back exactly.

/** Nothing to do: the hot path for ordinary names. */
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
/** Controls, format characters (bidi, joiners), line and paragraph separators, surrogates, private use, unassigned. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\ufffd]/u;

/** The printable text of a byte string. Characters above 0xff (text that was never bytes) count as their UTF-8 bytes. */
export function escapeBytes(byteString: string): string {
  if (PLAIN.test(byteString)) return byteString;
  const bytes = isByteString(byteString) ? Buffer.from(byteString, 'latin1') : Buffer.from(byteString, 'utf8');
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const size = printableSize(bytes, at);
    if (size === 0) {
      text += `\\x${hex(bytes[at] ?? 0)}`;
      at += 1;
    } else {
      const piece = bytes.toString('utf8', at, at + size);
      text += piece === '\\' ? '\\\\' : piece;
      at += size;
    }
  }
  return text;
}

/**
 * The byte string behind an escaped text.
 * @throws SyntaxError where the text is not one that `escapeBytes` makes
 */
export function unescapeText(text: string): string {
  if (PLAIN.test(text)) return text;
  const parts: Buffer[] = [];
  for (const match of text.matchAll(/\\x([0-9a-f]{2})|(\\\\)|([^\\]+)|(.)/gsu)) {
    const [, code, backslash, plain] = match;
    if (code !== undefined) parts.push(Buffer.from([Number.parseInt(code, 16)]));
    else if (backslash !== undefined) parts.push(Buffer.from('\\'));
    else if (plain !== undefined) parts.push(Buffer.from(plain, 'utf8'));
    else throw new SyntaxError('a backslash that escapes nothing');
  }
  const byteString = Buffer.concat(parts).toString('latin1');
  if (escapeBytes(byteString) !== text) throw new SyntaxError('not the one way to write these bytes');
  return byteString;
}

function isByteString(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Bytes of the printable character at `at`; 0 where there is none. */
function printableSize(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return lead >= 0x20 && lead < 0x7f ? 1 : 0;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (size === 0 || at + size > bytes.length) return 0;
  const piece = bytes.toString('utf8', at, at + size);
  // An invalid sequence decodes to U+FFFD, which counts as unprintable: a genuine one is escaped too.
  return UNPRINTABLE.test(piece) || Buffer.byteLength(piece) !== size ? 0 : size;
}
