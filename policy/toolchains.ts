// Where the tools on PATH under a home directory live: from a PATH entry and the real targets of its links to the
// directories that must be visible for them to work, and the credential files in these that must not.

import type { HostFacts, PathEntry } from './facts.ts';
import { isAtOrBelow } from './rules.ts';

interface Toolchain {
  /** Directories relative to home; a PATH entry or a link's target at or below one of them opens all `roots`. */
  readonly when: readonly string[];
  readonly roots: readonly string[];
  /** Credential files, relative to home. */
  readonly secrets?: readonly string[];
}

const NODE_GLOBAL = ['.npm-global', '.npm-packages', 'node_modules'] as const;

/** Managers of tools, as they lay themselves out under a home directory. */
const TOOLCHAINS: readonly Toolchain[] = [
  { when: ['.nvm'], roots: ['.nvm'] },
  { when: ['.volta'], roots: ['.volta'] },
  {
    when: ['.fnm', '.local/share/fnm', '.local/state/fnm_multishells'],
    roots: ['.fnm', '.local/share/fnm', '.local/state/fnm_multishells'],
  },
  { when: ['.nodenv'], roots: ['.nodenv'] },
  { when: ['.bun'], roots: ['.bun'] },
  { when: ['.deno'], roots: ['.deno'] },
  { when: ['.local/share/pnpm'], roots: ['.local/share/pnpm'] },
  { when: ['.yarn', '.config/yarn/global'], roots: ['.yarn', '.config/yarn/global'] },
  ...NODE_GLOBAL.map((root) => ({ when: [root], roots: [root] })),
  { when: ['.local/share/mise', '.local/share/rtx'], roots: ['.local/share/mise', '.local/share/rtx', '.config/mise'] },
  { when: ['.asdf'], roots: ['.asdf', '.tool-versions', '.asdfrc'] },
  {
    when: ['.cargo', '.rustup'],
    roots: ['.cargo', '.rustup'],
    secrets: ['.cargo/credentials', '.cargo/credentials.toml'],
  },
  { when: ['go', '.local/go', 'sdk'], roots: ['go', '.local/go', 'sdk'] },
  { when: ['.pyenv'], roots: ['.pyenv'] },
  {
    when: ['.local/bin'],
    roots: ['.local/bin', '.local/lib', '.local/share/uv', '.local/share/pipx', '.local/pipx', '.local/share/claude'],
  },
  { when: ['.local/share/uv'], roots: ['.local/share/uv'], secrets: ['.local/share/uv/credentials'] },
  { when: ['.local/share/pipx', '.local/pipx'], roots: ['.local/share/pipx', '.local/pipx'] },
  ...['miniconda3', 'anaconda3', 'miniforge3', 'mambaforge', 'micromamba'].map((root) => ({
    when: [root],
    roots: [root],
  })),
  { when: ['.pixi'], roots: ['.pixi'], secrets: ['.pixi/credentials.json'] },
  { when: ['.rbenv'], roots: ['.rbenv'] },
  { when: ['.rvm'], roots: ['.rvm'] },
  {
    when: ['.gem', '.local/share/gem'],
    roots: ['.gem', '.local/share/gem'],
    secrets: ['.gem/credentials', '.local/share/gem/credentials'],
  },
  { when: ['.sdkman'], roots: ['.sdkman'] },
  { when: ['.jenv'], roots: ['.jenv'] },
  { when: ['.ghcup', '.cabal'], roots: ['.ghcup', '.cabal', '.stack'] },
  { when: ['.opam'], roots: ['.opam'] },
  { when: ['.nix-profile', '.local/state/nix'], roots: ['.nix-profile', '.local/state/nix', '.nix-defexpr'] },
  { when: ['.linuxbrew'], roots: ['.linuxbrew'] },
  { when: ['.dotnet'], roots: ['.dotnet'] },
  {
    when: ['.composer', '.config/composer'],
    roots: ['.composer', '.config/composer'],
    secrets: ['.composer/auth.json', '.config/composer/auth.json'],
  },
];

