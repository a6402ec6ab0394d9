// agentsh discard: drops an agent's own changes for good.
import { count } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { byteString, withKernel } from '../context.ts';
import { EXIT } from '../exitCodes.ts';

export const command: CommandModule<object> = {
  declare: (command) => command.argument('<agent>', 'NAME, or WORKSPACE:NAME'),
  run: ({ operands, context }) =>
    withKernel(context, async (kernel) => {
      const agent = byteString(operands[0] ?? '');
      if (context.ask !== undefined) {
        const listings = await kernel.call('pending', { agent });
        const pending = listings.reduce((sum, { items }) => sum + items.length, 0);
        const what = `everything ${operands[0]} wrote, ${count(pending, 'pending change')} included`;
        const answer = await context.ask(`Drop ${what}? This cannot be undone. [y/N] `);
        if (!/^y(es)?$/i.test(answer?.trim() ?? '')) {
          context.output.note('nothing was dropped');
          return EXIT.failure.code;
        }
      }
      await kernel.call('discard', { agent });
      context.output.note('dropped');
      return EXIT.ok.code;
    }),
};
