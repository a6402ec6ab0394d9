// agentsh who: the connections to the kernel by principal.
import type { CommandModule } from '../commandTable.ts';
import { withKernel } from '../context.ts';
import { EXIT } from '../exitCodes.ts';
import { type Column, printListing } from '../listing.ts';
import { type JsonOption, withJson } from '../options.ts';

const COLUMNS: readonly Column[] = [
  { key: 'principal', title: 'PRINCIPAL' },
  { key: 'kind', title: 'KIND' },
  { key: 'pid', title: 'PID', align: 'right' },
  { key: 'program', title: 'PROGRAM' },
  { key: 'where', title: 'WHERE' },
  { key: 'profile', title: 'PROFILE' },
  { key: 'since', title: 'SINCE' },
];

export const command: CommandModule<JsonOption> = {
  declare: withJson,
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const rows = (await kernel.call('who', {})).map(({ sinceMs, profile = '', ...rest }) => ({
        ...rest,
        profile,
        since: new Date(sinceMs).toISOString(),
      }));
      printListing(context.output, COLUMNS, rows, options.json === true);
      return EXIT.ok.code;
    }),
};
