// agentsh doctor: checks what this machine offers, with the one-line fix for each lack.
import type { CommandModule } from '../commandTable.ts';
import { EXIT } from '../exitCodes.ts';
import { type Column, printListing } from '../listing.ts';
import { type JsonOption, withJson } from '../options.ts';

const COLUMNS: readonly Column[] = [
  { key: 'name', title: 'CHECK' },
  { key: 'verdict', title: 'VERDICT' },
  { key: 'detail', title: 'DETAIL' },
  { key: 'fix', title: 'FIX' },
];

export const command: CommandModule<JsonOption> = {
  declare: withJson,
  run: async ({ options, context }) => {
    const { doctor } = await import('../doctor.ts');
    const checks = await doctor();
    const verdict = (ok: boolean, optional: boolean) => (ok ? 'ok' : optional ? 'without' : 'missing');
    const rows = checks.map((check) => ({ ...check, verdict: verdict(check.ok, check.optional) }));
    printListing(
      context.output,
      COLUMNS,
      options.json ? checks.map((check) => ({ ...check })) : rows,
      options.json === true,
    );
    return checks.every(({ ok, optional }) => ok || optional) ? EXIT.ok.code : EXIT.environment.code;
  },
};
