// agentsh diff: pending changes as unified diffs.
import type { CommandModule } from '../commandTable.ts';
import { type Kernel, withKernel } from '../context.ts';
import { showDetail } from '../detail.ts';
import { EXIT } from '../exitCodes.ts';
import { type AgentOption, agentFilter, withAgent } from '../options.ts';
import { allItems, select } from '../selection.ts';

export const command: CommandModule<AgentOption> = {
  declare: (command) => withAgent(command).argument('[id-or-path...]', 'all that is pending if none is given'),
  run: ({ operands, options, context }) =>
    withKernel(context, async (kernel) => {
      const targets = await findTargets(kernel, operands, options, context.cwd);
      if (targets.length === 0) context.output.note('nothing is pending');
      for (const [index, target] of targets.entries()) {
        const { text } = await kernel.call('detail', target);
        if (index > 0) context.output.line('');
        context.output.line(showDetail(text, context.output.colour));
      }
      return EXIT.ok.code;
    }),
};

async function findTargets(
  kernel: Kernel,
  words: readonly string[],
  options: AgentOption,
  cwd: string,
): Promise<{ readonly agent?: string; readonly id: string }[]> {
  const filter = agentFilter(options);
  const listings = await kernel.call('pending', filter);
  if (words.length === 0) return allItems(listings).map(({ agent, item }) => ({ agent, id: item.id }));
  const { selected, unknown } = select(listings, words, cwd);
  return [
    ...selected.map(({ agent, item }) => ({ agent, id: item.id })),
    // The kernel says what became of an id that is listed no more.
    ...unknown.map((id) => ({ ...filter, id })),
  ];
}
