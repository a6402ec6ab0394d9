// Cases that cannot hold on some mount, each with the kernel's reason. At most ten; one that holds again must go.
import type { Flavour } from './flavours.ts';

export interface Exception {
  readonly name: string;
  readonly on: (flavour: Flavour) => boolean;
  readonly reason: string;
}

export const EXCEPTIONS_MAX = 10;
export const EXCEPTIONS: readonly Exception[] = [
  {
    name: 'fcntl/F_SETFL ends appending at the end',
    // Elsewhere the file is the host's when it is opened, and what is not copied up yet is not passed through.
    on: ({ connection, place }) => connection === 'passthrough' && place === 'ephemeral empty',
    reason:
      'A file that is passed through is written by a backing file of the kernel, which keeps the O_APPEND of the open (fs/fuse/passthrough.c: backing_file_open with f_flags); F_SETFL has no way to it.',
  },
];
