// agentsh approve: lets pending changes land in the workspace.
import type { AgentPending } from '../../fs/daemon/clientProtocol.ts';
import { CHANGE_COLUMNS, count, describe, shownRow } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { type Context, type Kernel, withKernel } from '../context.ts';
import { approve, reportApproved } from '../decision.ts';
import { EXIT } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { printListing } from '../listing.ts';
import { type AgentOption, agentFilter, type JsonOption, withAgent, withJson } from '../options.ts';
import { allItems, type Selected, select } from '../selection.ts';

interface Options extends JsonOption, AgentOption {
  readonly all?: true;
  readonly set?: string;
}

export const command: CommandModule<Options> = {
  declare: (command) =>
    withJson(withAgent(command))
      .argument('[id-or-path...]', 'ids by unique prefix, or paths')
      .option('--all', 'all that is listed now, after asking; protected changes need their own approval')
      .option('--set <digest>', 'exactly the listing with this digest (agentsh pending prints it)'),
  run: ({ operands, options, context }) => {
    const ways = [operands.length > 0, options.set !== undefined || options.all === true];
    if (ways.filter(Boolean).length !== 1) {
      throw new CommandFailure('usage', 'say what to approve: ids or paths, or --all, or --set DIGEST');
    }
    return withKernel(context, (kernel) => {
      if (options.set !== undefined) return approveSet(kernel, options.set, options, context);
      if (options.all) return approveAll(kernel, options, context);
      return approveNamed(kernel, operands, options, context);
    });
  },
};

async function approveNamed(
  kernel: Kernel,
  words: readonly string[],
  options: Options,
  context: Context,
): Promise<number> {
  const filter = agentFilter(options);
  const { selected, unknown } = select(await kernel.call('pending', filter), words, context.cwd);
  const ids = [...selected.map(({ item }) => item.id), ...unknown];
  return approve(kernel, { ...filter, ids }, context, options.json);
}

async function approveSet(kernel: Kernel, set: string, options: Options, context: Context): Promise<number> {
  const listings = await kernel.call('pending', agentFilter(options));
  const listing = listings.find((candidate) => candidate.set === set);
  if (listing === undefined) {
    throw new CommandFailure('conflict', `${set}: no listing has this digest now`, 'look again: agentsh pending');
  }
  return approve(kernel, { agent: listing.agent, ids: [], set }, context, options.json);
}

/** The ids asked about are the ids sent: what changes in between is refused by the kernel, not swept along. */
async function approveAll(kernel: Kernel, options: Options, context: Context): Promise<number> {
  const listings = await kernel.call('pending', agentFilter(options));
  const [bulk, own] = partition(allItems(listings));
  if (context.ask === undefined) {
    throw new CommandFailure('usage', 'there is no terminal to ask on', 'in a script: agentsh approve --set DIGEST');
  }
  if (bulk.length > 0) printListing(context.output, CHANGE_COLUMNS, bulk.map(shownRow), false);
  for (const selected of own) {
    context.output.note(
      `not among them: ${describe(selected)}; approve it by itself: agentsh approve ${selected.item.id}`,
    );
  }
  if (bulk.length === 0) {
    context.output.note('nothing is pending that could be approved in bulk');
    return EXIT.ok.code;
  }
  const answer = await context.ask(`Approve ${count(bulk.length, 'change')}? [y/N] `);
  if (!/^y(es)?$/i.test(answer?.trim() ?? '')) {
    context.output.note('nothing was approved');
    return EXIT.failure.code;
  }
  return approveByAgent(kernel, listings, bulk, options, context);
}

/** One commit for each agent, in the order of the listing. */
async function approveByAgent(
  kernel: Kernel,
  listings: readonly AgentPending[],
  chosen: readonly Selected[],
  options: Options,
  context: Context,
): Promise<number> {
  const results = [];
  for (const { agent } of listings) {
    const ids = chosen.filter((selected) => selected.agent === agent).map(({ item }) => item.id);
    if (ids.length > 0) results.push(...(await kernel.call('approve', { agent, ids })));
  }
  return reportApproved(results, context, options.json === true);
}

function partition(items: readonly Selected[]): [Selected[], Selected[]] {
  return [items.filter(({ item }) => !item.protected), items.filter(({ item }) => item.protected)];
}
