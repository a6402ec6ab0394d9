// Reads a policy file named on the command line for the kernel, which has its own place and rights.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { PolicyText } from '../fs/daemon/clientProtocol.ts';
import { CommandFailure } from './failure.ts';

export function readPolicy(file: string, cwd: string): PolicyText {
  const absolute = path.resolve(cwd, file);
  try {
    return { file: absolute, text: readFileSync(absolute, 'utf8') };
  } catch (error) {
    throw new CommandFailure('usage', `cannot read the policy: ${error instanceof Error ? error.message : error}`);
  }
}
