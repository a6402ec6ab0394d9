// Shows the text of one pending change: header, blank line, unified diff.
import { escapeByteLines } from './escape.ts';

const DIFF_COLOURS: readonly (readonly [string, number])[] = [
  ['+++', 1],
  ['---', 1],
  ['@@', 36],
  ['+', 32],
  ['-', 31],
];

/** The text made safe for a terminal, without its last line end; coloured where that is wanted. */
export function showDetail(text: string, colour: boolean): string {
  const safe = escapeByteLines(text.replace(/\n$/, ''));
  if (!colour) return safe;
  const lines = safe.split('\n');
  const headerEnd = lines.indexOf('');
  return lines.map((line, index) => (index > headerEnd ? colourLine(line) : line)).join('\n');
}

function colourLine(line: string): string {
  const colour = DIFF_COLOURS.find(([start]) => line.startsWith(start))?.[1];
  return colour === undefined ? line : `\u001b[${colour}m${line}\u001b[0m`;
}