/** Directories that hold many programs' data: a tool in one of them opens only its own part. */
const SHARED = ['', '.local', '.local/share', '.local/state', '.config', '.cache', '.var', 'bin'] as const;

export interface ToolchainPaths {
  /** `private` over the host. */
  readonly roots: readonly string[];
  /** `hidden`. */
  readonly secrets: readonly string[];
}

/** The paths under home whose existence the defaults would like to know: {@link HostFacts.existing}. */
export function probePaths(home: string): readonly string[] {
  const relative = new Set(TOOLCHAINS.flatMap((toolchain) => toolchain.roots));
  return [...relative].map((path) => `${home}/${path}`);
}

/** What the PATH entries under home need. */
export function toolchainPaths(facts: HostFacts): ToolchainPaths {
  const roots = new Set<string>();
  const secrets = new Set<string>();
  for (const entry of facts.pathEntries) {
    for (const path of wanted(entry)) {
      if (!isOpenable(path, facts)) continue;
      const relative = path.slice(homeOf(path, facts).length + 1);
      const known = TOOLCHAINS.filter(({ when }) => when.some((directory) => isBelow(relative, directory)));
      for (const toolchain of known) openToolchain(toolchain, facts, roots, secrets);
      if (path === entry.path || known.length === 0) roots.add(path === entry.path ? path : ownPart(path, facts));
    }
  }
  return { roots: [...roots].filter((root) => !isCovered(root, roots)), secrets: [...secrets] };
}

function wanted(entry: PathEntry): readonly string[] {
  return [entry.path, ...entry.targets];
}

function openToolchain(toolchain: Toolchain, facts: HostFacts, roots: Set<string>, secrets: Set<string>): void {
  for (const root of toolchain.roots) {
    const path = `${facts.home}/${root}`;
    if (facts.existing.has(path)) roots.add(path);
  }
  for (const secret of toolchain.secrets ?? []) secrets.add(`${facts.home}/${secret}`);
}

/** Strictly below home, and not what the workspace's own rule governs. */
function isOpenable(path: string, facts: HostFacts): boolean {
  if (homeOf(path, facts) === '') return false;
  return ![facts.workspace, facts.workspaceRealPath].some((workspace) => isAtOrBelow(path, workspace));
}

function homeOf(path: string, facts: HostFacts): string {
  const home = [facts.home, facts.homeRealPath].find((candidate) => path !== candidate && isAtOrBelow(path, candidate));
  return home ?? '';
}

function isBelow(relative: string, directory: string): boolean {
  return isAtOrBelow(`/${relative}`, `/${directory}`);
}

/**
 * What a link's target needs around it where no table knows its manager: the outermost `node_modules`, the parent
 * of a `bin` directory, else its own directory; but never a directory that other programs share.
 */
function ownPart(path: string, facts: HostFacts): string {
  const home = homeOf(path, facts);
  const modules = path.indexOf('/node_modules/', home.length);
  const directory = path.slice(0, path.lastIndexOf('/'));
  const isBin = /\/s?bin$/.test(directory);
  const candidates = [
    modules === -1 ? undefined : path.slice(0, modules + '/node_modules'.length),
    isBin ? directory.slice(0, directory.lastIndexOf('/')) : undefined,
    directory,
  ];
  return candidates.find((part) => part !== undefined && isOwn(part, home, facts)) ?? path;
}

function isOwn(part: string, home: string, facts: HostFacts): boolean {
  if (part === home || !isAtOrBelow(part, home)) return false;
  if (SHARED.some((shared) => part === `${home}/${shared}`)) return false;
  return !isAtOrBelow(facts.workspace, part) && !isAtOrBelow(facts.workspaceRealPath, part);
}

/** A longer root below another adds nothing. */
function isCovered(root: string, roots: ReadonlySet<string>): boolean {
  return [...roots].some((other) => other !== root && isAtOrBelow(root, other));
}
