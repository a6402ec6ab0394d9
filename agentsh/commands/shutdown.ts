// agentsh shutdown: ends the kernel, and waits until it is gone.
import type { CommandModule } from '../commandTable.ts';
import { EXIT } from '../exitCodes.ts';

interface Options {
  readonly force?: true;
}

export const command: CommandModule<Options> = {
  declare: (command) => command.option('--force', 'also while agents are at work; what they wrote is kept'),
  run: async ({ options, context }) => {
    const kernel = await context.runningKernel();
    if (kernel === undefined) {
      context.output.note('no kernel is running');
      return EXIT.ok.code;
    }
    try {
      await kernel.call('shutdown', { force: options.force === true });
      await kernel.closed;
      return EXIT.ok.code;
    } finally {
      kernel.close();
    }
  },
};
