// The program that runs first inside a sandbox: it takes what is left of the host away, then becomes the program.
//
// Its text travels through a pipe, Node and the native module as open descriptors: nothing of agentsh has to be
// visible in the view. Therefore the functions below may use nothing but their parameters, each other and `node:`.
import type * as Filesystem from 'node:fs';
import type { LandlockPlan } from './landlock.ts';

/** What the launcher is told. JSON-safe. */
export interface LaunchOrder {
  /** Byte string. */
  readonly cwd: string;
  /** Empty: a shell. */
  readonly argv: readonly string[];
  readonly shellText: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly umask: number;
  readonly openFilesSoft: number;
  readonly processesMax: number | null;
  readonly fileBytesMax: number | null;
  readonly memoryBytesMax: number | null;
  readonly landlock: LandlockPlan;
  readonly statusFd: number;
  readonly koffiFd: number;
}

/** What the launcher reports, one JSON object a line. */
export type LaunchReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unrunnable'; readonly name: string; readonly code: 126 | 127; readonly reason: string };

type NativeCall = (...values: unknown[]) => number;
interface Native {
  readonly load: (path: null) => { readonly func: (prototype: string) => NativeCall };
  readonly errno: () => number;
}
interface Calls {
  readonly fs: typeof Filesystem;
  readonly errno: () => number;
  readonly chdir: NativeCall;
  readonly signal: NativeCall;
  readonly syscall: NativeCall;
  readonly setrlimit: NativeCall;
  readonly getrlimit: NativeCall;
  readonly fcntl: NativeCall;
  readonly prctl: NativeCall;
  readonly execve: NativeCall;
}

/** The word after `node -e`: reads the launcher and its order from a descriptor and runs it. */
export const launcherBootstrap = (fd: number): string =>
  `const t=require('fs').readFileSync(${fd},'utf8'),i=t.indexOf('\\0');(0,eval)(t.slice(0,i))(JSON.parse(t.slice(i+1)),require)`;

/** The launcher's text and its order, for the descriptor that the bootstrap reads. */
export function launcherMessage(order: LaunchOrder): Buffer {
  const parts = [
    bindCalls,
    restoreSignals,
    setLimits,
    applyLandlock,
    standardRights,
    closeOthers,
    candidates,
    run,
    launch,
  ];
  const text = `(()=>{${parts.map(String).join('\n')}\nreturn launch})()`;
  return Buffer.from(`${text}\0${JSON.stringify(order)}`, 'utf8');
}

function launch(order: LaunchOrder, require: (name: string) => unknown): void {
  const fs = require('node:fs') as typeof Filesystem;
  const report = (line: unknown) => fs.writeSync(order.statusFd, `${JSON.stringify(line)}\n`);
  try {
    const calls = bindCalls(fs, order.koffiFd);
    // bwrap started us in `/`: whatever lies in the working directory had no say in how Node starts.
    const cwd = Buffer.from(`${order.cwd}\0`, 'latin1');
    if (calls.chdir(cwd) < 0) throw new Error(`the working directory is not in the view: ${order.cwd}`);
    process.umask(order.umask);
    applyLandlock(calls, order.landlock);
    setLimits(calls, order);
    restoreSignals(calls);
    closeOthers(calls);
    report({ kind: 'ready' });
    // The word to go on; nothing comes if whoever started us has died.
    if (fs.readSync(order.statusFd, Buffer.alloc(1)) !== 1) return;
    report(run(calls, order));
  } catch (error) {
    report({ kind: 'refused', reason: error instanceof Error ? error.message : String(error) });
  }
  process.exit(125);
}

function bindCalls(fs: typeof Filesystem, koffiFd: number): Calls {
  const native = { exports: {} as Native };
  process.dlopen(native, `/proc/self/fd/${koffiFd}`);
  const libc = native.exports.load(null);
  return {
    fs,
    errno: native.exports.errno,
    chdir: libc.func('int chdir(const void *path)'),
    signal: libc.func('void *signal(int number, intptr_t handler)'),
    syscall: libc.func('long syscall(long number, ...)'),
    setrlimit: libc.func('int setrlimit64(int resource, const void *limit)'),
    getrlimit: libc.func('int getrlimit64(int resource, void *limit)'),
    fcntl: libc.func('int fcntl(int fd, int command, int argument)'),
    prctl: libc.func('int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)'),
    execve: libc.func('int execve(const char *path, const char **argv, const char **envp)'),
  };
}

/** Default actions and an empty mask: Node ignores SIGPIPE and SIGXFSZ, bubblewrap was started ignoring INT and QUIT. */
function restoreSignals(calls: Calls): void {
  const signalMax = 64;
  for (let number = 1; number <= signalMax; number += 1) calls.signal(number, 0);
  const sigSetMask = 2;
  const rtSigprocmask = process.arch === 'arm64' ? 135 : 14;
  calls.syscall(rtSigprocmask, 'int', sigSetMask, 'void *', Buffer.alloc(8), 'void *', null, 'size_t', 8);
}

function setLimits(calls: Calls, order: LaunchOrder): void {
  const resource = { fileSize: 1, data: 2, core: 4, processes: 6, openFiles: 7 };
  const set = (number: number, soft: bigint, hard: bigint) => {
    const limit = Buffer.alloc(16);
    calls.getrlimit(number, limit);
    const ceiling = limit.readBigUInt64LE(8);
    const least = (value: bigint) => (value < ceiling ? value : ceiling);
    limit.writeBigUInt64LE(least(soft), 0);
    limit.writeBigUInt64LE(least(hard), 8);
    if (calls.setrlimit(number, limit) < 0) throw new Error(`setrlimit ${number}: errno ${calls.errno()}`);
  };
  // A core dump would be handed to a program on the host; 1 is the one value that also stops a piped core_pattern.
  set(resource.core, 1n, 1n);
  const unlimited = 0xffff_ffff_ffff_ffffn;
  set(resource.openFiles, BigInt(order.openFilesSoft), unlimited);
  // Private writable memory a process: address space that is only reserved, as Node and Java do, does not count.
  const bounds = [
    [resource.processes, order.processesMax],
    [resource.fileSize, order.fileBytesMax],
    [resource.data, order.memoryBytesMax],
  ] as const;
  for (const [number, bound] of bounds) if (bound !== null) set(number, BigInt(bound), BigInt(bound));
}

