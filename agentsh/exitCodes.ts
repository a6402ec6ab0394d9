// The exit codes of agentsh: one table, a stable interface for scripts, printed in README.

export interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

export const EXIT = {
  ok: { code: 0, meaning: 'done; of a sandboxed command: its own status' },
  failure: { code: 1, meaning: 'failed; the message says why' },
  usage: { code: 2, meaning: 'wrong use: unknown command, option or id, or a policy file with an error' },
  refused: { code: 3, meaning: 'refused by policy' },
  conflict: { code: 4, meaning: 'conflict: the change or the workspace moved on, nothing was applied' },
  environment: { code: 5, meaning: 'this environment cannot enforce the policy, so nothing was started' },
  notExecutable: { code: 126, meaning: 'the command was found but cannot be run' },
  notFound: { code: 127, meaning: 'the command was not found' },
} as const satisfies Record<string, ExitCode>;

/** A command ended by signal n exits with this plus n, as in a shell. */
export const EXIT_SIGNAL_BASE = 128;

export type ExitName = keyof typeof EXIT;

/** Failures of the kernel by code (an errno name or a word of the protocol), where they are more than `failure`. */
const BY_FAILURE: ReadonlyMap<string, ExitName> = new Map<string, ExitName>([
  ['EPERM', 'refused'],
  ['EACCES', 'refused'],
  ['EROFS', 'refused'],
  ['ESTALE', 'conflict'],
  ['CONFLICT', 'conflict'],
  ['EINVAL', 'usage'],
  ['ENOENT', 'usage'],
  ['USAGE', 'usage'],
  ['POLICY', 'usage'],
  ['REFUSED', 'refused'],
  ['ENVIRONMENT', 'environment'],
]);

/** The exit code for a failure's code. */
export function exitCodeOf(failureCode: string): number {
  return EXIT[BY_FAILURE.get(failureCode.toUpperCase()) ?? 'failure'].code;
}
