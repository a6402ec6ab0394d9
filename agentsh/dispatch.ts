// From the command line to a command and its exit code.
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandEntry } from './commandTable.ts';
import type { Context } from './context.ts';
import { EXIT, EXIT_SIGNAL_BASE } from './exitCodes.ts';
import { CommandFailure, report } from './failure.ts';
import { runInside } from './inside.ts';

/** Runs what `words` (the command line without the program) ask for; returns the exit code and never throws. */
export async function dispatch(words: readonly string[], context: Context): Promise<number> {
  try {
    const entry = COMMANDS.find(({ name }) => name === words[0]);
    if (entry !== undefined) return await runCommand(entry, words.slice(1), context);
    return await runSandboxed(words, context);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok.code : EXIT.usage.code;
    return report(thrown, context.output);
  }
}

async function runCommand(entry: CommandEntry, words: readonly string[], context: Context): Promise<number> {
  const { declare, start } = await entry.load();
  const command = declare(newCommand(`agentsh ${entry.name}`, context).description(entry.summary));
  command.parse([...words], { from: 'user' });
  if (context.insideKernel !== undefined) {
    return runInside(entry.name, context.insideKernel, command.args, command.opts(), context);
  }
  return start(command.args, command, context);
}

/** The form without a command name: a shell, `-- CMD…` or `-c TEXT` in a sandbox. */
async function runSandboxed(words: readonly string[], context: Context): Promise<number> {
  const { command: module } = await import('./commands/run.ts');
  const split = words.indexOf('--');
  const before = split < 0 ? words : words.slice(0, split);
  // Options end at the first word, which is judged here: no option of a program is taken for one of ours.
  const command = module.declare(newCommand('agentsh', context)).passThroughOptions().allowExcessArguments();
  command.helpInformation = () => help(command);
  command.parse([...before], { from: 'user' });
  const stray = command.args[0];
  if (stray !== undefined) throw strayWord(stray, words, context);
  if (context.insideKernel !== undefined) {
    throw new CommandFailure(
      'environment',
      'this is a sandbox already: one inside another is refused',
      'run the command as it is; it is under the policy already',
    );
  }
  const operands = split < 0 ? [] : words.slice(split + 1);
  if (split >= 0 && operands.length === 0) throw new CommandFailure('usage', 'there is no command after --');
  return module.run({ operands, options: command.opts(), context });
}

function newCommand(name: string, context: Context): Command {
  return new Command(name)
    .exitOverride()
    .showHelpAfterError(`(agentsh ${name === 'agentsh' ? '--help' : `${name.split(' ')[1]} --help`})`)
    .configureOutput({
      writeOut: (text) => context.output.line(text.replace(/\n$/, '')),
      writeErr: (text) => context.output.error(text.replace(/^error: /, 'agentsh: ')),
    });
}

/** A first word that is no command: most likely a program, an option in the wrong place, or a slip. */
function strayWord(word: string, words: readonly string[], context: Context): CommandFailure {
  const rest = words.slice(words.indexOf(word));
  if (COMMANDS.some(({ name }) => name === word)) {
    const options = words.slice(0, words.indexOf(word));
    return new CommandFailure(
      'usage',
      `options come after the command: agentsh ${[word, ...options, ...rest.slice(1)].join(' ')}`,
    );
  }
  if (isProgram(word, context)) return new CommandFailure('usage', `to run it: agentsh -- ${rest.join(' ')}`);
  const near = nearest(word);
  return new CommandFailure(
    'usage',
    `${word}: neither a command of agentsh nor a program`,
    near === undefined ? 'agentsh --help lists the commands' : `did you mean: agentsh ${near}`,
  );
}

function isProgram(word: string, context: Context): boolean {
  const directories = word.includes('/') ? [context.cwd] : (context.environment.PATH ?? '').split(':');
  return directories.some((directory) => {
    const file = path.resolve(directory === '' ? context.cwd : directory, word);
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

/** Letters of a word for each slip in it: one in a short word, two in a long one. */
const LETTERS_PER_SLIP = 3;
const SLIPS_MAX = 2;

/** The command that a slip would explain. */
function nearest(word: string): string | undefined {
  const scored = COMMANDS.map(({ name }) => ({ name, distance: editDistance(word.slice(0, 32), name) }));
  const best = scored.reduce((left, right) => (right.distance < left.distance ? right : left));
  const slips = Math.min(SLIPS_MAX, Math.floor(word.length / LETTERS_PER_SLIP));
  return best.distance <= slips ? best.name : undefined;
}

function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

function help(command: Command): string {
  const options = command.options.map((option) => [option.flags, option.description] as const);
  const commands = COMMANDS.map(({ name, summary }) => [name, summary] as const);
  const codes = Object.values(EXIT).map(({ code, meaning }) => [`${code}`, meaning] as const);
  return [
    'Usage: agentsh [options]             a shell in a sandbox over the current workspace',
    '       agentsh [options] -- CMD…     a command in it',
    '       agentsh [options] -c TEXT     a shell text in it',
    '       agentsh COMMAND …             one of the commands below; each has --help',
    '',
    ...section('Options', options),
    ...section('Commands', commands),
    ...section('Exit codes', [...codes, [`${EXIT_SIGNAL_BASE}+n`, 'the command was ended by signal n'] as const]),
  ].join('\n');
}

function section(title: string, rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return [`${title}:`, ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`), ''];
}
