// Checks what a sandbox needs of this machine by trying it, and names the one-line fix for what is missing.
import { execFile } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { placesOf } from '../fs/daemon/places.ts';
import { LANDLOCK_ABI_MIN, LANDLOCK_ABI_SCOPES, landlockAbi } from './sandbox/landlock.ts';
import { delegatedCgroup } from './sandbox/limits.ts';
import { findProgram, installLine, type ProgramName } from './sandbox/programs.ts';
import { insideSandbox } from './sandbox/requirements.ts';
import { closeUserNamespace, prepareUserNamespace } from './sandbox/userNamespace.ts';

export interface Check {
  readonly name: string;
  /** False: no sandbox can be started, unless the check is optional. */
  readonly ok: boolean;
  /** Missing it costs speed or a bound, never containment. */
  readonly optional: boolean;
  readonly detail: string;
  /** One line to type or do; empty where all is well. */
  readonly fix: string;
}

type Finding = Omit<Check, 'name' | 'optional'>;
interface Examination {
  readonly name: string;
  readonly optional: boolean;
  readonly examine: () => Finding | Promise<Finding>;
}

const TRY_TIMEOUT_MS = 10_000;
/** Passthrough came with Linux 6.9. */
const PASSTHROUGH_KERNEL = { major: 6, minor: 9 } as const;
/** `--size` and `--perms` of bubblewrap 0.6. */
const BUBBLEWRAP_MINOR_MIN = 6;
const FREE_BYTES_MIN = 1 << 30;
/** Only to try whether ids can be shifted at all. */
const TRIAL_ID_SHIFT = 2_000_000_000;

const EXAMINATIONS: readonly Examination[] = [
  { name: 'place', optional: false, examine: place },
  { name: 'fuse device', optional: false, examine: fuseDevice },
  { name: 'fusermount3', optional: false, examine: fusermount },
  { name: 'bubblewrap', optional: false, examine: bubblewrap },
  { name: 'user namespaces', optional: false, examine: userNamespaces },
  { name: 'apparmor switch', optional: false, examine: apparmorSwitch },
  { name: 'sandbox', optional: false, examine: sandboxTrial },
  { name: 'landlock', optional: false, examine: landlock },
  { name: 'landlock scopes', optional: true, examine: landlockScopes },
  { name: 'seccomp', optional: false, examine: seccomp },
  { name: 'passthrough', optional: true, examine: passthrough },
  { name: 'cgroup', optional: true, examine: cgroup },
  { name: 'disk', optional: false, examine: disk },
  { name: 'runtime directory', optional: false, examine: runtimeDirectory },
];

/** Every check in a fixed order. */
export async function doctor(): Promise<Check[]> {
  const checks: Check[] = [];
  // One after the other: they start processes, and one that fails should not blur another's reason.
  for (const { name, optional, examine } of EXAMINATIONS) checks.push({ name, optional, ...(await attempt(examine)) });
  return checks;
}

async function attempt(examine: Examination['examine']): Promise<Finding> {
  try {
    return await examine();
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error), fix: 'see the detail' };
  }
}

const fine = (detail: string): Finding => ({ ok: true, detail, fix: '' });
const lacking = (detail: string, fix: string): Finding => ({ ok: false, detail, fix });
const isRoot = (): boolean => process.getuid!() === 0;

function place(): Finding {
  if (!insideSandbox()) return fine('on the host');
  return lacking('inside a sandbox: none is started within another', 'run agentsh in a terminal of the host');
}

function fuseDevice(): Finding {
  if (!existsSync('/dev/fuse')) {
    return lacking('/dev/fuse is missing', 'sudo modprobe fuse   (in a container: --device /dev/fuse)');
  }
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return fine('/dev/fuse can be opened');
  } catch (error) {
    return lacking(`/dev/fuse cannot be opened: ${(error as Error).message}`, 'sudo chmod 666 /dev/fuse');
  }
}

async function fusermount(): Promise<Finding> {
  if (isRoot()) return fine('not needed by root');
  return installed('fusermount3', ['--version']);
}

async function bubblewrap(): Promise<Finding> {
  const finding = await installed('bwrap', ['--version']);
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(finding.detail) ?? [];
  const recent = Number(major) > 0 || Number(minor) >= BUBBLEWRAP_MINOR_MIN;
  if (!finding.ok || recent) return finding;
  return lacking(
    `${finding.detail}: 0.${BUBBLEWRAP_MINOR_MIN} or newer is needed`,
    'use a newer release of the distribution',
  );
}

async function installed(name: ProgramName, words: readonly string[]): Promise<Finding> {
  const found = findProgram(name);
  if (found === undefined) return lacking('not installed', installLine(name));
  const tried = await tryProgram(found, words);
  return tried.ok ? fine(`${tried.text} (${found})`) : lacking(`${found}: ${tried.text}`, installLine(name));
}

