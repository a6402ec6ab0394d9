// From a directory and a name to a node: the agent's entry, else what the host has, under the rule of that name.
//
// Order: rule trie, reserved names, the agent's own entries (whiteouts too), then the host and the name patterns.
// What is hidden is absent: every way to a name goes through `child`, so listings, links and errors agree.
import type { Rule, RuleNode } from '../../policy/model.ts';
import { ruleFor } from '../../policy/rules.ts';
import { damaged, errno } from '../errno.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import { isReservedName } from '../host/reserved.ts';
import { close, pread, STATX } from '../host/syscall.ts';
import { statLower } from './attributes.ts';
import type { Node } from './node.ts';
import { isDirectory, pathOf, S_IFDIR, S_IFMT, S_IFREG } from './node.ts';
import type { DirentRecord, InodeRecord } from './records.ts';
import { CONTENT } from './records.ts';
import type { ViewState } from './state.ts';

const ENOENT = -2;
const ENOTDIR = -20;
const ELOOP = -40;
/** Names remembered for one file with several links. */
const HOST_NAMES_MAX = 64;
const PRIVATE_KEY_PEEK_BYTES = 1024;
const O_NONBLOCK = 0o4000;

/** The node of a name, or null where the agent sees nothing. Does not count a lookup. */
export function child(view: ViewState, parent: Node, name: string): Node | null {
  view.checkName(name);
  if (isReservedName(name)) return null;
  const ruleNode = parent.ruleNode?.children.get(name);
  const rule = ruleNode?.rule ?? parent.rule;
  const dirent = view.dirent(parent, name);
  if (dirent !== undefined) {
    if (dirent.whiteout || isTakenAway(view, parent, name, dirent.type)) return null;
    const node = upperChild(view, parent, name, dirent.ino, rule, ruleNode);
    if (node === null) damaged('row', `an entry leads to inode ${dirent.ino}, which is not there`);
    return isForsaken(view, node) ? null : node;
  }
  if (ruleNode !== undefined) return ruledChild(view, parent, name, rule, ruleNode);
  if (parent.lowerDirectory === null || rule.mode === 'hidden') return null;
  return lowerChild(view, parent, parent.lowerDirectory, name, rule);
}

/** Changed in its attributes only, and the host has removed the file that holds its bytes: there is nothing to show. */
function isForsaken(view: ViewState, node: Node): boolean {
  if (node.record?.content !== CONTENT.lower || node.fd >= 0 || node.type !== S_IFREG) return false;
  const status = statLower(view, node);
  return status === ENOENT || status === ENOTDIR;
}

/** The same for a listed entry of the agent's. */
export function isForsakenEntry(view: ViewState, { ino, type }: DirentRecord): boolean {
  if (type !== S_IFREG >> 12) return false;
  const known = view.files.get(ino);
  if (known !== undefined && known.record !== null) return isForsaken(view, known);
  const record = view.readInode(ino);
  if (record === null || record.content !== CONTENT.lower) return false;
  const { hostParent, hostName } = lowerOf(view, record);
  const status = hostParent === null ? ENOENT : view.host.stat(hostParent, hostName, view.stat);
  return status === ENOENT || status === ENOTDIR;
}

/** Whether a policy that came later hides what the agent made. */
export function isTakenAway(view: ViewState, parent: Node, name: string, type: number): boolean {
  const ruleNode = parent.ruleNode?.children.get(name);
  const rule = ruleNode?.rule ?? parent.rule;
  if (rule.mode === 'hidden' && (ruleNode === undefined || !leadsToVisible(ruleNode))) return true;
  const path = pathOf(parent);
  return view.judge(path === '/' ? '' : path, name, type === S_IFDIR >> 12).hidden;
}

