// Runs cases in a process of their own, as root or as the test user, and outlives one that hangs.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Job, Line } from './main.ts';

const program = fileURLToPath(new URL('../../dist/test/posix/main.js', import.meta.url));
const CASE_MS_MAX = 60_000;

export interface Failure {
  readonly name: string;
  readonly error: string;
}

export interface BatchOptions extends Job {
  /** The words that make a command run as somebody else. */
  readonly become: readonly string[];
}

/** The cases that failed. One that hangs is killed and named; the others go on in a new process. */
export async function runBatch({ become, ...job }: BatchOptions): Promise<Failure[]> {
  const failures: Failure[] = [];
  let rest = job.cases;
  while (rest.length > 0) {
    const { failed, done, stuck } = await runOnce({ ...job, cases: rest }, become);
    failures.push(...failed);
    if (stuck === undefined && done < rest.length) throw new Error(`ended after ${done} of ${rest.length} cases`);
    if (stuck !== undefined) failures.push({ name: rest[done]?.[1] ?? 'start', error: stuck });
    rest = stuck === undefined ? [] : rest.slice(done + 1);
  }
  return failures;
}

interface Once {
  readonly failed: readonly Failure[];
  readonly done: number;
  /** Why the case after those that are done has no end. */
  readonly stuck?: string;
}

function runOnce(job: Job, become: readonly string[]): Promise<Once> {
  const [file = '', ...words] = [...become, process.execPath, program];
  const child = spawn(file, words, { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify(job));
  return new Promise((resolve, reject) => {
    const failed: Failure[] = [];
    let done = 0;
    let overdue = false;
    const kill = () => {
      overdue = true;
      child.kill('SIGKILL');
      // In an uninterruptible wait it does not end before the mount does.
      setTimeout(() => resolve({ failed, done, stuck: 'hangs, and cannot be killed' }), 5_000).unref();
    };
    let timer = setTimeout(kill, CASE_MS_MAX);
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      clearTimeout(timer);
      timer = setTimeout(kill, CASE_MS_MAX);
      if (!('ended' in line)) return;
      done += 1;
      if (line.error !== undefined) failed.push({ name: line.ended, error: line.error });
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (overdue) resolve({ failed, done, stuck: `hangs (${CASE_MS_MAX} ms)` });
      else if (done < job.cases.length) resolve({ failed, done, stuck: `the process ended with ${signal ?? code}` });
      else resolve({ failed, done });
    });
  });
}
