// Every command by name: data only, so that help costs no import and each command loads only its own module.
import type { Command } from 'commander';
import type { Invocation } from './context.ts';

/** What a file in commands/ exports as `command`. */
export interface CommandModule<Options> {
  /** Declares arguments and options. */
  readonly declare: (command: Command) => Command;
  /** Returns the exit code. */
  readonly run: (invocation: Invocation<Options>) => Promise<number>;
}

/** A module whose options' type only commander and the module itself know. */
export interface LoadedCommand {
  readonly declare: (command: Command) => Command;
  readonly start: (
    operands: readonly string[],
    command: Command,
    context: Invocation<never>['context'],
  ) => Promise<number>;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<LoadedCommand>;
}

/** Binds a module to the options it declared. */
function loaded<Options extends object>({ declare, run }: CommandModule<Options>): LoadedCommand {
  return {
    declare,
    start: (operands, command, context) => run({ operands, options: command.opts<Options>(), context }),
  };
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'operator',
    summary: "the operator's shell: the host as it is, with the full /.kernel",
    load: async () => loaded((await import('./commands/operator.ts')).command),
  },
  {
    name: 'mount',
    summary: "an agent's view at a directory, with no sandbox around it",
    load: async () => loaded((await import('./commands/mount.ts')).command),
  },
  {
    name: 'umount',
    summary: 'end such a view',
    load: async () => loaded((await import('./commands/umount.ts')).command),
  },
  {
    name: 'status',
    summary: 'the kernel, its places and its health',
    load: async () => loaded((await import('./commands/status.ts')).command),
  },
  { name: 'ps', summary: 'the agents', load: async () => loaded((await import('./commands/ps.ts')).command) },
  {
    name: 'who',
    summary: 'the connections by principal',
    load: async () => loaded((await import('./commands/who.ts')).command),
  },
  {
    name: 'pending',
    summary: 'what waits for approval',
    load: async () => loaded((await import('./commands/pending.ts')).command),
  },
  {
    name: 'diff',
    summary: 'show pending changes',
    load: async () => loaded((await import('./commands/diff.ts')).command),
  },
  {
    name: 'review',
    summary: 'go through what is pending, one change at a time',
    load: async () => loaded((await import('./commands/review.ts')).command),
  },
  {
    name: 'approve',
    summary: 'let changes land in the workspace',
    load: async () => loaded((await import('./commands/approve.ts')).command),
  },
  {
    name: 'reject',
    summary: "return the agent's view to the workspace's content",
    load: async () => loaded((await import('./commands/reject.ts')).command),
  },
  {
    name: 'commits',
    summary: 'what was applied, when, by whose word',
    load: async () => loaded((await import('./commands/commits.ts')).command),
  },
  {
    name: 'log',
    summary: 'the audit log',
    load: async () => loaded((await import('./commands/log.ts')).command),
  },
  {
    name: 'verify',
    summary: 'check the audit log, offline',
    load: async () => loaded((await import('./commands/verify.ts')).command),
  },
  {
    name: 'policy',
    summary: 'policy check [FILE]: check a policy file, show the effective rules',
    load: async () => loaded((await import('./commands/policy.ts')).command),
  },
  {
    name: 'kill',
    summary: "end an agent's processes",
    load: async () => loaded((await import('./commands/kill.ts')).command),
  },
  {
    name: 'discard',
    summary: "drop an agent's own changes for good",
    load: async () => loaded((await import('./commands/discard.ts')).command),
  },
  {
    name: 'boot',
    summary: 'start the kernel (the first command does it too)',
    load: async () => loaded((await import('./commands/boot.ts')).command),
  },
  {
    name: 'shutdown',
    summary: 'end the kernel',
    load: async () => loaded((await import('./commands/shutdown.ts')).command),
  },
  {
    name: 'doctor',
    summary: 'check what this machine offers, with the fix for each lack',
    load: async () => loaded((await import('./commands/doctor.ts')).command),
  },
];