/** The agent's own object at a name. */
function upperChild(
  view: ViewState,
  parent: Node,
  name: string,
  ino: number,
  rule: Rule,
  ruleNode: RuleNode | undefined,
): Node | null {
  const cached = parent.children.get(name);
  if (cached !== undefined && cached.ino === ino && view.nodes.has(cached.id)) {
    // A directory under `rw` is one node whether data below waits or not: its children go by where it says it is.
    if (cached.record === null && rule.mode === 'rw') cached.record = view.readInode(ino);
    if (cached.record !== null) return cached;
  }
  const file = view.files.get(ino);
  if (file !== undefined && file.record !== null && view.nodes.has(file.id)) {
    if (file.denied) file.rule = rule;
    place(file, parent, name);
    return file;
  }
  const record = view.readInode(ino);
  if (record === null) return null;
  const node = view.remember({
    ino,
    type: record.mode & S_IFMT,
    parent,
    name,
    rule,
    ruleNode,
    record,
    ownDirectory: ruleNode === undefined ? null : (parent.ownDirectory?.child(name) ?? null),
    ...lowerOf(view, record),
  });
  adopt(view, parent, name, node);
  return node;
}

/** Whether the rules still show what the host has at a path: what was moved away from there goes on showing it. */
function showsHost(view: ViewState, path: string): boolean {
  const { mode, empty } = ruleFor(view.rules, path);
  return mode !== 'hidden' && !empty;
}

/** Where a record's host object lies. */
export function lowerOf(
  view: ViewState,
  record: InodeRecord,
): Pick<Node, 'lowerDirectory' | 'hostParent' | 'hostName'> {
  const none = { lowerDirectory: null, hostParent: null, hostName: '' };
  if (record.lower === '' || !showsHost(view, record.lower)) return none;
  const directory = view.host.at(record.lower);
  if ((record.mode & S_IFMT) === S_IFDIR) {
    const parent = directory.parent ?? directory;
    const status = view.host.stat(parent, directory.name === '' ? '.' : directory.name, view.stat);
    const open = status === 0 && isHostDirectory(view) && view.host.mayEnter(view.stat);
    return { lowerDirectory: open ? directory : null, hostParent: parent, hostName: directory.name };
  }
  return { lowerDirectory: null, hostParent: directory.parent, hostName: directory.name };
}

const isHostDirectory = (view: ViewState) => (view.stat.readUInt16LE(STATX.mode) & S_IFMT) === S_IFDIR;

/** A rule's root, or a directory that leads to one. */
function ruledChild(view: ViewState, parent: Node, name: string, rule: Rule, ruleNode: RuleNode): Node | null {
  const hostParent = parent.ownDirectory;
  const status = hostParent === null ? ENOENT : view.host.stat(hostParent, name, view.stat);
  const exists = status === 0;
  const ownRule = ruleNode.rule;
  const leads = leadsToVisible(ruleNode);
  if (ownRule?.mode === 'hidden' && !leads) return null;
  if (exists && hostParent !== null && !isHostDirectory(view)) {
    const visible =
      ownRule === undefined ? parent.lowerDirectory !== null : ownRule.mode !== 'hidden' && !ownRule.empty;
    const link = (view.stat.readUInt16LE(STATX.mode) & S_IFMT) !== S_IFREG;
    return visible || (link && leads) ? lowerChild(view, parent, hostParent, name, rule) : null;
  }
  if (exists && view.host.isForbidden(view.stat)) return null;
  const shown =
    ownRule === undefined ? leads || (exists && parent.lowerDirectory !== null) : exists || ownRule.empty || leads;
  return shown ? ruledDirectory(view, parent, name, rule, ruleNode, exists) : null;
}

const leading = new WeakMap<RuleNode, boolean>();

/** Whether a rule that shows something lies below: what leads to hidden names alone is not made up. */
function leadsToVisible(ruleNode: RuleNode): boolean {
  let known = leading.get(ruleNode);
  if (known === undefined) {
    known = [...ruleNode.children.values()].some(
      (below) => (below.rule !== undefined && below.rule.mode !== 'hidden') || leadsToVisible(below),
    );
    leading.set(ruleNode, known);
  }
  return known;
}

