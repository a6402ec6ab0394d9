// A second process for a case: it makes the system calls it is told, one by one, until its parent ends it.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as attributes from './calls/attributes.ts';
import * as data from './calls/data.ts';
import * as directory from './calls/directory.ts';
import { SystemError } from './calls/libc.ts';
import * as locks from './calls/locks.ts';
import * as mapped from './calls/mapped.ts';
import * as names from './calls/names.ts';
import * as open from './calls/open.ts';
import * as transfer from './calls/transfer.ts';
import * as xattr from './calls/xattr.ts';

const calls = { ...attributes, ...data, ...directory, ...locks, ...mapped, ...names, ...open, ...transfer, ...xattr };
type Calls = typeof calls;
type CallName = { [K in keyof Calls]: Calls[K] extends (...values: never[]) => unknown ? K : never }[keyof Calls];

interface Answer {
  readonly value?: unknown;
  readonly error?: string;
  readonly code?: string;
}

export interface Actor {
  readonly pid: number;
  /** Resolves with what the call gives there; rejects with an error whose message ends with the errno's name,
   * or with the signal's that ended the process. */
  call<K extends CallName>(name: K, ...values: Parameters<Calls[K]>): Promise<ReturnType<Calls[K]>>;
  /** Ends it as SIGKILL does: its descriptors close, its locks go. */
  end(): Promise<void>;
}

export async function startActor(): Promise<Actor> {
  const child = fork(fileURLToPath(import.meta.url), ['actor'], { serialization: 'advanced', cwd: '/' });
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('error', reject);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid ?? 0,
    call: (name, ...values) =>
      new Promise((resolve, reject) => {
        const answered = ({ value, error, code }: Answer) => {
          child.off('exit', died);
          if (error === undefined) resolve(value as never);
          else reject(Object.assign(new Error(error), { code }));
        };
        const died = (_code: number | null, signal: string | null) => {
          child.off('message', answered);
          reject(new Error(`ended by ${signal}`));
        };
        child.once('message', answered);
        child.once('exit', died);
        child.send({ name, values });
      }),
    end: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

if (process.argv[2] === 'actor' && process.send !== undefined) {
  process.on('message', ({ name, values }: { name: CallName; values: unknown[] }) => {
    let answer: Answer;
    try {
      answer = { value: (calls[name] as (...all: unknown[]) => unknown)(...values) };
    } catch (error) {
      answer = { error: String(error), ...(error instanceof SystemError ? { code: error.code } : {}) };
    }
    process.send!(answer);
  });
  process.send({ value: 'ready' });
}
