// The operator's shell: the host as it is, with the operator's `/.kernel`, in a mount namespace of its own.
//
// Nothing is created on the host. The root is a tmpfs that has every top-level entry of `/` bound into it, which leaves
// room for `/.kernel`. bubblewrap sets no_new_privs and mounts nosuid: set-id programs such as sudo do nothing there.
import { type ChildProcess, spawn } from 'node:child_process';
import { type Dirent, readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import { EXIT_SIGNAL_BASE } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { requireProgram } from './programs.ts';
import { insideSandbox } from './requirements.ts';

export interface OperatorShellOptions {
  /** Host directory (byte string) of the operator's mount. */
  readonly kernelMount: string;
  /** Byte string. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The text the shell runs; without it the shell is interactive. */
  readonly shellText?: string;
}

const KERNEL_NAME = '.kernel';
const WORDS_FD = 3;

/** What to tell whoever opens one. */
export const OPERATOR_SHELL_NOTE =
  'set-id programs such as sudo do not work in this shell; everything else is the host as it is';

/** Runs the shell and gives its exit code: its own, or 128 + n for signal n. */
export async function runOperatorShell(options: OperatorShellOptions): Promise<number> {
  if (insideSandbox()) {
    throw new CommandFailure('refused', 'there is no operator inside a sandbox', 'run it in a terminal of the host');
  }
  const shell = options.env.SHELL?.startsWith('/') ? options.env.SHELL : '/bin/sh';
  const program = options.shellText === undefined ? [shell] : [shell, '-c', options.shellText];
  const ignore = () => {};
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, ignore);
  try {
    return await ended(start(options, program));
  } finally {
    for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.off(signal, ignore);
  }
}

function start(options: OperatorShellOptions, program: readonly string[]): ChildProcess {
  // bwrap outside must outlive Ctrl-C and Ctrl-\; the program inside gets their default actions back, which a shell
  // cannot do: what was ignored when it started stays so.
  const script = `trap '' INT QUIT; exec "$@"`;
  const inner = [requireProgram('env'), '--default-signal=INT,QUIT', ...program];
  const command = ['-c', script, 'sh', requireProgram('bwrap'), '--args', String(WORDS_FD), '--', ...inner];
  const child = spawn(requireProgram('sh'), command, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: options.env,
  });
  const words = (child.stdio as readonly unknown[])[WORDS_FD] as Writable;
  words.on('error', () => {});
  words.end(
    Buffer.from(
      operatorArguments(options)
        .map((word) => `${word}\0`)
        .join(''),
      'latin1',
    ),
  );
  return child;
}

/** The arguments of bubblewrap, as byte strings. */
export function operatorArguments(
  options: Pick<OperatorShellOptions, 'kernelMount' | 'cwd'>,
  entries: readonly Dirent[] = readdirSync('/', { encoding: 'latin1', withFileTypes: true }) as Dirent[],
): readonly string[] {
  const words = ['--die-with-parent'];
  for (const entry of entries) {
    const host = `/${entry.name}`;
    if (entry.name === KERNEL_NAME) continue;
    if (entry.isSymbolicLink()) {
      words.push('--symlink', readlinkSync(Buffer.from(host, 'latin1'), 'latin1'), host);
    } else {
      words.push('--dev-bind-try', host, host);
    }
  }
  // Found by its host path, which lies below one of the entries above.
  return [...words, '--dev-bind', options.kernelMount, `/${KERNEL_NAME}`, '--chdir', options.cwd];
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? EXIT_SIGNAL_BASE + constants.signals[signal!]));
  });
}
