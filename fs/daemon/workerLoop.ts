// The loop of a worker thread: sleeps in poll(2) over its FUSE devices and its eventfd, serves what is ready.
//
// It never returns to the event loop while it runs: messages are taken by receiveMessageOnPort, the answer to a
// synchronous call is awaited with Atomics.wait.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type Channel, requestBuffer } from '../fuse/channel.ts';
import { POLLIN, poll, read } from '../host/syscall.ts';
import type { FromWorker, SyncAnswer, ToWorker, WorkerData } from './protocol.ts';
import { failureOf, RequestError, raise } from './requestError.ts';

export interface LoopHandlers {
  /** Serves one request of the main thread; what it throws is the answer. `close` ends the loop after its answer. */
  request(method: string, params: unknown): unknown;
  /**
   * Called before the worker sleeps: everything that must not be held meanwhile is let go. Answers for how many
   * milliseconds it may sleep at most, -1 for as long as nothing comes.
   */
  beforeSleep?(): number;
}

const POLLFD_BYTES = 8;
const CHANNELS_MAX = 64;
/** Requests of one connection before the next one has its turn. */
const TURN_REQUESTS = 256;
/** Trying again for this long costs less than the wake-up it saves. */
const SPIN_US = 40;

export class WorkerLoop {
  /** Shared by every channel of this thread: each uses it only while it is served. */
  readonly buffer: Buffer = requestBuffer();
  readonly #handlers: LoopHandlers;
  readonly #data: WorkerData;
  readonly #signal: Int32Array;
  readonly #channels = new Map<number, Channel>();
  readonly #pollfds = Buffer.alloc(POLLFD_BYTES * (CHANNELS_MAX + 1));
  readonly #counter = Buffer.alloc(8);
  /** Requests that came while a synchronous call waited for its answer. */
  readonly #postponed: Extract<ToWorker, { method: string }>[] = [];
  #nextCall = 1;
  #running = true;

  constructor(handlers: LoopHandlers) {
    this.#handlers = handlers;
    this.#data = workerData as WorkerData;
    this.#signal = new Int32Array(this.#data.syncSignal);
  }

  post(message: FromWorker): void {
    parentPort!.postMessage(message);
  }

  add(connection: number, channel: Channel): void {
    if (this.#channels.size >= CHANNELS_MAX) throw new RequestError('EMFILE', 'too many connections in one worker');
    this.#channels.set(connection, channel);
  }

  /** Ends the conversation on a connection; the descriptor stays the main thread's. */
  remove(connection: number): void {
    this.#channels.get(connection)?.session.end();
    this.#channels.delete(connection);
  }

  /** Asks the main thread and blocks until it answers; throws what it failed with. */
  call(method: string, params: unknown): unknown {
    const id = this.#nextCall++;
    this.post({ sync: { id, method, params } });
    // Another call's id is never here: calls of one thread do not overlap.
    while (Atomics.load(this.#signal, 0) !== id) Atomics.wait(this.#signal, 0, id - 1);
    const answer = this.#answerTo(id);
    if (!answer.ok) raise(answer.error);
    return answer.result;
  }

  /** Serves until `close` was asked for. */
  run(): void {
    while (this.#running) {
      const busy = this.#serveChannels();
      this.#takeMessages();
      if (!this.#running) break;
      const sleepMsMax = this.#handlers.beforeSleep?.() ?? -1;
      this.#wait(busy ? 0 : sleepMsMax);
    }
    for (const connection of [...this.#channels.keys()]) this.remove(connection);
    parentPort!.close();
  }

  #serveChannels(): boolean {
    let busy = false;
    for (const [connection, channel] of this.#channels) {
      const state = channel.drain(SPIN_US, TURN_REQUESTS);
      if (state === 'busy') busy = true;
      if (state !== 'ended') continue;
      this.#channels.delete(connection);
      this.post({ ended: connection });
    }
    return busy;
  }

  #wait(timeoutMs: number): void {
    let at = this.#writePollfd(0, this.#data.wakeFd);
    for (const { fd } of this.#channels.values()) at = this.#writePollfd(at, fd);
    poll(this.#pollfds, at / POLLFD_BYTES, timeoutMs);
    if (this.#pollfds.readInt16LE(6) !== 0) read(this.#data.wakeFd, this.#counter, 8);
  }

  #writePollfd(at: number, fd: number): number {
    this.#pollfds.writeInt32LE(fd, at);
    this.#pollfds.writeInt16LE(POLLIN, at + 4);
    this.#pollfds.writeInt16LE(0, at + 6);
    return at + POLLFD_BYTES;
  }

  #takeMessages(): void {
    for (let next = this.#nextMessage(); next !== undefined && this.#running; next = this.#nextMessage()) {
      this.#serve(next);
    }
  }

  #nextMessage(): Extract<ToWorker, { method: string }> | undefined {
    const postponed = this.#postponed.shift();
    if (postponed !== undefined) return postponed;
    const received = receiveMessageOnPort(parentPort!) as { message: ToWorker } | undefined;
    if (received === undefined) return undefined;
    if ('answer' in received.message) return this.#nextMessage();
    return received.message;
  }

  #serve({ id, method, params }: Extract<ToWorker, { method: string }>): void {
    try {
      const result = this.#handlers.request(method, params);
      if (method === 'close') this.#running = false;
      this.post({ id, ok: true, result: result ?? {} });
    } catch (thrown) {
      this.post({ id, ok: false, error: failureOf(thrown) });
    }
  }

  #answerTo(id: number): SyncAnswer {
    for (;;) {
      const received = receiveMessageOnPort(parentPort!) as { message: ToWorker } | undefined;
      if (received === undefined) throw new RequestError('defect', `call ${id} was signalled without an answer`);
      if (!('answer' in received.message)) this.#postponed.push(received.message);
      else if (received.message.answer === id) return JSON.parse(received.message.json) as SyncAnswer;
    }
  }
}
