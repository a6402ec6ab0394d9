// Landlock: what this kernel offers and what a sandbox asks of it. The launcher applies it, after bubblewrap has mounted.
import { syscall } from '../../fs/host/syscall.ts';

const SYS_LANDLOCK_CREATE_RULESET = 444;
const CREATE_RULESET_VERSION = 1;

/** Renames between directories fail with EXDEV under any file-system rule before this. */
export const LANDLOCK_ABI_MIN = 2;
/** Abstract unix sockets and signals can be kept inside from here on. */
export const LANDLOCK_ABI_SCOPES = 6;

export const LANDLOCK_ACCESS = {
  execute: 1 << 0,
  writeFile: 1 << 1,
  readFile: 1 << 2,
  truncate: 1 << 14,
  ioctlDevice: 1 << 15,
} as const;
/** Every file-system right by the ABI that brought it: the first twelve and MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV. */
const RIGHTS_SINCE: readonly (readonly [abi: number, bits: number])[] = [
  [1, 0x1fff],
  [2, 1 << 13],
  [3, LANDLOCK_ACCESS.truncate],
  [5, LANDLOCK_ACCESS.ioctlDevice],
];
const SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0;
const SCOPE_SIGNAL = 1 << 1;
/** `struct landlock_ruleset_attr` {handled_access_fs u64, handled_access_net u64, scoped u64} grew with the ABI. */
const ATTRIBUTE_BYTES_SINCE: readonly (readonly [abi: number, sizeBytes: number])[] = [
  [1, 8],
  [4, 16],
  [6, 24],
];

/** What the launcher does, in numbers only: JSON-safe. */
export interface LandlockPlan {
  readonly attributeBytes: number;
  readonly handled: number;
  readonly scoped: number;
  /** Rights beneath `/` of the view. */
  readonly beneathRoot: number;
  /** Rights beneath each entry of `/` that is not in `notExecutable`; 0 where `beneathRoot` has them. */
  readonly beneathEntries: number;
  readonly notExecutable: readonly string[];
}

/** The ABI version, 0 where Landlock is missing or switched off. */
export function landlockAbi(): number {
  return Math.max(0, syscall(SYS_LANDLOCK_CREATE_RULESET, null, 0, CREATE_RULESET_VERSION));
}

export function landlockPlan(abi: number, execPolicy: boolean): LandlockPlan {
  const handled = RIGHTS_SINCE.reduce((bits, [since, more]) => (abi >= since ? bits | more : bits), 0);
  const attributeBytes = ATTRIBUTE_BYTES_SINCE.reduce((size, [since, bytes]) => (abi >= since ? bytes : size), 0);
  return {
    attributeBytes,
    handled,
    scoped: abi >= LANDLOCK_ABI_SCOPES ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0,
    beneathRoot: execPolicy ? handled & ~LANDLOCK_ACCESS.execute : handled,
    beneathEntries: execPolicy ? LANDLOCK_ACCESS.execute : 0,
    notExecutable: ['dev', 'proc', 'sys'],
  };
}
