// The command inside a sandbox: it speaks only through the agent's own `/.kernel`, and decides nothing.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { CommandEntry } from './commandTable.ts';
import type { Context } from './context.ts';
import { escapeByteLines } from './escape.ts';
import { EXIT } from './exitCodes.ts';
import { CommandFailure } from './failure.ts';

const CONTROL_ROOT = '/.kernel';
const WRITE_BITS = 0o222;

/**
 * The agent's control directory, or undefined outside a sandbox. The mode bits tell the truth for each mount: the
 * verb files can be written only in the operator's.
 */
export function findInsideKernel(): string | undefined {
  try {
    return (statSync(path.join(CONTROL_ROOT, 'approve')).mode & WRITE_BITS) === 0 ? CONTROL_ROOT : undefined;
  } catch {
    return undefined;
  }
}

/** Answers a command from its control file; what has none is for the operator. */
export function runInside(entry: CommandEntry, root: string, operands: readonly string[], context: Context): number {
  if (entry.insideFile === undefined) {
    throw new CommandFailure('refused', `${entry.name}: not from inside a sandbox; it is for the operator to run`);
  }
  const file = entry.insideFile.replace('{}', operands[0] ?? 'index');
  const text = readFileSync(path.join(root, path.normalize(`/${file}`)), 'latin1');
  context.output.line(escapeByteLines(text.replace(/\n$/, '')));
  return EXIT.ok.code;
}
