// The environment of a session's program: what the policy lets through of ours, and what `--env` adds.
import { userInfo } from 'node:os';
import type { SessionOpened } from '../fs/daemon/clientProtocol.ts';
import { sandboxEnvironment } from '../policy/environment.ts';
import type { Context } from './context.ts';
import { CommandFailure } from './failure.ts';

const SHELL_DEFAULT = '/bin/sh';

/** The whole environment; an ill-formed `--env` is a usage failure. */
export function sessionEnvironment(
  session: SessionOpened,
  host: Context['environment'],
  options: readonly string[],
): Record<string, string> {
  const { username, shell } = userInfo();
  const environment = sandboxEnvironment({
    policy: session.policy,
    host,
    options,
    agentName: session.name,
    userName: username,
    home: Buffer.from(session.home, 'latin1').toString('utf8'),
    shell: host.SHELL || shell || SHELL_DEFAULT,
  });
  if (isBadOption(environment)) throw new CommandFailure('usage', environment.reason);
  return environment;
}

/** Refuses what is wrong with `--env` before anything is started: the policy does not matter for that. */
export function checkOptions(host: Context['environment'], options: readonly string[]): void {
  const empty = { rules: [], env: { pass: [], secrets: [], set: {} } };
  const request = { policy: empty, host, options, agentName: '', userName: '', home: '/', shell: SHELL_DEFAULT };
  const environment = sandboxEnvironment(request);
  if (isBadOption(environment)) throw new CommandFailure('usage', environment.reason);
}

type Environment = ReturnType<typeof sandboxEnvironment>;

/** Names of variables hold no lower-case `option` together with `reason` but in a BadOption. */
function isBadOption(
  environment: Environment,
): environment is Extract<Environment, { option: string; reason: string }> {
  return 'option' in environment && 'reason' in environment && !('AGENTSH' in environment);
}
