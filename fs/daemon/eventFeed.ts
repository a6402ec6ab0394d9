// Everything that happens, as it happens: stamped, passed on to the operator's mount; refusals are kept for `denials`.

const DENIALS_MAX = 100;

export type KernelEvent = Readonly<Record<string, unknown>>;

export class EventFeed {
  readonly denials: string[] = [];
  readonly #pass: (event: KernelEvent) => void;

  constructor(pass: (event: KernelEvent) => void) {
    this.#pass = pass;
  }

  publish(event: KernelEvent): void {
    const stamped = { time: new Date().toISOString(), ...event };
    if (event.verdict === 'deny' || event.kind === 'deny') this.#deny(stamped);
    this.#pass(stamped);
  }

  /** `time agent op path rule note`, quoted so that a name cannot break the line. */
  #deny(event: KernelEvent): void {
    const field = (name: string) => JSON.stringify(String(event[name] ?? ''));
    const words = [
      event.time,
      field('agent'),
      event.op,
      field('path'),
      field('rule'),
      field('note' in event ? 'note' : 'error'),
    ];
    this.denials.push(words.join(' '));
    if (this.denials.length > DENIALS_MAX) this.denials.shift();
  }
}
