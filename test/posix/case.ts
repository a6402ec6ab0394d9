// What a case is: a story told with system calls in a directory of its own, the same on a plain directory and on a mount.

export interface Case {
  /**
   * Makes what the story starts from. Where the flavour has a populated lower this runs on the host before the mount,
   * so that everything made here must be copied up, whited out or merged; else in the directory itself.
   */
  readonly prepare?: (directory: string) => void;
  /** Throws where the system does not do what the manual says. */
  readonly run: (directory: string) => void | Promise<void>;
  /** The story needs root's privileges (chown, devices, another user's view). */
  readonly root?: true;
  /** Takes seconds: in a short run only on the first flavour of each place. */
  readonly dear?: true;
}

/** By name: `what happens`, a sentence. The table it stands in is its family: `open/what happens`. */
export type Cases = Readonly<Record<string, Case | Case['run']>>;

export const asCase = (entry: Case | Case['run']): Case => (typeof entry === 'function' ? { run: entry } : entry);
