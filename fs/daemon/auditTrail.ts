// The operator's audit: every agent's log and the kernel's own as one text that only grows.
//
// Nothing is copied: a list of segments says which bytes of which log follow each other. What is there at the first
// look comes log by log, everything later in the order in which it was noticed.

export interface AuditSource {
  readonly key: string;
  /** Text is a byte string; `sizeBytes` is the end of the last whole line. */
  read(offset: number, lengthBytes: number): Promise<{ readonly text: string; readonly sizeBytes: number }>;
}

interface Segment {
  readonly start: number;
  readonly source: AuditSource;
  readonly offset: number;
  lengthBytes: number;
}

export class AuditTrail {
  readonly #sources: () => readonly AuditSource[];
  readonly #segments: Segment[] = [];
  readonly #seen = new Map<string, number>();
  #sizeBytes = 0;
  #refreshing: Promise<void> | undefined;

  constructor(sources: () => readonly AuditSource[]) {
    this.#sources = sources;
  }

  async sizeBytes(): Promise<number> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
    return this.#sizeBytes;
  }

  async read(offset: number, lengthBytes: number): Promise<string> {
    let text = '';
    for (let index = this.#segmentAt(offset); index < this.#segments.length && text.length < lengthBytes; index++) {
      const segment = this.#segments[index]!;
      const skip = offset + text.length - segment.start;
      const wanted = Math.min(lengthBytes - text.length, segment.lengthBytes - skip);
      const part = (await segment.source.read(segment.offset + skip, wanted)).text.slice(0, wanted);
      text += part;
      // A log that lost its end (a crash before its lines were on disk): nothing after it is in its place.
      if (part.length < wanted) break;
    }
    return text;
  }

  async #refresh(): Promise<void> {
    for (const source of this.#sources()) {
      const seen = this.#seen.get(source.key) ?? 0;
      const { sizeBytes } = await source.read(seen, 0);
      if (sizeBytes > seen) this.#grow(source, seen, sizeBytes - seen);
    }
  }

  #grow(source: AuditSource, offset: number, lengthBytes: number): void {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.source.key === source.key && last.offset + last.lengthBytes === offset) {
      last.lengthBytes += lengthBytes;
    } else {
      this.#segments.push({ start: this.#sizeBytes, source, offset, lengthBytes });
    }
    this.#seen.set(source.key, offset + lengthBytes);
    this.#sizeBytes += lengthBytes;
  }

  /** The segment that holds `offset`: the last one that starts at or before it. */
  #segmentAt(offset: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#segments[middle]!.start <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}
