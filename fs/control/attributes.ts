// What stat shows of control files: mode bits that tell the truth for the mount, and the true size of logs.
import type { Attributes } from '../operations.ts';
import { controlIno, type Place } from './nodes.ts';
import type { ControlSource } from './source.ts';
import { modeOf, type Row } from './table.ts';

export interface AttributeOptions {
  /** Owner of every file. */
  readonly uid: number;
  readonly gid: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

interface SeenLog {
  readonly sizeBytes: number;
  readonly changedAtMs: number;
}

export class ControlAttributes {
  readonly #source: ControlSource;
  readonly #options: AttributeOptions;
  readonly #clock: () => number;
  readonly #startedAtMs: number;
  /** By row: `tail -f` looks at the time of change, so it moves with the size. */
  readonly #seen = new Map<number, SeenLog>();

  constructor(source: ControlSource, options: AttributeOptions) {
    this.#source = source;
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#startedAtMs = this.#clock();
  }

  /** Text shows size 0, as in /proc: it is known only once it is rendered, at open. */
  of(row: Row, place: Place): Attributes {
    const size = row.kind === 'log' ? row.log(this.#source).sizeBytes() : 0;
    const changedAtMs = row.kind === 'log' ? this.#changedAtMs(place.row, size) : this.#startedAtMs;
    const sec = Math.floor(changedAtMs / 1000);
    const nsec = Math.floor(changedAtMs % 1000) * 1_000_000;
    return {
      ino: controlIno(place.row, place.name),
      size,
      blocks: Math.ceil(size / 512),
      atimeSec: sec,
      atimeNsec: nsec,
      mtimeSec: sec,
      mtimeNsec: nsec,
      ctimeSec: sec,
      ctimeNsec: nsec,
      btimeSec: Math.floor(this.#startedAtMs / 1000),
      btimeNsec: 0,
      mode: modeOf(row, this.#source),
      nlink: row.kind === 'directory' ? 2 : 1,
      uid: this.#options.uid,
      gid: this.#options.gid,
      rdev: 0,
      blksize: 4096,
    };
  }

  #changedAtMs(row: number, sizeBytes: number): number {
    const seen = this.#seen.get(row);
    if (seen?.sizeBytes === sizeBytes) return seen.changedAtMs;
    const changedAtMs = this.#clock();
    this.#seen.set(row, { sizeBytes, changedAtMs });
    return changedAtMs;
  }
}
