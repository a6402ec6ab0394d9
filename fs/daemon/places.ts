// Where things lie: the home of the stores and the run directory, every directory 0700 and checked.
//
//   HOME (0700)                      AGENTSH_HOME, else $XDG_STATE_HOME/agentsh, else ~/.local/state/agentsh
//     lock  token  kernel.log        one kernel a home; the token is 0600
//     keys/                          the kernel's Ed25519 key
//     kernel/                        the kernel's own ledger
//     agents/<workspace hash>/<name>/  an agent's store, with agent.json beside it
//   RUN (0700)                       $XDG_RUNTIME_DIR/agentsh, else HOME/run
//     kernel.sock
//     kernel/                        the operator's mount
//     mnt/<n>/                       the agents' mountpoints
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { RequestError } from './requestError.ts';

export interface Places {
  readonly home: string;
  readonly run: string;
  readonly socket: string;
  readonly lock: string;
  readonly token: string;
  readonly log: string;
  readonly keys: string;
  readonly ledger: string;
  readonly agents: string;
  readonly mounts: string;
  readonly operator: string;
}

/** `sun_path` is 108 bytes with its NUL. */
const SOCKET_PATH_BYTES_MAX = 107;
/** Names become directory names, mount labels and branch names. */
const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const WORKSPACE_HASH_DIGITS = 20;

/** The places that an environment names. Touches nothing; throws a RequestError where it names none. */
export function placesOf(environment: Readonly<Record<string, string | undefined>>, uid = process.getuid!()): Places {
  const home = homeDirectory(environment);
  const run = runDirectory(environment, home, uid);
  const socket = path.join(run, 'kernel.sock');
  if (Buffer.byteLength(socket) > SOCKET_PATH_BYTES_MAX) {
    throw new RequestError(
      'ENAMETOOLONG',
      `${socket}: longer than the ${SOCKET_PATH_BYTES_MAX} bytes a socket's path may have; set XDG_RUNTIME_DIR to a shorter directory`,
    );
  }
  return {
    home,
    run,
    socket,
    lock: path.join(home, 'lock'),
    token: path.join(home, 'token'),
    log: path.join(home, 'kernel.log'),
    keys: path.join(home, 'keys'),
    ledger: path.join(home, 'kernel'),
    agents: path.join(home, 'agents'),
    mounts: path.join(run, 'mnt'),
    operator: path.join(run, 'kernel'),
  };
}

function homeDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const explicit = environment.AGENTSH_HOME;
  if (explicit) return absolute('AGENTSH_HOME', explicit);
  const state = environment.XDG_STATE_HOME;
  // The base directory specification: a relative value is to be ignored.
  if (state && path.isAbsolute(state)) return path.join(path.resolve(state), 'agentsh');
  const home = environment.HOME;
  if (!home) throw new RequestError('EINVAL', 'neither AGENTSH_HOME nor HOME is set: nowhere to keep the stores');
  return path.join(absolute('HOME', home), '.local/state/agentsh');
}

function runDirectory(environment: Readonly<Record<string, string | undefined>>, home: string, uid: number): string {
  const runtime = environment.XDG_RUNTIME_DIR;
  if (runtime && path.isAbsolute(runtime) && ownedBy(runtime, uid)) return path.join(path.resolve(runtime), 'agentsh');
  return path.join(home, 'run');
}

/** After `su` the variable often names another user's directory: that is the same as missing. */
function ownedBy(directory: string, uid: number): boolean {
  try {
    const found = statSync(directory);
    return found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

function absolute(name: string, value: string): string {
  if (!path.isAbsolute(value)) throw new RequestError('EINVAL', `${name}=${value}: must be an absolute path`);
  if (value.includes('\0')) throw new RequestError('EINVAL', `${name} holds a NUL byte`);
  return path.resolve(value);
}

/** Makes every directory that is missing, 0700; refuses one that others own or may enter. */
export function makePlaces(places: Places): void {
  for (const directory of [places.home, places.run, places.keys, places.ledger, places.agents, places.mounts]) {
    makePrivate(directory);
  }
}

/** One directory, 0700 and ours; parents above it keep their own modes. */
export function makePrivate(directory: string): void {
  mkdirSync(path.dirname(directory), { recursive: true, mode: 0o755 });
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  checkPrivate(directory);
}

/** Throws unless `directory` is a real directory, ours, and closed to everyone else. */
export function checkPrivate(directory: string): void {
  const found = lstatSync(directory);
  if (!found.isDirectory()) throw new RequestError('ENOTDIR', `${directory}: is not a directory of its own`);
  if (found.uid !== process.getuid!()) {
    throw new RequestError('EPERM', `${directory}: belongs to uid ${found.uid}, not to you`);
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
    throw new RequestError('EPERM', `${directory}: mode ${mode} lets others in; run: chmod 700 ${directory}`);
  }
}

/** Directory of an agent's store. `workspace` is a byte string. */
export function agentDirectory(places: Places, workspace: string, name: string): string {
  return path.join(places.agents, workspaceHash(workspace), name);
}

export function workspaceHash(workspace: string): string {
  return createHash('sha256').update(workspace, 'latin1').digest('hex').slice(0, WORKSPACE_HASH_DIGITS);
}

export function checkAgentName(name: string): void {
  if (AGENT_NAME.test(name) && name !== 'kernel' && name !== 'operator') return;
  throw new RequestError(
    'EINVAL',
    `${JSON.stringify(name)}: a name is 1 to 64 of A-Z a-z 0-9 . _ -, begins with a letter or digit, and is not kernel or operator`,
  );
}

/** Host directories that no view ever shows, with every name they go by. Byte strings. */
export function forbiddenPlaces(places: Places): readonly string[] {
  const all = new Set<string>();
  for (const directory of [places.home, places.run]) {
    all.add(Buffer.from(directory).toString('latin1'));
    all.add(Buffer.from(realpathSync(directory)).toString('latin1'));
  }
  return [...all];
}
