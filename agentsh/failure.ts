// What ends a command: a message for the person and an exit code. Everything thrown becomes one of these in one place.
import { RequestError } from '../fs/daemon/requestError.ts';
import { escapeText } from './escape.ts';
import { EXIT, type ExitName, exitCodeOf } from './exitCodes.ts';
import type { Output } from './output.ts';

/** A command cannot go on. The message says what is wrong and, where there is one, what to do. */
export class CommandFailure extends Error {
  readonly exit: ExitName;
  readonly remedy: string | undefined;
  constructor(exit: ExitName, message: string, remedy?: string) {
    super(message);
    this.name = 'CommandFailure';
    this.exit = exit;
    this.remedy = remedy;
  }
}

/** Prints what was thrown and returns the exit code for it. */
export function report(thrown: unknown, output: Output): number {
  if (thrown instanceof CommandFailure) {
    output.note(escapeText(thrown.message));
    if (thrown.remedy !== undefined) output.note(escapeText(thrown.remedy));
    return EXIT[thrown.exit].code;
  }
  if (thrown instanceof RequestError) {
    const problems = thrown.problems ?? [];
    for (const problem of problems) output.error(`${escapeText(problem)}\n`);
    // The message of a policy's failure is its first problem: once is enough.
    if (!problems.includes(thrown.message)) output.note(escapeText(thrown.message));
    return exitCodeOf(thrown.code);
  }
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  output.note(escapeText(thrown instanceof Error ? thrown.message : String(thrown)));
  // A defect of ours: where it happened helps whoever reports it.
  if (code === '' && thrown instanceof Error) output.error(`${escapeText(thrown.stack ?? '')}\n`);
  return exitCodeOf(code);
}
