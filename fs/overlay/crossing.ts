// Where a rename leaves one rule for another: what may go, and what the refusal is.
import type { Rule } from '../../policy/model.ts';
import { ERRNO, errno } from '../errno.ts';
import type { Caller } from '../operations.ts';
import { copyUpClosed } from './content.ts';
import type { Node } from './node.ts';
import { childPath, isDirectory, isRegular, pathOf } from './node.ts';
import type { ViewState } from './state.ts';
import { isWholeBelow } from './subtree.ts';

/** One side of a rename. */
export interface Place {
  readonly parent: Node;
  readonly name: string;
}

/** The rule of a name. */
export const ruleOf = (parent: Node, name: string): Rule => parent.ruleNode?.children.get(name)?.rule ?? parent.rule;

/** As between two file systems, EXDEV comes before EROFS: `mv` copies then. */
export function refuseCrossing(view: ViewState, source: Node, target: Node | null, to: Place, caller: Caller): void {
  if (source.ruleNode !== undefined || target?.ruleNode !== undefined) return;
  const rule = ruleOf(to.parent, to.name);
  const modes = [source.rule.mode, rule.mode];
  if (modes[0] === modes[1] || modes.includes('hidden') || modes.every((mode) => mode !== 'ro' && mode !== 'rw'))
    return;
  view.refuse('rename', childPath(to.parent, to.name), rule, caller, errno(ERRNO.EXDEV));
}

/**
 * What goes from one rule to another leaves nothing of itself on the host: what happens to its old place there is
 * decided apart from it. A file takes its bytes along; a directory that shows the host's has to be copied (EXDEV).
 */
export function crossRules(view: ViewState, node: Node, to: Place, rule: Rule, caller: Caller): void {
  if (isRegular(node)) copyUpClosed(view, node, caller);
  else if (isDirectory(node) && showsHost(view, node))
    view.refuse('rename', childPath(to.parent, to.name), rule, caller, errno(ERRNO.EXDEV));
}

/** No review follows what is under a masked name: a directory that shows the host's is copied there, too. */
export function refuseMasking(view: ViewState, node: Node, to: Place, rule: Rule, caller: Caller): void {
  if (!isDirectory(node)) return;
  const above = pathOf(to.parent);
  if (view.judge(above === '/' ? '' : above, to.name, true).masked && showsHost(view, node))
    view.refuse('rename', childPath(to.parent, to.name), rule, caller, errno(ERRNO.EXDEV));
}

function showsHost(view: ViewState, node: Node): boolean {
  return node.lowerDirectory !== null || (node.record !== null && !isWholeBelow(view, node.ino));
}
