// Options that several commands share, declared once.
import type { Command } from 'commander';
import { byteString } from './context.ts';

export interface JsonOption {
  readonly json?: true;
}
export interface AgentOption {
  readonly name?: string;
}

export const withJson = (command: Command): Command => command.option('--json', 'one array of flat objects');
export const withAgent = (command: Command): Command => command.option('-n, --name <agent>', 'only this agent');

/** What `-n` narrows a request to. */
export function agentFilter(options: AgentOption): { readonly agent?: string } {
  return options.name === undefined ? {} : { agent: byteString(options.name) };
}

/** Gathers the values of an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
