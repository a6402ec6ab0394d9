// Judges names by the hide, mask and protect patterns; everything is compiled once, and judging remembers.
//
// A pattern covers what it names and all below. The last pattern of a list that matches wins (`!` takes back),
// a person's list wins over the built-in one, and a covered directory cannot be reopened below (as gitignore).

import {
  HIDDEN_IF_PRIVATE_KEY,
  HIDDEN_NAMES,
  MASKED_NAMES,
  PROTECTED_NAMES,
  PROTECTED_SELF,
  VENDORED_DIRECTORIES,
} from './builtinNames.ts';
import type { NameJudge, NameVerdict } from './model.ts';
import { foldName, foldPattern } from './nameAlias.ts';
import { compilePattern, lastName, matchesPattern, type Pattern } from './pattern.ts';

/** Remembered directories and names; past that the memory starts afresh. */
const REMEMBERED_MAX = 8192;

export interface NameSettings {
  /** A person's patterns, as byte strings in gitignore syntax. */
  readonly hide: readonly string[];
  readonly mask: readonly string[];
  readonly protect: readonly string[];
  /**
   * Directories in which hide and mask apply (workspace, home, their real paths, roots of a person's rules).
   * A pattern with a slash in it is anchored at the innermost of them, or at `/` for protect outside of all.
   */
  readonly scopes: readonly string[];
  /** The built-in lists; true unless said otherwise. */
  readonly builtin?: boolean;
}

/** What is known of a directory: what its children inherit, and where patterns are anchored. */
interface Place {
  readonly scoped: boolean;
  readonly path: readonly string[];
  readonly folded: readonly string[];
  readonly vendored: boolean;
  readonly verdict: NameVerdict;
}

interface Lists {
  readonly hide: PatternList;
  readonly mask: PatternList;
  /** A person's alone: what the built-in ones match, they match folded. */
  readonly protect: PatternList;
  readonly protectFolded: PatternList;
  readonly builtin: { readonly hide: PatternList; readonly key: PatternList; readonly mask: PatternList };
  readonly protectSelf: ReadonlySet<string>;
  /** What lies above a protected name in its own pattern. */
  readonly leads: PatternList;
}

const NOTHING: NameVerdict = {
  hidden: false,
  masked: false,
  protected: false,
  hiddenIfPrivateKey: false,
  byDefault: false,
};

/** Compiles the lists into a judge. */
export function nameJudge(settings: NameSettings): NameJudge {
  const lists = compileLists(settings);
  const scopes = new Set(settings.scopes.map((scope) => (scope === '/' ? '' : scope)));
  const places = new Map<string, Place>();

  function placeOf(directory: string): Place {
    const known = places.get(directory);
    if (known !== undefined) return known;
    const place = directory === '' || scopes.has(directory) ? basePlace(scopes.has(directory)) : childPlace(directory);
    if (places.size >= REMEMBERED_MAX) places.clear();
    places.set(directory, place);
    return place;
  }

  function childPlace(directory: string): Place {
    const slash = directory.lastIndexOf('/');
    const parent = placeOf(directory.slice(0, slash));
    const name = directory.slice(slash + 1);
    return {
      scoped: parent.scoped,
      path: [...parent.path, name],
      folded: [...parent.folded, foldName(name)],
      vendored: parent.vendored || (parent.scoped && VENDORED_DIRECTORIES.has(name)),
      verdict: inheritedVerdict(lists, parent, name),
    };
  }

  return {
    judge: (directory, name, isDirectory) =>
      judgeIn(lists, placeOf(directory === '/' ? '' : directory), name, isDirectory),
    leads: (directory, name) => {
      const { folded } = placeOf(directory === '/' ? '' : directory);
      return lists.leads.judge([...folded, foldName(name)], true) === true;
    },
  };
}

function basePlace(scoped: boolean): Place {
  return { scoped, path: [], folded: [], vendored: false, verdict: NOTHING };
}

/** What a directory passes on: all that is said of it but what is protected alone. */
function inheritedVerdict(lists: Lists, parent: Place, name: string): NameVerdict {
  const verdict = judgeIn(lists, parent, name, true);
  const isProtected = parent.verdict.protected || judgeProtected(lists, parent, name, true);
  return { ...verdict, protected: isProtected };
}

function judgeIn(lists: Lists, place: Place, name: string, isDirectory: boolean): NameVerdict {
  const seen = place.scoped ? judgeSight(lists, place, name, isDirectory) : NOTHING;
  const isProtected =
    lists.protectSelf.has(foldName(name)) || place.verdict.protected || judgeProtected(lists, place, name, isDirectory);
  if (seen === NOTHING && !isProtected) return NOTHING;
  return { ...seen, protected: isProtected };
}

