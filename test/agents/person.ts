// Who runs a program: root, or the ordinary test user; each with a home of its own that holds what was installed.
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';

export interface Person {
  readonly name: string;
  /** For a report: `root` or `an ordinary user`. */
  readonly title: string;
  readonly uid: number;
  readonly gid: number;
  /** The user to become; undefined where it is us. */
  readonly become: string | undefined;
  /** Kept between runs: programs are installed below it, as a user installs them. */
  readonly home: string;
}

const CACHE = '.cache/agentsh-test/home';

/** Ourselves; as root the test user too. */
export function persons(testUser: string): readonly Person[] {
  const { username, uid, gid, homedir } = userInfo();
  const title = uid === 0 ? 'root' : 'an ordinary user';
  const own: Person = { name: username, title, uid, gid, become: undefined, home: path.join(homedir, CACHE) };
  if (uid !== 0) return [own];
  const [, , userId, groupId, , directory] = execFileSync('getent', ['passwd', testUser], { encoding: 'utf8' }).split(
    ':',
  );
  const other: Person = {
    name: testUser,
    title: 'an ordinary user',
    uid: Number(userId),
    gid: Number(groupId),
    become: testUser,
    home: path.join(directory!, CACHE),
  };
  return [own, other];
}

/** The words that make a command this person's. */
export const asPerson = ({ become }: Person): readonly string[] =>
  become === undefined ? [] : ['setpriv', `--reuid=${become}`, `--regid=${become}`, '--init-groups', '--'];

export interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Runs a command as this person to its end. */
export function runAs(person: Person, words: readonly string[], options: RunOptions): SpawnSyncReturns<string> {
  const [file, ...rest] = [...asPerson(person), ...words];
  const { cwd, env, timeoutMs } = options;
  return spawnSync(file!, rest, { cwd, env, timeout: timeoutMs, encoding: 'utf8', input: '', maxBuffer: 64 << 20 });
}

/** Makes a directory and those above it that are missing, all this person's. */
export function makeDirectory(person: Person, directory: string, mode = 0o700): void {
  const first = mkdirSync(directory, { recursive: true, mode });
  if (first !== undefined) giveTo(person, first);
}

/** Gives a tree to this person. */
export function giveTo(person: Person, place: string): void {
  if (person.become === undefined) return;
  chownSync(place, person.uid, person.gid);
  if (!lstatSync(place).isDirectory()) return;
  for (const name of readdirSync(place)) giveTo(person, path.join(place, name));
}
