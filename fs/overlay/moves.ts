// Renames of one commit in an order that the host can follow, each in the names that hold by its turn.
//
// A directory of the agent's is on the host where it came from until its rename is done, so a place is found from what
// the directory was made from, through the renames done so far. A name is vacated before it is taken, and what is
// deepest leaves first. Renames in a circle stay: the commit finds them in conflict.
import type { Base, Step } from '../journal/model.ts';
import type { FoundChange } from './changes.ts';
import type { IndexRoot, Spot } from './indexTree.ts';
import { rowOfHost, spotAt } from './indexTree.ts';
import type { ViewState } from './state.ts';

export interface Move {
  readonly source: string;
  readonly path: string;
  readonly isDirectory: boolean;
}

const ABSENT: Base = { version: { type: 'absent' } };

export class Moves {
  readonly done: Move[] = [];
  private readonly view: ViewState;
  /** Places of directories as of that many moves: a deep tree asks for the same ones again and again. */
  private places = new Map<string, string>();
  private placesMoves = 0;

  constructor(view: ViewState) {
    this.view = view;
  }

  /** Where the host holds now what it held at a path before. */
  current(path: string): string {
    return afterMoves(this.done, path);
  }

  /** Where the host holds a directory of the view now, or will once it is made. */
  place(root: IndexRoot, path: string): string {
    if (path === root.path) return path;
    if (this.placesMoves !== this.done.length) this.places.clear();
    this.placesMoves = this.done.length;
    let place = this.places.get(path);
    if (place === undefined) {
      const lower = spotAt(this.view, root, path)?.record?.lower ?? '';
      place = lower === '' ? this.placeOf(root, path) : this.current(lower);
      this.places.set(path, place);
    }
    return place;
  }

  /** Where a name of the view is on the host: in its directory, wherever that is now. */
  placeOf(root: IndexRoot, path: string): string {
    const slash = path.lastIndexOf('/');
    return `${this.place(root, path.slice(0, slash))}${path.slice(slash)}`;
  }

  /** Whether a directory of the view is nowhere on the host. */
  isNew(root: IndexRoot, path: string): boolean {
    return spotAt(this.view, root, path)?.record?.lower === '';
  }

  /** Whether what the host had at a path is elsewhere by now. */
  isVacated(path: string): boolean {
    return this.done.some(({ source }) => source === path);
  }
}

export interface MovePorts {
  /** Makes the new directories above a change. */
  readonly makeParents: (found: FoundChange) => void;
  /** Takes away what the agent removed before it put this in its place. */
  readonly clear: (found: FoundChange, place: string) => void;
  readonly emit: (step: Step, found: FoundChange) => void;
}

/** Emits all renames. */
export function emitMoves(view: ViewState, moves: Moves, renames: readonly FoundChange[], ports: MovePorts): void {
  const depth = ({ spot }: FoundChange) => lowerOf(spot).split('/').length;
  const pending = [...renames].sort((a, b) => depth(b) - depth(a));
  while (pending.length > 0) {
    const next = pending.find((each) => isReady(moves, each, pending)) ?? pending[0];
    if (next === undefined) return;
    pending.splice(pending.indexOf(next), 1);
    emitMove(view, moves, next, ports);
  }
}

const lowerOf = (spot: Spot): string => spot.record?.lower ?? '';

function isReady(moves: Moves, found: FoundChange, pending: readonly FoundChange[]): boolean {
  const target = moves.placeOf(found.root, found.change.path);
  const source = moves.current(lowerOf(found.spot));
  if (isAtOrBelow(target, source)) return false;
  const clears = found.change.base.version.type === 'directory' && !moves.isVacated(target);
  return pending.every((other) => {
    if (other === found) return true;
    const from = moves.current(lowerOf(other.spot));
    // What is at a name to be taken, or at one of the new directories that lead to it, leaves first.
    return from !== target && !(clears && isAtOrBelow(from, target)) && !isNewAbove(moves, found, from);
  });
}

/** Whether a path is that of a directory which this rename needs and which is yet to be made. */
function isNewAbove(moves: Moves, { root, change }: FoundChange, from: string): boolean {
  let path = change.path.slice(0, change.path.lastIndexOf('/'));
  for (; path.length > root.path.length; path = path.slice(0, path.lastIndexOf('/')))
    if (moves.isNew(root, path) && moves.placeOf(root, path) === from) return true;
  return false;
}

function emitMove(view: ViewState, moves: Moves, found: FoundChange, ports: MovePorts): void {
  const { change, spot, root } = found;
  ports.makeParents(found);
  const place = moves.placeOf(root, change.path);
  const source = moves.current(lowerOf(spot));
  const isVacated = moves.isVacated(place);
  const clears = change.base.version.type === 'directory' && !isVacated;
  if (clears) ports.clear(found, place);
  const base = rowOfHost(view, root, lowerOf(spot))?.dirent.base ?? ABSENT;
  const targetBase = clears || isVacated ? ABSENT : change.base;
  ports.emit({ op: 'rename', path: place, source, base, targetBase }, found);
  moves.done.push({ source, path: place, isDirectory: change.result.type === 'directory' });
}

/** Where renames have brought what was at a path. */
export function afterMoves(moves: readonly Move[], path: string): string {
  let at = path;
  for (const { source, path: target } of moves) if (isAtOrBelow(at, source)) at = target + at.slice(source.length);
  return at;
}

export const isAtOrBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(`${directory}/`);
