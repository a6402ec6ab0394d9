// Another policy under a live view: every node is judged again, from the root down, by the path it has now.
//
// - A node keeps its id and its number. What is now hidden is `denied`: every operation on it answers ESTALE, also
//   through a handle or working directory from before; its names are absent as for a new lookup.
// - What is now read-only refuses writes through handles from before (EROFS), and takes no more from mappings.
// - Kernel caches: names of what is hidden expire, pages and attributes are dropped. Names expire one by one: a new
//   epoch for all of them makes the kernel unmount what the sandbox has mounted on the view (/proc, /dev).
// - Files that were opened past us (passthrough) cannot be cut here: their numbers are handed back, so that the caller
//   ends who holds them.
// - The rule trie keeps its shape: where a rule goes away its root stays a place of its own until the session ends,
//   so that nothing is found under another number.
import type { ReadAudit } from '../../policy/effective.ts';
import type { NameJudge, Rule, RuleNode } from '../../policy/model.ts';
import { HIDDEN_BY_DEFAULT, ruleFor, strictness } from '../../policy/rules.ts';
import { isReservedName } from '../host/reserved.ts';
import type { ListedName } from './connection.ts';
import { listNames } from './directory.ts';
import type { Node } from './node.ts';
import { isDirectory, isRegular, pathOf } from './node.ts';
import { CONTENT, decodeDirent, direntName } from './records.ts';
import { child, isTakenAway, lowerOf } from './resolve.ts';
import type { ViewState } from './state.ts';
import { release } from './upper.ts';

export interface LivePolicy {
  readonly rules: RuleNode;
  readonly judge: NameJudge;
  readonly tracked: ReadonlySet<string>;
  readonly reads: ReadAudit;
}

export interface Reloaded {
  /** Live objects that are hidden now and were not before. */
  readonly hidden: number;
  /** Inode numbers of files that may be open or mapped past us with more than the policy now allows. */
  readonly uncut: readonly number[];
}

/** Attributes that the kernel is told to forget at most; beyond it those of closed files age out by themselves. */
const TOLD_MAX = 32_768;

interface Before {
  readonly denied: boolean;
  readonly rule: Rule;
}

/** Puts a policy in force for everything that is open, cached, or looked up from now on. */
export function reloadPolicy(view: ViewState, policy: LivePolicy): Reloaded {
  view.rules = withShapeOf(policy.rules, view.rules);
  view.names = policy.judge;
  view.tracked = policy.tracked;
  view.reads = policy.reads;
  const before = new Map<Node, Before>();
  for (const node of view.nodes.values()) before.set(node, { denied: node.denied, rule: node.rule });
  const judged = new Set<Node>();
  for (const node of before.keys()) judge(view, node, judged);
  for (const handle of view.handles.values()) {
    if (handle.names !== null && !handle.node.denied) handle.names = stillListed(view, handle.node, handle.names);
  }
  view.idle.dropAll();
  view.listings.dropAll();
  expireOtherNames(view);
  return tell(view, before);
}

/** The new trie, with a place without a rule wherever the old one had one. */
function withShapeOf(tree: RuleNode | undefined, shape: RuleNode | undefined): RuleNode {
  const children = new Map<string, RuleNode>();
  for (const name of new Set([...(tree?.children.keys() ?? []), ...(shape?.children.keys() ?? [])]))
    children.set(name, withShapeOf(tree?.children.get(name), shape?.children.get(name)));
  return { rule: tree?.rule, children };
}

function judge(view: ViewState, node: Node, judged: Set<Node>): void {
  if (judged.has(node)) return;
  judged.add(node);
  if (node === view.root) judgeRoot(view, node);
  else if (node.parent === null) judgeUnnamed(view, node, node.name);
  else {
    judge(view, node.parent, judged);
    judgeNamed(view, node, node.parent);
  }
}

function judgeRoot(view: ViewState, node: Node): void {
  node.ruleNode = view.rules;
  node.rule = view.rules.rule ?? HIDDEN_BY_DEFAULT;
  node.lowerDirectory = node.rule.mode === 'hidden' || node.rule.empty ? null : view.host.root;
}

function judgeNamed(view: ViewState, node: Node, parent: Node): void {
  const ruleNode = parent.ruleNode?.children.get(node.name);
  setRule(view, node, ruleNode?.rule ?? parent.rule);
  node.ruleNode = ruleNode;
  if (isDirectory(node)) {
    node.ownDirectory = ruleNode === undefined ? null : (parent.ownDirectory?.child(node.name) ?? null);
    if (ruleNode !== undefined && !becomesRoot(view, node, parent)) {
      node.denied = true;
      return;
    }
  }
  if (node.record !== null && node.record.lower !== '') Object.assign(node, lowerOf(view, node.record));
  if (parent.denied) node.denied = true;
  else if (lacksContent(node)) node.denied = true;
  else judgeByName(view, node, parent);
}

