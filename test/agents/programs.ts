// The programs: how each is installed, told where its model is, talked to, and what the model makes it do.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Dialogue, Reaction } from './dialogue.ts';
import { type Installed, installFromNpm, installFromPypi } from './install.ts';
import { ASIDE_MODEL } from './openaiChat.ts';
import { giveTo, makeDirectory, type Person } from './person.ts';
import { ADD, SUBTRACT, SUBTRACT_TEST } from './project.ts';
import { marker, type Turn } from './turns.ts';

export interface Seen {
  readonly what: string;
  readonly pattern: RegExp;
}

export interface Part {
  /** The program's own words after its name. */
  readonly words: readonly string[];
  readonly turns: readonly Turn[];
  /** What must be found in the results of the tools (or, for a program that edits by text, on the screen). */
  readonly seen: readonly Seen[];
  /** Talks until the part is done and the program has been told to end; `last` is the part's last marker. */
  talk(dialogue: Dialogue, last: RegExp): Promise<void>;
}

export interface Program {
  readonly name: string;
  readonly title: string;
  install(person: Person): Installed;
  /** Writes what a user would have in their home, and gives the variables. */
  configure(person: Person, workspace: string, endpoint: string): Readonly<Record<string, string>>;
  readonly parts: (workspace: string) => readonly [Part, Part];
}

const KEY = 'sk-ant-scripted-0000000000000000000000000000';
const COUNT_LINES = 'wc -l src/*.js > LINES.txt';
const README_BEFORE = 'Adds numbers.';
const README_ONE = 'Adds and subtracts numbers.';
const README_TWO = 'Adds numbers, and subtracts them.';
const LOOK_AGAIN = 'cat README.md; test -e LINES.txt || echo no LINES.txt; cat src/calculator.js';
const COMMIT_ONE = "git add -A && git commit -qm 'Add subtract' && git log --format=%s";
const COMMIT_TWO = "git add -A && git commit -qm 'Say it in README' && git log --format=%s";

const PROMPTS = ['Add subtract, with a test.', 'Say it in README, in other words.'] as const;

const SEEN_ONE: readonly Seen[] = [
  { what: 'it reads a file', pattern: /export const add/ },
  { what: 'it runs the tests: 2 pass', pattern: /pass 2\b/ },
  { what: 'it commits', pattern: /Add subtract\s+Start/ },
];
const SEEN_TWO: readonly Seen[] = [
  { what: 'it sees what was approved', pattern: /export const subtract/ },
  { what: 'it sees what was rejected as the host has it', pattern: /Adds numbers\.\s+no LINES\.txt/ },
  { what: 'it runs the tests: 2 pass', pattern: /pass 2\b/ },
];
const SEEN_COMMIT_TWO: Seen = { what: 'it commits', pattern: /Say it in README\s+Add subtract\s+Start/ };

/** Prompt, wait, leave: for programs that need nobody between. */
const talkOnce =
  (ready: RegExp, prompt: string, leave: string) =>
  async (dialogue: Dialogue, last: RegExp): Promise<void> => {
    await dialogue.until(ready);
    await dialogue.enter(prompt);
    await dialogue.until(last);
    await dialogue.enter(leave);
  };

const text = (words: string): Turn => ({ kind: 'text', text: words });
const tool = (name: string, input: Readonly<Record<string, unknown>>): Turn => ({ kind: 'tool', name, input });