function applyLandlock(calls: Calls, plan: LandlockPlan): void {
  const { fs } = calls;
  const oPath = 0o10000000;
  const attribute = Buffer.alloc(24);
  attribute.writeUInt32LE(plan.handled, 0);
  attribute.writeUInt32LE(plan.scoped, 16);
  const size = plan.attributeBytes;
  const ruleset = Number(calls.syscall(444, 'void *', attribute, 'size_t', size, 'int', 0));
  if (ruleset < 0) throw new Error(`landlock_create_ruleset: errno ${calls.errno()}`);
  const allow = (fd: number, access: number): void => {
    const rule = Buffer.alloc(12);
    rule.writeUInt32LE(access & plan.handled, 0);
    rule.writeInt32LE(fd, 8);
    if ((access & plan.handled) === 0) return;
    const status = Number(calls.syscall(445, 'int', ruleset, 'int', 1, 'void *', rule, 'int', 0));
    if (status < 0) throw new Error(`landlock_add_rule: errno ${calls.errno()}`);
  };
  allow(fs.openSync('/', oPath), plan.beneathRoot);
  if (plan.beneathEntries !== 0) {
    for (const entry of fs.readdirSync('/', { withFileTypes: true })) {
      if (!entry.isDirectory() || plan.notExecutable.includes(entry.name)) continue;
      allow(fs.openSync(`/${entry.name}`, oPath), plan.beneathEntries);
    }
  }
  for (const fd of [0, 1, 2]) {
    const access = standardRights(calls, fd);
    if (access !== 0) allow(fd, access);
  }
  const prSetNoNewPrivs = 38;
  calls.prctl(prSetNoNewPrivs, 1, 0, 0, 0);
  if (Number(calls.syscall(446, 'int', ruleset, 'int', 0)) < 0) {
    throw new Error(`landlock_restrict_self: errno ${calls.errno()}`);
  }
}

/**
 * `/dev/stdout` and its like open a host file again that is not beneath the view's root: allowed only in the way it was
 * handed over. Pipes and sockets have no path and need no rule.
 */
function standardRights(calls: Calls, fd: number): number {
  const found = calls.fs.fstatSync(fd);
  if (!found.isFile() && !found.isCharacterDevice()) return 0;
  const [writeFile, readFile, truncate, ioctlDevice] = [1 << 1, 1 << 2, 1 << 14, 1 << 15];
  const fGetfl = 3;
  const accessMode = calls.fcntl(fd, fGetfl, 0) & 3;
  const readable = accessMode !== 1 ? readFile : 0;
  const writable = accessMode !== 0 ? writeFile | truncate : 0;
  return readable | writable | (found.isCharacterDevice() ? ioctlDevice : 0);
}

/** Everything but 0, 1 and 2 closes at exec, and those three stay open. */
function closeOthers(calls: Calls): void {
  const fSetfd = 2;
  for (const fd of [0, 1, 2]) calls.fcntl(fd, fSetfd, 0);
  const closeRangeCloexec = 4;
  const status = calls.syscall(436, 'uint', 3, 'uint', 0xffff_ffff, 'uint', closeRangeCloexec);
  if (Number(status) < 0) throw new Error(`close_range: errno ${calls.errno()}`);
}

/** The paths to try and their arguments: as execvp does, or the first shell that is there. */
function candidates(order: LaunchOrder): { readonly path: string; readonly argv: readonly string[] }[] {
  const name = order.argv[0];
  if (name === undefined) {
    const rest = order.shellText === null ? [] : ['-c', order.shellText];
    const shells = [order.env.SHELL, '/bin/bash', '/bin/sh'].filter((shell) => shell?.startsWith('/')) as string[];
    return shells.map((path) => ({ path, argv: [path, ...rest] }));
  }
  if (name.includes('/')) return [{ path: name, argv: order.argv }];
  const directories = (order.env.PATH ?? '/usr/local/bin:/usr/bin:/bin').split(':');
  return directories.map((directory) => ({ path: `${directory === '' ? '.' : directory}/${name}`, argv: order.argv }));
}

/** Becomes the program; returns only if nothing could be run. */
function run(calls: Calls, order: LaunchOrder): LaunchReport {
  const environment = Object.entries(order.env).map(([name, value]) => `${name}=${value}`);
  const [enoent, enoexec, eacces, enotdir] = [2, 8, 13, 20];
  const name = order.argv[0] ?? 'a shell';
  let denied = false;
  for (const { path, argv } of candidates(order)) {
    if (name === '') break;
    calls.execve(path, [...argv, null], [...environment, null]);
    const error = calls.errno();
    if (error === enoexec) calls.execve('/bin/sh', ['sh', path, ...argv.slice(1), null], [...environment, null]);
    if (error === eacces) denied = true;
    else if (error !== enoent && error !== enotdir) {
      return { kind: 'unrunnable', name, code: 126, reason: `cannot be executed (errno ${error})` };
    }
  }
  return denied
    ? { kind: 'unrunnable', name, code: 126, reason: 'permission denied' }
    : { kind: 'unrunnable', name, code: 127, reason: 'command not found' };
}
