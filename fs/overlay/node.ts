// A node: one object of a view while the kernel or a handle knows it.
//
// - Its id is never reused; its `ino` never changes across copy-up, rename and approval.
// - Content moves below it (host file, staging file) without the node changing: locks, watches and readers stay.
// - A directory is found by its parent and name; a file by its inode number and rule, so that hard links share it.
import type { Rule, RuleNode } from '../../policy/model.ts';
import type { HostDirectory } from '../host/hostTree.ts';
import type { Time } from '../operations.ts';
import type { InodeRecord } from './records.ts';

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

export interface Node {
  readonly id: number;
  ino: number;
  /** S_IF… bits. */
  readonly type: number;
  /** Where it was found last; null for the root and for what has no name any more: then `name` is a path. */
  parent: Node | null;
  name: string;
  rule: Rule;
  /** Directories above or at a rule's root: their place in the rule trie. */
  ruleNode: RuleNode | undefined;
  /** The host's file is hidden by a mask pattern: what is here is the agent's own, and private. */
  readonly masked: boolean;
  /** The agent's own attributes and content reference; null while it is the host's object as it is. */
  record: InodeRecord | null;
  /** Directories: the host directory that shows through, or null. */
  lowerDirectory: HostDirectory | null;
  /** Its time on the host as it was seen last, and when that was noticed to have moved. */
  lowerChange: { readonly sec: number; readonly nsec: number; readonly noticed: Time | null } | null;
  /** Directories on the rule trie: the host directory at this very path, visible or not. */
  ownDirectory: HostDirectory | null;
  /** Where the host's object lies: directory and name. */
  hostParent: HostDirectory | null;
  hostName: string;
  /** Other names of a file with several links on the host: one of them may be all that is left. */
  readonly hostNames: { readonly directory: HostDirectory; readonly name: string }[];
  /** Inode number on the host, to notice that another object took the name; 0 where there is none. */
  hostIno: number;
  lookups: number;
  /** Of them by connections that open nothing: while there is one, somebody may have it open. */
  blindLookups: number;
  opens: number;
  /** Opens that go through the page cache: passthrough may begin only when there is none. */
  cachedOpens: number;
  /** The content's descriptor while it is open, or kept for the next read or write without a handle; else -1. */
  fd: number;
  /** Written without a handle since `fd` was opened: on record. */
  wrote: boolean;
  /** The host's inode whose bytes were read without a handle; 0 before the first. */
  servedIno: number;
  fdIsStaging: boolean;
  backingId: number;
  /** Has no name any more; lives until its last handle and lookup are gone. */
  orphan: boolean;
  /** Its extended attributes while it is open without a name: the index has rows for what has one. */
  heldXattrs: Map<string, Buffer> | null;
  /** `rw`: written since the last commit. */
  dirty: boolean;
  /** Its first read of this session is on record. */
  readLogged: boolean;
  /** A policy that came later hides it: nothing reaches it any more but what gives it back. */
  denied: boolean;
  /** Was opened past us: what still holds it then (a mapping, too) cannot be cut. */
  passed: boolean;
  readonly children: Map<string, Node>;
}

export type NodeSeed = Pick<Node, 'ino' | 'type' | 'parent' | 'name' | 'rule'> &
  Partial<Omit<Node, 'id' | 'children' | 'hostNames'>>;

export function newNode(id: number, seed: NodeSeed): Node {
  return {
    ruleNode: undefined,
    masked: false,
    record: null,
    lowerDirectory: null,
    lowerChange: null,
    ownDirectory: null,
    hostParent: null,
    hostName: '',
    hostIno: 0,
    lookups: 0,
    blindLookups: 0,
    opens: 0,
    cachedOpens: 0,
    fd: -1,
    wrote: false,
    servedIno: 0,
    fdIsStaging: false,
    backingId: 0,
    orphan: false,
    heldXattrs: null,
    dirty: false,
    readLogged: false,
    denied: false,
    passed: false,
    ...seed,
    id,
    children: new Map(),
    hostNames: [],
  };
}

export const isDirectory = (node: Node): boolean => node.type === S_IFDIR;
export const isRegular = (node: Node): boolean => node.type === S_IFREG;

/** Whether somebody has it open, or may have: then it goes on without a name. */
export const mayBeOpen = (node: Node): boolean => node.opens > 0 || node.blindLookups > 0;

/** The absolute path in the view, '/' for the root. */
export function pathOf(node: Node): string {
  return node.parent === null ? (node.name === '' ? '/' : node.name) : childPath(node.parent, node.name);
}

export function childPath(parent: Node, name: string): string {
  const above = pathOf(parent);
  return above === '/' ? `/${name}` : `${above}/${name}`;
}

/** Modes whose changes live in the agent's upper. */
export const hasUpper = (rule: Rule): boolean =>
  rule.mode === 'ephemeral' || rule.mode === 'private' || rule.mode === 'invisible';
