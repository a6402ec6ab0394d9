// Before all tests: the device, the ordinary user, the build. After them: nothing of theirs may be left.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { letThrough } from './traverse.ts';

/** The ordinary user that tests become where they must not be root. */
export const TEST_USER = 'agentsh-test';
/** Marks every process a run starts, by its environment, so that several runs at once can tell theirs apart. */
const MARK = 'AGENTSH_TEST_RUN';
/** Another run may own mounts seen here: only test/run.sh knows that nothing else is running. */
const EXCLUSIVE = 'AGENTSH_TEST_EXCLUSIVE';
const KERNEL_EXIT_MS_MAX = 10_000;

const root = fileURLToPath(new URL('..', import.meta.url));

export default function setup(): () => Promise<void> {
  process.env[MARK] = `${process.pid}`;
  requireFuse();
  const isRoot = process.getuid?.() === 0;
  if (isRoot) prepareAsRoot();
  execFileSync('sh', ['-c', '. agentsh/setup.sh; build'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, AGENTSH_BUILD_STRICT: '0' },
  });
  const undo = isRoot ? openToTestUser() : () => {};
  const mountsBefore = new Set(agentshMounts());
  return () => checkLeftOvers(mountsBefore).finally(undo);
}

function requireFuse(): void {
  if (existsSync('/dev/fuse')) return;
  throw new Error(
    '/dev/fuse is missing: the tests mount for real. Load the module (modprobe fuse), or start the container with --device /dev/fuse --cap-add SYS_ADMIN.',
  );
}

function prepareAsRoot(): void {
  chmodSync('/dev/fuse', 0o666);
  if (spawnSync('id', [TEST_USER]).status === 0) return;
  execFileSync('useradd', ['--create-home', '--shell', '/bin/bash', TEST_USER]);
}

/** The program and Node itself must be within the test user's reach. */
function openToTestUser(): () => void {
  const undos = [process.execPath, path.join(root, 'dist/agentsh/main.js')].map((file) => letThrough(TEST_USER, file));
  return () => {
    for (const undo of undos) undo();
  };
}

/** Mountpoints of agentsh, decoded no further than `/proc/mounts` gives them. */
function agentshMounts(): string[] {
  return readFileSync('/proc/mounts', 'latin1')
    .split('\n')
    .filter((line) => line.split(' ')[2] === 'fuse.agentsh')
    .map((line) => line.split(' ')[1] ?? '');
}

/** Processes that carry this run's mark, this one and its own ancestors excluded. */
function markedProcesses(): string[] {
  const mark = `${MARK}=${process.pid}`;
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      if (command.includes('dist/') && !command.includes('vitest')) found.push(`${pid} ${command}`);
    } catch {
      // It ended while being looked at, or belongs to another user.
    }
  }
  return found;
}

async function checkLeftOvers(mountsBefore: ReadonlySet<string>): Promise<void> {
  const until = Date.now() + KERNEL_EXIT_MS_MAX;
  let left = leftOvers(mountsBefore);
  while (left.length > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    left = leftOvers(mountsBefore);
  }
  if (left.length > 0) throw new Error(`the tests left behind:\n${left.join('\n')}`);
}

function leftOvers(mountsBefore: ReadonlySet<string>): string[] {
  const processes = markedProcesses().map((text) => `process ${text}`);
  if (process.env[EXCLUSIVE] !== '1') return processes;
  const mounts = agentshMounts().filter((mountpoint) => !mountsBefore.has(mountpoint));
  return [...processes, ...mounts.map((mountpoint) => `mount ${mountpoint}`)];
}
