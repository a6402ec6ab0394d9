// Paths of the control tree, walked and used as the kernel would: lookup by lookup, open, read or write, release, forget.
import type { ControlTree } from '../../fs/control/tree.ts';
import { FakeCaller } from './fakeSource.ts';

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;

/** The node at a path below `.kernel`, with one lookup on it. */
export function nodeAt(tree: ControlTree, path: string, caller = new FakeCaller()): number {
  let node = tree.rootEntry().nodeId;
  for (const name of path.split('/').filter((part) => part !== '')) node = tree.lookup(node, name, caller).nodeId;
  return node;
}

export function readAt(tree: ControlTree, path: string, caller = new FakeCaller()): string {
  const node = nodeAt(tree, path, caller);
  const { handle } = tree.open(node, O_RDONLY, caller);
  const target = Buffer.alloc(16);
  const parts: Buffer[] = [];
  for (let offset = 0, length = 1; length > 0; offset += length) {
    length = tree.read(node, handle, offset, target, caller);
    parts.push(Buffer.from(target.subarray(0, length)));
  }
  tree.release(node, handle, 0);
  tree.forget(node, 1);
  return Buffer.concat(parts).toString('latin1');
}

/** As `printf %s TEXT > path` does: open for writing, truncate, one write. */
export function writeAt(tree: ControlTree, path: string, text: string, caller = new FakeCaller()): void {
  const node = nodeAt(tree, path, caller);
  const { handle } = tree.open(node, O_WRONLY, caller);
  try {
    tree.setattr(node, { size: 0, handle }, caller);
    tree.write(node, handle, 0, Buffer.from(text, 'latin1'), false, caller);
  } finally {
    tree.release(node, handle, 0);
    tree.forget(node, 1);
  }
}
