// Which rule governs a path: a trie by path component, so that a rule never reaches past a component's end.
//
// Paths are byte strings (latin1), absolute and normalized. Lookup allocates only the components it compares.

import { MODES, type Mode, type Rule, type RuleNode } from './model.ts';

/** As the kernel's PATH_MAX. */
export const PATH_LENGTH_MAX = 4096;

/** What governs a path that no rule reaches: an allow-list hides the rest. */
export const HIDDEN_BY_DEFAULT: Rule = { path: '/', mode: 'hidden', empty: false, source: 'default' };

interface GrowingNode {
  rule: Rule | undefined;
  children: Map<string, GrowingNode>;
}

/**
 * The trie of the rules. Of several rules for one path the last wins.
 * @throws RangeError when a rule's path is not normalized: rules are parsed before they come here.
 */
export function ruleTree(rules: readonly Rule[]): RuleNode {
  const root: GrowingNode = { rule: undefined, children: new Map() };
  for (const rule of rules) {
    if (normalizePath(rule.path) !== rule.path) throw new RangeError(`rule path is not normalized: ${rule.path}`);
    let node = root;
    for (const component of componentsOf(rule.path)) {
      let child = node.children.get(component);
      if (child === undefined) {
        child = { rule: undefined, children: new Map() };
        node.children.set(component, child);
      }
      node = child;
    }
    node.rule = rule;
  }
  return root;
}

/** The rule with the longest matching prefix, by component. `path` is absolute and normalized. */
export function ruleFor(root: RuleNode, path: string): Rule {
  let node: RuleNode | undefined = root;
  let rule = root.rule ?? HIDDEN_BY_DEFAULT;
  let start = 1;
  while (start < path.length) {
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    node = node.children.get(path.slice(start, end));
    if (node === undefined) return rule;
    if (node.rule !== undefined) rule = node.rule;
    start = end + 1;
  }
  return rule;
}

/** The trie's node exactly at `path`: a rule's root, or an ancestor of one, whose `children` are the placeholders. */
export function nodeAt(root: RuleNode, path: string): RuleNode | undefined {
  let node: RuleNode | undefined = root;
  for (const component of componentsOf(path)) {
    node = node.children.get(component);
    if (node === undefined) return undefined;
  }
  return node;
}

/** Whether a rule is rooted at `path` or below it: such a directory is a mountpoint (rename and rmdir give EBUSY). */
export function isRuleRootOrAncestor(root: RuleNode, path: string): boolean {
  return nodeAt(root, path) !== undefined;
}

/** How tight a mode is: 0 for `rw`, growing to `hidden`. */
export function strictness(mode: Mode): number {
  return MODES.indexOf(mode);
}

/** Whether `rule` allows or shows more than `than`: by its mode, or by showing the host where `than` begins empty. */
export function isWider(rule: Rule, than: Rule): boolean {
  if (strictness(rule.mode) < strictness(than.mode)) return true;
  return than.empty && !rule.empty && rule.mode !== 'hidden';
}

/** Whether `path` is `ancestor` or lies below it, by component. Both absolute and normalized. */
export function isAtOrBelow(path: string, ancestor: string): boolean {
  if (ancestor === '/') return true;
  return path.startsWith(ancestor) && (path.length === ancestor.length || path[ancestor.length] === '/');
}

/** Why a path cannot be a rule's root, or undefined if it can. */
export function pathProblem(path: string): string | undefined {
  if (path.length === 0) return 'the path is empty';
  if (path.includes('\0')) return 'the path contains a NUL byte';
  if (!path.startsWith('/')) return 'the path is not absolute';
  if (path.length > PATH_LENGTH_MAX) return `the path is longer than ${PATH_LENGTH_MAX} bytes`;
  if (path.split('/').includes('..')) return 'the path contains ".."';
  return undefined;
}

/** An absolute path without `//`, `.` and trailing slash; undefined if {@link pathProblem} has a reason against it. */
export function normalizePath(path: string): string | undefined {
  if (pathProblem(path) !== undefined) return undefined;
  return `/${componentsOf(path).join('/')}`;
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}

/** Text as the byte string that names and paths are. */
export function bytesOfText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The text of a byte string, or undefined if it is not UTF-8. */
export function textOfBytes(bytes: string): string | undefined {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return bytesOfText(text) === bytes ? text : undefined;
}
