// What one FUSE connection of a view holds: lookups, and what it has open.
import type { Backing } from '../operations.ts';
import type { Node } from './node.ts';

/** One FUSE connection of this view: what it holds, so that its end gives it back. */
export interface Connection {
  readonly id: number;
  readonly lookups: Map<number, number>;
  readonly handles: Set<number>;
  readonly backing: Backing | null;
  /** Device nodes and set-id bits are shown as they are. */
  readonly dev: boolean;
  /** Opens are not told: what is looked up may be open, and is read and written by node. */
  readonly withoutOpens: boolean;
}

export interface Handle {
  readonly id: number;
  readonly node: Node;
  readonly flags: number;
  readonly connection: Connection;
  readonly passthrough: boolean;
  wrote: boolean;
  /** Directories: the names as they were when the stream began; null for one that a later policy took away. */
  names: readonly (ListedName | null)[] | null;
}
export interface ListedName {
  readonly name: string;
  readonly ino: number;
  readonly type: number;
}