/** Files shared by the host's hard links are found by their rule. */
function setRule(view: ViewState, node: Node, rule: Rule): void {
  const key = `${node.ino} ${node.rule.path}`;
  node.rule = rule;
  if (view.files.get(key) !== node) return;
  view.files.delete(key);
  view.files.set(`${node.ino} ${rule.path}`, node);
}

/** A directory that a rule now lies on or below is found by its path; false where that path has another number. */
function becomesRoot(view: ViewState, node: Node, parent: Node): boolean {
  const path = pathOf(node);
  const known = view.numbers.knownRoot(path);
  if (known === node.ino) return true;
  if (known === undefined || node.record !== null) {
    view.numbers.setRoot(path, node.ino);
    return true;
  }
  if (parent.children.get(node.name) === node) parent.children.delete(node.name);
  return false;
}

/** Its bytes are the host's, and where they came from is hidden now. */
const lacksContent = (node: Node): boolean =>
  isRegular(node) && node.record?.content === CONTENT.lower && node.hostParent === null;

function judgeByName(view: ViewState, node: Node, parent: Node): void {
  let found: Node | null = null;
  try {
    found = child(view, parent, node.name);
  } catch {
    // Who cannot be asked about shows nothing.
  }
  node.denied = false;
  if (found === node) return;
  if (found !== null) release(view, found);
  else if (isGone(view, node, parent)) judgeUnnamed(view, node, pathOf(node));
  else node.denied = true;
}

/** Removed by someone, not hidden: an open file lives on without its name. */
function isGone(view: ViewState, node: Node, parent: Node): boolean {
  if (view.dirent(parent, node.name)?.whiteout === true) return true;
  if (node.record !== null || node.hostParent === null) return false;
  return view.host.stat(node.hostParent, node.hostName, view.stat) < 0 || view.hostIno() !== node.hostIno;
}

/** What has no name any more is judged by the last one it had. */
function judgeUnnamed(view: ViewState, node: Node, path: string): void {
  setRule(view, node, ruleFor(view.rules, path));
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const verdict = view.judge(path.slice(0, slash), name, isDirectory(node));
  const isHost = node.record === null || node.record.content === CONTENT.lower;
  node.denied =
    node.rule.mode === 'hidden' ||
    isReservedName(name) ||
    verdict.hidden ||
    (isHost && (verdict.masked || verdict.hiddenIfPrivateKey || node.rule.empty));
}

/** A stream goes on with what it had, less what is hidden now; its cookies stay what they were. */
function stillListed(
  view: ViewState,
  node: Node,
  names: readonly (ListedName | null)[],
): readonly (ListedName | null)[] {
  const seen = new Set(['.', '..', ...(node.orphan ? [] : listNames(view, node)).map(({ name }) => name)]);
  return names.map((listed) => (listed !== null && seen.has(listed.name) ? listed : null));
}

/** The kernel forgets what it may not show; what it shows without asking is handed back. */
function tell(view: ViewState, before: ReadonlyMap<Node, Before>): Reloaded {
  const { notifier } = view.options;
  const uncut: number[] = [];
  const closed: Node[] = [];
  let hidden = 0;
  for (const [node, was] of before) {
    const isHidden = node.denied && !was.denied;
    if (isHidden) hidden += 1;
    if (!isHidden && !losesWrites(node, was)) continue;
    if (node.passed) uncut.push(node.ino);
    if (isHidden && node.parent !== null && !node.parent.denied) notifier.expireEntry(node.parent.id, node.name);
    if (node.opens > 0 && !isDirectory(node)) notifier.invalidateInode(node.id, 0, 0);
    else if (isHidden) closed.push(node);
  }
  for (const node of closed.slice(0, TOLD_MAX)) notifier.invalidateInode(node.id, 0, 0);
  return { hidden, uncut };
}

/** A file of several names is judged by one of them: the others may be hidden, and the kernel knows them for a minute. */
function expireOtherNames(view: ViewState): void {
  const linked = new Set<number>();
  const directories = new Map<number, Node>();
  for (const node of view.nodes.values()) {
    if (node.record === null || node.denied) continue;
    if (isDirectory(node)) directories.set(node.ino, node);
    else if (node.record.nlink > 1) linked.add(node.ino);
  }
  if (linked.size === 0) return;
  for (const { key, value } of view.ledger.range('dirents', Buffer.alloc(0), undefined)) {
    const { ino, type } = decodeDirent(value);
    const parent = linked.has(ino) ? directories.get(Number(key.readBigUInt64BE(0))) : undefined;
    const name = parent === undefined ? '' : direntName(key);
    if (parent !== undefined && isTakenAway(view, parent, name, type))
      view.options.notifier.expireEntry(parent.id, name);
  }
}

const losesWrites = (node: Node, was: Before): boolean =>
  isRegular(node) && node.rule.mode === 'ro' && strictness(was.rule.mode) < strictness('ro');
