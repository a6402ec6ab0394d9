// From a client's request to the view an agent is opened with: workspace, policy layers, facts, tracked paths.
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { IGNORED_BY_DEFAULT } from '../../policy/builtinNames.ts';
import type { EffectivePolicy } from '../../policy/effective.ts';
import { formatEndpoint, parseEndpoint } from '../../policy/endpoint.ts';
import type { HostFacts } from '../../policy/facts.ts';
import { POLICY_BYTES_MAX, type PolicyFile, parsePolicy } from '../../policy/file.ts';
import { InputError, nearestWord } from '../../policy/inputError.ts';
import { completePolicy, effectivePolicy, type PolicyLayers, type PolicyOptions } from '../../policy/layers.ts';
import type { Mode } from '../../policy/model.ts';
import { nameJudge } from '../../policy/names.ts';
import { type Profile, parseProfile, profileFor, profileGrants } from '../../policy/profile.ts';
import { MODE_WORDS } from '../../policy/schema.ts';
import { probePaths } from '../../policy/toolchains.ts';
import { renderRules } from '../control/listing.ts';
import type { AgentView, WatchedFile } from './agentView.ts';
import { bytesOf, native, shown } from './bytePath.ts';
import type { PolicySummary, PolicyText } from './clientProtocol.ts';
import { seedFiles } from './homeFiles.ts';
import { gatherFacts, homeOf, realPathsOf } from './hostFacts.ts';
import { trackedPaths } from './repository.ts';
import { RequestError } from './requestError.ts';
import { findWorkspace, type Workspace } from './workspace.ts';

export interface ViewRequest {
  readonly cwd: string;
  readonly workspace?: string | undefined;
  readonly program: string;
  readonly policy?: PolicyText | undefined;
  readonly profile?: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly net?: string | undefined;
  readonly throwaway?: boolean | undefined;
  /** Replaces the workspace rule's mode. */
  readonly mode?: string | undefined;
}

export interface ViewPlaces {
  /** Where the stores are: for the free space. */
  readonly home: string;
  /** Byte strings. */
  readonly forbidden: readonly string[];
}

export interface LoadedView extends AgentView {
  /** Policy files that were read, in the order of the layers. */
  readonly files: readonly string[];
}

/** Throws a RequestError: `policy` with every problem as `FILE:LINE:COLUMN: reason`, or what is wrong with the request. */
export function loadView(request: ViewRequest, places: ViewPlaces): LoadedView {
  try {
    return load(request, places);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new RequestError('policy', error.message, { cause: error, problems: [error.message] });
  }
}

function load(request: ViewRequest, places: ViewPlaces): LoadedView {
  const home = homeOf(request.environment);
  const workspace = findWorkspace({
    cwd: request.cwd,
    explicit: request.workspace,
    home,
    owners: repositoryOwners(request.environment),
    forbidden: places.forbidden,
  });
  const profile = chooseProfile(request.profile, request.program);
  const layers = readLayers(request, workspace, home, profile);
  const facts = gatherFacts({
    workspace,
    environment: request.environment,
    stores: places.home,
    probe: (known) => probePaths(known.home),
  });
  const policy = overridden(
    withRealPaths((known) => effectivePolicy(layers, known), facts),
    request.mode,
    workspace,
  );
  const tracked = readTracked(workspace, policy);
  const view: LoadedView = {
    workspace: workspace.realPath,
    home,
    policy,
    tracked: tracked.paths,
    ignored: IGNORED_BY_DEFAULT,
    homeFiles: isEmptyHome(policy, home) ? seedFiles(home, configHome(request, home)) : [],
    summary: summarize(policy, profile),
    grants: [...(profile === undefined ? [] : profileGrants(profile)), ...requestLines(policy), ...tracked.warnings],
    throwaway: request.throwaway === true,
    files: [layers.user, layers.project, layers.explicit].flatMap((file) => (file === undefined ? [] : [file.file])),
    source: () => ({
      watched: watchedFiles(request, workspace, home),
      reload: () => loadView(request, places),
      withPolicy: (other) => ({
        ...view,
        policy: other,
        tracked: readTracked(workspace, other).paths,
        summary: summarize(other, profile),
      }),
      complete: (file, before) => withRealPaths((known) => completePolicy(file, before, known), facts),
    }),
  };
  return view;
}

function watchedFiles(request: ViewRequest, workspace: Workspace, home: string): readonly WatchedFile[] {
  const config = configHome(request, home);
  const base = existsSync(native(config)) ? config : home;
  return [
    { base, file: userFile(request, home) },
    { base: workspace.realPath, file: projectFile(workspace) },
  ];
}

const userFile = (request: ViewRequest, home: string): string => `${configHome(request, home)}/agentsh/policy.toml`;
const projectFile = ({ realPath }: Workspace): string => `${realPath}/.agentsh/policy.toml`;

/** Whose `.git` counts: our own; under sudo also the one who called it, as git does. */
function repositoryOwners(environment: Readonly<Record<string, string>>): ReadonlySet<number> {
  const own = process.getuid!();
  const caller = Number.parseInt(environment.SUDO_UID ?? '', 10);
  return new Set(own === 0 && Number.isSafeInteger(caller) ? [own, caller] : [own]);
}

/** Once without real paths, to learn the rules' roots; then with them. */
function withRealPaths(compute: (facts: HostFacts) => EffectivePolicy, facts: HostFacts): EffectivePolicy {
  const first = compute(facts);
  const realPaths = realPathsOf(first.rules.map((rule) => rule.path));
  return realPaths.size === 0 ? first : compute({ ...facts, realPaths });
}

