// The words of a policy: modes, rules, and what is decided about a name. Data only.

/** From the widest to the tightest; a project file may only move a path towards the end. */
export const MODES = ['rw', 'invisible', 'private', 'ephemeral', 'ro', 'hidden'] as const;
export type Mode = (typeof MODES)[number];

/** A path and its mode. Paths are absolute, normalized byte strings (latin1), without a trailing slash but for '/'. */
export interface Rule {
  readonly path: string;
  readonly mode: Mode;
  /** Nothing of the host shows through: the tree begins empty. */
  readonly empty: boolean;
  /** Where it was written, for people: `default`, `profile:claude`, or `FILE:LINE`. */
  readonly source: string;
}

/** One component of the rule trie. A node without a rule is an ancestor of one that has. */
export interface RuleNode {
  readonly rule: Rule | undefined;
  readonly children: ReadonlyMap<string, RuleNode>;
}

/** What the name patterns say of one name. */
export interface NameVerdict {
  /** ENOENT everywhere. */
  readonly hidden: boolean;
  /** The host's file is never seen; the agent may create its own, private. */
  readonly masked: boolean;
  /** Needs its own explicit approval. */
  readonly protected: boolean;
  /** Hidden only if a regular file's first KiB holds a private key (`*.pem`): the caller looks. */
  readonly hiddenIfPrivateKey: boolean;
  /** hide and mask come from the built-in list, which never touches tracked files. */
  readonly byDefault: boolean;
}

/** Judges names below rules. Pure; results may be shared objects. */
export interface NameJudge {
  /**
   * @param directory the absolute path of the directory (latin1), without a trailing slash ('' for the root)
   * @param name one path component
   */
  judge(directory: string, name: string, isDirectory: boolean): NameVerdict;
  /** Whether a protect pattern names something below this name, if it were a directory: as `.cargo` for its config. */
  leads(directory: string, name: string): boolean;
}
