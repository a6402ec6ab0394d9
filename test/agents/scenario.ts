// One program, one person: it works in a sandbox, half of its work is approved and half rejected, it is resumed and
// goes on, and the rest is approved. What was seen is said line by line; what was not ends the scenario with the reason.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { Dialogue } from './dialogue.ts';
import { environmentOf } from './install.ts';
import { type ModelEndpoint, startModelEndpoint } from './modelEndpoint.ts';
import { makeDirectory, type Person, runAs } from './person.ts';
import { type Part, type Program, shownMarker } from './programs.ts';
import { differences, makeProject, treeOf } from './project.ts';

const COMMAND_MS_MAX = 60_000;
const END_MS_MAX = 15_000;
const SHOWN_CHARACTERS_MAX = 3000;
const APPROVED = ['src/calculator.js', 'test/subtract.test.js'] as const;
const REJECTED = ['LINES.txt', 'README.md'] as const;

/** Says a line of the transcript. */
export type Say = (line: string) => void;

interface Stage {
  readonly person: Person;
  readonly program: Program;
  readonly parts: readonly [Part, Part];
  /** Holds workspace, stores and sockets. */
  readonly directory: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string>>;
  readonly endpoint: ModelEndpoint;
  readonly agentsh: string;
  readonly say: Say;
}

