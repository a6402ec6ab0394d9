// Puts the renames of a plan in an order in which a host can follow them.
import type { Step } from './model.ts';

type Rename = Extract<Step, { op: 'rename' }>;

export const isAtOrBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(`${directory}/`);
const isBelow = (path: string, directory: string) => path !== directory && isAtOrBelow(path, directory);

/**
 * The same steps; renames, at the places they had, so that a name is vacated before it is taken (`b` to `c`, then `a`
 * to `b`), what leaves a directory leaves before it moves, and a directory arrives before what moves into it.
 * Renames in a circle stay as they are: a commit finds them in conflict.
 */
export function orderRenames(steps: readonly Step[]): readonly Step[] {
  const renames = steps.filter((step) => step.op === 'rename');
  if (renames.length < 2) return steps;
  const ordered: Rename[] = [];
  const state = new Map<Rename, 'open' | 'done'>();
  const visit = (rename: Rename) => {
    if (state.has(rename)) return;
    state.set(rename, 'open');
    for (const other of renames) if (other !== rename && goesBefore(other, rename)) visit(other);
    state.set(rename, 'done');
    ordered.push(rename);
  };
  for (const rename of renames) visit(rename);
  let next = 0;
  return steps.map((step) => (step.op === 'rename' ? (ordered[next++] as Rename) : step));
}

const goesBefore = (first: Rename, second: Rename) =>
  isAtOrBelow(first.source, second.path) || isBelow(first.source, second.source) || isBelow(second.path, first.path);
