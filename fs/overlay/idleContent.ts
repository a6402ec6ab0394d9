// Descriptors of files that are read and written without having been opened: kept by node, bounded, the least recently
// used goes first. Nothing depends on one being kept: the next read or write opens it again.
import { close } from '../host/syscall.ts';
import type { Node } from './node.ts';
import type { ViewState } from './state.ts';

/** Descriptors kept at a time, for all connections of one agent. */
const KEPT_MAX = 512;

export class IdleContent {
  /** The least recently used first. */
  private readonly nodes = new Set<Node>();

  /** The node's content is open and was just used. */
  used(node: Node): void {
    this.nodes.delete(node);
    this.nodes.add(node);
    if (this.nodes.size <= KEPT_MAX) return;
    const [oldest] = this.nodes;
    if (oldest !== undefined) this.drop(oldest);
  }

  /** Its content becomes another, or nobody can reach it any more. */
  drop(node: Node): void {
    this.nodes.delete(node);
    if (node.opens === 0) closeContent(node);
  }

  dropAll(): void {
    for (const node of [...this.nodes]) this.drop(node);
  }
}

export function closeContent(node: Node): void {
  if (node.fd < 0) return;
  close(node.fd);
  node.fd = -1;
  node.fdIsStaging = false;
  node.wrote = false;
}

/** Bytes of two files of the host's, one after the other, are not those of one that was open all the time. */
export function isServedStill(view: ViewState, node: Node): boolean {
  if (node.blindLookups === 0 || node.record !== null) return true;
  const ino = view.hostIno();
  if (node.servedIno !== 0 && node.servedIno !== ino) return false;
  node.servedIno = ino;
  return true;
}
