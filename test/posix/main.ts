// The program that runs cases: `node main.js` reads a job (JSON) from standard input and prints a line for each case.
//
// A case gets the directory `NUMBER` below the job's, NUMBER being its place in the job. Its step `prepare` makes that
// directory and what the story starts from; `run` tells the story. Both are one step where the lower is empty.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { asCase, type Case } from './case.ts';
import { CASES } from './catalogue.ts';

export type Step = 'prepare' | 'run';

export interface Job {
  readonly directory: string;
  readonly steps: readonly Step[];
  /** Names, with their numbers. */
  readonly cases: readonly (readonly [number: number, name: string])[];
}

/** Printed before a case begins (`began`), and after it (`ended`, with the reason where it failed). */
export type Line =
  | { readonly began: string }
  | { readonly ended: string; readonly elapsedMs: number; readonly error?: string };

const say = (line: Line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const job = JSON.parse(readFileSync(0, 'utf8')) as Job;
for (const [number, name] of job.cases) {
  say({ began: name });
  const started = performance.now();
  const error = await outcome(caseOf(name), path.join(job.directory, String(number)));
  say({ ended: name, elapsedMs: Math.round(performance.now() - started), ...(error === undefined ? {} : { error }) });
}
process.exit(0);

function caseOf(name: string): Case {
  const at = name.indexOf('/');
  const entry = CASES[name.slice(0, at)]?.[name.slice(at + 1)];
  if (entry === undefined) throw new Error(`no case ${name}`);
  return asCase(entry);
}

async function outcome({ prepare, run }: Case, directory: string): Promise<string | undefined> {
  process.umask(0o022);
  process.chdir('/');
  try {
    for (const step of job.steps) {
      if (step === 'run') await run(directory);
      else {
        mkdirSync(directory);
        prepare?.(directory);
      }
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
