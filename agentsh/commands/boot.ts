// agentsh boot: starts the kernel, or finds it running.
import type { CommandModule } from '../commandTable.ts';
import { EXIT } from '../exitCodes.ts';

interface Options {
  readonly exitWithLast?: true;
}

export const command: CommandModule<Options> = {
  declare: (command) => command.option('--exit-with-last', 'the kernel ends with its last client'),
  run: async ({ options, context }) => {
    const running = await context.runningKernel();
    const kernel = running ?? (await context.kernel({ exitWithLast: options.exitWithLast === true }));
    try {
      const { pid } = await kernel.call('status', {});
      context.output.note(`the kernel ${running === undefined ? 'is up' : 'was up already'} (pid ${pid})`);
      return EXIT.ok.code;
    } finally {
      kernel.close();
    }
  },
};
