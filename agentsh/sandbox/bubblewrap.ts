// The arguments of bubblewrap: namespaces, mounts and capabilities of a sandbox. bwrap mounts in the order given.
import { existsSync } from 'node:fs';

/** Kept inside the private user namespace when started as root, so that package managers and `install -o` work. */
export const KEPT_CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_SETUID',
  'CAP_SETGID',
] as const;

/** Where the root path parks the view in a mount namespace of its own: a directory every user may reach. */
export const PARKED_VIEW = '/tmp';

const SHM_BYTES_MAX = 1 << 30;
/** Directories of /proc that a namespace's own root could still write to. */
const PROC_READ_ONLY = ['/proc/sys', '/proc/irq', '/proc/bus', '/proc/fs'] as const;
/** Files of /proc that tell about the host or act on it. */
const PROC_MASKED = [
  '/proc/sysrq-trigger',
  '/proc/kcore',
  '/proc/keys',
  '/proc/key-users',
  '/proc/timer_list',
] as const;

export interface SandboxPlan {
  /** The directory to bind as root (byte string). */
  readonly view: string;
  readonly workspace: string;
  /** Inside a prepared user namespace, as its root; else as an ordinary user. */
  readonly privileged: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly net: 'none' | 'host';
  readonly infoFd: number;
  readonly seccompFd: number;
}

/** One option or operand each, as byte strings. */
export function sandboxArguments(plan: SandboxPlan): readonly string[] {
  return [
    '--die-with-parent',
    ...namespaces(plan),
    '--bind',
    plan.view,
    '/',
    ...procMounts(),
    ...devMounts(plan),
    ...capabilities(plan.privileged),
    '--clearenv',
    '--chdir',
    '/',
    '--info-fd',
    String(plan.infoFd),
    '--seccomp',
    String(plan.seccompFd),
  ];
}

function namespaces(plan: SandboxPlan): string[] {
  const words = ['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'];
  if (plan.net === 'none') words.push('--unshare-net');
  if (!plan.privileged) words.push('--unshare-user', '--uid', String(plan.uid), '--gid', String(plan.gid));
  return words;
}

function procMounts(): string[] {
  const words = ['--proc', '/proc'];
  for (const directory of PROC_READ_ONLY) words.push('--ro-bind-try', directory, directory);
  // What this kernel lacks cannot be made in a /proc either.
  for (const file of PROC_MASKED.filter((name) => existsSync(name))) words.push('--ro-bind', '/dev/null', file);
  return words;
}

/** `/dev` is a small tmpfs that covers the view's: read-only but for `/dev/shm`, and a workspace below it shows again. */
function devMounts(plan: SandboxPlan): string[] {
  const words = ['--dev', '/dev', '--perms', '1777', '--size', String(SHM_BYTES_MAX), '--tmpfs', '/dev/shm'];
  if (plan.workspace.startsWith('/dev/')) words.push('--bind', plan.view + plan.workspace, plan.workspace);
  return [...words, '--remount-ro', '/dev'];
}

function capabilities(privileged: boolean): string[] {
  const words = ['--cap-drop', 'ALL'];
  if (privileged) for (const name of KEPT_CAPABILITIES) words.push('--cap-add', name);
  return words;
}
