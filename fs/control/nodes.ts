// Node ids of the control tree: fixed ones for the table, monotonic ones for what comes and goes.
//
// Kept apart from every other node of a view by their range, so that a view can tell by the number alone.

/** Control nodes inside an agent's view begin here; below are the view's own. */
export const CONTROL_NODE_BASE = 2 ** 48;
/** The directory `.kernel` itself, in an agent's view. */
export const CONTROL_ROOT = CONTROL_NODE_BASE;
/** Its name in the root of the view: found when asked for, never listed. */
export const CONTROL_NAME = '.kernel';
/** Inode numbers of control files, in every mount. */
const INO_BASE = 2 ** 48;
/** Numbers up to here are the table's; above them follow the entries of its directories. */
const FIXED_MAX = 1024;
const HASH_SPAN = 2 ** 40;

export function isControlNode(node: number): boolean {
  return node >= CONTROL_NODE_BASE;
}

/** An entry of `pending/` or `commits/` that the kernel knows about. */
interface Item {
  readonly node: number;
  readonly parent: number;
  readonly name: string;
  lookups: number;
}

/** What a node id stands for: a row of the table, or a named entry below one. */
export interface Place {
  /** Index of the table's row (0 is the root). */
  readonly row: number;
  /** The entry below that row; undefined for the row itself. */
  readonly name: string | undefined;
}

export class ControlNodes {
  readonly #base: number;
  #next = FIXED_MAX;
  readonly #byNode = new Map<number, Item>();
  readonly #byName = new Map<string, Item>();

  /** @param base the node id of the root */
  constructor(base: number) {
    this.#base = base;
  }

  fixed(row: number): number {
    return this.#base + row;
  }

  /** undefined for a number that stands for nothing (any more). */
  place(node: number): Place | undefined {
    const item = this.#byNode.get(node);
    if (item !== undefined) return { row: item.parent, name: item.name };
    const row = node - this.#base;
    return row >= 0 && row < FIXED_MAX ? { row, name: undefined } : undefined;
  }

  /** The node of an entry below a row, with one more lookup on it. */
  take(row: number, name: string): number {
    const key = `${row}/${name}`;
    let item = this.#byName.get(key);
    if (item === undefined) {
      item = { node: this.#base + this.#next++, parent: row, name, lookups: 0 };
      this.#byName.set(key, item);
      this.#byNode.set(item.node, item);
    }
    item.lookups++;
    return item.node;
  }

  forget(node: number, count: number): void {
    const item = this.#byNode.get(node);
    if (item === undefined) return;
    item.lookups -= count;
    if (item.lookups > 0) return;
    this.#byNode.delete(node);
    this.#byName.delete(`${item.parent}/${item.name}`);
  }

  clear(): void {
    this.#byNode.clear();
    this.#byName.clear();
  }

  /** How many entries the kernel still holds. */
  get heldCount(): number {
    return this.#byNode.size;
  }
}

/** The persistent number of a place: the same after a forget, a restart, or in another mount. */
export function controlIno(row: number, name: string | undefined): number {
  if (name === undefined) return INO_BASE + row + 1;
  // FNV-1a over 40 bits in two halves: a number to show, no identity.
  let low = 0x811c9dc5 ^ row;
  let high = 0x1b873593 ^ row;
  for (let at = 0; at < name.length; at++) {
    low = Math.imul(low ^ name.charCodeAt(at), 0x01000193);
    high = Math.imul(high ^ name.charCodeAt(at), 0x85ebca6b);
  }
  return INO_BASE + HASH_SPAN + (low >>> 0) + (high >>> 24) * 2 ** 32;
}
