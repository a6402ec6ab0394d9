// `${workspace}`, `${home}` and `~/` in the paths of a policy file.

import { nearestWord } from './inputError.ts';
import { bytesOfText, normalizePath } from './rules.ts';

/** Values are byte strings. */
export interface PathVariables {
  readonly workspace: string;
  readonly home: string;
}

export interface BadVariable {
  readonly reason: string;
  readonly nearest: string | undefined;
}

const NAMES = ['workspace', 'home'] as const;
const VARIABLE = /\$\{([^}]*)\}|\$\{/g;

/**
 * A path as text with its variables to a byte string, normalized where it can be (the caller judges the rest).
 * A variable stands only at the beginning, so that it cannot be glued into a name.
 */
export function expandPath(text: string, variables: PathVariables): string | BadVariable {
  const homed = text === '~' || text.startsWith('~/') ? `\${home}${text.slice(1)}` : text;
  for (const found of homed.matchAll(VARIABLE)) {
    const name = found[1];
    if (name === undefined) return { reason: 'a "${" that is never closed', nearest: undefined };
    if (!NAMES.some((known) => known === name)) {
      return { reason: `unknown variable "\${${name}}"`, nearest: dollar(nearestWord(name, NAMES)) };
    }
    const after = homed[found.index + found[0].length];
    if (found.index !== 0 || (after !== undefined && after !== '/')) {
      return { reason: `"\${${name}}" must be the beginning of the path`, nearest: undefined };
    }
  }
  const bytes = homed.startsWith('${workspace}')
    ? variables.workspace + bytesOfText(homed.slice('${workspace}'.length))
    : homed.startsWith('${home}')
      ? variables.home + bytesOfText(homed.slice('${home}'.length))
      : bytesOfText(homed);
  return normalizePath(bytes) ?? bytes;
}

function dollar(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `\${${name}}`;
}
