// One agent worker ahead of its need: loading its program is the longest part of opening an agent.
import type { AgentMethods } from './protocol.ts';
import { WorkerClient, type WorkerHandlers } from './workerClient.ts';

/** The next spare starts after this: not while the session that took the last one is coming up. */
const REFILL_MS = 3000;
const UNOWNED: WorkerHandlers = { notify() {}, event() {}, ended() {}, exit() {} };

export class SpareWorker {
  readonly #program: URL;
  #spare: WorkerClient<AgentMethods> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(program: URL) {
    this.#program = program;
  }

  /** Makes the first spare. From here on the process ends only after `close`. */
  start(): void {
    this.#spare ??= this.#make();
  }

  /** A worker that nobody has asked anything yet; the caller sets its handlers at once. */
  take(): WorkerClient<AgentMethods> {
    const spare = this.#spare;
    this.#spare = undefined;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#spare ??= this.#make();
    }, REFILL_MS);
    this.#timer.unref();
    return spare?.alive ? spare : this.#make();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#spare?.close();
  }

  #make(): WorkerClient<AgentMethods> {
    return new WorkerClient<AgentMethods>(this.#program, UNOWNED, 'agent');
  }
}