/** Throws an Error that says which step failed and how. `agentsh` is the compiled command. */
export async function playScenario(person: Person, program: Program, agentsh: string, say: Say): Promise<void> {
  const directory = mkdtempSync('/var/tmp/agentsh-agents-');
  chmodSync(directory, 0o755);
  const workspace = path.join(directory, 'calculator');
  const [store, runtime] = [path.join(directory, 'store'), path.join(directory, 'run')];
  const parts = program.parts(workspace);
  const endpoint = await startModelEndpoint(parts.flatMap(({ turns }) => turns));
  try {
    for (const place of [workspace, store, runtime]) makeDirectory(person, place);
    const own = { ...environmentOf(person), AGENTSH_HOME: store, XDG_RUNTIME_DIR: runtime };
    makeProject(person, workspace, own);
    const env = { ...own, ...program.configure(person, workspace, endpoint.url) };
    await play({ person, program, parts, directory, workspace, env, endpoint, agentsh, say });
  } catch (error) {
    throw new Error(`${(error as Error).message}\nthe endpoint answered:\n${endpoint.requests.join('\n')}`);
  } finally {
    await endpoint.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function play(stage: Stage): Promise<void> {
  try {
    await playParts(stage);
  } catch (error) {
    // The reason counts, not what its clean-up says; what is left is ended all the same.
    runAs(stage.person, [process.execPath, stage.agentsh, 'shutdown', '--force'], commandOptions(stage));
    throw error;
  }
  run(stage, ['shutdown', '--force']);
  await expectNothingLeft(stage);
  stage.say('  the audit log is sound; no mount, no process is left');
}

async function playParts(stage: Stage): Promise<void> {
  const before = treeOf(stage.workspace);
  await work(stage, 0);
  expectChanged(stage, before, []);
  stage.say('  the workspace on the host is unchanged, byte for byte');
  decideHalf(stage, before);
  const half = treeOf(stage.workspace);
  await work(stage, 1);
  expectChanged(stage, half, []);
  approveRest(stage, half);
  operator(stage, 'verify');
}

/** Lets the program do one part of its work in a sandbox. */
async function work(stage: Stage, number: 0 | 1): Promise<void> {
  const { program, parts, person, env } = stage;
  const part = parts[number];
  const first = number === 0 ? 0 : parts[0].turns.length;
  const words = ['--net', 'host', '--name', program.name, '--', program.name, ...part.words];
  stage.say(`$ agentsh ${words.join(' ')}`);
  const command = [process.execPath, stage.agentsh, ...words].map(quoted).join(' ');
  const become = person.become === undefined ? {} : { user: person.become };
  const dialogue = new Dialogue(`cd ${quoted(stage.workspace)} && exec ${command}`, { env, ...become });
  try {
    await part.talk(dialogue, shownMarker(first + part.turns.length - 1));
    const code = await dialogue.end();
    if (code !== 0) throw new Error(`${program.name} ended with ${code}; it shows:\n${tail(dialogue.shown)}`);
  } finally {
    await dialogue.close();
  }
  expectWork(stage, part, first, dialogue.shown);
  stage.say(/agentsh: (?:\d+ changes? pending|nothing is pending) .*$/m.exec(dialogue.shown)?.[0] ?? '');
}

/** Every turn was taken, every tool call came back, and all that should be seen was. */
function expectWork({ endpoint, say }: Stage, part: Part, first: number, shown: string): void {
  const tools = part.turns.flatMap(({ kind }, index) => (kind === 'text' ? [] : [first + index]));
  const missing = tools.find((index) => endpoint.result(index) === undefined);
  if (missing !== undefined)
    throw new Error(`the result of turn ${missing} never came back; it shows:\n${tail(shown)}`);
  const everything = tools.length === 0 ? shown : tools.map((index) => endpoint.result(index)).join('\n');
  for (const { what, pattern } of part.seen) {
    if (!pattern.test(everything)) throw new Error(`${what}: ${pattern} was not seen in\n${tail(everything)}`);
    say(`  ${what}`);
  }
}

/** Source and test are approved, the rest is rejected: exactly the approved half is on the host then. */
function decideHalf(stage: Stage, before: ReadonlyMap<string, string>): void {
  expectPending(stage, [...APPROVED, ...REJECTED]);
  operator(stage, 'approve', ...APPROVED);
  expectChanged(stage, before, APPROVED);
  operator(stage, 'reject', '-m', 'in other words', ...REJECTED);
  expectChanged(stage, before, APPROVED);
  expectPending(stage, []);
  stage.say('  exactly the approved half is on the host');
}

/** The whole listing by its digest, as a script approves; then the host's own tests pass. */
function approveRest(stage: Stage, before: ReadonlyMap<string, string>): void {
  expectPending(stage, ['README.md']);
  const set = /^set (\S+)/m.exec(run(stage, ['pending']))?.[1] ?? '';
  run(stage, ['approve', '--name', stage.program.name, '--set', set]);
  stage.say('$ agentsh approve --set DIGEST');
  expectChanged(stage, before, ['README.md']);
  const { status, stdout } = runAs(stage.person, ['npm', 'test'], commandOptions(stage));
  if (status !== 0) throw new Error(`npm test on the host: exit ${status}\n${stdout}`);
  stage.say('  it is on the host, whose own npm test passes');
}

/** A command of the operator whose answer belongs in the transcript. */
function operator(stage: Stage, ...words: readonly string[]): void {
  stage.say(`$ agentsh ${words.map((word) => (word.includes(' ') ? quoted(word) : word)).join(' ')}`);
  for (const line of run(stage, words).trim().split('\n')) stage.say(line);
}

/** Output and messages of one agentsh command; throws where it fails. */
function run(stage: Stage, words: readonly string[]): string {
  const command = [process.execPath, stage.agentsh, ...words];
  const { status, stdout, stderr, error } = runAs(stage.person, command, commandOptions(stage));
  if (status === 0) return `${stdout}${stderr}`;
  throw new Error(`agentsh ${words.join(' ')}: ${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`);
}

const commandOptions = ({ workspace, env }: Stage) => ({ cwd: workspace, env, timeoutMs: COMMAND_MS_MAX });

function expectPending(stage: Stage, names: readonly string[]): void {
  const listed = JSON.parse(run(stage, ['pending', '--json']).replace(/^agentsh: .*\n/m, '')) as {
    readonly path: string;
  }[];
  const found = listed.map(({ path: place }) => path.relative(stage.workspace, place)).sort();
  if (found.join() === [...names].sort().join()) return;
  throw new Error(`pending is ${found.join(', ') || 'nothing'}; expected ${[...names].sort().join(', ') || 'nothing'}`);
}

function expectChanged(stage: Stage, before: ReadonlyMap<string, string>, names: readonly string[]): void {
  const found = differences(before, treeOf(stage.workspace));
  if (found.join() === [...names].sort().join()) return;
  throw new Error(`on the host changed: ${found.join(', ') || 'nothing'}; expected ${names.join(', ') || 'nothing'}`);
}

async function expectNothingLeft({ directory }: Stage): Promise<void> {
  const left = () => [
    ...agentshMounts(directory).map(({ mountpoint }) => `mount ${mountpoint}`),
    ...processes(directory),
  ];
  const deadline = Date.now() + END_MS_MAX;
  while (left().length > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
  if (left().length > 0) throw new Error(`left behind: ${left().join(', ')}`);
}

/** Processes whose environment names a directory of this scenario. */
function processes(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && environmentNames(name, directory))
    .map((pid) => `process ${pid}`);
}

function environmentNames(pid: string, directory: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`=${directory}/`);
  } catch {
    return false;
  }
}

const tail = (text: string): string => text.slice(-SHOWN_CHARACTERS_MAX);

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
