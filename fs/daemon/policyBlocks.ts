// The text of the operator's `policy`: one TOML document for each live agent, under a comment that names it.
//
//   # agent /home/ada/app:claude
//   version = 1
//   …
//   # end
//
// The last line tells a whole text from its first part: programs write in pieces. A text without a first line that
// names an agent is one document, whole as it is, for the only live agent.
import { quotePath, unquotePath } from '../control/quote.ts';
import { RequestError } from './requestError.ts';

const BEGIN = '# agent ';
const END = '# end';

export interface PolicyBlock {
  /** Undefined: the only live agent. */
  readonly key: string | undefined;
  /** A document whose lines stand where they stood in the whole text, so that an error names the right one. */
  readonly text: string;
}

export function renderBlocks(
  blocks: readonly { readonly key: string; readonly text: string }[],
  refusal: string | undefined,
): string {
  const note = refusal === undefined ? '' : `# refused: ${oneLine(refusal)}\n`;
  if (blocks.length === 0) return `${note}# no agent is live\n`;
  const documents = blocks.map(({ key, text }, index) => {
    return `${BEGIN}${quotePath(key)}\n${index === 0 ? note : ''}${text}`;
  });
  return `${documents.join('\n')}${END}\n`;
}

/** Whether a text is all there: one that begins with an agent's name ends with the last line. */
export function isWholeText(text: string): boolean {
  return !isBlockText(text) || /(^|\n)# end\n?$/.test(text);
}

/** Told by its first line that is not empty. */
const isBlockText = (text: string): boolean => text.trimStart().startsWith(BEGIN);

/** @throws RequestError EINVAL for a text that is cut short, or names one agent twice */
export function policyBlocks(text: string): readonly PolicyBlock[] {
  if (!isBlockText(text)) return [{ key: undefined, text }];
  if (!isWholeText(text)) throw new RequestError('EINVAL', `the text ends before its last line "${END}"`);
  const lines = text.split('\n');
  const starts = lines.flatMap((line, index) => (line.startsWith(BEGIN) ? [index] : []));
  const blocks = starts.map((start, index) => {
    const own = lines.slice(start, starts[index + 1] ?? lines.length);
    return { key: keyOf(lines[start]!), text: '\n'.repeat(start) + own.join('\n') };
  });
  const keys = new Set(blocks.map(({ key }) => key));
  if (keys.size !== blocks.length) throw new RequestError('EINVAL', 'the text names one agent twice');
  return blocks;
}

function keyOf(line: string): string {
  const field = line.slice(BEGIN.length).trim();
  const key = field.startsWith('"') ? unquotePath(field) : Buffer.from(field).toString('latin1');
  if (key === undefined) throw new RequestError('EINVAL', `not the name of an agent: ${field}`);
  return key;
}

const oneLine = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
