// The main thread's side of one worker: typed calls, wake-ups by eventfd, and what the worker sends on its own.
//
// The worker sleeps in poll(2), not in its event loop: every message is followed by a write to its eventfd.
import { Worker } from 'node:worker_threads';
import { close, eventfd, write } from '../host/syscall.ts';
import type { FromWorker, SyncAnswer, ToWorker, WorkerData } from './protocol.ts';
import { failureOf, RequestError } from './requestError.ts';

export interface MethodTable {
  readonly [method: string]: { params: unknown; result: unknown };
}

export interface WorkerHandlers {
  notify(fd: number, bytes: Uint8Array): void;
  event(event: Readonly<Record<string, unknown>>): void;
  ended(connection: number): void;
  /** Answers a blocked worker; what it throws is the worker's failure. */
  sync?(method: string, params: unknown): Promise<unknown>;
  /** The worker is gone; `reason` is undefined after an orderly close. */
  exit(reason: Error | undefined): void;
}

const CLOSE_TIMEOUT_MS = 10_000;
/** The wake-up's value: an eventfd adds it to its counter. */
const ONE = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** `Methods` is AgentMethods or OperatorMethods. */
export class WorkerClient<Methods extends { [M in keyof Methods]: { params: unknown; result: unknown } }> {
  readonly #worker: Worker;
  /** May be replaced while nothing was asked of the worker yet: a spare one has no owner. */
  handlers: WorkerHandlers;
  readonly #wakeFd: number;
  readonly #syncSignal: Int32Array;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closing = false;
  #failure: Error | undefined;
  #over: Promise<void>;
  #ended = false;

  constructor(program: URL, handlers: WorkerHandlers, name: string) {
    this.handlers = handlers;
    this.#wakeFd = eventfd();
    if (this.#wakeFd < 0) throw new RequestError('EMFILE', 'no descriptor left for another agent');
    const syncSignal = new SharedArrayBuffer(4);
    this.#syncSignal = new Int32Array(syncSignal);
    const workerData: WorkerData = { wakeFd: this.#wakeFd, syncSignal };
    this.#worker = new Worker(program, { workerData, name });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (error) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#over = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#exit(code);
        resolve();
      });
    });
  }

  /** False from the moment the worker's end is known. */
  get alive(): boolean {
    return !this.#ended;
  }

  call<M extends keyof Methods & string>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    if (this.#ended) return Promise.reject(lost(this.#failure));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#post({ id, method, params });
    });
  }

  /** Asks the worker to finish; terminates it when it does not in time. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#closing = true;
    const asked = this.call('close' as keyof Methods & string, {} as never).then(
      () => true,
      () => false,
    );
    const timer = setTimeout(() => this.terminate(), CLOSE_TIMEOUT_MS);
    if (await asked) this.terminate();
    await this.#over;
    clearTimeout(timer);
  }

  /** Ends the worker without its consent. */
  terminate(): void {
    void this.#worker.terminate();
    // terminate() waits for the thread to come back from native code: out of poll(2) here.
    this.#wake();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
    this.#wake();
  }

  #wake(): void {
    if (!this.#ended) write(this.#wakeFd, ONE, ONE.length);
  }

  #receive(message: FromWorker): void {
    if ('id' in message) this.#settle(message);
    else if ('notify' in message) this.handlers.notify(message.notify.fd, message.notify.bytes);
    else if ('event' in message) this.handlers.event(message.event);
    else if ('events' in message) for (const event of message.events) this.handlers.event(event);
    else if ('ended' in message) this.handlers.ended(message.ended);
    else void this.#answer(message.sync);
  }

  #settle(message: Extract<FromWorker, { id: number }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.ok) waiting?.resolve(message.result);
    else waiting?.reject(new RequestError(message.error.code, message.error.message));
  }

  async #answer(call: { readonly id: number; readonly method: string; readonly params: unknown }): Promise<void> {
    let answer: SyncAnswer;
    try {
      if (this.handlers.sync === undefined) throw new RequestError('ENOSYS', `${call.method}: no such call`);
      answer = { ok: true, result: await this.handlers.sync(call.method, call.params) };
    } catch (error) {
      answer = { ok: false, error: failureOf(error) };
    }
    if (this.#ended) return;
    this.#post({ answer: call.id, json: JSON.stringify(answer) });
    Atomics.store(this.#syncSignal, 0, call.id);
    Atomics.notify(this.#syncSignal, 0);
  }

  #exit(code: number): void {
    this.#ended = true;
    close(this.#wakeFd);
    const orderly = this.#closing && this.#failure === undefined;
    const reason = orderly ? undefined : (this.#failure ?? new Error(`the worker ended with code ${code}`));
    for (const waiting of this.#waiting.values()) waiting.reject(lost(reason));
    this.#waiting.clear();
    this.handlers.exit(reason);
  }
}

function lost(cause: Error | undefined): RequestError {
  return new RequestError('EIO', `the agent's worker is gone${cause ? `: ${cause.message}` : ''}`, { cause });
}
