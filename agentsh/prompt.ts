// Asks one question on the terminal: the question on stderr, the answer from stdin.
import { createInterface } from 'node:readline';

/** The answer, or undefined at the end of input or on Ctrl-C. */
export function askTerminal(question: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    reader.once('close', () => resolve(undefined));
    reader.once('SIGINT', () => reader.close());
    reader.question(question, (answer) => {
      resolve(answer);
      reader.close();
    });
  });
}
