// The error for text a person wrote: where it is wrong, why, and the nearest word that would have been right.

/** Words further away than this are no help. */
const NEAREST_DISTANCE_MAX = 3;
const WORD_LENGTH_MAX = 64;

export interface InputProblem {
  readonly file: string;
  /** From 1; 0 where the input has no lines (a command line). */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count; 0 where the input has no lines. */
  readonly column: number;
  readonly reason: string;
  /** The nearest valid word, if one is near. */
  readonly nearest?: string | undefined;
}

/** Malformed input. The message is complete: `FILE:LINE:COLUMN: reason; did you mean "x"?` */
export class InputError extends Error {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly reason: string;
  readonly nearest: string | undefined;

  constructor(problem: InputProblem, options?: ErrorOptions) {
    super(describe(problem), options);
    this.name = 'InputError';
    this.file = problem.file;
    this.line = problem.line;
    this.column = problem.column;
    this.reason = problem.reason;
    this.nearest = problem.nearest;
  }
}

function describe(problem: InputProblem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const hint = problem.nearest === undefined ? '' : `; did you mean "${problem.nearest}"?`;
  return `${place}: ${problem.reason}${hint}`;
}

/** The valid word nearest to `word` by edit distance, or undefined when none is near enough to be meant. */
export function nearestWord(word: string, valid: Iterable<string>): string | undefined {
  if (word.length > WORD_LENGTH_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = Math.min(NEAREST_DISTANCE_MAX, Math.max(1, Math.floor(word.length / 2))) + 1;
  for (const candidate of valid) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance with a swap of neighbours counted as one edit (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) distance = Math.min(distance, beforePrevious[j - 2]! + 1);
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
