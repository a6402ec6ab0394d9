// agentsh operator: a shell over the host as it is, with the full /.kernel beside it.
import type { CommandModule } from '../commandTable.ts';
import { byteString, definedEnvironment, withKernel } from '../context.ts';
import { CommandFailure } from '../failure.ts';

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
      const { OPERATOR_SHELL_NOTE, runOperatorShell } = await import('../sandbox/operatorShell.ts');
      if (options.command === undefined) context.output.note(OPERATOR_SHELL_NOTE);
      return runOperatorShell({
        kernelMount: operator,
        cwd: byteString(context.cwd),
        env: { ...definedEnvironment(context.environment), AGENTSH_OPERATOR: '1' },
        ...(options.command === undefined ? {} : { shellText: options.command }),
      });
    }),
};
