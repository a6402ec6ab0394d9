// A real kernel with one agent mounted at a directory, a program that holds things open in it, and the operator's files.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from '../../fs/daemon/client.ts';
import type { ConnectionProfile } from '../../fs/daemon/connectionProfile.ts';
import { boot, type Home, makeHome, removeHome, run, sessionRequest } from './harness.ts';

const ANSWER_TIMEOUT_MS = 15_000;

export interface LiveWorld {
  readonly home: Home;
  readonly client: Client;
  readonly agent: string;
  /** The workspace as the agent sees it. */
  readonly view: string;
  readonly operator: (name: string) => string;
  readonly read: (name: string) => Promise<string>;
  /** Writes a text to a control file with one program, as `cat > FILE` does. */
  readonly write: (name: string, text: string) => Promise<{ readonly status: number; readonly error: string }>;
  /** Python lines, run one after the other in one process that keeps what it opened. */
  readonly probe: () => Probe;
  /** Ends the agent's mount and makes it again, under a policy file of its own. */
  readonly remount: (policy: string) => Promise<void>;
  readonly end: () => Promise<void>;
}

export async function liveWorld(
  files: Readonly<Record<string, string>>,
  mode?: string,
  connection?: ConnectionProfile,
): Promise<LiveWorld> {
  const home = makeHome();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(home.workspace, name)), { recursive: true });
    writeFileSync(path.join(home.workspace, name), text);
  }
  const client = await boot(home);
  const mountpoint = path.join(home.directory, 'mnt');
  mkdirSync(mountpoint);
  const flags = { readOnly: false, allowOther: false, suid: false, dev: false };
  const served = connection === undefined ? {} : { connection };
  const request = { ...sessionRequest(home, { name: 'alice' }), mountpoint, ...flags, ...served };
  const { agent } = await client.call('mount', mode === undefined ? request : { ...request, mode });
  const probes: Probe[] = [];
  const operator = (name: string) => path.join(home.places.operator, name);
  return {
    home,
    client,
    agent,
    view: path.join(mountpoint, home.workspace),
    operator,
    read: async (name) => (await run('cat', operator(name))).output,
    write: async (name, text) => {
      const file = path.join(home.directory, 'text');
      writeFileSync(file, text);
      return run('sh', '-c', 'cat "$0" > "$1"', file, operator(name));
    },
    probe: () => {
      const probe = new Probe(path.join(mountpoint, home.workspace));
      probes.push(probe);
      return probe;
    },
    remount: async (text) => {
      await client.call('umount', { mountpoint });
      await client.call('mount', { ...request, policy: { file: 'given.toml', text } });
    },
    end: async () => {
      for (const probe of probes) probe.kill();
      await client.call('shutdown', { force: true });
      await removeHome(home);
    },
  };
}

/** Each line is evaluated and answered: its value, or the name of the error it raised. */
const LOOP = `
import sys, os, mmap, errno
os.chdir(sys.argv[1])
while True:
    line = sys.stdin.readline()
    if not line: break
    try:
        try: value = eval(line, globals())
        except SyntaxError: exec(line, globals()); value = None
        print('=' + str(value), flush=True)
    except OSError as failed: print('!' + errno.errorcode.get(failed.errno, '?'), flush=True)
`;

export class Probe {
  readonly #child: ChildProcessWithoutNullStreams;
  #text = '';
  #waiting: ((line: string) => void)[] = [];
  #end: string | undefined;
  readonly ended: Promise<string>;

  constructor(directory: string) {
    this.#child = spawn('python3', ['-c', LOOP, directory]);
    this.#child.stdout.on('data', (bytes: Buffer) => this.#take(bytes.toString()));
    this.#child.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#end = `ended ${signal ?? code}`;
        for (const answer of this.#waiting.splice(0)) answer(this.#end);
        resolve(String(signal ?? code));
      });
    });
  }

  /** `=VALUE`, `!ERRNO`, or `ended SIGNAL`. */
  async ask(line: string): Promise<string> {
    if (this.#end !== undefined) return this.#end;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, ANSWER_TIMEOUT_MS, 'no answer');
    });
    const answer = new Promise<string>((resolve) => this.#waiting.push(resolve));
    this.#child.stdin.write(`${line}\n`);
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #take(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      this.#waiting.shift()?.(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 1);
    }
  }
}

/** The policy's text with one more rule, or with names to hide. */
export const withRule = (policy: string, rule: string): string =>
  policy.replace('mount = [\n', `mount = [\n  ${rule},\n`);
export const withHidden = (policy: string, pattern: string): string =>
  policy.replace(
    /^hide = \[(.*)\]$/m,
    (_line, list: string) => `hide = [${list === '' ? '' : `${list}, `}"${pattern}"]`,
  );
