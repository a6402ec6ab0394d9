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
const VARIABLE = /\$\{([^}]*)\}|\$\{/;
const LEADING = /^(?:~|\$\{(workspace|home)\})(?=\/|$)/;

/**
 * A path as text with its variables to a byte string, normalized where it can be (the caller judges the rest).
 * A variable stands only at the beginning, so that it cannot be glued into a name.
 */
export function expandPath(text: string, variables: PathVariables): string | BadVariable {
  const leading = LEADING.exec(text);
  const rest = leading === null ? text : text.slice(leading[0].length);
  const bad = firstVariable(rest);
  if (bad !== undefined) return bad;
  const start = leading === null ? '' : leading[1] === 'workspace' ? variables.workspace : variables.home;
  const bytes = start + bytesOfText(rest);
  return normalizePath(bytes) ?? bytes;
}

/** Any variable is bad that is not the whole first component. */
function firstVariable(text: string): BadVariable | undefined {
  const found = VARIABLE.exec(text);
  if (found === null) return undefined;
  const name = found[1];
  if (name === undefined) return { reason: 'a "${" that is never closed', nearest: undefined };
  if (NAMES.some((known) => known === name)) {
    return { reason: `"\${${name}}" must be the first part of the path`, nearest: undefined };
  }
  const nearest = nearestWord(name, NAMES);
  return { reason: `unknown variable "\${${name}}"`, nearest: nearest === undefined ? undefined : `\${${nearest}}` };
}
