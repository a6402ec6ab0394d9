// Puts the steps of a plan in an order in which a host can follow them, and follow them fast.
import type { Step } from './model.ts';

type Rename = Extract<Step, { op: 'rename' }>;

/** The same steps: renames so that each can be done, and new directories ahead of the files that come with them. */
export const ordered = (steps: readonly Step[]): readonly Step[] => directoriesFirst(orderRenames(steps));

/** Files next to each other are flushed together; no step that only adds names can be in a new directory's way. */
export function directoriesFirst(steps: readonly Step[]): readonly Step[] {
  const result: Step[] = [];
  let run: Step[] = [];
  const flush = () => {
    result.push(...run.filter((step) => step.op === 'mkdir'), ...run.filter((step) => step.op !== 'mkdir'));
    run = [];
  };
  for (const step of steps) {
    if (step.op === 'rename' || step.op === 'delete') flush();
    run.push(step);
    if (step.op === 'rename' || step.op === 'delete') flush();
  }
  flush();
  return result;
}

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
