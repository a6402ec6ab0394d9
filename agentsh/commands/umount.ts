// agentsh umount: ends an agent's view at a directory.
import path from 'node:path';
import { count } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { byteString, withKernel } from '../context.ts';
import { escapeName } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';

export const command: CommandModule<object> = {
  declare: (command) => command.argument('<mountpoint>'),
  run: ({ operands, context }) =>
    withKernel(context, async (kernel) => {
      const mountpoint = byteString(path.resolve(context.cwd, operands[0] ?? ''));
      const { agent, pending } = await kernel.call('umount', { mountpoint });
      context.output.note(`${escapeName(agent)}: ${count(pending, 'change')} pending`);
      return EXIT.ok.code;
    }),
};
