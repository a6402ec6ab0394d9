// agentsh, agentsh -- CMD…, agentsh -c TEXT: a shell or a command in a sandbox over the current workspace.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { SessionOpened } from '../../fs/daemon/clientProtocol.ts';
import { count } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { byteString, type Context, type Kernel, withKernel } from '../context.ts';
import { checkOptions, sessionEnvironment } from '../environment.ts';
import { escapeName, escapeText, safeJson } from '../escape.ts';
import { CommandFailure } from '../failure.ts';
import { collect } from '../options.ts';
import { type SessionOptions, sessionRequest, withSessionOptions } from '../sessionOptions.ts';
import { programVersion } from '../version.ts';

export interface RunOptions extends SessionOptions {
  readonly command?: string;
  readonly env?: readonly string[];
  readonly json?: true;
}

export const command: CommandModule<RunOptions> = {
  declare: (command) =>
    withSessionOptions(command)
      .option('-c, --command <text>', 'run this shell text')
      .option('--env <name[=value]>', 'pass or set a variable; may be repeated', collect)
      .option('--json', 'the closing line on stderr as one object')
      .version(programVersion(), '-V, --version'),
  run: ({ operands, options, context }) => {
    if (options.command !== undefined && operands.length > 0) {
      throw new CommandFailure('usage', 'either -c TEXT or -- CMD…, not both');
    }
    // Wrong variables are told before anything is started.
    checkOptions(context.environment, options.env ?? []);
    return withKernel(context, (kernel) => runSession(kernel, operands, options, context));
  },
};

async function runSession(
  kernel: Kernel,
  operands: readonly string[],
  options: RunOptions,
  context: Context,
): Promise<number> {
  const program = operands[0] === undefined ? 'shell' : path.basename(operands[0]);
  const session = await kernel.call('session.open', sessionRequest(options, program, context));
  announce(session, context);
  let code: number;
  try {
    code = await runInSandbox(kernel, session, operands, options, context);
  } catch (thrown) {
    // The session's end must not hide why nothing ran.
    await kernel.call('session.close', { session: session.session }).catch(() => undefined);
    throw thrown;
  }
  const { pending } = await kernel.call('session.close', { session: session.session });
  close(session, pending, code, options.json === true, context);
  return code;
}

function announce(session: SessionOpened, { output }: Context): void {
  for (const grant of session.grants) output.note(escapeText(grant));
  if (session.joined) output.note(`joined ${escapeName(session.agent)}, which is live: both see the same changes`);
}

/** The one line at the end: what is pending. */
function close(session: SessionOpened, pending: number, code: number, json: boolean, { output }: Context): void {
  if (json) {
    output.error(`${safeJson({ agent: escapeName(session.agent), pending, status: code })}\n`);
  } else if (pending === 0) {
    output.note(`nothing is pending for ${escapeName(session.agent)}`);
  } else {
    output.note(`${count(pending, 'change')} pending for ${escapeName(session.agent)}: agentsh review`);
  }
}

async function runInSandbox(
  kernel: Kernel,
  session: SessionOpened,
  operands: readonly string[],
  options: RunOptions,
  context: Context,
): Promise<number> {
  const { runSandboxed } = await import('../sandbox/run.ts');
  const { session: id, policy } = session;
  const argv = commandLine(operands, options, session);
  const what = options.command ?? (argv.length > 0 ? argv.join(' ') : 'shell');
  let stopClock = (): void => {};
  const code = await runSandboxed({
    mountpoint: session.mountpoint,
    workspace: session.workspace,
    cwd: startDirectory(session, context),
    argv,
    ...(options.command === undefined ? {} : { shellText: options.command }),
    env: sessionEnvironment(session, context.environment, options.env ?? []),
    idShift: session.idShift,
    net: sandboxNetwork(session),
    limits: policy.limits,
    // The program waits for this: no effect without a record.
    onStart: async ({ sandbox, program }) => {
      await kernel.call('session.pid', { session: id, pid: sandbox });
      await kernel.call('session.record', { session: id, op: 'exec', note: byteString(what), pid: program });
      stopClock = startClock(policy.limits.wallMs, sandbox, context);
    },
  }).finally(() => stopClock());
  await kernel.call('session.record', { session: id, op: 'exit', note: `${code}`, pid: 0 });
  return code;
}

/** Longer than this a timer fires at once; nobody waits for it. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Ends the sandbox when the policy's wall clock has run out. Returns how to stop the clock. */
function startClock(wallMs: number | undefined, sandbox: number, { output }: Context): () => void {
  if (wallMs === undefined || wallMs > TIMER_MS_MAX) return () => {};
  const timer = setTimeout(() => {
    output.note(`the policy's wall-clock limit of ${wallMs / 1000} s is over: the session is ended`);
    process.kill(sandbox, 'SIGKILL');
  }, wallMs);
  return () => clearTimeout(timer);
}

/** A profile's flags go behind the name of the program that it is for, not into another that borrows the profile. */
export function commandLine(
  operands: readonly string[],
  { profile }: Pick<RunOptions, 'profile'>,
  { policy }: { readonly policy: Pick<SessionOpened['policy'], 'flags'> },
): readonly string[] {
  const [program, ...rest] = operands;
  if (program === undefined || (profile !== undefined && profile !== path.basename(program))) return operands;
  return [program, ...policy.flags, ...rest];
}

/** The rules may hide the directory we are in, though the workspace contains it: then the workspace, and a word. */
function startDirectory({ mountpoint, workspace }: SessionOpened, { cwd, output }: Context): string {
  const wanted = workingDirectory(workspace, byteString(cwd));
  if (wanted === workspace || existsSync(Buffer.from(`${mountpoint}${wanted}`, 'latin1'))) return wanted;
  output.note(`${escapeName(wanted)} is not in the view: starting in ${escapeName(workspace)}`);
  return workspace;
}

/** Where we are, if the workspace contains it, else the workspace itself. Byte strings. */
export function workingDirectory(workspace: string, cwd: string): string {
  return cwd === workspace || cwd.startsWith(workspace === '/' ? '/' : `${workspace}/`) ? cwd : workspace;
}

/** No silent downgrade: what cannot be enforced is not started. */
function sandboxNetwork({ policy }: SessionOpened): 'none' | 'host' {
  const { mode } = policy.network;
  if (mode !== 'allow') return mode;
  throw new CommandFailure(
    'environment',
    'a list of allowed hosts cannot be enforced by this version',
    'use --net none, or --net host, which allows everything',
  );
}
