// agentsh doctor: checks what this machine offers, with the one-line fix for each lack.
import type { CommandModule } from '../commandTable.ts';
import { EXIT } from '../exitCodes.ts';
import { printListing } from '../listing.ts';
import { type JsonOption, withJson } from '../options.ts';

export const command: CommandModule<JsonOption> = {
  declare: withJson,
  run: async ({ options, context }) => {
    const { examine } = await import('../doctor.ts');
    const findings = await examine();
    if (options.json) printListing(context.output, [], findings, true);
    return EXIT.ok.code;
  },
};
