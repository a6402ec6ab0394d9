// Finds the host's programs that build the sandbox. System directories come first: PATH may name writable ones.
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { CommandFailure } from '../failure.ts';

const SYSTEM_DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'] as const;

export interface NeededProgram {
  readonly name: string;
  /** The Debian and Ubuntu package it comes in. */
  readonly package: string;
}

export const NEEDED_PROGRAMS = {
  bwrap: { name: 'bwrap', package: 'bubblewrap' },
  fusermount3: { name: 'fusermount3', package: 'fuse3' },
  sh: { name: 'sh', package: 'dash' },
  unshare: { name: 'unshare', package: 'util-linux' },
  nsenter: { name: 'nsenter', package: 'util-linux' },
  env: { name: 'env', package: 'coreutils' },
  mount: { name: 'mount', package: 'mount' },
} as const satisfies Record<string, NeededProgram>;
export type ProgramName = keyof typeof NEEDED_PROGRAMS;

/** The absolute path of a program, or undefined. */
export function findProgram(name: string, searchPath = process.env.PATH ?? ''): string | undefined {
  const rest = searchPath.split(':').filter((directory) => path.isAbsolute(directory));
  for (const directory of [...SYSTEM_DIRECTORIES, ...rest]) {
    const candidate = path.join(directory, name);
    if (isExecutable(candidate)) return candidate;
  }
  return undefined;
}

export function requireProgram(name: ProgramName): string {
  const found = findProgram(name);
  if (found !== undefined) return found;
  throw new CommandFailure('environment', `${name} is not installed`, installLine(name));
}

export const installLine = (name: ProgramName): string => `sudo apt-get install ${NEEDED_PROGRAMS[name].package}`;

function isExecutable(candidate: string): boolean {
  try {
    accessSync(candidate, constants.X_OK);
    return statSync(candidate).isFile();
  } catch {
    return false;
  }
}

/** The native module that this process has loaded: handed to the launcher by descriptor, as nothing of ours is in a view. */
export function koffiPath(): string {
  const line = /^\S+ \S+ \S+ \S+ \d+\s+(\/.*koffi\.node)$/m.exec(readFileSync('/proc/self/maps', 'utf8'));
  if (line === null) throw new Error('the native module for system calls is not loaded');
  return line[1]!;
}
