// Runs one program in a sandbox whose root is a FUSE mount, and reports its end as a shell would.
//
//   agentsh (this process, on the host)     ignores SIGINT and SIGQUIT while it waits, follows stops
//     sh; as root: unshare, mount, nsenter  each replaced by exec: one process id all the way
//       bwrap                               waits outside; ignores SIGINT and SIGQUIT
//         bwrap                             process 1 of the sandbox
//           the launcher, then the program  Landlock, default signals, descriptors 0, 1 and 2 only
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { escapeText } from '../escape.ts';
import { EXIT, EXIT_SIGNAL_BASE } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { terminalOutput } from '../output.ts';
import { PARKED_VIEW, sandboxArguments } from './bubblewrap.ts';
import { LANDLOCK_ABI_SCOPES, landlockAbi, landlockPlan } from './landlock.ts';
import { type LaunchOrder, type LaunchReport, launcherBootstrap, launcherMessage } from './launcher.ts';
import { type Limits, limitByCgroup } from './limits.ts';
import { koffiPath, requireProgram } from './programs.ts';
import { checkDescriptors, checkSandbox } from './requirements.ts';
import { type Architecture, seccompProgram } from './seccomp.ts';
import { lendStandardDescriptors } from './standardDescriptors.ts';
import { firstChild, launchReports, sandboxInit, waitUntilGone } from './status.ts';
import { followTerminal } from './terminal.ts';
import { closeUserNamespace, prepareUserNamespace } from './userNamespace.ts';

export { checkSandbox, insideSandbox, type Problem } from './requirements.ts';

export interface SandboxOptions {
  /** Host directory (byte string) where the view is mounted: the root of the sandbox. */
  readonly mountpoint: string;
  /** The agent's workspace (byte string), the same path as on the host. */
  readonly workspace: string;
  /** Working directory inside (byte string); the workspace where it is missing. */
  readonly cwd?: string;
  /** The program and its arguments, looked up in the sandbox's PATH. Empty: the user's shell. */
  readonly argv: readonly string[];
  /** With an empty argv: the text the shell runs (`-c TEXT`). */
  readonly shellText?: string;
  /** The whole environment; nothing else is passed. */
  readonly env: Readonly<Record<string, string>>;
  /** 0 for an ordinary user. Started as root: sandbox id n is host id idShift + n, for 0 to 65535. */
  readonly idShift: number;
  readonly net: 'none' | 'host';
  readonly limits?: Limits;
  /** An exec policy is in force: no memfd_create, no execution beneath /dev, /proc and /sys. */
  readonly execPolicy?: boolean;
  /** The soft RLIMIT_NOFILE of the program; without it, the one our caller has. */
  readonly openFilesSoft?: number;
  /** Called once with host process ids when everything is in place; the program runs only after it has resolved. */
  readonly onStart?: (pids: SandboxPids) => void | Promise<void>;
}

export interface SandboxPids {
  /** Killing this one ends everything inside. */
  readonly sandbox: number;
  /** What was asked for. */
  readonly program: number;
}

/** Descriptors of the child, after 0, 1 and 2. */
const FD = { message: 3, status: 4, info: 5, words: 6, seccomp: 7, node: 8, koffi: 9, userNamespace: 10 } as const;
/** A program asked to end by SIGTERM or SIGHUP has this long to save its work. */
const GRACE_MS = 3_000;
const TEARDOWN_MS_MAX = 2_000;
const DOCTOR = 'agentsh doctor says what is missing and how to get it';
const OPEN_FILES_DEFAULT = 1_024;

/**
 * Runs the program and gives its exit code: its own, 128 + n for signal n, 126 or 127 where it cannot be run.
 * Throws a CommandFailure ('environment') where a layer of the sandbox cannot be had: then nothing was run.
 */
