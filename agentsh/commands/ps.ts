// agentsh ps: the agents, live and at rest.
import type { AgentItem } from '../../fs/daemon/clientProtocol.ts';
import type { CommandModule } from '../commandTable.ts';
import { withKernel } from '../context.ts';
import { EXIT } from '../exitCodes.ts';
import { type Column, printListing, type Row, showBytes } from '../listing.ts';
import { type JsonOption, withJson } from '../options.ts';

const COLUMNS: readonly Column[] = [
  { key: 'agent', title: 'AGENT' },
  { key: 'state', title: 'STATE' },
  { key: 'sessions', title: 'SESSIONS', align: 'right' },
  { key: 'pending', title: 'PENDING', align: 'right' },
  { key: 'files', title: 'FILES', align: 'right' },
  { key: 'bytes', title: 'SIZE', align: 'right', show: showBytes },
  { key: 'pids', title: 'PIDS' },
  { key: 'reason', title: 'REASON' },
];

export const command: CommandModule<JsonOption> = {
  declare: withJson,
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const rows = (await kernel.call('ps', {})).map(row);
      const columns = COLUMNS.filter(({ key }) => key !== 'reason' || rows.some(({ reason }) => reason !== ''));
      printListing(context.output, columns, rows, options.json === true);
      if (rows.length === 0 && !options.json) context.output.note('no agents');
      return EXIT.ok.code;
    }),
};

function row(item: AgentItem): Row {
  return {
    agent: item.agent,
    name: item.name,
    workspace: item.workspace,
    state: item.state,
    sessions: item.sessions,
    pending: item.status?.pending ?? null,
    ignored: item.status?.ignored ?? null,
    files: item.status?.files ?? null,
    bytes: item.status?.bytes ?? null,
    pids: item.pids.join(' '),
    started: item.startedAtMs > 0 ? new Date(item.startedAtMs).toISOString() : null,
    reason: item.reason ?? '',
  };
}