function readLayers(
  request: ViewRequest,
  workspace: Workspace,
  home: string,
  profile: Profile | undefined,
): PolicyLayers {
  const explicit = request.policy;
  return {
    profile,
    user: readPolicyFile(userFile(request, home)),
    project: readPolicyFile(projectFile(workspace)),
    explicit: explicit === undefined ? undefined : parsePolicy(explicit.text, explicit.file),
    options: optionsOf(request),
  };
}

/** Where the user's programs keep their configuration. */
function configHome({ environment }: ViewRequest, home: string): string {
  const named = environment.XDG_CONFIG_HOME;
  return named?.startsWith('/') ? bytesOf(named) : `${home}/.config`;
}

/** The agent's home shows nothing of the host's by itself. */
const isEmptyHome = (policy: EffectivePolicy, home: string): boolean =>
  policy.rules.some(({ path, mode, empty }) => path === home && mode === 'private' && empty);

function optionsOf({ net, throwaway }: ViewRequest): PolicyOptions {
  const options = throwaway === true ? { throwaway } : {};
  if (net === undefined) return options;
  if (net === 'none' || net === 'host') return { ...options, network: { mode: net, allow: [] } };
  const allow = net.split(',').map((word) => {
    const endpoint = parseEndpoint(word);
    if (endpoint === undefined)
      throw new RequestError('EINVAL', `--net ${net}: ${word}: is none, host, or HOST:PORT,…`);
    return formatEndpoint(endpoint);
  });
  return { ...options, network: { mode: 'allow', allow } };
}

/** A policy file on the host; undefined where there is none. */
function readPolicyFile(file: string): PolicyFile | undefined {
  let fd: number;
  try {
    fd = openSync(native(file), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new RequestError('policy', `${shown(file)}: ${code}`, {
      cause: error,
      problems: [`${shown(file)}: ${code}`],
    });
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile() || found.size > POLICY_BYTES_MAX) {
      const reason = `${shown(file)}: is no file of at most ${POLICY_BYTES_MAX} bytes`;
      throw new RequestError('policy', reason, { problems: [reason] });
    }
    return parsePolicy(readFileSync(fd, 'utf8'), shown(file));
  } finally {
    closeSync(fd);
  }
}

const PROFILES = new URL(
  import.meta.url.endsWith('.js') ? '../../../policy/profiles/' : '../../policy/profiles/',
  import.meta.url,
);
let profiles: readonly Profile[] | undefined;

function chooseProfile(name: string | undefined, program: string): Profile | undefined {
  profiles ??= readdirSync(PROFILES)
    .filter((file) => file.endsWith('.json'))
    .map((file) => parseProfile(readFileSync(new URL(file, PROFILES), 'utf8'), file));
  if (name === undefined) return profileFor(program, profiles);
  const found = profiles.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  const known = profiles.map((profile) => profile.name);
  const nearest = nearestWord(name, known);
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`;
  throw new RequestError('EINVAL', `--profile ${name}: no such profile; ${hint}`);
}

function overridden(policy: EffectivePolicy, word: string | undefined, workspace: Workspace): EffectivePolicy {
  if (word === undefined) return policy;
  const mode: Mode | undefined = MODE_WORDS.get(word);
  if (mode === undefined) {
    throw new RequestError('EINVAL', `--mode ${word}: no such mode; one of ${[...MODE_WORDS.keys()].join(', ')}`);
  }
  const roots = [workspace.directory, workspace.realPath];
  const rules = policy.rules.map((rule) => (roots.includes(rule.path) ? { ...rule, mode, source: '--mode' } : rule));
  return { ...policy, rules };
}

/** Tracked paths that a built-in pattern would hide or mask: those patterns are for untracked files only. */
function readTracked(
  { repository, directory, realPath }: Workspace,
  policy: EffectivePolicy,
): { readonly paths: readonly string[]; readonly warnings: readonly string[] } {
  if (repository === undefined) return { paths: [], warnings: [] };
  let names: readonly string[];
  try {
    names = trackedPaths(repository);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      paths: [],
      warnings: [`the git index cannot be read (${reason}): tracked files with secret names are hidden too`],
    };
  }
  const judge = nameJudge({ ...policy.names, scopes: policy.scopes });
  const found = new Set<string>();
  for (const name of names) {
    const place = `${repository.root === '/' ? '' : repository.root}/${name}`;
    if (!place.startsWith(`${realPath}/`)) continue;
    const slash = place.lastIndexOf('/');
    const verdict = judge.judge(place.slice(0, slash), place.slice(slash + 1), false);
    if (!verdict.byDefault || !(verdict.hidden || verdict.masked || verdict.hiddenIfPrivateKey)) continue;
    found.add(place).add(directory + place.slice(realPath.length));
  }
  return { paths: [...found], warnings: [] };
}

/** What the project would like beyond what it may set. */
const requestLines = (policy: EffectivePolicy): string[] =>
  policy.requests.map(
    ({ text, reason, source }) => `not granted: ${text}${reason === '' ? '' : ` (${reason})`} [${source}]`,
  );

function summarize(policy: EffectivePolicy, profile: Profile | undefined): PolicySummary {
  const { wallMs, processes, memoryBytes } = policy.quota;
  return {
    profile: profile?.name,
    flags: profile?.flags ?? [],
    env: policy.env,
    rules: policy.rules,
    network: { mode: policy.network.mode, allow: policy.network.allow },
    limits: {
      ...(wallMs === 'max' ? {} : { wallMs }),
      ...(processes === 'max' ? {} : { processes }),
      ...(memoryBytes === 'max' ? {} : { memoryBytes }),
    },
    mounts: renderRules(policy.rules).split('\n').slice(0, -1),
  };
}
