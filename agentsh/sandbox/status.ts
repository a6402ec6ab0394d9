// What the layers of a starting sandbox report: process ids from bubblewrap, then the launcher's lines.
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { LaunchReport } from './launcher.ts';

/** Reports are a few hundred bytes; whoever writes more is not the launcher. */
const REPORT_BYTES_MAX = 64 * 1024;
const GONE_POLL_MS = 5;

/** The whole text of a stream that ends soon. */
export async function textOf(stream: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes <= REPORT_BYTES_MAX) parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** The launcher's reports as they come; its end of the pipe closes when it becomes the program. */
export async function* launchReports(stream: Readable): AsyncGenerator<LaunchReport> {
  let rest = '';
  for await (const part of stream as AsyncIterable<Buffer>) {
    const lines = (rest + part.toString()).split('\n');
    rest = lines.pop()!;
    if (rest.length > REPORT_BYTES_MAX) return;
    for (const line of lines) yield JSON.parse(line) as LaunchReport;
  }
}

/** Host process id of process 1 of the sandbox, from what bubblewrap wrote to `--info-fd`. */
export async function sandboxInit(stream: Readable): Promise<number | undefined> {
  try {
    const parsed = JSON.parse(await textOf(stream)) as { 'child-pid'?: unknown };
    return typeof parsed['child-pid'] === 'number' ? parsed['child-pid'] : undefined;
  } catch {
    return undefined;
  }
}

/** The first child of a process, or undefined. */
export function firstChild(pid: number): number | undefined {
  try {
    const child = Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1'), 10);
    return Number.isNaN(child) ? undefined : child;
  } catch {
    return undefined;
  }
}

/** State letter, process group, terminal and its foreground group, as /proc/PID/stat has them. */
export interface ProcessState {
  readonly state: string;
  readonly group: number;
  readonly terminal: number;
  readonly foreground: number;
}

export function processState(pid: number | 'self'): ProcessState | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; the fields after the last one do not.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      state: fields[0]!,
      group: Number(fields[2]),
      terminal: Number(fields[4]),
      foreground: Number(fields[5]),
    };
  } catch {
    return undefined;
  }
}

/** Waits until no process with this id is alive, at most `timeoutMs`. */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs <= timeoutMs; waitedMs += GONE_POLL_MS) {
    const found = processState(pid);
    if (found === undefined || found.state === 'Z' || found.state === 'X') return true;
    await new Promise((resolve) => setTimeout(resolve, GONE_POLL_MS));
  }
  return false;
}
