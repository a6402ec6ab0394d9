// The only place that writes to the terminal: results on stdout, everything else on stderr.
import { writeSync } from 'node:fs';

const STDOUT = 1;
const STDERR = 2;
const RETRY_MS = 5;

/** Where a command's words go. What came from an agent has been escaped by the caller. */
export interface Output {
  /** One line of the result. */
  line(text: string): void;
  /** A message for the person, prefixed by the program's name; never part of a result. */
  note(message: string): void;
  /** Text on stderr as it is: help, questions. */
  error(text: string): void;
  /** Colour is wanted on stdout. */
  readonly colour: boolean;
}

/** The process's own stdout and stderr. */
export function terminalOutput(environment: NodeJS.ProcessEnv): Output {
  return {
    line: (text) => writeAll(STDOUT, `${text}\n`),
    note: (message) => writeAll(STDERR, `agentsh: ${message}\n`),
    error: (text) => writeAll(STDERR, text),
    colour: colourWanted(environment),
  };
}

/** Only on a terminal, and never under NO_COLOR (https://no-color.org). */
function colourWanted(environment: NodeJS.ProcessEnv): boolean {
  return process.stdout.isTTY === true && (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb';
}

/** Synchronous, so that nothing is lost when the process exits right after; a full pipe is waited for. */
function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text, 'utf8');
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // The reader went away (`| head`): there is nobody left to tell.
      if (code === 'EPIPE') process.exit(0);
      if (code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
