// The operator's `/.kernel`: a mount of its own beside the socket, served by a worker of its own, remade if that dies.
import type { KernelEvent } from './eventFeed.ts';
import type { Mounted, Mounter } from './mounter.ts';
import type { OperatorMethods } from './protocol.ts';
import { failureOf } from './requestError.ts';
import { WorkerClient } from './workerClient.ts';

export interface OperatorHost {
  deliver(fd: number, bytes: Uint8Array): void;
  /** Forgets what waits for a descriptor, and closes it when nothing is being written to it. */
  drop(fd: number, close: () => void): void;
  log(text: string): void;
}

type Serve = (method: string, params: unknown) => Promise<unknown>;

const RESTARTS_MAX = 5;

export class OperatorMount {
  readonly #mounter: Mounter;
  readonly #program: URL;
  readonly #host: OperatorHost;
  #worker: WorkerClient<OperatorMethods> | undefined;
  #mounted: Mounted | undefined;
  #problem: string | undefined;
  #unsent: KernelEvent[] = [];
  #restarts = 0;
  #stopping = false;

  constructor(mounter: Mounter, program: URL, host: OperatorHost) {
    this.#mounter = mounter;
    this.#program = program;
    this.#host = host;
  }

  /** '' where there is none. */
  get mountpoint(): string {
    return this.#mounted?.mountpoint ?? '';
  }

  get problem(): readonly string[] {
    return this.#problem === undefined ? [] : [`the operator's mount: ${this.#problem}`];
  }

  /** A kernel without it still serves its socket: the problem is kept for `status`, not thrown. */
  async start(place: string, serve: Serve): Promise<void> {
    try {
      await this.#start(place, serve);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = failureOf(error).message;
      this.#host.log(`the operator's mount: ${this.#problem}`);
      await this.stop();
      this.#stopping = false;
    }
  }

  /** What comes in one turn of the event loop goes in one message. */
  publish(event: KernelEvent): void {
    if (this.#worker === undefined) return;
    this.#unsent.push(event);
    if (this.#unsent.length === 1) setImmediate(() => this.#send());
  }

  #send(): void {
    const events = this.#unsent;
    this.#unsent = [];
    this.#worker?.call('publish', { events }).catch((error) => this.#host.log(`publish: ${failureOf(error).message}`));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#end();
  }

  async #start(place: string, serve: Serve): Promise<void> {
    const flags = { allowOther: false, readOnly: false, suid: false, dev: false };
    const mounted = await this.#mounter.mountAt(place, 'kernel', flags);
    this.#mounted = mounted;
    const worker = new WorkerClient<OperatorMethods>(
      this.#program,
      {
        notify: (fd, bytes) => this.#host.deliver(fd, bytes),
        event: (event) => this.#host.log(`operator: ${String(event.text)}`),
        ended: () => void this.#lost(place, serve, 'unmounted from outside'),
        sync: serve,
        exit: (reason) => {
          if (this.#worker === worker) void this.#lost(place, serve, reason?.message ?? 'its worker ended');
        },
      },
      'operator',
    );
    this.#worker = worker;
    const { connection, fd, idShift } = mounted;
    await worker.call('attach', { connection, fd, idShift, profile: 'open', dev: false });
  }

  async #lost(place: string, serve: Serve, reason: string): Promise<void> {
    if (this.#stopping) return;
    this.#host.log(`the operator's mount: ${reason}`);
    this.#problem = reason;
    await this.#end();
    if (this.#restarts++ < RESTARTS_MAX) await this.start(place, serve);
  }

  /** The descriptor closes last: the worker reads from it, and its number may be another's at once. */
  async #end(): Promise<void> {
    const [worker, mounted] = [this.#worker, this.#mounted];
    this.#worker = undefined;
    this.#mounted = undefined;
    if (mounted !== undefined) {
      await this.#mounter
        .unmount(mounted, true)
        .catch((error) => this.#host.log(`unmount: ${failureOf(error).message}`));
    }
    await worker?.close();
    if (mounted !== undefined) this.#host.drop(mounted.fd, () => this.#mounter.closeDevice(mounted));
  }
}