export async function runSandboxed(options: SandboxOptions): Promise<number> {
  const problems = [...checkDescriptors(), ...(await checkSandbox({ net: options.net, idShift: options.idShift }))];
  const problem = problems[0];
  if (problem !== undefined) throw new CommandFailure('environment', problem.reason, problem.fix);
  if (options.workspace.startsWith('/dev/')) checkPlainPath(options.mountpoint + options.workspace);
  const opened = [openSync(process.execPath, 'r'), openSync(koffiPath(), 'r')];
  const giveBack = lendStandardDescriptors(options.idShift);
  let userNamespace: number | undefined;
  try {
    if (options.idShift > 0) userNamespace = await prepareUserNamespace(options.idShift);
    return await supervise(options, start(options, opened, userNamespace));
  } finally {
    giveBack();
    for (const fd of opened) closeSync(fd);
    if (userNamespace !== undefined) closeUserNamespace(userNamespace);
  }
}

/** The workspace's own directory is bound again over `/dev`: a link in its path would name a host directory instead. */
function checkPlainPath(bound: string): void {
  const bytes = Buffer.from(bound, 'latin1');
  if (realpathSync(bytes, 'latin1') === bound) return;
  throw new CommandFailure('environment', `${bytes.toString()}: goes through a symbolic link`, 'use its real path');
}

function start(options: SandboxOptions, opened: readonly number[], userNamespace: number | undefined): ChildProcess {
  const abi = landlockAbi();
  const privileged = userNamespace !== undefined;
  const words = sandboxArguments({
    view: privileged ? PARKED_VIEW : options.mountpoint,
    workspace: options.workspace,
    privileged,
    uid: process.getuid!(),
    gid: process.getgid!(),
    net: options.net,
    infoFd: FD.info,
    seccompFd: FD.seccomp,
  });
  const filter = seccompProgram({
    architecture: process.arch as Architecture,
    memfd: options.execPolicy !== true,
    groupSignals: abi >= LANDLOCK_ABI_SCOPES,
  });
  const launcher = [`/proc/self/fd/${FD.node}`, '--no-warnings', '-e', launcherBootstrap(FD.message)];
  const bwrap = [requireProgram('bwrap'), '--args', String(FD.words), '--', ...launcher];
  const command = privileged ? asRoot(bwrap, options.mountpoint) : asUser(bwrap);
  const child = spawn(requireProgram(privileged ? 'unshare' : 'sh'), command, {
    cwd: '/',
    env: {},
    stdio: [
      'inherit',
      'inherit',
      'inherit',
      'pipe',
      'pipe',
      'pipe',
      'pipe',
      'pipe',
      ...opened,
      userNamespace ?? 'ignore',
    ],
  });
  send(child, FD.words, Buffer.from(words.map((word) => `${word}\0`).join(''), 'latin1'));
  send(child, FD.seccomp, filter);
  send(child, FD.message, launcherMessage(launchOrder(options, abi)));
  return child;
}

/** Node resets every signal in a child, so a shell ignores the two again: an ignored signal stays so across exec. */
const asUser = (bwrap: readonly string[]): string[] => ['-c', `trap '' INT QUIT; exec "$@"`, 'sh', ...bwrap];

/**
 * Root's mountpoint lies below directories that no mapped id may enter, so the view is bound to a place that every id
 * reaches, in a mount namespace of its own; then ids are changed, and only then does bubblewrap start.
 */
function asRoot(bwrap: readonly string[], mountpoint: string): string[] {
  const source = Buffer.from(mountpoint, 'latin1').toString('utf8');
  const script = `trap '' INT QUIT; ${requireProgram('mount')} -n --rbind -- "$1" ${PARKED_VIEW} && shift && exec "$@"`;
  const enter = [
    requireProgram('nsenter'),
    `--user=/proc/self/fd/${FD.userNamespace}`,
    '--setuid',
    '0',
    '--setgid',
    '0',
  ];
  const shell = [requireProgram('sh'), '-c', script, 'sh', source];
  return ['--mount', '--propagation', 'private', '--', ...shell, ...enter, '--', ...bwrap];
}