export const CLAUDE: Program = {
  name: 'claude',
  title: 'Claude Code',
  install: (person) => installFromNpm(person, '@anthropic-ai/claude-code', 'claude'),
  configure(person, workspace, endpoint) {
    const project = { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true };
    const config = {
      hasCompletedOnboarding: true,
      bypassPermissionsModeAccepted: true,
      theme: 'dark',
      customApiKeyResponses: { approved: [KEY.slice(-20)], rejected: [] },
      projects: { [workspace]: project },
    };
    write(person, path.join(person.home, '.claude.json'), JSON.stringify(config));
    return { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: endpoint };
  },
  parts(workspace) {
    const ready = /bypass permissions on/;
    const file = (name: string): string => path.join(workspace, name);
    const bash = (command: string): Turn => tool('Bash', { command, description: 'as asked' });
    const edit = (name: string, before: string, after: string): Turn =>
      tool('Edit', { file_path: file(name), old_string: before, new_string: after });
    const read = (name: string): Turn => tool('Read', { file_path: file(name) });
    return [
      {
        words: ['--dangerously-skip-permissions'],
        turns: [
          read('src/calculator.js'),
          edit('src/calculator.js', ADD, `${ADD}\n${SUBTRACT}`),
          tool('Write', { file_path: file('test/subtract.test.js'), content: SUBTRACT_TEST }),
          read('README.md'),
          edit('README.md', README_BEFORE, README_ONE),
          bash(COUNT_LINES),
          bash('npm test'),
          bash(COMMIT_ONE),
          text('Subtract is there.'),
        ],
        seen: SEEN_ONE,
        talk: talkOnce(ready, PROMPTS[0], '/exit'),
      },
      {
        words: ['--dangerously-skip-permissions', '--continue'],
        turns: [
          bash(LOOK_AGAIN),
          read('README.md'),
          edit('README.md', README_BEFORE, README_TWO),
          bash('npm test'),
          bash(COMMIT_TWO),
          text('README says it.'),
        ],
        seen: [...SEEN_TWO, SEEN_COMMIT_TWO],
        talk: talkOnce(ready, PROMPTS[1], '/exit'),
      },
    ];
  },
};

export const CODEX: Program = {
  name: 'codex',
  title: 'Codex CLI',
  install: (person) => installFromNpm(person, '@openai/codex', 'codex'),
  configure(person, workspace, endpoint) {
    const lines = [
      'model = "scripted"',
      'model_provider = "scripted"',
      'approval_policy = "never"',
      '[model_providers.scripted]',
      'name = "scripted"',
      `base_url = "${endpoint}/v1"`,
      'wire_api = "responses"',
      'env_key = "OPENAI_API_KEY"',
      `[projects."${workspace}"]`,
      'trust_level = "trusted"',
    ];
    write(person, path.join(person.home, '.codex/config.toml'), `${lines.join('\n')}\n`);
    return { OPENAI_API_KEY: KEY };
  },
  parts() {
    const ready = /for shortcuts/;
    const shell = (cmd: string): Turn => tool('exec_command', { cmd });
    const patch = (...lines: readonly string[]): Turn =>
      shell(`apply_patch <<'PATCH'\n*** Begin Patch\n${lines.join('\n')}\n*** End Patch\nPATCH\n`);
    const update = (name: string, before: string, after: readonly string[]): Turn =>
      patch(`*** Update File: ${name}`, '@@', `-${before}`, ...after.map((line) => `+${line}`));
    const added = SUBTRACT_TEST.trimEnd().split('\n');
    return [
      {
        words: [],
        turns: [
          shell('cat src/calculator.js'),
          update('src/calculator.js', ADD, [ADD, SUBTRACT]),
          patch('*** Add File: test/subtract.test.js', ...added.map((line) => `+${line}`)),
          update('README.md', README_BEFORE, [README_ONE]),
          shell(COUNT_LINES),
          shell('npm test'),
          shell(COMMIT_ONE),
          text('Subtract is there.'),
        ],
        seen: SEEN_ONE,
        talk: talkOnce(ready, PROMPTS[0], '/quit'),
      },
      {
        words: ['resume', '--last'],
        turns: [
          shell(LOOK_AGAIN),
          update('README.md', README_BEFORE, [README_TWO]),
          shell('npm test'),
          shell(COMMIT_TWO),
          text('README says it.'),
        ],
        seen: [...SEEN_TWO, SEEN_COMMIT_TWO],
        talk: talkOnce(ready, PROMPTS[1], '/quit'),
      },
    ];
  },
};

