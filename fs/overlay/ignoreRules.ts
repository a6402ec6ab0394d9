// Which paths of a workspace are ignored: .gitignore files as the view shows them, or a built-in list without git.
//
// Ignored paths are the agent's private ones: they never flood a review. The nearest ignore file wins, and what lies in
// an ignored directory is ignored whatever is said below it, as git has it.
import ignore, { type Ignore } from 'ignore';

/** A larger ignore file is not read: nothing in it is ignored. */
const IGNORE_BYTES_MAX = 1024 * 1024;

export interface IgnoreSource {
  /** The bytes of a file of the view, or undefined where there is none. */
  read(path: string): Buffer | undefined;
}

export class IgnoreRules {
  private readonly workspace: string;
  private readonly source: IgnoreSource;
  private readonly builtin: Ignore | null;
  private readonly matchers = new Map<string, readonly Matcher[]>();
  private readonly directories = new Map<string, boolean>();

  /** @param builtin patterns that count where the workspace is no git repository */
  constructor(workspace: string, source: IgnoreSource, builtin: readonly string[]) {
    this.workspace = workspace;
    this.source = source;
    this.builtin = builtin.length === 0 ? null : ignore().add([...builtin]);
  }

  /** Whether a path (absolute, latin1) is ignored, itself or by a directory above it. */
  isIgnored(path: string, isDirectory: boolean): boolean {
    if (!path.startsWith(`${this.workspace}/`)) return false;
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent.length > this.workspace.length && this.isIgnoredDirectory(parent)) return true;
    return this.match(path, isDirectory);
  }

  private isIgnoredDirectory(path: string): boolean {
    let known = this.directories.get(path);
    if (known === undefined) {
      known = this.isIgnored(path, true);
      this.directories.set(path, known);
    }
    return known;
  }

  private match(path: string, isDirectory: boolean): boolean {
    let ignored =
      this.builtin !== null && test(this.builtin, path.slice(this.workspace.length + 1), isDirectory) === true;
    for (const { matcher, directoryLength } of this.matchersAt(path.slice(0, path.lastIndexOf('/')))) {
      const verdict = test(matcher, path.slice(directoryLength + 1), isDirectory);
      if (verdict !== undefined) ignored = verdict;
    }
    return ignored;
  }

  /** The ignore files that count in a directory, the outermost first: most directories add none. */
  private matchersAt(directory: string): readonly Matcher[] {
    let known = this.matchers.get(directory);
    if (known !== undefined) return known;
    const outer = directory === this.workspace ? [] : this.matchersAt(directory.slice(0, directory.lastIndexOf('/')));
    const own = this.load(directory);
    known = own === null ? outer : [...outer, { matcher: own, directoryLength: directory.length }];
    this.matchers.set(directory, known);
    return known;
  }

  private load(directory: string): Ignore | null {
    const files = [`${directory}/.gitignore`];
    if (directory === this.workspace) files.unshift(`${directory}/.git/info/exclude`);
    const texts = files.map((file) => this.source.read(file)).filter((text) => text !== undefined);
    const usable = texts.filter((text) => text.length <= IGNORE_BYTES_MAX);
    if (usable.length === 0) return null;
    return ignore().add(usable.map((text) => text.toString('latin1')).join('\n'));
  }
}

interface Matcher {
  readonly matcher: Ignore;
  readonly directoryLength: number;
}

function test(matcher: Ignore, below: string, isDirectory: boolean): boolean | undefined {
  if (!ignore.isPathValid(below)) return undefined;
  const { ignored, unignored } = matcher.test(isDirectory ? `${below}/` : below);
  return ignored ? true : unignored ? false : undefined;
}