function launchOrder(options: SandboxOptions, abi: number): LaunchOrder {
  return {
    cwd: options.cwd ?? options.workspace,
    argv: options.argv,
    shellText: options.shellText ?? null,
    env: options.env,
    umask: process.umask(),
    openFilesSoft: options.openFilesSoft ?? callersOpenFiles(),
    processesMax: options.limits?.processes ?? null,
    fileBytesMax: options.limits?.fileBytes ?? null,
    memoryBytesMax: options.limits?.memoryBytes ?? null,
    landlock: landlockPlan(abi, options.execPolicy === true),
    statusFd: FD.status,
    koffiFd: FD.koffi,
  };
}

/** Node has raised its own soft limit to the hard one; whoever started us has the operator's still. */
function callersOpenFiles(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${process.ppid}/limits`, 'latin1'))?.[1];
    return soft === undefined ? OPEN_FILES_DEFAULT : Number(soft);
  } catch {
    return OPEN_FILES_DEFAULT;
  }
}

/** Typed by Node for the first five only. */
const stream = (child: ChildProcess, fd: number): unknown => (child.stdio as readonly unknown[])[fd];

function send(child: ChildProcess, fd: number, bytes: Buffer): void {
  const pipe = stream(child, fd) as Writable;
  // The reader may end before it has read everything; its exit says more than EPIPE would.
  pipe.on('error', () => {});
  pipe.end(bytes);
}

/** From the start of the first process to the end of the last. */
async function supervise(options: SandboxOptions, child: ChildProcess): Promise<number> {
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? EXIT_SIGNAL_BASE + constants.signals[signal!]));
  });
  ended.catch(() => {});
  const held = holdSignals(child);
  const cgroup = child.pid === undefined ? undefined : limitByCgroup(child.pid, options.limits ?? {});
  let unfollow = () => {};
  try {
    const init = await sandboxInit(stream(child, FD.info) as Readable);
    let last: LaunchReport | undefined;
    for await (const report of launchReports(stream(child, FD.status) as Readable)) {
      last = report;
      if (report.kind === 'ready') unfollow = await release(options, child, init, held);
    }
    const code = await ended;
    if (init !== undefined) await waitUntilGone(init, TEARDOWN_MS_MAX);
    return outcome(last, code);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    unfollow();
    held.off();
    cgroup?.remove();
  }
}

/** The launcher waits for our word: the program runs only once it is known, and recorded by who asked for it. */
async function release(
  options: SandboxOptions,
  child: ChildProcess,
  init: number | undefined,
  held: HeldSignals,
): Promise<() => void> {
  const program = init === undefined ? undefined : firstChild(init);
  if (program === undefined)
    throw new CommandFailure('environment', 'the process in the sandbox cannot be found', DOCTOR);
  held.forwardTo(program);
  await options.onStart?.({ sandbox: child.pid!, program });
  // One byte, which is all the launcher reads: what lies unread when it closes would look like a reset to us.
  send(child, FD.status, Buffer.from('g'));
  return followTerminal(program);
}

/** The exit code, or the reason why there is none. */
function outcome(last: LaunchReport | undefined, code: number): number {
  if (last?.kind === 'ready') return code;
  if (last?.kind === 'unrunnable') {
    terminalOutput(process.env).note(escapeText(`${last.name}: ${last.reason}`));
    return last.code === 127 ? EXIT.notFound.code : EXIT.notExecutable.code;
  }
  const reason = last === undefined ? `the sandbox did not come up (exit ${code})` : last.reason;
  throw new CommandFailure('environment', reason, DOCTOR);
}

interface HeldSignals {
  forwardTo(program: number): void;
  off(): void;
}

/**
 * Ctrl-C and Ctrl-\ are the program's own business: they reach it from the terminal without us. A request to end goes
 * on to the program, which may save its work; after the grace everything inside is killed.
 */
function holdSignals(child: ChildProcess): HeldSignals {
  let program: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const ignore = () => {};
  const end = (signal: NodeJS.Signals) => {
    if (program === undefined) child.kill('SIGKILL');
    else trySignal(program, signal);
    timer ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, ignore);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  return {
    forwardTo: (pid) => {
      program = pid;
    },
    off: () => {
      clearTimeout(timer);
      for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.off(signal, ignore);
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
    },
  };
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
