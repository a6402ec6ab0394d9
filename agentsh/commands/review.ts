// agentsh review: goes through what is pending, one change at a time, as `git add -p` does.
//
// Answers are gathered and carried out at the end or at `q`, so that what belongs together lands in one commit.
// The end of input carries out nothing.
import { CHANGE_COLUMNS, count, describe, shownRows } from '../changes.ts';
import type { CommandModule } from '../commandTable.ts';
import { type Context, type Kernel, withKernel } from '../context.ts';
import { approve, reject } from '../decision.ts';
import { showDetail } from '../detail.ts';
import { EXIT } from '../exitCodes.ts';
import { printListing } from '../listing.ts';
import { type AgentOption, agentFilter, withAgent } from '../options.ts';
import { allItems, type Selected } from '../selection.ts';

const PREVIEW_LINES_MAX = 60;

const HELP = `y - approve this change
n - reject it: the agent's view returns to the workspace's content
s - skip it: it stays pending
d - show it in full
q - quit; carry out the answers so far, the rest stays pending
? - this help
`;

type Answer = 'approve' | 'reject' | 'skip' | 'quit';

interface Decisions {
  readonly approve: Selected[];
  readonly reject: Selected[];
}

export const command: CommandModule<AgentOption> = {
  declare: (command) => withAgent(command),
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const listings = await kernel.call('pending', agentFilter(options));
      const items = allItems(listings);
      if (items.length === 0) {
        context.output.note('nothing is pending');
        return EXIT.ok.code;
      }
      if (context.ask === undefined) {
        printListing(context.output, CHANGE_COLUMNS, shownRows(listings), false);
        context.output.note('there is no terminal to ask on; in a script: agentsh approve ID, agentsh reject ID');
        return EXIT.usage.code;
      }
      const decisions = await askAll(kernel, items, context.ask, context);
      if (decisions === undefined) {
        context.output.note('input ended: nothing was carried out');
        return EXIT.failure.code;
      }
      return carryOut(kernel, decisions, items.length, context);
    }),
};

/** Undefined when the input ends. */
async function askAll(
  kernel: Kernel,
  items: readonly Selected[],
  ask: NonNullable<Context['ask']>,
  context: Context,
): Promise<Decisions | undefined> {
  const decisions: Decisions = { approve: [], reject: [] };
  for (const [index, selected] of items.entries()) {
    const { text } = await kernel.call('detail', { agent: selected.agent, id: selected.item.id });
    const detail = showDetail(text, context.output.colour);
    context.output.error(`${preview(detail)}\n`);
    const answer = await askOne(`(${index + 1}/${items.length}) `, selected, detail, ask, context);
    if (answer === undefined) return undefined;
    if (answer === 'quit') break;
    if (answer !== 'skip') decisions[answer].push(selected);
  }
  return decisions;
}

async function askOne(
  position: string,
  selected: Selected,
  detail: string,
  ask: NonNullable<Context['ask']>,
  context: Context,
): Promise<Answer | undefined> {
  const { protected: isProtected } = selected.item;
  for (;;) {
    const keys = isProtected ? 'yes,n,s,d,q,?' : 'y,n,s,d,q,?';
    const answer = (await ask(`${position}${describe(selected)} [${keys}]? `))?.trim().toLowerCase();
    if (answer === undefined) return undefined;
    if (answer === 'yes' || (answer === 'y' && !isProtected)) return 'approve';
    if (answer === 'n' || answer === 'no') return 'reject';
    if (answer === 's') return 'skip';
    if (answer === 'q') return 'quit';
    if (answer === 'd') context.output.error(`${detail}\n`);
    else if (answer === 'y') context.output.error('This path is protected: type yes in full to approve it.\n');
    else context.output.error(HELP);
  }
}

function preview(detail: string): string {
  const lines = detail.split('\n');
  if (lines.length <= PREVIEW_LINES_MAX) return detail;
  const more = lines.length - PREVIEW_LINES_MAX;
  return [...lines.slice(0, PREVIEW_LINES_MAX), `… ${count(more, 'more line')}: d shows all`].join('\n');
}

/** Rejections first: they touch nothing on the host. A protected change goes by itself, never with others. */
async function carryOut(kernel: Kernel, decisions: Decisions, total: number, context: Context): Promise<number> {
  let worst: number = EXIT.ok.code;
  for (const [agent, selected] of byAgent(decisions.reject)) {
    worst = Math.max(worst, await reject(kernel, { agent, ids: idsOf(selected), reason: '' }, context));
  }
  for (const [agent, selected] of byAgent(decisions.approve)) {
    const bulk = selected.filter(({ item }) => !item.protected);
    const own = selected.filter(({ item }) => item.protected).map((one) => [one]);
    for (const group of [bulk, ...own]) {
      if (group.length === 0) continue;
      worst = Math.max(worst, await approve(kernel, { agent, ids: idsOf(group) }, context));
    }
  }
  const left = total - decisions.approve.length - decisions.reject.length;
  if (left > 0) context.output.note(`${count(left, 'change')} left pending`);
  return worst;
}

const idsOf = (selected: readonly Selected[]): string[] => selected.map(({ item }) => item.id);

function byAgent(selected: readonly Selected[]): Map<string, Selected[]> {
  const groups = new Map<string, Selected[]>();
  for (const one of selected) groups.set(one.agent, [...(groups.get(one.agent) ?? []), one]);
  return groups;
}
