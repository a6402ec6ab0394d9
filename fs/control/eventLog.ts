// A bounded log in memory: the newest lines, addressed by their position since the start.
import type { GrowingLog } from './source.ts';

/** What is kept by default; older lines are dropped. */
export const EVENT_LOG_BYTES_MAX = 1 << 20;

interface Line {
  readonly start: number;
  readonly bytes: Buffer;
}

export class MemoryLog implements GrowingLog {
  readonly #bytesMax: number;
  #lines: Line[] = [];
  /** Index of the first kept line: dropping moves it, and the array is cut now and then. */
  #first = 0;
  #size = 0;

  constructor(bytesMax: number = EVENT_LOG_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Appends one JSON line. */
  append(event: object): void {
    const bytes = Buffer.from(`${JSON.stringify(event)}\n`);
    this.#lines.push({ start: this.#size, bytes });
    this.#size += bytes.length;
    // The newest line stays even where it alone is over the bound.
    while (this.#size - this.startBytes() > this.#bytesMax && this.#first < this.#lines.length - 1) this.#first++;
    if (this.#first > 1024 && this.#first * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
  }

  startBytes(): number {
    return this.#lines[this.#first]?.start ?? 0;
  }

  sizeBytes(): number {
    return this.#size;
  }

  read(offset: number, target: Buffer): number {
    let filled = 0;
    for (let index = this.#lineAt(offset); index < this.#lines.length && filled < target.length; index++) {
      const line = this.#lines[index]!;
      filled += line.bytes.copy(target, filled, Math.max(offset - line.start, 0));
    }
    return filled;
  }

  /** The last kept line that starts at or before `offset`. */
  #lineAt(offset: number): number {
    let low = this.#first;
    let high = this.#lines.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#lines[middle]!.start <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}
