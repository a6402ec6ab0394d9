// Directories under `rw` belong to the host: an entry of the agent's leads through them only while data below waits for
// its close. When it has landed those entries go, so that the host's attributes and names show again.

import type { Node } from './node.ts';
import { direntKey, direntRange } from './records.ts';
import { forgetInode } from './settle.ts';
import type { ViewState } from './state.ts';

/** Unpins the directories above a node, from the lowest up, as far as nothing of the agent's is below them. */
export function unpinAbove(view: ViewState, node: Node): void {
  for (let at = node.parent; at !== null && at.rule.mode === 'rw' && at.record !== null; at = at.parent) {
    if (!unpin(view, at)) return;
  }
}

function unpin(view: ViewState, directory: Node): boolean {
  for (const _entry of view.ledger.range('dirents', ...direntRange(directory.ino))) return false;
  const { parent, name } = directory;
  view.ledger.transact((tx) => {
    if (directory.ruleNode === undefined && parent !== null) tx.remove('dirents', direntKey(parent.ino, name));
    forgetInode(view, tx, directory.ino);
  });
  directory.record = null;
  return true;
}