/** Hidden and masked; the field `protected` is not yet decided. */
function judgeSight(lists: Lists, place: Place, name: string, isDirectory: boolean): NameVerdict {
  const inherited = place.verdict;
  if (inherited.hidden || inherited.masked) return { ...inherited, protected: false };
  const path = [...place.path, name];
  const hide = lists.hide.judge(path, isDirectory);
  const mask = lists.mask.judge(path, isDirectory);
  // The built-in lists name files.
  const builtinApplies = !isDirectory;
  const builtinHides = builtinApplies && !place.vendored;
  const hidden = hide ?? (builtinHides && lists.builtin.hide.judge(path, false) === true);
  const masked = mask ?? (builtinApplies && lists.builtin.mask.judge(path, false) === true);
  const hiddenIfPrivateKey = hide === undefined && builtinHides && lists.builtin.key.judge(path, false) === true;
  if (!hidden && !masked && !hiddenIfPrivateKey) return NOTHING;
  return { hidden, masked, hiddenIfPrivateKey, byDefault: hide !== true && mask !== true, protected: false };
}

function judgeProtected(lists: Lists, place: Place, name: string, isDirectory: boolean): boolean {
  const folded = foldName(name);
  if (lists.protectFolded.judge([...place.folded, folded], isDirectory) === true) return true;
  return lists.protect.judge([...place.path, name], isDirectory) === true;
}

function compileLists(settings: NameSettings): Lists {
  const builtin = settings.builtin !== false;
  const own = settings.protect.map(coverSelf);
  const protect = [...(builtin ? PROTECTED_NAMES : []), ...own];
  return {
    hide: new PatternList(settings.hide),
    mask: new PatternList(settings.mask),
    protect: new PatternList(own),
    protectFolded: new PatternList(protect.map(foldPattern)),
    builtin: {
      hide: new PatternList(builtin ? HIDDEN_NAMES : []),
      key: new PatternList(builtin ? HIDDEN_IF_PRIVATE_KEY : []),
      mask: new PatternList(builtin ? MASKED_NAMES : []),
    },
    protectSelf: builtin ? PROTECTED_SELF : new Set(),
    leads: new PatternList(protect.flatMap(leadsOf).map(foldPattern)),
  };
}

/**
 * `x/**` protects `x` too: otherwise `x` could be replaced as a whole, by a link or a renamed directory. And `x/`
 * protects what is no directory, since a link of that name works as one.
 */
function coverSelf(pattern: string): string {
  const bare = pattern.replace(/(\/\*\*)+\/?$|\/$/, '');
  // What was anchored by the slash that is cut off stays anchored.
  const anchored = pattern.endsWith('**') && !bare.replace(/^!/, '').includes('/');
  return anchored ? bare.replace(/^(!?)/, '$1/') : bare;
}

/** The patterns of the directories that a pattern goes through: `/a` and `a/b` for `a/b/c`. */
function leadsOf(pattern: string): string[] {
  if (pattern.startsWith('!')) return [];
  const names = pattern.replace(/^\/+|\/+$/g, '').split('/');
  return names.slice(0, -1).flatMap((name, at) => {
    if (name === '**') return [];
    return at === 0 ? [`/${name}`] : [names.slice(0, at + 1).join('/')];
  });
}

/** A list in which the last match wins. Indexed by the last name of the patterns, since most names match none. */
class PatternList {
  readonly #patterns: readonly Pattern[];
  /** Indexes of patterns with a slash, last first: by the one name they end in, and those that end in a wild card. */
  readonly #byName: ReadonlyMap<string, readonly number[]>;
  readonly #wild: readonly number[];
  readonly #basename: readonly number[];
  /** Last matching basename pattern by name (`/` appended for a directory), -1 for none. */
  readonly #remembered = new Map<string, number>();

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(compilePattern);
    const basename: number[] = [];
    const wild: number[] = [];
    const byName = new Map<string, number[]>();
    for (const index of [...this.#patterns.keys()].reverse()) {
      const pattern = this.#patterns[index]!;
      const name = lastName(pattern);
      if (pattern.basenameOnly) basename.push(index);
      else if (name === undefined) wild.push(index);
      else byName.set(name, [...(byName.get(name) ?? []), index]);
    }
    this.#basename = basename;
    this.#wild = wild;
    this.#byName = byName;
  }

  /** True or false as the last matching pattern says, undefined if none matches. */
  judge(path: readonly string[], isDirectory: boolean): boolean | undefined {
    if (this.#patterns.length === 0) return undefined;
    const name = path[path.length - 1]!;
    const named = this.#byName.get(name);
    let last = this.#lastBasename(path, name, isDirectory);
    if (named !== undefined) last = this.#lastOf(named, path, isDirectory, last);
    if (this.#wild.length > 0) last = this.#lastOf(this.#wild, path, isDirectory, last);
    return last === -1 ? undefined : !this.#patterns[last]!.negated;
  }

  /** The last matching index of `indexes` (descending), if it is beyond `floor`. */
  #lastOf(indexes: readonly number[], path: readonly string[], isDirectory: boolean, floor: number): number {
    for (const index of indexes) {
      if (index < floor) return floor;
      if (matchesPattern(this.#patterns[index]!, path, isDirectory)) return index;
    }
    return floor;
  }

  #lastBasename(path: readonly string[], name: string, isDirectory: boolean): number {
    if (this.#basename.length === 0) return -1;
    const key = isDirectory ? `${name}/` : name;
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const found = this.#lastOf(this.#basename, path, isDirectory, -1);
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(key, found);
    return found;
  }
}
