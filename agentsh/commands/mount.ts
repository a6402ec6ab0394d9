// agentsh mount: an agent's view at a directory, with no sandbox around it.
import path from 'node:path';
import { CONNECTION_PROFILES } from '../../fs/daemon/connectionProfile.ts';
import { MODES } from '../../policy/model.ts';
import type { CommandModule } from '../commandTable.ts';
import { byteString, withKernel } from '../context.ts';
import { escapeName, escapeText } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';
import { printObject } from '../listing.ts';
import type { JsonOption } from '../options.ts';
import { type SessionOptions, sessionRequest, withSessionOptions } from '../sessionOptions.ts';

interface Options extends SessionOptions, JsonOption {
  readonly mode?: string;
  readonly readOnly?: true;
  readonly allowOther?: true;
  readonly suid?: true;
  readonly dev?: true;
  readonly connection?: string;
}

export const command: CommandModule<Options> = {
  declare: (command) =>
    withSessionOptions(command)
      .argument('<mountpoint>', 'an empty directory')
      .option('--mode <mode>', `the workspace's mode: ${MODES.join(', ')}`)
      .option('--read-only', 'nothing can be written')
      .option('--allow-other', 'other users may enter too')
      .option('--suid', 'set-id bits take effect')
      .option('--dev', 'device files take effect')
      .option(
        '--connection <profile>',
        `how files are served: ${CONNECTION_PROFILES.join(', ')}; else the best there is`,
      )
      .option('--json', 'one object'),
  run: ({ operands, options, context }) => {
    if (options.mode !== undefined && !MODES.some((mode) => mode === options.mode)) {
      throw new CommandFailure('usage', `--mode ${options.mode}: one of ${MODES.join(', ')}`);
    }
    const profile = CONNECTION_PROFILES.find((known) => known === options.connection);
    if (options.connection !== undefined && profile === undefined) {
      throw new CommandFailure('usage', `--connection ${options.connection}: one of ${CONNECTION_PROFILES.join(', ')}`);
    }
    return withKernel(context, async (kernel) => {
      const { agent, mountpoint, joined, grants } = await kernel.call('mount', {
        ...sessionRequest(options, 'shell', context),
        mountpoint: byteString(path.resolve(context.cwd, operands[0] ?? '')),
        ...(options.mode === undefined ? {} : { mode: options.mode }),
        readOnly: options.readOnly === true,
        allowOther: options.allowOther === true,
        suid: options.suid === true,
        dev: options.dev === true,
        ...(profile === undefined ? {} : { connection: profile }),
      });
      for (const grant of grants) context.output.note(escapeText(grant));
      if (joined) context.output.note(`joined ${escapeName(agent)}, which is live`);
      context.output.note(
        `whoever reaches ${escapeName(mountpoint)} acts as ${escapeName(agent)}; there is no sandbox`,
      );
      if (options.json) printObject(context.output, { agent, mountpoint, joined });
      return EXIT.ok.code;
    });
  },
};
