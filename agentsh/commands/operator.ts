// agentsh operator: a shell over the host as it is, with the full /.kernel beside it.
//
// Nothing is created on the host: bubblewrap makes a private root (tmpfs), binds every top-level entry of / into it,
// and the operator's mount as /.kernel. It always sets no_new_privs, so set-id programs do nothing there.
import { spawn } from 'node:child_process';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import type { CommandModule } from '../commandTable.ts';
import { type Context, definedEnvironment, withKernel } from '../context.ts';
import { EXIT, EXIT_SIGNAL_BASE } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { requireProgram } from '../sandbox/programs.ts';

interface Options {
  readonly command?: string;
}

export const command: CommandModule<Options> = {
  declare: (command) => command.option('-c, --command <text>', 'run this shell text'),
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const { operator } = await kernel.call('status', {});
      if (operator === '') {
        throw new CommandFailure(
          'environment',
          'the kernel could not mount /.kernel for the operator',
          'agentsh doctor',
        );
      }
      if (options.command === undefined) {
        context.output.note(
          'operator shell: /.kernel is complete here; set-id programs such as sudo do not work in it',
        );
      }
      const shell = context.environment.SHELL || '/bin/sh';
      const words = options.command === undefined ? [shell] : ['/bin/sh', '-c', options.command];
      return runOperator([...rootArguments(operator), '--chdir', context.cwd, '--', ...words], context);
    }),
};

/** Symbolic links (`/bin` on merged systems) stay links; everything else is bound with what is mounted below it. */
function rootArguments(operator: string): string[] {
  const entries = readdirSync('/').filter((name) => name !== '.kernel');
  const binds = entries.flatMap((name) => {
    const host = `/${name}`;
    return lstatSync(host).isSymbolicLink() ? ['--symlink', readlinkSync(host), host] : ['--dev-bind-try', host, host];
  });
  // The operator's mount is found through a host directory, so it is bound by that path after the rest.
  return [...binds, '--dev-bind', Buffer.from(operator, 'latin1').toString('utf8'), '/.kernel'];
}

/** Waits for the shell. Ctrl-C and Ctrl-\ are the shell's: this process only waits. */
function runOperator(words: readonly string[], context: Context): Promise<number> {
  const ignore = () => {};
  process.on('SIGINT', ignore).on('SIGQUIT', ignore);
  const environment = { ...definedEnvironment(context.environment), AGENTSH_OPERATOR: '1' };
  const child = spawn(requireProgram('bwrap'), words, { stdio: 'inherit', env: environment });
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new CommandFailure('environment', `cannot start bubblewrap: ${error.message}`, 'agentsh doctor'));
    });
    child.once('close', (code, signal) => {
      resolve(code ?? EXIT_SIGNAL_BASE + (signal === null ? EXIT.failure.code : constants.signals[signal]));
    });
  }).finally(() => {
    process.off('SIGINT', ignore).off('SIGQUIT', ignore);
  });
}
