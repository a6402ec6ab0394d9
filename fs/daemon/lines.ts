// Cuts a byte stream into lines, with a bound on each.
import { LINE_BYTES_MAX } from './clientProtocol.ts';
import { RequestError } from './requestError.ts';

export class LineReader {
  readonly #receive: (line: string) => void;
  readonly #lineBytesMax: number;
  #chunks: Buffer[] = [];
  #sizeBytes = 0;

  constructor(receive: (line: string) => void, lineBytesMax = LINE_BYTES_MAX) {
    this.#receive = receive;
    this.#lineBytesMax = lineBytesMax;
  }

  /** Throws EMSGSIZE when a line outgrows the bound: the stream is of no use afterwards. */
  push(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      this.#keep(rest.subarray(0, end));
      const line = Buffer.concat(this.#chunks).toString('utf8');
      this.#chunks = [];
      this.#sizeBytes = 0;
      rest = rest.subarray(end + 1);
      this.#receive(line);
    }
    if (rest.length > 0) this.#keep(rest);
  }

  #keep(part: Buffer): void {
    this.#sizeBytes += part.length;
    if (this.#sizeBytes > this.#lineBytesMax) {
      throw new RequestError('EMSGSIZE', `a line is longer than ${this.#lineBytesMax} bytes`);
    }
    this.#chunks.push(part);
  }
}