const AIDER_WORDS = [
  ...['--model', 'openai/scripted', '--weak-model', `openai/${ASIDE_MODEL}`, '--edit-format', 'diff'],
  ...['--no-show-model-warnings', '--no-show-release-notes', '--no-fancy-input'],
] as const;

/** aider asks a person before it adds a file, creates one, runs a command or keeps its output. */
const AIDER_REACTIONS: readonly Reaction[] = [
  { when: /(?:command )?output to the chat\?[^\n]*: ?$/i, type: 'n\r' },
  {
    when: /(?:Add file to the chat|Create new file|Allow creation of new file|Run shell command)[^\n]*: ?$/i,
    type: 'y\r',
  },
];
const AIDER_PROMPT = /(?:^|\n)[a-z]*> $/;

const block = (name: string, before: string, after: string): string =>
  `${name}\n\`\`\`\n<<<<<<< SEARCH\n${before}${before === '' ? '' : '\n'}=======\n${after}\n>>>>>>> REPLACE\n\`\`\`\n`;

/** Lines typed one after the other, each answered by a prompt. */
const talkInLines =
  (...lines: readonly string[]) =>
  async (dialogue: Dialogue): Promise<void> => {
    for (const line of lines) {
      await dialogue.until(AIDER_PROMPT, AIDER_REACTIONS);
      await dialogue.enter(line);
    }
  };

export const AIDER: Program = {
  name: 'aider',
  title: 'aider',
  install: (person) => installFromPypi(person, 'aider-chat', 'aider'),
  configure: (_person, _workspace, endpoint) => ({ OPENAI_API_KEY: KEY, OPENAI_API_BASE: `${endpoint}/v1` }),
  parts() {
    const edits = [
      block('src/calculator.js', ADD, `${ADD}\n${SUBTRACT}`),
      block('test/subtract.test.js', '', SUBTRACT_TEST.trimEnd()),
      block('README.md', README_BEFORE, README_ONE),
      `\`\`\`bash\n${COUNT_LINES}\n\`\`\`\n`,
    ];
    return [
      {
        words: AIDER_WORDS,
        turns: [text('Please add src/calculator.js and README.md to the chat.'), text(`\n${edits.join('\n')}`)],
        seen: [
          { what: 'it reads a file', pattern: /calculator\.js\s+Add file to the chat\?[^\n]* y\s/ },
          { what: 'it runs a command', pattern: /Running wc -l/ },
          { what: 'it runs the tests: 2 pass', pattern: /pass 2\b/ },
          { what: 'it commits', pattern: /Add subtract\s+feat: add subtract\s+Start/ },
        ],
        talk: talkInLines(PROMPTS[0], '/test npm test', `/run ${COMMIT_ONE}`, '/exit'),
      },
      {
        words: [...AIDER_WORDS, '--restore-chat-history'],
        turns: [text('Please add README.md to the chat.'), text(`\n${block('README.md', README_BEFORE, README_TWO)}`)],
        seen: [
          ...SEEN_TWO,
          { what: 'it commits', pattern: /(?:feat: add subtract\s+){2}Add subtract\s+feat: add subtract\s+Start/ },
        ],
        talk: talkInLines(`/run ${LOOK_AGAIN}`, PROMPTS[1], '/test npm test', '/run git log --format=%s', '/exit'),
      },
    ];
  },
};

export const PROGRAMS: readonly Program[] = [CLAUDE, CODEX, AIDER];

/** The marker of a program's `index`th turn as it shows on a screen. */
export const shownMarker = (index: number): RegExp => new RegExp(`\\[${marker(index)}\\]`);

function write(person: Person, file: string, content: string): void {
  makeDirectory(person, path.dirname(file));
  writeFileSync(file, content);
  giveTo(person, file);
}
