// A control tree as a real mount, served by this process from a timer, and shell commands against it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ControlTree } from '../../fs/control/tree.ts';
import { Channel, sendTo } from '../../fs/fuse/channel.ts';
import { mountDirect, mountWithHelper, unmount } from '../../fs/fuse/mount.ts';
import { Session } from '../../fs/fuse/session.ts';
import { close } from '../../fs/host/syscall.ts';
import type { FakeSource } from './fakeSource.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Mounted {
  readonly tree: ControlTree;
  readonly session: Session;
  readonly directory: string;
  /** Runs a text in bash (dash calls every failed write an I/O error) with `$K` as the mountpoint, as another uid where given; ends it after 20 s. */
  shell(text: string, uid?: number): Promise<Outcome>;
  end(): Promise<void>;
}

const root = process.getuid?.() === 0;
/** Uids to try: root and another one, or just our own. */
export const UIDS: readonly number[] = root ? [0, 65534] : [process.getuid!()];

export async function mountTree(source: FakeSource): Promise<Mounted> {
  const directory = mkdtempSync(path.join(tmpdir(), 'agentsh-control-'));
  const tree = new ControlTree(source, { uid: process.getuid!(), gid: process.getgid!(), nodeBase: 1 });
  const fd = root ? mountDirect(directory, { allowOther: true }) : await mountWithHelper(directory);
  const log = (message: string) => console.error(message);
  const session = new Session({ operations: tree, idShift: 0, send: sendTo(fd), log, passthrough: false });
  const channel = new Channel(fd, session, log);
  const timer = setInterval(() => {
    channel.drain(200, 1000);
    tree.wake();
  }, 1);
  return {
    tree,
    session,
    directory,
    shell: (text, uid = process.getuid!()) => shell(text, directory, uid),
    async end() {
      await unmount(directory);
      // The last requests (RELEASE, DESTROY) are still to be answered.
      await new Promise((resolve) => setTimeout(resolve, 50));
      clearInterval(timer);
      close(fd);
      rmdirSync(directory);
    },
  };
}

function shell(text: string, directory: string, uid: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const identity = root ? { uid, gid: uid } : {};
    const child = spawn('bash', ['-c', text], {
      cwd: '/',
      env: { ...process.env, K: directory },
      timeout: 20_000,
      ...identity,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('latin1');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('latin1');
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