function ruledDirectory(
  view: ViewState,
  parent: Node,
  name: string,
  rule: Rule,
  ruleNode: RuleNode,
  exists: boolean,
): Node {
  const ownDirectory = parent.ownDirectory?.child(name) ?? null;
  const shows = ruleNode.rule === undefined ? parent.lowerDirectory !== null : !rule.empty && rule.mode !== 'hidden';
  const lowerDirectory = exists && shows ? ownDirectory : null;
  const cached = parent.children.get(name);
  if (cached !== undefined && isDirectory(cached) && cached.ruleNode === ruleNode && view.nodes.has(cached.id)) {
    cached.lowerDirectory = lowerDirectory;
    return cached;
  }
  const path = pathOf(parent) === '/' ? `/${name}` : `${pathOf(parent)}/${name}`;
  const ino = view.numbers.root(path);
  const record = view.readInode(ino);
  const hostParent = exists ? parent.ownDirectory : null;
  const node = view.remember({
    ino,
    type: S_IFDIR,
    parent,
    name,
    rule,
    ruleNode,
    record,
    lowerDirectory,
    ownDirectory,
    hostParent,
    hostName: name,
  });
  adopt(view, parent, name, node);
  return node;
}

/** What the host has at a name, if the patterns let it through. */
function lowerChild(view: ViewState, parent: Node, directory: HostDirectory, name: string, rule: Rule): Node | null {
  const status = view.host.stat(directory, name, view.stat);
  if (status === ENOENT || status === ENOTDIR || status === ELOOP) return null;
  if (status < 0) throw errno(status);
  const type = view.stat.readUInt16LE(STATX.mode) & S_IFMT;
  if (type === S_IFDIR && view.host.isForbidden(view.stat)) return null;
  if (isHiddenName(view, parent, directory, name, type)) return null;
  const hostIno = view.hostIno();
  const origin = view.knownIno(hostIno);
  const links = view.stat.readUInt32LE(STATX.nlink);
  if (type !== S_IFDIR && links > 1) {
    const joined = joinedUpper(view, parent, name, origin, rule);
    if (joined !== null) return joined;
  }
  const ino = view.numbers.free(origin);
  const known = knownLower(view, parent, name, type, ino, hostIno, links, rule);
  if (known !== undefined) {
    if (type !== S_IFDIR && links > 1) rememberName(known, directory, name);
    known.hostParent = directory;
    known.hostName = name;
    return known;
  }
  const enters = type === S_IFDIR && view.host.mayEnter(view.stat);
  // Another directory than before may have this name.
  if (enters) view.host.forget(directory.child(name));
  const node = view.remember({
    ino,
    type,
    parent,
    name,
    rule,
    hostIno,
    hostParent: directory,
    hostName: name,
    lowerDirectory: enters ? directory.child(name) : null,
  });
  adopt(view, parent, name, node, links > 1);
  return node;
}

/**
 * Another hard-link name of a lower file that the agent has changed already. Links across rules stay apart: what the
 * agent wrote under the one is not what the other says.
 */
function joinedUpper(view: ViewState, parent: Node, name: string, ino: number, rule: Rule): Node | null {
  if (!view.origins.has(view.hostIno())) return null;
  const record = view.files.get(ino)?.record ?? view.readInode(ino);
  if (record === null || ruleFor(view.rules, record.lower).path !== rule.path) return null;
  return upperChild(view, parent, name, ino, rule, undefined);
}

function knownLower(
  view: ViewState,
  parent: Node,
  name: string,
  type: number,
  ino: number,
  hostIno: number,
  links: number,
  rule: Rule,
): Node | undefined {
  if (type === S_IFDIR) {
    const cached = parent.children.get(name);
    if (cached === undefined || cached.type !== type || !view.nodes.has(cached.id)) return undefined;
    if (cached.record !== null && rule.mode !== 'rw') return undefined;
    // Found by a record that has gone since: what was known then is the number it had from the host.
    if (cached.hostIno === 0 && cached.ino === ino) cached.hostIno = hostIno;
    return cached.hostIno === hostIno ? cached : undefined;
  }
  const cached = knownFile(view, ino, links, rule);
  if (cached === undefined || cached.hostIno !== hostIno || cached.type !== type || cached.orphan) return undefined;
  if (cached.record !== null || !view.nodes.has(cached.id)) return undefined;
  place(cached, parent, name);
  cached.rule = rule;
  return cached;
}

