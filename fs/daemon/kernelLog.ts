// The kernel's own log file: one line an event, two files of a bounded size, never anything a program could forge.
import { appendFileSync, chmodSync, existsSync, renameSync, statSync } from 'node:fs';

const LOG_BYTES_MAX = 2 * 1024 * 1024;
const LINE_CHARACTERS_MAX = 4000;

export class KernelLog {
  readonly #file: string;
  readonly #now: () => Date;
  #sizeBytes: number;

  constructor(file: string, now: () => Date = () => new Date()) {
    this.#file = file;
    this.#now = now;
    this.#sizeBytes = existsSync(file) ? statSync(file).size : 0;
    if (this.#sizeBytes > 0) chmodSync(file, 0o600);
  }

  write(text: string): void {
    const line = `${this.#now().toISOString()} [${process.pid}] ${printable(text).slice(0, LINE_CHARACTERS_MAX)}\n`;
    try {
      if (this.#sizeBytes + line.length > LOG_BYTES_MAX) this.#rotate();
      appendFileSync(this.#file, line, { mode: 0o600 });
      this.#sizeBytes += line.length;
    } catch {
      // A full disk must not take the kernel down: the audit log, not this one, is what fails closed.
    }
  }

  /** An error with its causes and stack. */
  error(what: string, thrown: unknown): void {
    let text = what;
    for (let error: unknown = thrown; error !== undefined; error = (error as { cause?: unknown }).cause) {
      text += `: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      if (!(error instanceof Error)) break;
    }
    this.write(text);
  }

  #rotate(): void {
    renameSync(this.#file, `${this.#file}.1`);
    this.#sizeBytes = 0;
  }
}

/** Control characters as escapes: a log line stays one line. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
