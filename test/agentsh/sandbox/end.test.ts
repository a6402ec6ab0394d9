// However the starter ends, nothing of the sandbox outlives it; and the whole sandbox can be killed from outside.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { becoming, driverWords, makeView, STARTERS, type View } from './view.ts';

const WAIT_MS = 10_000;

describe.each(STARTERS)('started by %s', (starter) => {
  let view: View;
  beforeAll(() => {
    view = makeView(starter);
  });
  afterAll(() => view.remove());

  interface Running {
    readonly child: ChildProcess;
    readonly ended: Promise<number | string | null>;
    readonly sandbox: number;
    readonly program: number;
    readonly out: () => string;
  }

  /** Starts shell text that prints `ready`, and waits for that. */
  async function start(text: string): Promise<Running> {
    const words = [...becoming(view), ...driverWords(view, { argv: ['/bin/bash', '-c', text] }), '--pids'];
    const child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, error] = ['', ''];
    child.stdout!.on('data', (bytes: Buffer) => {
      out += bytes.toString();
    });
    child.stderr!.on('data', (bytes: Buffer) => {
      error += bytes.toString();
    });
    const ended = new Promise<number | string | null>((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal));
    });
    await until(() => out.includes('ready') && /pids \d+ \d+/.test(error));
    const [, sandbox, program] = /pids (\d+) (\d+)/.exec(error)!;
    return { child, ended, sandbox: Number(sandbox), program: Number(program), out: () => out };
  }

  const mark = (what: string) => `sleep 98${starter.length}${what}`;
  const gone = (what: string) => until(() => !running(mark(what)));

  test('the process ids are the program’s own and one that ends everything', async () => {
    const text = `${mark('71')} & setsid ${mark('71')} & trap "" TERM INT HUP; echo ready; wait; wait`;
    const { sandbox, program, ended } = await start(text);
    expect(readFileSync(`/proc/${program}/cmdline`, 'latin1')).toContain('ready');
    process.kill(sandbox, 'SIGKILL');
    expect(await ended).toBe(137);
    await gone('71');
  });

  test('nothing runs before the starter has taken note of it, and nothing at all if it cannot', async () => {
    const words = [...becoming(view), ...driverWords(view, { argv: ['/bin/touch', 'ran'] }), '--refuse'];
    const refused = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8' });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('not recorded');
    expect(existsSync(`${view.mountpoint}/work/ran`)).toBe(false);
  });

  test('the starter is killed: everything inside dies', async () => {
    const { child, ended, program } = await start(`setsid ${mark('72')} & echo ready; wait`);
    // The child may be setpriv's process: it was replaced by the starter.
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    await gone('72');
    await until(() => !alive(program));
  });

  test.each(['SIGTERM', 'SIGHUP'] as const)(
    '%s to the starter goes on to the program, which may save its work',
    async (signal) => {
      const { child, ended, out } = await start(`trap "echo saved; exit 9" TERM HUP; echo ready; ${mark('73')} & wait`);
      child.kill(signal);
      expect(await ended).toBe(9);
      expect(out()).toContain('saved');
      await gone('73');
    },
  );

  test('a program that will not end is killed after a grace', async () => {
    const { child, ended } = await start(`trap "" TERM; echo ready; while :; do ${mark('74')} & wait; done`);
    child.kill('SIGTERM');
    expect(await ended).toBe(137);
    await gone('74');
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (const limit = Date.now() + WAIT_MS; Date.now() < limit; ) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it never came true');
}

function running(command: string): boolean {
  return readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandLine(pid) === command);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function alive(pid: number): boolean {
  return commandLine(String(pid)) !== '';
}
