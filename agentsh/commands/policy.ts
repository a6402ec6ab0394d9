// agentsh policy check [FILE]: says what is wrong with a policy, or which rules would hold.
import path from 'node:path';
import type { PolicyChecked } from '../../fs/daemon/clientProtocol.ts';
import type { CommandModule } from '../commandTable.ts';
import { byteString, definedEnvironment, withKernel } from '../context.ts';
import { escapeByteLines, escapeText } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { printListing } from '../listing.ts';
import { type JsonOption, withJson } from '../options.ts';
import type { Output } from '../output.ts';
import { readPolicy } from '../policyFile.ts';

interface Options extends JsonOption {
  readonly workspace?: string;
  readonly profile?: string;
}

export const command: CommandModule<Options> = {
  declare: (command) =>
    withJson(command)
      .argument('<verb>', 'check')
      .argument('[file]', 'as --policy FILE would use it; without it, what is effective here')
      .option('-w, --workspace <dir>', 'for this workspace')
      .option('--profile <name>', 'with this profile'),
  run: ({ operands: [verb, file], options, context }) => {
    if (verb !== 'check') throw new CommandFailure('usage', `policy ${verb}: the only verb is check`);
    const policy = file === undefined ? undefined : readPolicy(file, context.cwd);
    return withKernel(context, async (kernel) => {
      const checked = await kernel.call('policy.check', {
        cwd: byteString(context.cwd),
        environment: definedEnvironment(context.environment),
        ...(policy === undefined ? {} : { policy }),
        ...(options.workspace === undefined
          ? {}
          : { workspace: byteString(path.resolve(context.cwd, options.workspace)) }),
        ...(options.profile === undefined ? {} : { profile: options.profile }),
      });
      print(checked, options.json === true, context.output);
      return checked.problems.length > 0 ? EXIT.usage.code : EXIT.ok.code;
    });
  },
};

function print(checked: PolicyChecked, json: boolean, output: Output): void {
  if (json) {
    printListing(output, [], rows(checked), true);
    return;
  }
  for (const problem of checked.problems) output.error(`${escapeText(problem)}\n`);
  if (checked.problems.length > 0) return;
  for (const file of checked.files) output.note(`from ${escapeText(file)}`);
  for (const grant of checked.grants) output.note(escapeText(grant));
  for (const mount of checked.mounts) output.line(escapeByteLines(mount));
}

/** One flat object for each thing found, told apart by `type`. */
function rows({ problems, files, grants, mounts }: PolicyChecked): { type: string; text: string }[] {
  const of = (type: string, texts: readonly string[]) => texts.map((text) => ({ type, text }));
  return [...of('problem', problems), ...of('file', files), ...of('grant', grants), ...of('rule', mounts)];
}
