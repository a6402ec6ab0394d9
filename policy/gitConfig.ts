// A git configuration fit for a sandbox: without credentials, and with signing off. Filters, drivers and aliases stay:
// they run in the sandbox, and without its filters a repository with large files would look changed all over.
//
// Works line by line on git's own format and drops whole entries; what it does not understand it drops too.

/** Files that a configuration names, to be shown as well: `include.path` and the like are followed by the caller. */
export interface NamedFile {
  readonly kind: 'include' | 'excludes' | 'attributes';
  /** As written, often with a leading `~/`. */
  readonly path: string;
}

/** Sections that hold credentials, sign or name pagers, and inclusions, which the caller has put in place. */
const DROPPED_SECTIONS: ReadonlySet<string> = new Set([
  'credential',
  'gpg',
  'sendemail',
  'pager',
  'include',
  'includeif',
]);

/** Keys by `section.key`: credentials, signing, and what names a program or place that a sandbox does not show. */
const DROPPED_KEYS: ReadonlySet<string> = new Set([
  'core.hookspath',
  'core.sshcommand',
  'core.askpass',
  'core.editor',
  'core.pager',
  'core.fsmonitor',
  'core.gitproxy',
  'core.worktree',
  'core.excludesfile',
  'core.attributesfile',
  'sequence.editor',
  'diff.external',
  'interactive.difffilter',
  'init.templatedir',
  'user.signingkey',
  'commit.gpgsign',
  'tag.gpgsign',
  'tag.forcesignannotated',
  'push.gpgsign',
  'http.extraheader',
  'http.cookiefile',
  'http.sslkey',
  'http.sslcert',
  'github.token',
  'gitlab.token',
]);

const HEADER = /^\s*\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]\s*(.*)$/;
const ENTRY = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?$/;
/** A password in any URL, a token as the user of an HTTP one; `ssh://git@host` is neither. */
const URL_WITH_SECRET = /https?:\/\/[^/\s@]+@|[a-z][a-z0-9+.-]*:\/\/[^/\s@]*:[^/\s@]*@/i;
const FILES: Readonly<Record<string, NamedFile['kind']>> = {
  'include.path': 'include',
  'includeif.path': 'include',
  'core.excludesfile': 'excludes',
  'core.attributesfile': 'attributes',
};

interface Entry {
  readonly section: string;
  readonly header: string;
  /** `section.key`, lower case. */
  readonly name: string;
  readonly value: string;
  readonly lines: readonly string[];
}

/** The configuration without what must not be in a sandbox, and with signing off. Bytes in, bytes out. */
export function sandboxGitConfig(text: string): string {
  const out: string[] = [];
  let header = '';
  for (const entry of entriesOf(text).filter(isKept)) {
    if (entry.header !== header) out.push(entry.header);
    header = entry.header;
    out.push(...entry.lines);
  }
  return `${[...out, '[commit]', '\tgpgSign = false', '[tag]', '\tgpgSign = false'].join('\n')}\n`;
}

/** The files that a configuration names, in its order. */
export function filesNamedByGitConfig(text: string): readonly NamedFile[] {
  return entriesOf(text).flatMap((entry) => {
    const kind = FILES[entry.name];
    const path = entry.value.replace(/^"(.*)"$/, '$1');
    return kind === undefined || path === '' ? [] : [{ kind, path }];
  });
}

function isKept(entry: Entry): boolean {
  if (DROPPED_SECTIONS.has(entry.section) || DROPPED_KEYS.has(entry.name)) return false;
  return !URL_WITH_SECRET.test(entry.header) && !URL_WITH_SECRET.test(entry.lines.join(''));
}

function entriesOf(text: string): Entry[] {
  const entries: Entry[] = [];
  let header = '';
  let section = '';
  for (const lines of logicalLines(text)) {
    let rest = lines;
    const found = HEADER.exec(lines[0]!);
    if (found !== null) {
      // `[section.sub]` is an older spelling of `[section "sub"]`.
      section = found[1]!.toLowerCase().split('.')[0]!;
      header = found[2] === undefined ? `[${found[1]}]` : `[${found[1]} "${found[2]}"]`;
      rest = [found[3]!, ...lines.slice(1)];
    }
    const entry = ENTRY.exec(rest[0]!);
    if (entry === null || section === '') continue;
    entries.push({
      section,
      header,
      name: `${section}.${entry[1]!.toLowerCase()}`,
      value: (entry[2] ?? '').trim(),
      lines: found === null ? rest : [`\t${rest[0]}`, ...rest.slice(1)],
    });
  }
  return entries;
}

/** Lines without comments and blank ones; a line that ends in a backslash belongs with the next. */
function logicalLines(text: string): string[][] {
  const logical: string[][] = [];
  let continues = false;
  for (const line of text.split(/\r?\n/)) {
    if (continues) logical[logical.length - 1]!.push(line);
    else if (/^\s*(?:[#;].*)?$/.test(line)) continue;
    else logical.push([line]);
    continues = /(?:^|[^\\])(?:\\\\)*\\$/.test(line);
  }
  return logical;
}
