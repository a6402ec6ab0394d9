// Mounts and unmounts FUSE connections: by mount(2) as root, through fusermount3 as anybody else.
//
// Never looks at a mountpoint (no stat, no realpath): whoever serves the mount would wait for itself.
// Mountpoints are absolute paths as Node's strings, so bytes that are not UTF-8 cannot be one.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { ERRNO, errno, must } from '../errno.ts';
import {
  AT_FDCWD,
  close,
  fcntl,
  MNT_DETACH,
  MS_NODEV,
  MS_NOSUID,
  MS_RDONLY,
  mount,
  openat,
  recvDescriptor,
  socketpair,
  umount2,
} from '../host/syscall.ts';
import { agentshMounts, MOUNT_TYPE, readMountInfo } from './mountinfo.ts';

export interface MountOptions {
  /** Shown as the mount's source; letters, digits and `:._-` only. */
  readonly label?: string;
  /** Others than the mounting user may enter. As an ordinary user it needs `user_allow_other` in /etc/fuse.conf. */
  readonly allowOther?: boolean;
  readonly readOnly?: boolean;
  /** Honour set-id bits and device nodes: off unless asked. */
  readonly suid?: boolean;
  readonly dev?: boolean;
}

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const F_GETFL = 3;
const F_SETFL = 4;
const MNT_FORCE = 1;
const UMOUNT_NOFOLLOW = 8;
const READ_AHEAD_KIB = 1024;
const HELPER = 'fusermount3';
/** It looks at the mountpoint, which may lie in a file system that hangs. */
const HELPER_TIMEOUT_MS = 15_000;
const CONNECTIONS = '/sys/fs/fuse/connections';

/**
 * Mounts as root; returns the device's descriptor (non-blocking, close-on-exec), on which INIT waits already.
 * @throws Errno of open(2) or mount(2)
 */
export function mountDirect(mountpoint: string, options: MountOptions = {}): number {
  const fd = openDevice();
  const data = [
    `fd=${fd}`,
    'rootmode=40000',
    `user_id=${process.getuid!()}`,
    `group_id=${process.getgid!()}`,
    'default_permissions',
    ...(options.allowOther === true ? ['allow_other'] : []),
  ].join(',');
  const flags =
    (options.suid === true ? 0 : MS_NOSUID) |
    (options.dev === true ? 0 : MS_NODEV) |
    (options.readOnly === true ? MS_RDONLY : 0);
  const status = mount(label(options), byteString(mountpoint), MOUNT_TYPE, flags, data);
  if (status < 0) {
    close(fd);
    throw errno(status);
  }
  tune(mountpoint);
  return fd;
}

/** `/dev/fuse`, open for reading and writing, non-blocking. */
export const openDevice = (): number => must(openat(AT_FDCWD, '/dev/fuse', O_RDWR | O_NONBLOCK));

/**
 * Mounts as an ordinary user: fusermount3 (set-uid root) mounts and hands the descriptor back through a socket.
 * @throws Error with fusermount3's own words
 */
export async function mountWithHelper(mountpoint: string, options: MountOptions = {}): Promise<number> {
  const pair = socketpair();
  if (typeof pair === 'number') throw errno(pair);
  const [ours, theirs] = pair;
  try {
    const ended = helper(['-o', helperOptions(options), '--', mountpoint], theirs);
    close(theirs);
    await ended;
    const fd = recvDescriptor(ours);
    if (fd < 0) throw new Error(`${HELPER} gave no descriptor (error ${-fd})`);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK);
    return fd;
  } finally {
    close(ours);
  }
}

function helperOptions(options: MountOptions): string {
  return [
    `fsname=${label(options)}`,
    `subtype=${MOUNT_TYPE.slice('fuse.'.length)}`,
    'default_permissions',
    ...(options.allowOther === true ? ['allow_other'] : []),
    options.readOnly === true ? 'ro' : 'rw',
    options.suid === true ? 'suid' : 'nosuid',
    options.dev === true ? 'dev' : 'nodev',
  ].join(',');
}

