// agentsh kill: ends an agent's processes; its changes stay.

import { count } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { byteString, withKernel } from '../context.ts';
import { EXIT } from '../exitCodes.ts';

export const command: CommandModule<object> = {
  declare: (command) => command.argument('<agent>', 'NAME, or WORKSPACE:NAME'),
  run: ({ operands, context }) =>
    withKernel(context, async (kernel) => {
      const { killed } = await kernel.call('kill', { agent: byteString(operands[0] ?? '') });
      context.output.note(
        killed.length === 0 ? 'it had no sandbox running' : `ended ${count(killed.length, 'sandbox')}`,
      );
      return EXIT.ok.code;
    }),
};
