// Counts what each principal did in the last while, and says when it is enough.

export interface Window {
  readonly countMax: number;
  readonly windowMs: number;
}

export class SlidingWindow {
  readonly #window: Window;
  readonly #now: () => number;
  readonly #times = new Map<string, number[]>();

  /** @param now milliseconds, never going back */
  constructor(window: Window, now: () => number) {
    this.#window = window;
    this.#now = now;
  }

  /** Counts one more, unless the window is full: then it is not counted and the answer is false. */
  take(principal: string): boolean {
    const now = this.#now();
    const oldest = now - this.#window.windowMs;
    const times = (this.#times.get(principal) ?? []).filter((time) => time > oldest);
    const allowed = times.length < this.#window.countMax;
    if (allowed) times.push(now);
    if (times.length > 0) this.#times.set(principal, times);
    else this.#times.delete(principal);
    return allowed;
  }
}
