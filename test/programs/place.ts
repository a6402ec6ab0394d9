// Where a program is tried: a plain directory, and beside it a workspace under one mode, both of one user.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeWorld, type Result, type RunOptions, USERS, type User, type World } from '../world.ts';

export interface PlaceName {
  readonly user: User;
  readonly mode: 'invisible' | 'ephemeral' | 'rw';
}
/** What is kept in the agent's layer, and what goes through to the host. */
export const PLACES: readonly PlaceName[] = USERS.flatMap((user) => [
  { user, mode: 'invisible' as const },
  { user, mode: 'rw' as const },
]);

/** How long one program may take on a busy machine. */
export const PROGRAM_TIMEOUT_MS = 240_000;
const GIT_CONFIG = '[user]\n\tname = Place\n\temail = place@example.invalid\n[init]\n\tdefaultBranch = main\n';
const WHEN = '2026-01-02T03:04:05Z';
/** The same commit gets the same hash wherever it is made. */
const ENVIRONMENT = { GIT_AUTHOR_DATE: WHEN, GIT_COMMITTER_DATE: WHEN };

export interface Place {
  readonly world: World;
  /** The plain directory. */
  readonly plain: string;
  /** Runs a shell text in the plain directory. */
  onPlain(text: string): Promise<Result>;
  /** Runs it in a sandbox over the workspace; every call is a session of its own. */
  inside(text: string): Promise<Result>;
  /** Shows the workspace at a directory of the host; returns where. */
  show(): Promise<string>;
  /** Runs a shell text on the host, where `show` shows the workspace. */
  onView(text: string): Promise<Result>;
}

export function makePlace({ user, mode }: PlaceName): Place {
  const world = makeWorld({ user });
  const plain = path.join(world.directory, 'plain');
  const view = path.join(world.directory, 'view');
  const policy = path.join(world.directory, 'policy.toml');
  for (const directory of [plain, view]) mkdirSync(directory);
  writeFileSync(policy, `version = 1\nmount = [ { path = "\${workspace}", mode = "${mode}" } ]\n`);
  writeFileSync(path.join(world.home, '.gitconfig'), GIT_CONFIG);
  world.own(world.directory);
  const options: RunOptions = { timeoutMs: PROGRAM_TIMEOUT_MS, env: ENVIRONMENT };
  const shell = (cwd: string, text: string) => world.run('/bin/bash', ['-c', text], { ...options, cwd });
  const passed = Object.entries(ENVIRONMENT).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  return {
    world,
    plain,
    onPlain: (text) => shell(plain, text),
    inside: (text) => world.agentsh(['--policy', policy, ...passed, '-c', text], options),
    show: async () => {
      const { code, stderr } = await world.agentsh(['mount', '--mode', mode, view]);
      if (code !== 0) throw new Error(stderr);
      return `${view}${world.workspace}`;
    },
    onView: (text) => shell(`${view}${world.workspace}`, text),
  };
}

/** What a program answered, without agentsh's own last line. */
export const answer = ({ code, stdout, stderr }: Result) => ({
  code,
  stdout,
  stderr: stderr.replace(/^agentsh: .*\n/gm, ''),
});
