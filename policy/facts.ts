// What the defaults need to know of the host: gathered elsewhere, handed in as data. Paths are byte strings
// (latin1), absolute and normalized.

export interface HostFacts {
  /** The user's home directory, as in the password database. */
  readonly home: string;
  readonly homeRealPath: string;
  /** Home directories of other users, from the password database; system users' may be among them. */
  readonly otherHomes: readonly string[];
  /** The workspace as the user named it, absolute. */
  readonly workspace: string;
  readonly workspaceRealPath: string;
  /** Git directories of the workspace's repository, in it or outside (linked worktrees: its own and the common one). */
  readonly gitDirectories: readonly string[];
  readonly uid: number;
  /** Names in `/` that exist: `usr`, `bin`, `lib64` … */
  readonly topLevel: readonly string[];
  /** Entries of PATH that lie under the home directory, in their order. */
  readonly pathEntries: readonly PathEntry[];
  /** Of the paths that {@link probePaths} asks for, those that exist. */
  readonly existing: ReadonlySet<string>;
  /**
   * Real paths of rule roots, where they differ from the literal path. To fill it: compute the policy once without,
   * take the real path of each of its rules' paths, compute again.
   */
  readonly realPaths: ReadonlyMap<string, string>;
  /** The real path of `/etc/resolv.conf`; undefined if there is none. */
  readonly resolvConf: string | undefined;
  /** Names in `/etc/ssh` that end in `_key`. */
  readonly sshHostKeys: readonly string[];
  /** Free bytes where the stores are; undefined if unknown. */
  readonly freeBytes: number | undefined;
}

/** A directory on PATH, and where the symbolic links in it (and itself, if it is one) really lead. */
export interface PathEntry {
  readonly path: string;
  /** Real paths of files, without duplicates; bounded by the gatherer. */
  readonly targets: readonly string[];
}
