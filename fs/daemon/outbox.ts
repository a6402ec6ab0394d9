// What happened in a worker, on its way to the operator's events: gathered for a moment, sent as one message, bounded.
//
// An agent that changes ten thousand files a second must not wait for who follows it: beyond the bound the newest are
// counted, not sent.

export type OutboxEvent = Readonly<Record<string, unknown>>;

/** Between two messages. */
export const OUTBOX_INTERVAL_MS = 50;
/** In one message. */
export const OUTBOX_EVENTS_MAX = 500;

export class Outbox {
  readonly #send: (events: readonly OutboxEvent[]) => void;
  readonly #clock: () => number;
  #waiting: OutboxEvent[] = [];
  #dropped = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;

  constructor(send: (events: readonly OutboxEvent[]) => void, clock: () => number) {
    this.#send = send;
    this.#clock = clock;
  }

  add(event: OutboxEvent): void {
    if (this.#waiting.length < OUTBOX_EVENTS_MAX) this.#waiting.push(event);
    else this.#dropped += 1;
  }

  /** Sends what waits if its time has come; answers in how many milliseconds to ask again, -1 where nothing waits. */
  flush(): number {
    if (this.#waiting.length === 0) return -1;
    const dueInMs = this.#sentAtMs + OUTBOX_INTERVAL_MS - this.#clock();
    if (dueInMs > 0) return Math.ceil(dueInMs);
    this.#sentAtMs = this.#clock();
    const events = this.#dropped === 0 ? this.#waiting : [...this.#waiting, this.#note()];
    this.#waiting = [];
    this.#dropped = 0;
    this.#send(events);
    return -1;
  }

  #note(): OutboxEvent {
    return { time: new Date().toISOString(), kind: 'dropped', count: this.#dropped };
  }
}