async function userNamespaces(): Promise<Finding> {
  const limit = read('/proc/sys/user/max_user_namespaces');
  if (limit === '0') return lacking('switched off', 'sudo sysctl user.max_user_namespaces=10000');
  if (!isRoot() && read('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return lacking('switched off for ordinary users', 'sudo sysctl kernel.unprivileged_userns_clone=1');
  }
  if (isRoot()) {
    closeUserNamespace(await prepareUserNamespace(TRIAL_ID_SHIFT));
    return fine('made one with ids of its own');
  }
  const unshare = findProgram('unshare');
  if (unshare === undefined) return lacking('unshare is not installed', installLine('unshare'));
  const tried = await tryProgram(unshare, ['--user', '--map-root-user', 'true']);
  // Where AppArmor confines this one, bubblewrap may still have a profile that lets it: the trial below decides.
  if (tried.ok || apparmorRestricts()) return fine(tried.ok ? 'made one' : 'confined by AppArmor: see below');
  return lacking(tried.text, 'sudo sysctl user.max_user_namespaces=10000');
}

const APPARMOR_SWITCH = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';
const apparmorRestricts = (): boolean => !isRoot() && read(APPARMOR_SWITCH) === '1';

async function apparmorSwitch(): Promise<Finding> {
  if (!apparmorRestricts()) return fine('does not restrict user namespaces');
  const tried = await tryBubblewrap();
  if (tried.ok) return fine('restricts user namespaces, but bubblewrap has a profile');
  return lacking(
    'AppArmor keeps bubblewrap from user namespaces',
    'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  );
}

async function sandboxTrial(): Promise<Finding> {
  const tried = await tryBubblewrap();
  if (tried.ok) return fine('bubblewrap made every namespace');
  return lacking(tried.text, 'in a container: allow user namespaces and mounts, or run agentsh on its host');
}

/** The namespaces and mounts of a sandbox, for a program that does nothing. */
async function tryBubblewrap(): Promise<Trial> {
  const found = findProgram('bwrap');
  if (found === undefined) return { ok: false, text: 'bwrap is not installed' };
  const mounts = ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev'];
  return tryProgram(found, ['--unshare-all', ...mounts, '--die-with-parent', '--', 'true']);
}

function landlock(): Finding {
  const abi = landlockAbi();
  if (abi >= LANDLOCK_ABI_MIN) return fine(`ABI ${abi}`);
  const detail = abi === 0 ? 'missing or switched off' : `ABI ${abi}: renames between directories would fail`;
  return lacking(detail, 'use Linux 5.19 or newer, with landlock in the lsm= list of the kernel command line');
}

function landlockScopes(): Finding {
  const abi = landlockAbi();
  if (abi >= LANDLOCK_ABI_SCOPES) return fine('signals and abstract sockets stay inside');
  return lacking(`ABI ${abi}: --net host is refused, kill(0, …) inside is refused`, 'use Linux 6.12 or newer');
}

function seccomp(): Finding {
  const actions = read('/proc/sys/kernel/seccomp/actions_avail') ?? '';
  if (['kill_process', 'errno', 'allow'].every((action) => actions.split(' ').includes(action))) return fine(actions);
  return lacking('this kernel has no seccomp filters', 'use a kernel with CONFIG_SECCOMP_FILTER');
}

function passthrough(): Finding {
  const release = read('/proc/sys/kernel/osrelease') ?? '';
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const { major: neededMajor, minor: neededMinor } = PASSTHROUGH_KERNEL;
  const recent = major > neededMajor || (major === neededMajor && minor >= neededMinor);
  if (!recent) return lacking(`Linux ${release}: reads go through the daemon`, 'use Linux 6.9 or newer');
  if (!isRoot()) return lacking('only root may register files: reads go through the page cache', 'none needed');
  return fine(`Linux ${release}`);
}

function cgroup(): Finding {
  const own = delegatedCgroup();
  if (own !== undefined) return fine(own);
  return lacking(
    'no cgroup with pids and memory can be had: rlimits bound processes, and memory for each process alone',
    'systemd-run --user --scope -p Delegate=yes agentsh',
  );
}

function disk(): Finding {
  const home = nearestExisting(placesOf(process.env).home);
  const found = statfsSync(home);
  const freeBytes = found.bavail * found.bsize;
  const detail = `${(freeBytes / FREE_BYTES_MIN).toFixed(1)} GiB free at ${home}`;
  return freeBytes >= FREE_BYTES_MIN ? fine(detail) : lacking(detail, 'free some space, or set AGENTSH_HOME elsewhere');
}

function runtimeDirectory(): Finding {
  const { run } = placesOf(process.env);
  const existing = nearestExisting(run);
  try {
    closeSync(openSync(existing, 'r'));
  } catch (error) {
    return lacking((error as Error).message, 'set XDG_RUNTIME_DIR to a directory of yours with mode 0700');
  }
  return fine(run);
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(path.dirname(directory));
}

interface Trial {
  readonly ok: boolean;
  readonly text: string;
}

async function tryProgram(file: string, words: readonly string[]): Promise<Trial> {
  try {
    const { stdout } = await promisify(execFile)(file, words, { timeout: TRY_TIMEOUT_MS });
    return { ok: true, text: stdout.trim() };
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    return { ok: false, text: stderr?.trim() || message };
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1').trim();
  } catch {
    return undefined;
  }
}
