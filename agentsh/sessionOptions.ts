// The options that open an agent's session, for the sandboxed forms and for `mount`.
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { SessionOpen } from '../fs/daemon/clientProtocol.ts';
import { byteString, type Context, definedEnvironment } from './context.ts';
import { CommandFailure } from './failure.ts';
import { readPolicy } from './policyFile.ts';

export interface SessionOptions {
  readonly workspace?: string;
  readonly name?: string;
  readonly policy?: string;
  readonly profile?: string;
  readonly net?: string;
  readonly throwaway?: true;
}

export function withSessionOptions(command: Command): Command {
  return command
    .option('-w, --workspace <dir>', 'the workspace; else the git root of the current directory, else that directory')
    .option('-n, --name <agent>', 'the agent: the same name resumes the same changes')
    .option('-p, --policy <file>', 'a policy on top of the user’s and the project’s')
    .option('--profile <name>', 'what a known program needs; else chosen by the command’s name')
    .option('--net <mode>', 'none, host, or HOST:PORT,…')
    .option('--throwaway', 'what is written to the workspace is dropped at the end');
}

/** The request for a session of `program` (the last component of the command, or `shell`). */
export function sessionRequest(options: SessionOptions, program: string, context: Context): SessionOpen {
  return {
    cwd: byteString(context.cwd),
    program: byteString(program),
    environment: definedEnvironment(context.environment),
    throwaway: options.throwaway === true,
    ...(options.workspace === undefined
      ? {}
      : { workspace: byteString(workspaceDirectory(options.workspace, context)) }),
    ...(options.name === undefined ? {} : { name: byteString(options.name) }),
    ...(options.policy === undefined ? {} : { policy: readPolicy(options.policy, context.cwd) }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.net === undefined ? {} : { net: checkedNet(options.net) }),
  };
}

function workspaceDirectory(word: string, context: Context): string {
  const directory = path.resolve(context.cwd, word);
  try {
    if (statSync(directory).isDirectory()) return realpathSync(directory);
  } catch {
    // Said below.
  }
  throw new CommandFailure('usage', `-w ${word}: there is no such directory`);
}

const HOST_AND_PORT = /^[^\s:,/]+:\d{1,5}$/;

function checkedNet(net: string): string {
  if (net === 'none' || net === 'host') return net;
  const bad = net.split(',').find((item) => !HOST_AND_PORT.test(item) || Number(item.split(':')[1]) > 65_535);
  if (bad === undefined) return net;
  throw new CommandFailure('usage', `--net ${net}: none, host, or a list of HOST:PORT`);
}
