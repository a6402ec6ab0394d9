// Everything that happens, as it happens: stamped, passed on to the operator's mount; refusals are kept for `denials`.
import { quotePath, quoteText } from '../control/quote.ts';

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

  /** `time agent op path rule why`; a path is quoted already. */
  #deny(event: KernelEvent): void {
    const { time, agent = '-', op, path = '-', rule = '-', note, error } = event;
    const words = [time, quotePath(String(agent)), op, path, quotePath(String(rule)), quoteText(String(note ?? error))];
    this.denials.push(words.join(' '));
    if (this.denials.length > DENIALS_MAX) this.denials.shift();
  }
}
