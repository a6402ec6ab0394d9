// The words of the journal: rows, audit events, versions, changes, commits. Data only.

import type { AuditEvent } from '../audit/event.ts';
import type { Base, Hint, Version } from '../host/version.ts';

/** The tables of an agent's index. Keys and values are bytes. */
export const TABLES = ['inodes', 'dirents', 'xattrs', 'origins', 'commits', 'ids', 'meta'] as const;
export type Table = (typeof TABLES)[number];

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** One mutation: everything in it becomes durable together, or nothing does. */
export interface Transaction {
  get(table: Table, key: Buffer): Buffer | undefined;
  put(table: Table, key: Buffer, value: Buffer): void;
  remove(table: Table, key: Buffer): void;
  /** An audit entry that belongs to this mutation. */
  audit(event: AuditEvent): void;
}

export type { Base, Hint, Version } from '../host/version.ts';
export type { AuditEvent };

export type ChangeKind = 'create' | 'modify' | 'delete' | 'rename' | 'mode' | 'xattr';

/** The net difference at one path between the upper and the workspace. */
export interface Change {
  readonly kind: ChangeKind;
  /** Absolute host path, a byte string (latin1). */
  readonly path: string;
  /** Where it was, for a rename. */
  readonly source?: string;
  readonly base: Base;
  readonly result: Version;
  /** `uid:gid` that what lands will belong to, where it is not the host's to say. */
  readonly owner?: string;
  /** Entries in a new directory, itself included; 1 for anything else. */
  readonly count: number;
  readonly protected: boolean;
  /** A new or removed directory: digest over everything below it. */
  readonly tree?: string;
  /** Milliseconds since 1970 when the agent last changed it. */
  readonly changedAtMs: number;
  /** Path of the file that holds the result's bytes as they are now (staging), for a regular file. */
  readonly contentPath?: string;
}

/** One idempotent step of a commit to the host. Paths are absolute byte strings below one of the plan's roots. */
export type Step =
  | {
      readonly op: 'mkdir';
      readonly path: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly xattrs?: Readonly<Record<string, string>>;
    }
  | {
      /** Creates or replaces a regular file by the bytes of `sealed` (an immutable file whose CID is result.cid). */
      readonly op: 'file';
      readonly path: string;
      readonly base: Base;
      readonly result: Extract<Version, { type: 'file' }>;
      readonly sealed: string;
      readonly uid: number;
      readonly gid: number;
      readonly mtimeNs: string;
    }
  | {
      readonly op: 'symlink';
      readonly path: string;
      readonly base: Base;
      readonly target: string;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly op: 'mknod'; readonly path: string; readonly mode: number; readonly uid: number; readonly gid: number }
  /** Removes a file, link, or directory that is empty by then (children come first as steps of their own). */
  | { readonly op: 'delete'; readonly path: string; readonly base: Base }
  | {
      readonly op: 'rename';
      readonly path: string;
      readonly source: string;
      readonly base: Base;
      readonly targetBase: Base;
    }
  /** Mode and xattrs of what stays in place. */
  | { readonly op: 'attributes'; readonly path: string; readonly base: Base; readonly result: Version };

export interface CommitPlan {
  readonly id: string;
  readonly agent: string;
  readonly atMs: number;
  /** Directories the steps stay below; each is opened once and walked beneath. */
  readonly roots: readonly string[];
  readonly steps: readonly Step[];
  /** The steps can be followed as they stand: renames are not sorted. */
  readonly inOrder?: true;
}

export interface Conflict {
  readonly path: string;
  readonly reason: string;
}

export type CommitOutcome =
  | { readonly status: 'done' /** What now lies at each step's path. */; readonly landed: readonly Landed[] }
  | {
      readonly status: 'conflict';
      readonly conflicts: readonly Conflict[];
      /** The host refused (ENOSPC, EACCES, EROFS …): a positive errno. Everything was put back. */
      readonly errno?: number;
    };

export interface Landed {
  readonly path: string;
  readonly version: Version;
  readonly hint?: Hint;
  /** A hidden or unseen leftover kept a directory. */
  readonly leftovers?: number;
}
