// The files a new, empty home begins with: the shells' start-up files, and git's configuration without its secrets.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { filesNamedByGitConfig } from '../../policy/gitConfig.ts';
import { homeFiles } from '../../policy/homeFiles.ts';
import { bytesOf, native } from './bytePath.ts';
import type { SeedFile } from './protocol.ts';

const FILE_BYTES_MAX = 64 * 1024;
const INCLUDES_DEPTH_MAX = 8;
const PARTS_MAX = 64;
/** `[include]` with its setting on the same line. */
const SECTION_HEAD = /^\s*\[[^\]]*\]/;

/** Paths are absolute below `home`; both are byte strings, as is `configHome` (XDG_CONFIG_HOME or its default). */
export function seedFiles(home: string, configHome: string): readonly SeedFile[] {
  const found: ConfigFile[] = [];
  for (const file of [`${configHome}/git/config`, `${home}/.gitconfig`]) readConfig(file, home, found);
  const files = homeFiles(found.map(({ text }) => text));
  const seeds = files.map(({ path, text }) => ({ path: `${home}/${path}`, text: bytesOf(text) }));
  return [
    ...seeds,
    ...namedFile('excludes', 'ignore', found, home, configHome),
    ...namedFile('attributes', 'attributes', found, home, configHome),
  ];
}

/** What git ignores or gives attributes everywhere: at its default place, wherever the configuration keeps it. */
function namedFile(
  kind: 'excludes' | 'attributes',
  standard: string,
  found: readonly ConfigFile[],
  home: string,
  configHome: string,
): SeedFile[] {
  const names = found.flatMap(({ text, file }) => filesNamedByGitConfig(text).map((name) => ({ ...name, file })));
  const name = names.findLast((item) => item.kind === kind);
  const text = readSmall(name === undefined ? `${configHome}/git/${standard}` : resolved(name.path, name.file, home));
  return text === undefined ? [] : [{ path: `${home}/.config/git/${standard}`, text }];
}

/** A part of a configuration; a file that includes another is several, in the order in which git reads them. */
interface ConfigFile {
  readonly file: string;
  readonly text: string;
}

const SECTION = /^\s*\[\s*([A-Za-z0-9.-]+)/;

/**
 * Adds a configuration with what it includes, each in the place of its inclusion. Conditional includes stay out: what
 * they bring depends on the repository.
 */
function readConfig(file: string, home: string, found: ConfigFile[], depth = 0): void {
  const whole = depth > INCLUDES_DEPTH_MAX || found.length > PARTS_MAX ? undefined : readSmall(file);
  if (whole === undefined) return;
  let section = '';
  let part: string[] = [];
  for (const line of whole.split('\n')) {
    section = SECTION.exec(line)?.[1]?.toLowerCase() ?? section;
    if (section === 'includeif') continue;
    const [name] = section === 'include' ? filesNamedByGitConfig(`[include]\n${line.replace(SECTION_HEAD, '')}`) : [];
    if (name === undefined) {
      part.push(line);
      continue;
    }
    found.push({ file, text: part.join('\n') });
    part = ['[include]'];
    readConfig(resolved(name.path, file, home), home, found, depth + 1);
  }
  found.push({ file, text: part.join('\n') });
}

function resolved(name: string, from: string, home: string): string {
  if (name.startsWith('~/')) return home + name.slice(1);
  return name.startsWith('/') ? name : `${from.slice(0, from.lastIndexOf('/'))}/${name}`;
}

/** A small regular file as a byte string; undefined for anything else. */
function readSmall(file: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(native(file), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const found = fstatSync(fd);
    return found.isFile() && found.size <= FILE_BYTES_MAX ? readFileSync(fd, 'latin1') : undefined;
  } finally {
    closeSync(fd);
  }
}
