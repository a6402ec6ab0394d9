// Cases that cannot hold on some mount, each with the kernel's reason. At most ten; one that holds again must go.
import type { Flavour } from './flavours.ts';

export interface Exception {
  readonly name: string;
  readonly on: (flavour: Flavour) => boolean;
  readonly reason: string;
}

export const EXCEPTIONS_MAX = 10;
export const EXCEPTIONS: readonly Exception[] = [];
