// `npm run test:agents`: real programs do real work in a sandbox, against a model endpoint that follows a script.
//
// Words: names of programs (claude, codex, aider) to run only these. The transcript is stdout; how it goes is stderr.
import { fileURLToPath } from 'node:url';
import { TEST_USER } from '../setup.ts';
import { letThrough } from '../traverse.ts';
import { type Person, persons } from './person.ts';
import { PROGRAMS, type Program } from './programs.ts';
import { playScenario } from './scenario.ts';

const agentsh = fileURLToPath(new URL('../../agentsh/main.js', import.meta.url));

type Outcome = 'passed' | 'failed' | 'not run';

async function main(words: readonly string[]): Promise<number> {
  const unknown = words.find((word) => !PROGRAMS.some(({ name }) => name === word));
  if (unknown !== undefined) {
    process.stderr.write(`${unknown}: no such program; there are ${PROGRAMS.map(({ name }) => name).join(', ')}\n`);
    return 2;
  }
  const programs = PROGRAMS.filter(({ name }) => words.length === 0 || words.includes(name));
  const outcomes: Outcome[] = [];
  for (const person of persons(TEST_USER)) {
    const undo =
      person.become === undefined ? [] : [process.execPath, agentsh].map((file) => letThrough(TEST_USER, file));
    for (const program of programs) outcomes.push(await runOne(person, program));
    for (const back of undo) back();
  }
  const count = (wanted: Outcome): number => outcomes.filter((outcome) => outcome === wanted).length;
  process.stdout.write(
    `${count('passed')} passed, ${count('failed')} failed, ${count('not run')} could not be run here\n`,
  );
  return count('failed') === 0 && count('passed') > 0 ? 0 : 1;
}

async function runOne(person: Person, program: Program): Promise<Outcome> {
  process.stderr.write(`${program.title} as ${person.title}: installing, where it is not there yet\n`);
  const installed = program.install(person);
  const title = `${program.title}${installed.ok ? ` ${installed.version}` : ''}, as ${person.title}`;
  process.stdout.write(`== ${title}\n`);
  if (!installed.ok) {
    process.stdout.write(`could not be installed: ${installed.error}\n\n`);
    return 'not run';
  }
  try {
    await playScenario(person, program, agentsh, (line) => process.stdout.write(`${plainLine(line)}\n`));
    process.stdout.write('passed\n\n');
    return 'passed';
  } catch (error) {
    process.stdout.write(`failed: ${(error as Error).message}\n\n`);
    return 'failed';
  }
}

/** A transcript reads the same every time: temporary places and what is derived from them are left out. */
function plainLine(line: string): string {
  return line
    .replaceAll(/\/var\/tmp\/agentsh-agents-[A-Za-z0-9]{6}\//g, '/…/')
    .replace(/\(commit \w+\)/, '(commit …)')
    .replace(/\d+ entries, \d+ covered/, '… entries, … covered')
    .trimEnd();
}

process.exitCode = await main(process.argv.slice(2));
