// rename(2) onto a name that is taken: every kind of thing onto every kind, each from below the view or made in it.

import { lstat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { mkdir, RENAME, rename, S, symlink } from '../calls/names.ts';
import type { Case, Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { writeFile } from '../files.ts';

const KINDS = {
  'a file': (path: string) => writeFile(path, 'bytes'),
  'an empty directory': (path: string) => void mkdir(path),
  'a full directory': (path: string) => {
    mkdir(path);
    writeFile(`${path}/inner`, 'bytes');
  },
  'a link to a directory': (path: string) => void symlink('/', path),
  'a dangling link': (path: string) => void symlink('absent', path),
} as const;
type Kind = keyof typeof KINDS;
const kinds = Object.keys(KINDS) as Kind[];
const isDirectory = (kind: Kind) => kind.endsWith(' directory') && !kind.startsWith('a link');

/** What rename(2) answers; null where the source takes the target's place. */
function refusal(source: Kind, target: Kind): string | null {
  if (isDirectory(source) && !isDirectory(target)) return 'ENOTDIR';
  if (!isDirectory(source) && isDirectory(target)) return 'EISDIR';
  return target === 'a full directory' ? 'ENOTEMPTY' : null;
}

const what = (path: string) => {
  const { ino, mode } = lstat(path);
  return { ino, mode, inner: (mode & S.IFMT) === S.IFDIR ? readdir(path) : [] };
};

/** The n-th pair lies at `n/source` and `n/target`. */
function eachPair(act: (at: string, source: Kind, target: Kind) => void): void {
  for (const [row, source] of kinds.entries())
    for (const [column, target] of kinds.entries()) act(`${row}.${column}`, source, target);
}

function checkReplacing(directory: string): void {
  eachPair((at, source, target) => {
    const [from, to] = [`${directory}/${at}/source`, `${directory}/${at}/target`];
    const before = [what(from), what(to)];
    const expected = refusal(source, target);
    if (expected !== null) {
      refuses(expected, () => rename(from, to));
      equal([what(from), what(to)], before, `${source} onto ${target}`);
    } else {
      rename(from, to);
      equal(what(to), before[0], `${source} onto ${target}`);
      equal(readdir(`${directory}/${at}`), ['target']);
    }
  });
}

function checkKept(directory: string): void {
  eachPair((at, source, target) => {
    const [from, to] = [`${directory}/${at}/source`, `${directory}/${at}/target`];
    const before = [what(from), what(to)];
    refuses('EEXIST', () => rename(from, to, RENAME.NOREPLACE));
    equal([what(from), what(to)], before, `${source} onto ${target}`);
  });
}

function checkExchange(directory: string): void {
  eachPair((at, source, target) => {
    const [from, to] = [`${directory}/${at}/source`, `${directory}/${at}/target`];
    const before = [what(from), what(to)];
    rename(from, to, RENAME.EXCHANGE);
    equal([what(to), what(from)], before, `${source} and ${target}`);
    equal(readdir(`${directory}/${at}`).sort(), ['source', 'target']);
    rename(to, from, RENAME.EXCHANGE);
    equal([what(from), what(to)], before, `${source} and ${target}, back`);
  });
}

/** `first` is there already, the rest is made in the run. */
function story(first: readonly ('source' | 'target')[], check: (directory: string) => void): Case {
  const put = (directory: string, sides: readonly ('source' | 'target')[]) =>
    eachPair((at, source, target) => {
      for (const side of sides) KINDS[side === 'source' ? source : target](`${directory}/${at}/${side}`);
    });
  const both = ['source', 'target'] as const;
  return {
    prepare: (directory) => {
      eachPair((at) => void mkdir(`${directory}/${at}`));
      put(directory, first);
    },
    run: (directory) => {
      put(
        directory,
        both.filter((side) => !first.includes(side)),
      );
      check(directory);
    },
  };
}

export const renameKindsCases: Cases = {
  'replaces only what is of its sort and not full, both there before': story(['source', 'target'], checkReplacing),
  'replaces only what is of its sort and not full, the source made anew': story(['target'], checkReplacing),
  'replaces only what is of its sort and not full, the target made anew': story(['source'], checkReplacing),
  'replaces only what is of its sort and not full, both made anew': story([], checkReplacing),
  'EEXIST with RENAME_NOREPLACE, both there before': story(['source', 'target'], checkKept),
  'EEXIST with RENAME_NOREPLACE, both made anew': story([], checkKept),
  'RENAME_EXCHANGE swaps any two things, both there before': story(['source', 'target'], checkExchange),
  'RENAME_EXCHANGE swaps any two things, the source made anew': story(['target'], checkExchange),
  'RENAME_EXCHANGE swaps any two things, the target made anew': story(['source'], checkExchange),
  'RENAME_EXCHANGE swaps any two things, both made anew': story([], checkExchange),
};
