// Whether a name may come into being, or go: what its rule and the patterns say, before anything is changed.
import type { Rule } from '../../policy/model.ts';
import { ERRNO, errno, fail } from '../errno.ts';
import { isReservedName } from '../host/reserved.ts';
import { STATX } from '../host/syscall.ts';
import type { Caller } from '../operations.ts';
import { ruleOf } from './crossing.ts';
import { childPath, type Node, pathOf, S_IFDIR, S_IFMT } from './node.ts';
import { isHiddenName } from './resolve.ts';
import type { ViewState } from './state.ts';

/** Throws unless this name may come into being here; gives its rule. */
export function creatable(
  view: ViewState,
  parent: Node,
  name: string,
  op: string,
  caller: Caller,
  directory: boolean,
): Rule {
  view.checkName(name);
  if (parent.orphan) fail('ENOENT');
  const rule = ruleOf(parent, name);
  const path = childPath(parent, name);
  if (rule.mode === 'hidden' || isReservedName(name)) view.refuse(op, path, rule, caller, errno(ERRNO.EPERM));
  if (rule.mode === 'ro') view.refuse(op, path, rule, caller, errno(ERRNO.EROFS));
  if (isWithheld(view, parent, name, rule, directory)) view.refuse(op, path, rule, caller, errno(ERRNO.EPERM));
  return rule;
}

/** Whether the patterns keep a name back: hidden, or in the place of something of the host's that the agent does not see. */
function isWithheld(view: ViewState, parent: Node, name: string, rule: Rule, directory: boolean): boolean {
  const path = pathOf(parent);
  const above = path === '/' ? '' : path;
  const verdict = view.judge(above, name, directory);
  // What is hidden as a file is no name for a directory either, whether the host has the file or not.
  if (verdict.hidden || view.judge(above, name, !directory).hidden) return true;
  // Under `rw` there is no upper in which the agent's own could stay private.
  return verdict.masked ? rule.mode === 'rw' : isBehind(view, parent, name);
}

/** Whether the host has something at a name that the agent must not find out about, or take the place of. */
function isBehind(view: ViewState, parent: Node, name: string): boolean {
  const directory = parent.lowerDirectory;
  if (directory === null || view.dirent(parent, name) !== undefined) return false;
  if (view.host.stat(directory, name, view.stat) !== 0) return false;
  const type = view.stat.readUInt16LE(STATX.mode) & S_IFMT;
  if (type === S_IFDIR && view.host.isForbidden(view.stat)) return true;
  return isHiddenName(view, parent, directory, name, type);
}

/** Throws unless this name may go. */
export function removable(view: ViewState, parent: Node, name: string, node: Node, op: string, caller: Caller): Rule {
  const rule = node.ruleNode === undefined ? ruleOf(parent, name) : parent.rule;
  if (node.ruleNode !== undefined) view.refuse(op, childPath(parent, name), node.rule, caller, errno(ERRNO.EBUSY));
  if (rule.mode === 'ro') view.refuse(op, childPath(parent, name), rule, caller, errno(ERRNO.EROFS));
  if (rule.mode === 'hidden') view.refuse(op, childPath(parent, name), rule, caller, errno(ERRNO.EPERM));
  return rule;
}
