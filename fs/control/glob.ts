// Patterns over pending paths: `*` within a component, `**` over any number of components. Nothing else is special.
//
// Matching takes time proportional to the product of the lengths at worst, whatever the pattern.

export function isPattern(text: string): boolean {
  return text.includes('*');
}

/** An absolute pattern matches the whole path, any other one matches at every depth (`*.ts`, `src/*`). */
export function matchesPattern(pattern: string, path: string): boolean {
  const absolute = pattern.startsWith('/') ? pattern : `/**/${pattern}`;
  return matchesComponents(absolute.split('/'), path.split('/'));
}

/** Row by row: after `i` pattern components, `reached[j]` says that the first `j` path components match. */
function matchesComponents(pattern: readonly string[], path: readonly string[]): boolean {
  let reached = [true, ...path.map(() => false)];
  for (const component of pattern) {
    const next = reached.map(() => false);
    for (let at = 0; at <= path.length; at++) {
      if (component === '**') next[at] = reached[at]! || (at > 0 && next[at - 1]!);
      else if (at > 0) next[at] = reached[at - 1]! && matchesComponent(component, path[at - 1]!);
    }
    reached = next;
  }
  return reached[path.length]!;
}

/** Greedy with one step back: the last star takes one byte more. */
function matchesComponent(pattern: string, name: string): boolean {
  let inPattern = 0;
  let star = -1;
  let starEnd = 0;
  for (let at = 0; at < name.length; ) {
    if (pattern[inPattern] === '*') {
      star = inPattern++;
      starEnd = at;
    } else if (pattern[inPattern] === name[at]) {
      inPattern++;
      at++;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++starEnd;
    } else return false;
  }
  while (pattern[inPattern] === '*') inPattern++;
  return inPattern === pattern.length;
}
