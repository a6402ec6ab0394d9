// The command patterns of `[exec].rules`: their shape, and their examples, which are tried when a policy is loaded.
//
// A pattern is words. `*` in a word stands for any text; a last word `*` stands for any further words, none too.

export const COMMAND_LENGTH_MAX = 1024;
const WORDS_MAX = 64;

/** The words of a command or pattern; quotes group, a backslash escapes. Undefined if a quote is left open. */
export function splitWords(command: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let index = 0; index < command.length; index++) {
    const character = command[index]!;
    if (quote !== '' && character === quote) quote = '';
    else if (quote !== '') word += character;
    else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
    } else if (character === '\\' && index + 1 < command.length) word = (word ?? '') + command[++index]!;
    else if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

/** Why text is no command pattern, or undefined if it is one. */
export function commandProblem(text: string): string | undefined {
  if (text.length > COMMAND_LENGTH_MAX) return `the command is longer than ${COMMAND_LENGTH_MAX} characters`;
  if (/[\0\n\r]/.test(text)) return 'the command contains a line break or NUL';
  const words = splitWords(text);
  if (words === undefined) return 'the command has a quote that is never closed';
  if (words.length === 0) return 'the command is empty';
  if (words.length > WORDS_MAX) return `the command has more than ${WORDS_MAX} words`;
  return words[0] === '*' ? 'the command begins with "*": name the program' : undefined;
}

/** Whether a command's words match a pattern's words. */
export function matchesCommand(pattern: readonly string[], words: readonly string[]): boolean {
  const isOpen = pattern.length > 1 && pattern[pattern.length - 1] === '*';
  const fixed = isOpen ? pattern.slice(0, -1) : pattern;
  if (isOpen ? words.length < fixed.length : words.length !== fixed.length) return false;
  return fixed.every((part, index) => matchesWord(part, words[index]!));
}

/** Greedy with a return to the latest star only, so time stays within pattern times word. */
function matchesWord(pattern: string, word: string): boolean {
  let at = 0;
  let index = 0;
  let retryAt = -1;
  let retryIndex = 0;
  while (index < word.length) {
    if (pattern[at] === '*') {
      retryAt = ++at;
      retryIndex = index;
    } else if (at < pattern.length && pattern[at] === word[index]) {
      at++;
      index++;
    } else if (retryAt >= 0) {
      at = retryAt;
      index = ++retryIndex;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

export interface FailedExample {
  readonly list: 'match' | 'not_match';
  readonly index: number;
  readonly reason: string;
}

/**
 * Runs a rule's examples: every entry of `match` must match the rule, none of `not_match` may.
 * An entry of `match` fails when it is read otherwise than written, as a pattern that does not match itself.
 */
export function failedExample(match: readonly string[], notMatch: readonly string[]): FailedExample | undefined {
  const patterns = match.map((text) => splitWords(text) ?? []);
  for (const [index, pattern] of patterns.entries()) {
    if (!matchesCommand(pattern, pattern)) return { list: 'match', index, reason: 'the pattern does not match itself' };
  }
  for (const [index, text] of notMatch.entries()) {
    const words = splitWords(text) ?? [];
    const hit = patterns.findIndex((pattern) => matchesCommand(pattern, words));
    if (hit === -1) continue;
    return { list: 'not_match', index, reason: `"${text}" must not match, but "${match[hit]}" matches it` };
  }
  return undefined;
}
