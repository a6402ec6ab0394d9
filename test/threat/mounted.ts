// An agent's view at a directory, for file-system attacks that need no sandbox around them, and what lies outside it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeWorld, type Result, type User, type World } from '../world.ts';

export const CANARY = 'canary-bytes-7f3a';

/** What no operation of an agent may show or change: a directory of known bytes beside the workspace. */
export interface Outside {
  readonly directory: string;
  readonly file: string;
  /** Every name below it with its bytes, as one text. */
  state(): string;
}

export function makeOutside(world: World): Outside {
  const directory = path.join(world.directory, 'outside');
  mkdirSync(directory);
  const file = path.join(directory, 'canary');
  writeFileSync(file, CANARY);
  world.own(directory);
  const state = () =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => `${name} ${JSON.stringify(readOf(path.join(directory, name)))}`)
      .join('\n');
  return { directory, file, state };
}

function readOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

export interface Mounted {
  readonly world: World;
  /** The mountpoint, and the workspace below it. */
  readonly view: string;
  readonly inView: string;
  shell(text: string): Promise<Result>;
  /** Python at the view, with its place and the workspace in it as `VIEW` and `WORK`. */
  python(text: string): Promise<string>;
}

export interface MountedOptions {
  readonly user: User;
  readonly words?: readonly string[];
  /** Lines of the policy's `mount` list; `$W` is the workspace. */
  readonly mounts?: readonly string[];
  readonly policy?: string;
  prepare?(world: World): void;
}

export async function mountView({ user, words = [], mounts, policy, prepare }: MountedOptions): Promise<Mounted> {
  const world = makeWorld({ user });
  prepare?.(world);
  const view = path.join(world.directory, 'view');
  mkdirSync(view);
  world.own(world.directory);
  const given = policyWords(world, mounts, policy);
  const made = await world.agentsh(['mount', ...given, ...words, view]);
  if (made.code !== 0) throw new Error(`mount: ${made.stderr}`);
  const inView = `${view}${world.workspace}`;
  const env = { VIEW: view, WORK: inView, HOST: world.workspace };
  return {
    world,
    view,
    inView,
    shell: (text) => world.run('/bin/bash', ['-c', text], { env }),
    python: async (text) => {
      const result = await world.run('/usr/bin/python3', ['-c', `${PRELUDE}\n${text}`], { env });
      if (result.code !== 0) throw new Error(result.stderr);
      return result.stdout;
    },
  };
}

/** The words that hand a policy of these lines to a command. */
export function policyWords(world: World, mounts: readonly string[] | undefined, policy = ''): readonly string[] {
  if (mounts === undefined && policy === '') return [];
  const file = path.join(world.directory, 'policy.toml');
  const list = (mounts ?? []).map((line) => `  ${line.replaceAll('$W', world.workspace)},\n`).join('');
  const table = mounts === undefined ? '' : `mount = [\n${list}]\n`;
  writeFileSync(file, `version = 1\n${table}${policy}`);
  world.own(file);
  return ['-p', file];
}

/** `outcome(call)` is the name of the error, or `ok`. */
export const PRELUDE = `
import ctypes, errno, os, stat, sys
VIEW, WORK, HOST = (os.environ.get(n, '') for n in ('VIEW', 'WORK', 'HOST'))
libc = ctypes.CDLL(None, use_errno=True)
def renameat2(a, b, flags):
    if libc.syscall(316 if os.uname().machine == 'x86_64' else 276, -100, os.fsencode(a), -100, os.fsencode(b), flags) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
def outcome(call):
    try: call()
    except OSError as error: return errno.errorcode[error.errno]
    return 'ok'
def put(path, text):
    with open(path, 'w') as file: file.write(text)
def get(path):
    with open(path) as file: return file.read()
`;
