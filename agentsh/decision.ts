// Carries decisions to the kernel and says what came of them; shared by approve, reject and review.
import type { ClientMethods } from '../fs/daemon/clientProtocol.ts';
import { count } from './changes.ts';
import type { Context, Kernel } from './context.ts';
import { escapeName, escapeText } from './escape.ts';
import { EXIT } from './exitCodes.ts';
import { printListing, type Row } from './listing.ts';

type Approve = ClientMethods['approve'];
type Reject = ClientMethods['reject'];

/** Approves and reports; returns the exit code: a conflict anywhere is a conflict. */
export async function approve(
  kernel: Kernel,
  params: Approve['params'],
  context: Context,
  json = false,
): Promise<number> {
  return reportApproved(await kernel.call('approve', params), context, json);
}

/** What was approved, what came along, and what was not applied. */
export function reportApproved(results: Approve['result'], { output }: Context, json: boolean): number {
  if (json) printListing(output, [], results.flatMap(approvedRows), true);
  else {
    for (const { agent, commit, approved, parents, leftovers } of results) {
      if (approved.length === 0) continue;
      output.line(`approved ${count(approved.length, 'change')} of ${escapeName(agent)} (commit ${commit})`);
      for (const parent of parents) output.line(`  with its new directory ${escapeName(parent)}`);
      for (const { path, count: left } of leftovers)
        output.line(
          `  kept ${escapeName(path)}: it holds ${count(left, 'entry', 'entries')} that the agent could not see`,
        );
    }
  }
  const conflicts = results.flatMap((result) => result.conflicts);
  for (const { path, reason } of conflicts) output.note(`conflict at ${escapeName(path)}: ${escapeText(reason)}`);
  return conflicts.length > 0 ? EXIT.conflict.code : EXIT.ok.code;
}

function approvedRows({ agent, commit, approved, parents, conflicts, leftovers }: Approve['result'][number]): Row[] {
  return [
    ...approved.map((id) => ({ agent, status: 'approved', commit, id, path: '', reason: '' })),
    ...parents.map((path) => ({ agent, status: 'parent', commit, id: '', path, reason: '' })),
    ...leftovers.map(({ path, count: left }) => ({
      agent,
      status: 'kept',
      commit,
      id: '',
      path,
      reason: `${left} unseen`,
    })),
    ...conflicts.map(({ path, reason }) => ({ agent, status: 'conflict', commit: '', id: '', path, reason })),
  ];
}

/** Rejects and reports. */
export async function reject(
  kernel: Kernel,
  params: Reject['params'],
  { output }: Context,
  json = false,
): Promise<number> {
  const results = await kernel.call('reject', params);
  const rows = results.flatMap(({ agent, rejected }) => rejected.map((id) => ({ agent, status: 'rejected', id })));
  if (json) printListing(output, [], rows, true);
  else {
    for (const { agent, rejected } of results) {
      if (rejected.length > 0) output.line(`rejected ${count(rejected.length, 'change')} of ${escapeName(agent)}`);
    }
  }
  return EXIT.ok.code;
}
