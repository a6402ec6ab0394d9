// What a command has to work with: the caller's place, the kernel, the terminal. Tests put their own in.
import type { Client } from '../fs/daemon/client.ts';
import type { Output } from './output.ts';

/** A connection to the kernel. */
export type Kernel = Pick<Client, 'call' | 'close' | 'closed'>;

export interface Context {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  /** Connects, and starts the kernel first where none runs. */
  readonly kernel: (options?: { readonly exitWithLast?: boolean }) => Promise<Kernel>;
  /** Connects only where a kernel runs already. */
  readonly runningKernel: () => Promise<Kernel | undefined>;
  /** Asks the person: an answer without its line end, undefined at the end of input. Missing without a terminal. */
  readonly ask?: (question: string) => Promise<string | undefined>;
  /** Where the agent's own `/.kernel` is, when the command runs inside a sandbox. */
  readonly insideKernel?: string;
}

/** What a command was called with. `operands` exclude the options. */
export interface Invocation<Options> {
  readonly operands: readonly string[];
  readonly options: Options;
  readonly context: Context;
}

/** Text of the command line as the byte string (latin1) that the kernel speaks. */
export function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The environment without its holes. */
export function definedEnvironment(environment: Context['environment']): Record<string, string> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) defined[name] = value;
  return defined;
}

/** Runs `use` with a connection, and closes it whatever happens. */
export async function withKernel<T>(context: Context, use: (kernel: Kernel) => Promise<T>): Promise<T> {
  const kernel = await context.kernel();
  try {
    return await use(kernel);
  } finally {
    kernel.close();
  }
}
