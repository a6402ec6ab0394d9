// The end of a session, and the end of an upper.
import type { Mode } from '../../policy/model.ts';
import { GivingBack, giveBack } from './giveBack.ts';
import { indexRoots, spotsOf } from './indexTree.ts';

import type { ViewState } from './state.ts';

/** Drops everything the agent has under rules of the given modes. */
export function dropModes(view: ViewState, modes: readonly Mode[]): void {
  const back = new GivingBack(view, false);
  for (const root of indexRoots(view, (node) => node.rule !== undefined && modes.includes(node.rule.mode)))
    for (const spot of [...spotsOf(view, root.ino, root.path, root.lower, root.ruleNode)]) giveBack(back, root, spot);
}

/** Drops the whole upper, also what a rule that came later took out of sight. */
export function dropAll(view: ViewState): void {
  const back = new GivingBack(view, false);
  for (const root of indexRoots(view, () => true))
    for (const spot of [...spotsOf(view, root.ino, root.path, root.lower, undefined)]) giveBack(back, root, spot);
}

/** Files and bytes that the agent's upper holds. */
export function measure(view: ViewState): { readonly files: number; readonly bytes: number } {
  let files = 0;
  for (const { key } of view.ledger.range('inodes', Buffer.alloc(1), undefined)) if (key.length > 0) files += 1;
  return { files, bytes: view.stagedBytes() };
}
