// Open control files and directories: what each holds between open and release.
import { fail } from '../errno.ts';
import type { GrowingLog } from './source.ts';
import type { Stream } from './stream.ts';

/** Open at once in one mount. */
export const HANDLES_MAX = 4096;

export interface Listed {
  readonly name: string;
  /** The row of a fixed name, or of the directory's `*` entries. */
  readonly row: number;
  readonly fixed: boolean;
}

export type Handle =
  | { readonly kind: 'directory'; listed: readonly Listed[] }
  /** `gathered`: the beginning of a text that is written in pieces. */
  | { readonly kind: 'text'; readonly content: Buffer; readonly writable: boolean; gathered: string }
  /** `shift`: what the log had dropped when this reader came to it; file offsets are that much behind. */
  | { readonly kind: 'log'; readonly log: GrowingLog; shift: number }
  | { readonly kind: 'stream'; readonly stream: Stream };

export class Handles {
  readonly #open = new Map<number, Handle>();
  #next = 1;

  add(handle: Handle): number {
    if (this.#open.size >= HANDLES_MAX) fail('EMFILE');
    this.#open.set(this.#next, handle);
    return this.#next++;
  }

  get(number: number): Handle {
    return this.#open.get(number) ?? fail('EBADF');
  }

  remove(number: number): void {
    this.#open.delete(number);
  }

  clear(): void {
    this.#open.clear();
  }

  *streams(): Generator<Stream> {
    for (const handle of this.#open.values()) if (handle.kind === 'stream') yield handle.stream;
  }

  get count(): number {
    return this.#open.size;
  }
}
