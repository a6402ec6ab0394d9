// Folds a name to the form under which some file system would take it for another: case, Unicode
// compatibility and normalization, code points that HFS+ and casefolded ext4 ignore, and the trailing dots and
// spaces that NTFS drops. What folds to a protected name is protected (CVE-2014-9390 was this in git).

import { bytesOfText } from './rules.ts';

const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const TRAILING = /[. ]+$/;

/** The folded form of one path component, both as byte strings. Bytes that are not UTF-8 fold to U+FFFD. */
export function foldName(name: string): string {
  const folded = foldPattern(name);
  const trimmed = folded.replace(TRAILING, '');
  return trimmed === '' ? folded : trimmed;
}

/** The same for a pattern, whose trailing characters mean something. */
export function foldPattern(pattern: string): string {
  if (isPlainLowerCase(pattern)) return pattern;
  const text = Buffer.from(pattern, 'latin1').toString('utf8');
  return bytesOfText(text.normalize('NFKC').toLowerCase().normalize('NFKC').replace(IGNORABLE, ''));
}

/** Almost every name; spares the decoding. */
function isPlainLowerCase(bytes: string): boolean {
  for (let index = 0; index < bytes.length; index++) {
    const code = bytes.charCodeAt(index);
    if (code > 0x7e || (code >= 0x41 && code <= 0x5a)) return false;
  }
  return true;
}
