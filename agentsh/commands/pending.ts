// agentsh pending: what waits for approval.
import { CHANGE_COLUMNS, changeRow, count, shownRows } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { withKernel } from '../context.ts';
import { escapeName } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';
import { printListing } from '../listing.ts';
import { type AgentOption, agentFilter, type JsonOption, withAgent, withJson } from '../options.ts';
import { allItems } from '../selection.ts';

interface Options extends JsonOption, AgentOption {
  readonly ignored?: true;
}

export const command: CommandModule<Options> = {
  declare: (command) =>
    withJson(withAgent(command)).option('--ignored', 'list the ignored paths that were kept private'),
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const { output } = context;
      const ignored = options.ignored === true;
      const listings = await kernel.call('pending', { ...agentFilter(options), ...(ignored ? { ignored } : {}) });
      if (options.json) {
        printListing(output, [], allItems(listings).map(changeRow), true);
        return EXIT.ok.code;
      }
      const rows = shownRows(listings);
      printListing(output, CHANGE_COLUMNS, rows, false);
      for (const { agent, set, items } of listings) {
        if (items.length > 0 && !ignored) output.line(`set ${set}  (${escapeName(agent)})`);
      }
      const kept = listings.reduce((sum, listing) => sum + listing.ignored, 0);
      if (kept > 0 && !ignored) output.line(`${count(kept, 'ignored path')} kept private (agentsh pending --ignored)`);
      if (rows.length === 0) output.note(ignored ? 'no ignored paths' : 'nothing is pending');
      return EXIT.ok.code;
    }),
};