/** A comma would begin another mount option. */
const label = (options: MountOptions): string => (options.label ?? 'agentsh').replace(/[^\w:.-]/g, '_') || 'agentsh';

const byteString = (path: string): string => Buffer.from(path).toString('latin1');

/** Runs fusermount3 to its end; `socket`, where given, becomes its descriptor 3. Fails with what it said. */
function helper(args: readonly string[], socket?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(HELPER, args, {
      stdio: socket === undefined ? ['ignore', 'ignore', 'pipe'] : ['ignore', 'ignore', 'pipe', socket],
      env: { ...process.env, ...(socket === undefined ? {} : { _FUSE_COMMFD: '3' }) },
      cwd: '/',
      timeout: HELPER_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString();
    });
    child.on('error', (cause) => reject(new Error(`${HELPER} cannot be run: ${cause.message}`, { cause })));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(said.trim() || `${HELPER} ended with status ${code}`));
    });
  });
}

/** Takes a mount out of the tree at once; who is inside keeps it until they leave or the device closes. */
export async function unmount(mountpoint: string): Promise<void> {
  if (process.getuid!() === 0) must(umount2(byteString(mountpoint), MNT_DETACH | UMOUNT_NOFOLLOW));
  else await unmountWithHelper(mountpoint);
}

/** The same through fusermount3. */
export const unmountWithHelper = (mountpoint: string): Promise<void> => helper(['-u', '-z', '--', mountpoint]);

/**
 * Ends a connection that no longer answers: every waiting caller gets ENOTCONN. By fusectl where it is mounted (also
 * the owner may), else by a forced unmount (root). False if neither could be done; closing the last descriptor of the
 * device always can.
 */
export function abort(mountpoint: string): boolean {
  const minor = deviceOf(mountpoint)?.split(':')[1];
  if (minor === undefined) return false;
  if (writeIfThere(`${CONNECTIONS}/${minor}/abort`, '1')) return true;
  if (process.getuid!() !== 0) return false;
  const status = umount2(byteString(mountpoint), MNT_FORCE | UMOUNT_NOFOLLOW);
  // EBUSY: the connection is aborted all the same, only the mount stays because someone is inside.
  return status >= 0 || status === -ERRNO.EBUSY;
}

/** `major:minor` of the newest mount at a mountpoint. */
const deviceOf = (mountpoint: string): string | undefined =>
  readMountInfo().findLast((found) => found.mountpoint === mountpoint)?.device;

/** Read-ahead and write-back limits, before INIT is answered: its answer can only lower the first. */
function tune(mountpoint: string): void {
  const device = deviceOf(mountpoint);
  if (device === undefined) return;
  const directory = `/sys/class/bdi/${device}`;
  writeIfThere(`${directory}/read_ahead_kb`, `${READ_AHEAD_KIB}`);
  writeIfThere(`${directory}/strict_limit`, '0');
  writeIfThere(`${directory}/max_ratio`, '100');
}

/** A machine without sysfs, or with it read-only, is only slower. */
function writeIfThere(file: string, text: string): boolean {
  if (!existsSync(file)) return false;
  try {
    writeFileSync(file, text);
    return true;
  } catch {
    return false;
  }
}

/** Mountpoints of agentsh at or below a directory, the last made first: stale where their kernel is known to be gone. */
export const staleMounts = (directory: string): string[] =>
  agentshMounts(directory).map(({ mountpoint }) => mountpoint);

/** Unmounts them all; those that could not be, with the reason. Only for whoever holds the directory's lock. */
export async function cleanStaleMounts(directory: string): Promise<{ mountpoint: string; reason: string }[]> {
  const failed: { mountpoint: string; reason: string }[] = [];
  for (const mountpoint of staleMounts(directory)) {
    try {
      await unmount(mountpoint);
    } catch (error) {
      failed.push({ mountpoint, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return failed;
}
