// A terminal for tests: runs a command on a pseudo-terminal of its own by script(1), types at it, waits for its screen.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

const WAIT_MS = 15_000;
const LOOK_MS = 20;

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The terminal belongs to this user, and the command runs as it. */
  readonly user?: string;
}

export class Terminal {
  readonly #child: ChildProcess;
  readonly exited: Promise<number>;
  #screen = '';
  /** What was shown before this was looked at already. */
  #seen = 0;

  /** `command` is a shell text; the terminal is its controlling terminal. */
  constructor(command: string, options: TerminalOptions = {}) {
    const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', TERM: 'xterm', ...options.env };
    const script = ['script', '--quiet', '--return', '--flush', '--command', command, '/dev/null'];
    const { user } = options;
    const become = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--'];
    const [file, ...words] = [...become, ...script];
    this.#child = spawn(file!, words, { env });
    this.#child.stdout!.on('data', (bytes: Buffer) => {
      this.#screen += bytes.toString('latin1');
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve(code ?? (signal === null ? -1 : 128)));
    });
  }

  /** Everything shown so far. */
  get screen(): string {
    return this.#screen;
  }

  type(text: string): void {
    this.#child.stdin!.write(text);
  }

  /** Waits until what was shown since the last wait matches, and gives the match. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (const until = Date.now() + WAIT_MS; Date.now() < until; ) {
      const found = pattern.exec(this.#screen.slice(this.#seen));
      if (found !== null) {
        this.#seen += found.index + found[0].length;
        return found;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    throw new Error(`the terminal never showed ${pattern}; it shows:\n${this.#screen.slice(-2000)}`);
  }

  /** Sets the size, as a terminal window does: the foreground job gets SIGWINCH. `device` is the terminal's name. */
  resize(device: string, rows: number, columns: number): void {
    spawnSync('stty', ['-F', device, 'rows', String(rows), 'cols', String(columns)]);
  }

  /** Ends it as a closed window does, and waits. */
  async close(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.exited;
  }
}

export const CONTROL = { c: '\x03', d: '\x04', z: '\x1a', backslash: '\x1c', escape: '\x1b' } as const;
