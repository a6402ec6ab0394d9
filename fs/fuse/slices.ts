// Views of one buffer from one start, kept by length: a fresh `subarray` per READ or WRITE would be an allocation.

/** Lengths are nearly always whole pages, of which there are 256; odd ones beyond the bound are made each time. */
const KEPT_MAX = 512;

export class Slices {
  private readonly kept = new Map<number, Buffer>();
  private readonly buffer: Buffer;
  private readonly start: number;
  constructor(buffer: Buffer, start: number) {
    this.buffer = buffer;
    this.start = start;
  }

  /** The view of `length` bytes from the start. */
  of(length: number): Buffer {
    const found = this.kept.get(length);
    if (found !== undefined) return found;
    const made = this.buffer.subarray(this.start, this.start + length);
    if (this.kept.size < KEPT_MAX) this.kept.set(length, made);
    return made;
  }
}
