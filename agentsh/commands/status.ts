// agentsh status: the kernel, its places and its health.
import type { KernelStatus } from '../../fs/daemon/clientProtocol.ts';
import type { CommandModule } from '../commandTable.ts';
import { withKernel } from '../context.ts';
import { escapeName, escapeText } from '../escape.ts';
import { EXIT } from '../exitCodes.ts';
import { printObject } from '../listing.ts';
import type { JsonOption } from '../options.ts';

export const command: CommandModule<JsonOption> = {
  declare: (command) => command.option('--json', 'one object'),
  run: ({ options, context }) =>
    withKernel(context, async (kernel) => {
      const status = await kernel.call('status', {});
      const healthy = status.health.every((reason) => reason === 'ok');
      if (options.json) {
        const { health, startedAtMs, ...rest } = status;
        printObject(context.output, {
          ...rest,
          started: new Date(startedAtMs).toISOString(),
          health: health.join('; '),
        });
      } else {
        for (const [title, value] of lines(status)) context.output.line(`${`${title}:`.padEnd(10)} ${value}`);
      }
      return healthy ? EXIT.ok.code : EXIT.failure.code;
    }),
};

function lines(status: KernelStatus): (readonly [string, string])[] {
  return [
    [
      'kernel',
      `pid ${status.pid}, build ${escapeText(status.build)}, since ${new Date(status.startedAtMs).toISOString()}`,
    ],
    ['home', escapeName(status.home)],
    ['socket', escapeName(status.socket)],
    ['operator', status.operator === '' ? 'could not be mounted' : escapeName(status.operator)],
    ['agents', `${status.agents}`],
    ['mounts', `${status.mounts}`],
    ['sessions', `${status.sessions}`],
    ['health', escapeText(status.health.join('; '))],
  ];
}
