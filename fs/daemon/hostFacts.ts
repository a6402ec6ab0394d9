// Looks at the host for what the default policy needs to know. Reads only, bounded, and never inside our own mounts.
import { existsSync, lstatSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { HostFacts, PathEntry } from '../../policy/facts.ts';
import { bytesOf, native, realOrSame, realPath } from './bytePath.ts';
import type { Workspace } from './workspace.ts';

type Environment = Readonly<Record<string, string>>;

const PATH_ENTRIES_MAX = 64;
const LINKS_MAX = 2000;
const PASSWD_BYTES_MAX = 4 * 1024 * 1024;
const REAL_PATHS_MAX = 4096;

/** The caller's HOME where it is one; else the password database's. A byte string. */
export function homeOf(environment: Environment): string {
  const named = environment.HOME;
  if (named !== undefined && path.isAbsolute(named) && existsSync(named)) return bytesOf(path.resolve(named));
  return bytesOf(userInfo().homedir);
}

export interface FactsRequest {
  readonly workspace: Workspace;
  readonly environment: Environment;
  readonly stores: string;
  /** What to look for, once the facts so far are known; see policy's probePaths. */
  readonly probe: (facts: HostFacts) => readonly string[];
}

export function gatherFacts({ workspace, environment, stores, probe }: FactsRequest): HostFacts {
  const home = homeOf(environment);
  const facts: HostFacts = {
    home,
    homeRealPath: realOrSame(home),
    otherHomes: otherHomes(home),
    workspace: workspace.directory,
    workspaceRealPath: workspace.realPath,
    gitDirectories: gitDirectories(workspace),
    uid: process.getuid!(),
    topLevel: names('/'),
    pathEntries: pathEntries(environment.PATH ?? '', home),
    existing: new Set(),
    realPaths: new Map(),
    resolvConf: realPathOf('/etc/resolv.conf'),
    sshHostKeys: names('/etc/ssh').filter((name) => name.endsWith('_key')),
    freeBytes: freeBytes(stores),
  };
  const existing = probe(facts).filter((place) => lstatSync(native(place), { throwIfNoEntry: false }) !== undefined);
  return { ...facts, existing: new Set(existing) };
}

/** Real paths of `places` (byte strings), where they differ. */
export function realPathsOf(places: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const place of places.slice(0, REAL_PATHS_MAX)) {
    const realPath = realPathOf(place);
    if (realPath !== undefined && realPath !== place) found.set(place, realPath);
  }
  return found;
}

function realPathOf(place: string): string | undefined {
  try {
    return realPath(place);
  } catch {
    return undefined;
  }
}

function gitDirectories({ repository }: Workspace): string[] {
  if (repository === undefined) return [];
  return [...new Set([repository.gitDirectory, repository.commonDirectory])];
}

/** Homes of everyone else, with their real paths. */
function otherHomes(home: string): string[] {
  const own = new Set([home, realOrSame(home)]);
  const homes = new Set<string>();
  for (const line of readPasswd().split('\n')) {
    const directory = line.split(':')[5];
    if (directory === undefined || !directory.startsWith('/') || directory === '/') continue;
    homes.add(directory.replace(/\/+$/, ''));
  }
  return [...homes].filter((directory) => directory !== '' && !own.has(directory));
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd').subarray(0, PASSWD_BYTES_MAX).toString('latin1');
  } catch {
    return '';
  }
}

/** Byte strings; empty where there is no such directory. */
function names(directory: string): string[] {
  try {
    return readdirSync(native(directory), { encoding: 'latin1' });
  } catch {
    return [];
  }
}

/** Directories on PATH below home, with where their links lead. */
function pathEntries(searchPath: string, home: string): PathEntry[] {
  const roots = [home, realOrSame(home)].map((root) => `${root}/`);
  const entries: PathEntry[] = [];
  for (const part of new Set(searchPath.split(':'))) {
    if (!path.isAbsolute(part) || entries.length >= PATH_ENTRIES_MAX) continue;
    const directory = bytesOf(path.resolve(part));
    const isBelow = (place: string) => roots.some((root) => place.startsWith(root));
    if (!isBelow(directory) && !isBelow(realOrSame(directory))) continue;
    entries.push({ path: directory, targets: targetsOf(directory) });
  }
  return entries;
}

/** Where the links in a directory on PATH lead, and what programs of a virtual environment there, or so linked, need. */
function targetsOf(directory: string): string[] {
  const links = linkTargets(directory);
  const directories = new Set([directory, ...links.map((target) => target.slice(0, target.lastIndexOf('/')))]);
  return [...new Set([...links, ...[...directories].flatMap(environmentTargets)])];
}

/**
 * Of a Python virtual environment's `bin`: its mark, which stands for the environment's own directory, and the
 * interpreter, which lies elsewhere. Nothing for another directory.
 */
function environmentTargets(directory: string): string[] {
  const mark = `${directory.slice(0, directory.lastIndexOf('/'))}/pyvenv.cfg`;
  if (!directory.endsWith('/bin') || !existsSync(native(mark))) return [];
  return [mark, `${directory}/python`].flatMap((place) => realPathOf(place) ?? []);
}

function linkTargets(directory: string): string[] {
  const targets = new Set<string>();
  const own = realPathOf(directory);
  if (own !== undefined && own !== directory) targets.add(own);
  for (const name of names(directory).slice(0, LINKS_MAX)) {
    const place = `${directory}/${name}`;
    if (lstatSync(native(place), { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    const target = realPathOf(place);
    if (target !== undefined) targets.add(target);
  }
  return [...targets];
}

/** Rounded down to a sixteenth of its magnitude: a policy computed a moment later is the same policy. */
function freeBytes(directory: string): number | undefined {
  try {
    const found = statfsSync(directory);
    const free = found.bavail * found.bsize;
    if (free <= 0) return 0;
    const step = 2 ** Math.max(0, Math.floor(Math.log2(free)) - 4);
    return Math.floor(free / step) * step;
  } catch {
    return undefined;
  }
}
