// What a sandbox needs of the host. Asked before every start; a need that is not met ends the start, nothing is left out.
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { LANDLOCK_ABI_MIN, LANDLOCK_ABI_SCOPES, landlockAbi } from './landlock.ts';
import { findProgram, installLine, type ProgramName } from './programs.ts';
import { descriptorProblem } from './standardDescriptors.ts';

export interface Problem {
  readonly reason: string;
  readonly fix: string;
}

export interface Needs {
  readonly net: 'none' | 'host';
  /** 0 for an ordinary user. */
  readonly idShift: number;
}

const FUSE_SUPER_MAGIC = 0x65735546;
const PROGRAMS_AS_USER: readonly ProgramName[] = ['bwrap', 'sh'];
const PROGRAMS_AS_ROOT: readonly ProgramName[] = ['bwrap', 'sh', 'unshare', 'nsenter', 'mount'];

/** Everything that is missing, empty where a sandbox can be started. Cheap: `agentsh doctor` tries things for real. */
export async function checkSandbox(
  needs: Needs = { net: 'none', idShift: 0 },
  abi = landlockAbi(),
  uid = process.getuid!(),
): Promise<Problem[]> {
  return [
    ...nesting(),
    ...programs(uid),
    ...architecture(),
    ...landlock(abi, needs.net),
    ...identity(uid, needs.idShift),
    ...userNamespaces(),
  ];
}

/** Problems of the descriptors the program would inherit. */
export function checkDescriptors(): Problem[] {
  return [0, 1, 2].flatMap((fd) => {
    const reason = descriptorProblem(fd);
    return reason === undefined ? [] : [{ reason, fix: 'redirect it from or to a file, a pipe or /dev/null' }];
  });
}

/**
 * True inside an agent's sandbox: the root is a FUSE mount that carries an agent's `/.kernel`. No variable is asked:
 * what a program says about itself decides nothing, and inside, the filter refuses new namespaces anyway.
 */
export function insideSandbox(root = '/'): boolean {
  try {
    return statfsSync(root).type === FUSE_SUPER_MAGIC && existsSync(`${root}.kernel/agent`);
  } catch {
    return false;
  }
}

function nesting(): Problem[] {
  if (!insideSandbox()) return [];
  const fix = 'ask for a child agent instead: cat /.kernel/README';
  return [{ reason: 'this is a sandbox already: no sandbox is started inside another', fix }];
}

function programs(uid: number): Problem[] {
  const needed = uid === 0 ? PROGRAMS_AS_ROOT : PROGRAMS_AS_USER;
  const missing = needed.filter((name) => findProgram(name) === undefined);
  return missing.map((name) => ({ reason: `${name} is not installed`, fix: installLine(name) }));
}

function architecture(): Problem[] {
  if (process.arch === 'x64' || process.arch === 'arm64') return [];
  return [{ reason: `no system-call filter for ${process.arch}`, fix: 'use an x86-64 or arm64 machine' }];
}

function landlock(abi: number, net: Needs['net']): Problem[] {
  if (abi < LANDLOCK_ABI_MIN) {
    const reason = abi === 0 ? 'Landlock is missing or switched off' : `Landlock's ABI is ${abi}`;
    const fix = `use Linux 5.19 or newer with "landlock" among the kernel's lsm= list`;
    return [{ reason: `${reason}; a sandbox needs ABI ${LANDLOCK_ABI_MIN}`, fix }];
  }
  if (net === 'host' && abi < LANDLOCK_ABI_SCOPES) {
    const reason = `--net host needs Landlock ABI ${LANDLOCK_ABI_SCOPES} to keep abstract unix sockets apart; here it is ${abi}`;
    return [{ reason, fix: 'use Linux 6.12 or newer, or leave out --net host' }];
  }
  return [];
}

function identity(uid: number, idShift: number): Problem[] {
  if (uid === 0 && idShift === 0) {
    return [{ reason: 'the host root never runs in a sandbox', fix: 'the view must be mounted with shifted ids' }];
  }
  if (uid !== 0 && idShift !== 0) {
    return [{ reason: 'only root can shift ids', fix: 'the view must be mounted with the ids of the host' }];
  }
  return [];
}

function userNamespaces(): Problem[] {
  const limit = read('/proc/sys/user/max_user_namespaces');
  if (limit === '0') {
    return [{ reason: 'user namespaces are switched off', fix: 'sudo sysctl user.max_user_namespaces=10000' }];
  }
  return [];
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
