// What a host path holds, and how we know that it still does. Data only.

/** What a path holds. `mode` is the permission bits (07777). */
export type Version =
  | { readonly type: 'absent' }
  | {
      readonly type: 'file';
      /** CID of the content, '' where it was never computed. */
      readonly cid: string;
      readonly sizeBytes: number;
      readonly mode: number;
      /** Extended attributes (user.* and POSIX ACLs), name to hex value, sorted by name; missing when there are none. */
      readonly xattrs?: Readonly<Record<string, string>>;
    }
  | { readonly type: 'directory'; readonly mode: number; readonly xattrs?: Readonly<Record<string, string>> }
  | { readonly type: 'symlink'; readonly target: string }
  /** A device only ever appears as a base: nothing creates, replaces or removes one. */
  | { readonly type: 'fifo' | 'socket' | 'device'; readonly mode: number };

/** A cheap witness that a host object is still what it was. Times are nanoseconds since 1970, as decimal strings. */
export interface Hint {
  readonly ino: number;
  readonly sizeBytes: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** The ctime was old enough at recording that a later change must have moved it. */
  readonly reliable: boolean;
}

/** What a path held when the agent first changed it. */
export interface Base {
  readonly version: Version;
  readonly hint?: Hint;
}