/** The name a file was known by stays good for it when this one goes. */
function rememberName(node: Node, directory: HostDirectory, name: string): void {
  const { hostParent, hostName, hostNames } = node;
  if (hostParent === null || (hostParent === directory && hostName === name)) return;
  if (hostNames.some((each) => each.directory === hostParent && each.name === hostName)) return;
  hostNames.push({ directory: hostParent, name: hostName });
  if (hostNames.length > HOST_NAMES_MAX) hostNames.shift();
}

/** A file keeps its node while links to it come and go on the host: the two keys stand for the same object. */
function knownFile(view: ViewState, ino: number, links: number, rule: Rule): Node | undefined {
  const shared = `${ino} ${rule.path}`;
  const found = view.files.get(links > 1 ? shared : ino);
  if (found !== undefined) return found;
  const other = view.files.get(links > 1 ? ino : shared);
  if (other === undefined || other.record !== null || other.rule.path !== rule.path) return undefined;
  view.files.delete(links > 1 ? ino : shared);
  view.files.set(links > 1 ? shared : ino, other);
  return other;
}

/** A name that shows leads to it: what another name of it was hidden by does not count here. */
function place(node: Node, parent: Node, name: string): void {
  node.denied = false;
  if (node.orphan) return;
  node.parent = parent;
  node.name = name;
}

function adopt(view: ViewState, parent: Node, name: string, node: Node, shared = false): void {
  if (isDirectory(node)) parent.children.set(name, node);
  else view.files.set(shared && node.record === null ? `${node.ino} ${node.rule.path}` : node.ino, node);
}

/** Whether the patterns take a host name away. `type` are S_IF… bits; names of unknown type are judged as files. */
export function isHiddenName(
  view: ViewState,
  parent: Node,
  directory: HostDirectory,
  name: string,
  type: number,
): boolean {
  const here = pathOf(parent);
  return isHiddenIn(view, here === '/' ? '' : here, directory, name, type === S_IFDIR, type === S_IFREG);
}

/** The same, for a directory known by its path in the view. */
export function isHiddenIn(
  view: ViewState,
  present: string,
  directory: HostDirectory | null,
  name: string,
  isDirectoryName: boolean,
  isRegularName = !isDirectoryName,
): boolean {
  if (isReservedName(name)) return true;
  const verdict = view.judge(present, name, isDirectoryName);
  if (verdict.hidden || verdict.masked) return true;
  if (directory === null) return false;
  if (verdict.hiddenIfPrivateKey && isRegularName && holdsPrivateKey(view, directory, name)) return true;
  const origin = directory.path();
  if (origin === present) return false;
  if (!showsHost(view, `${origin}/${name}`)) return true;
  const earlier = view.judge(origin, name, isDirectoryName);
  return earlier.hidden || earlier.masked;
}

function holdsPrivateKey(view: ViewState, directory: HostDirectory, name: string): boolean {
  const fd = view.host.open(directory, name, O_NONBLOCK);
  if (fd < 0) return true;
  const head = Buffer.alloc(PRIVATE_KEY_PEEK_BYTES);
  const length = pread(fd, head, head.length, 0);
  close(fd);
  return length < 0 || head.toString('latin1', 0, length).includes('PRIVATE KEY');
}

/** Whether the host has something the agent would see at a name if its own entry were gone. */
export function lowerExists(view: ViewState, parent: Node, name: string): boolean {
  const directory = parent.lowerDirectory;
  if (directory === null || view.host.stat(directory, name, view.stat) !== 0) return false;
  return !isHiddenName(view, parent, directory, name, view.stat.readUInt16LE(STATX.mode) & S_IFMT);
}

/** Whether the host's file behind a node may still be read: it can have become a secret after it was looked up. */
export function mayRead(view: ViewState, node: Node): boolean {
  const directory = node.hostParent;
  if (directory === null) return false;
  const verdict = view.judge(directory.path(), node.hostName, false);
  if (verdict.hidden || verdict.masked) return false;
  return !verdict.hiddenIfPrivateKey || !holdsPrivateKey(view, directory, node.hostName);
}
