// Talks to a full-screen program on a terminal: waits for what it shows, answers what it asks, types as a person does.
import { setTimeout as sleep } from 'node:timers/promises';
import { Terminal, type TerminalOptions } from '../pty.ts';

const WAIT_MS_MAX = 120_000;
const LOOK_MS = 50;
/** Programs tell a paste from typing by its speed: Enter comes by itself a moment later. */
const ENTER_AFTER_MS = 700;
const SHOWN_CHARACTERS_MAX = 3000;

/** What a terminal answers to a program's questions: where the cursor is, what it is, its colours. */
const QUERIES: readonly (readonly [string, string])[] = [
  ['\x1b[6n', '\x1b[1;1R'],
  ['\x1b[c', '\x1b[?62c'],
  ['\x1b]10;?', '\x1b]10;rgb:ffff/ffff/ffff\x1b\\'],
  ['\x1b]11;?', '\x1b]11;rgb:0000/0000/0000\x1b\\'],
];

/** A question of the program and what is typed at it, as often as it comes. */
export interface Reaction {
  readonly when: RegExp;
  readonly type: string;
}

export class Dialogue {
  readonly #terminal: Terminal;
  /** Questions of the terminal answered up to here, and text looked at up to here. */
  #answered = 0;
  #seen = 0;

  constructor(command: string, options: TerminalOptions) {
    this.#terminal = new Terminal(`stty rows 40 cols 120; ${command}`, options);
  }

  /** Waits for `pattern` in what was not looked at yet, reacting meanwhile; escape sequences count as blanks. */
  async until(pattern: RegExp, reactions: readonly Reaction[] = []): Promise<void> {
    for (const deadline = Date.now() + WAIT_MS_MAX; Date.now() < deadline; await sleep(LOOK_MS)) {
      this.#answerQueries();
      const shown = plain(this.#terminal.screen.slice(this.#seen));
      const reaction = reactions.find(({ when }) => when.test(shown));
      if (reaction !== undefined) {
        this.#look();
        this.#terminal.type(reaction.type);
      } else if (pattern.test(shown)) {
        this.#look();
        return;
      }
    }
    throw new Error(`it never showed ${pattern}; it shows:\n${this.shown.slice(-SHOWN_CHARACTERS_MAX)}`);
  }

  /** Types a line, then Enter. */
  async enter(line: string): Promise<void> {
    this.#terminal.type(line);
    await sleep(ENTER_AFTER_MS);
    this.#terminal.type('\r');
  }

  /** The exit code, once it has ended; it is ended by force where it does not. */
  async end(): Promise<number> {
    const late = sleep(WAIT_MS_MAX, undefined, { ref: false }).then(() => this.#terminal.close());
    const code = await Promise.race([this.#terminal.exited, late.then(() => undefined)]);
    if (code === undefined) throw new Error(`it did not end; it shows:\n${this.shown.slice(-SHOWN_CHARACTERS_MAX)}`);
    return code;
  }

  close(): Promise<void> {
    return this.#terminal.close();
  }

  /** Everything shown so far, without escape sequences. */
  get shown(): string {
    return plain(this.#terminal.screen);
  }

  #look(): void {
    this.#seen = this.#terminal.screen.length;
  }

  #answerQueries(): void {
    const { screen } = this.#terminal;
    const fresh = screen.slice(this.#answered);
    this.#answered = screen.length;
    for (const [query, answer] of QUERIES) if (fresh.includes(query)) this.#terminal.type(answer);
  }
}

/** Text without terminal control: runs of blanks and sequences become one blank each, lines stay. */
export function plain(screen: string): string {
  return (
    Buffer.from(screen, 'latin1')
      .toString('utf8')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
      .replace(/\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?<>=!$]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\x1b[=>78cM]/g, ' ')
      .replace(/[ \t]+/g, ' ')
      .replace(/ ?\r\n?/g, '\n')
  );
}
