// agentsh shutdown: ends the kernel, and waits until it is gone.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandModule } from '../commandTable.ts';
import { EXIT } from '../exitCodes.ts';
import { CommandFailure } from '../failure.ts';

interface Options {
  readonly force?: true;
}

export const command: CommandModule<Options> = {
  declare: (command) => command.option('--force', 'also while agents are at work; what they wrote is kept'),
  run: async ({ options, context }) => {
    const kernel = await context.runningKernel();
    if (kernel === undefined) {
      context.output.note('no kernel is running');
      return EXIT.ok.code;
    }
    try {
      const { pid } = await kernel.call('status', {});
      await kernel.call('shutdown', { force: options.force === true });
      await kernel.closed;
      await waitUntilGone(pid);
      return EXIT.ok.code;
    } finally {
      kernel.close();
    }
  },
};

const GONE_MS_MAX = 30_000;
const LOOK_MS = 20;

/** The socket closes first; mounts and stores are let go of only when the process is. */
async function waitUntilGone(pid: number): Promise<void> {
  for (const until = Date.now() + GONE_MS_MAX; Date.now() < until; await sleep(LOOK_MS)) {
    if (!existsSync(`/proc/${pid}`)) return;
  }
  throw new CommandFailure('failure', `the kernel (pid ${pid}) takes long to end; kernel.log in its home says why`);
}
