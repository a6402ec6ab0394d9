// agentsh reject: returns the agent's view to the workspace's content.
import { CHANGE_COLUMNS, count, shownRow } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { byteString, type Context, type Kernel, withKernel } from '../context.ts';
import { reject } from '../decision.ts';
import { EXIT } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { printListing } from '../listing.ts';
import { type AgentOption, agentFilter, type JsonOption, withAgent, withJson } from '../options.ts';
import { allItems, select } from '../selection.ts';

interface Options extends JsonOption, AgentOption {
  readonly all?: true;
  readonly message?: string;
}

export const command: CommandModule<Options> = {
  declare: (command) =>
    withJson(withAgent(command))
      .argument('[id-or-path...]', 'ids by unique prefix, or paths')
      .option('--all', 'all that is listed now')
      .option('-m, --message <reason>', 'the reason, for the agent to read'),
  run: ({ operands, options, context }) => {
    if (operands.length > 0 === (options.all === true)) {
      throw new CommandFailure('usage', 'say what to reject: ids or paths, or --all');
    }
    return withKernel(context, (kernel) =>
      options.all ? rejectAll(kernel, options, context) : rejectNamed(kernel, operands, options, context),
    );
  },
};

async function rejectNamed(
  kernel: Kernel,
  words: readonly string[],
  options: Options,
  context: Context,
): Promise<number> {
  const filter = agentFilter(options);
  const { selected, unknown } = select(await kernel.call('pending', filter), words, context.cwd);
  const ids = [...selected.map(({ item }) => item.id), ...unknown];
  return reject(kernel, { ...filter, ids, reason: reasonOf(options) }, context, options.json);
}

async function rejectAll(kernel: Kernel, options: Options, context: Context): Promise<number> {
  const items = allItems(await kernel.call('pending', agentFilter(options)));
  if (items.length === 0) {
    context.output.note('nothing is pending');
    return EXIT.ok.code;
  }
  if (context.ask !== undefined) {
    printListing(context.output, CHANGE_COLUMNS, items.map(shownRow), false);
    const answer = await context.ask(`Reject ${count(items.length, 'change')}? [y/N] `);
    if (!/^y(es)?$/i.test(answer?.trim() ?? '')) {
      context.output.note('nothing was rejected');
      return EXIT.failure.code;
    }
  }
  const ids = items.map(({ item }) => item.id);
  return reject(kernel, { ...agentFilter(options), ids, reason: reasonOf(options) }, context, options.json);
}

function reasonOf(options: Options): string {
  return byteString(options.message ?? '');
}
