// How deep a tree may be: listings and plans go down it, so its depth is bounded where it grows.
import { fail } from '../errno.ts';
import { isDirectorySpot, spotsOf } from './indexTree.ts';
import type { Node } from './node.ts';
import type { ViewState } from './state.ts';

/** Directories above a new one. What a listing costs grows with the square of it. */
const DEPTH_MAX = 1024;

/** @throws ENAMETOOLONG where a new directory would lie too deep */
export function checkDepth(parent: Node): void {
  if (depthOf(parent) >= DEPTH_MAX) fail('ENAMETOOLONG');
}

/** The same for a directory that comes from elsewhere with all that the agent has in it. */
export function checkDepthOfMove(view: ViewState, directory: Node, from: Node, to: Node): void {
  const depth = depthOf(to);
  if (depth > depthOf(from) && depth + heightOf(view, directory.ino) > DEPTH_MAX) fail('ENAMETOOLONG');
}

function depthOf(node: Node): number {
  let depth = 0;
  for (let at = node.parent; at !== null; at = at.parent) depth += 1;
  return depth;
}

/** Directories from this one to the deepest below it, itself included. */
function heightOf(view: ViewState, ino: number): number {
  let below = 0;
  for (const spot of spotsOf(view, ino, '', null, undefined))
    if (isDirectorySpot(spot)) below = Math.max(below, heightOf(view, spot.dirent.ino));
  return below + 1;
}
