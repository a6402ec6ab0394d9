// agentsh commits: what was applied, when, by whose word.
import type { CommitItem } from '../../fs/daemon/protocol.ts';
import type { CommandModule } from '../commandTable.ts';
import { withKernel } from '../context.ts';
import { escapeName } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';
import { type Column, printListing, type Row } from '../listing.ts';
import { type AgentOption, agentFilter, type JsonOption, withAgent, withJson } from '../options.ts';

const COLUMNS: readonly Column[] = [
  { key: 'id', title: 'ID' },
  { key: 'time', title: 'TIME' },
  { key: 'agent', title: 'AGENT' },
  { key: 'by', title: 'BY' },
  { key: 'count', title: 'PATHS', align: 'right' },
  { key: 'first', title: 'FIRST' },
];

export const command: CommandModule<JsonOption & AgentOption> = {
  declare: (command) => withJson(withAgent(command)),
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const commits = await kernel.call('commits', agentFilter(options));
      printListing(context.output, COLUMNS, commits.map(row), options.json === true);
      if (commits.length === 0 && !options.json) context.output.note('nothing was applied yet');
      return EXIT.ok.code;
    }),
};

/** `paths` is one string, a path a line, each escaped: the object stays flat. */
function row(item: CommitItem): Row {
  return {
    id: item.id,
    time: new Date(item.atMs).toISOString(),
    agent: item.agent,
    by: item.by,
    count: item.paths.length,
    first: item.paths[0] ?? '',
    paths: item.paths.map(escapeName).join('\n'),
  };
}
