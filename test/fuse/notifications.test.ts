// Notifications: their layout, and that the kernel acts on them.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { unmount } from '../../fs/fuse/mount.ts';
import {
  encodeDelete,
  encodeIncreaseEpoch,
  encodeInvalidateEntry,
  encodeInvalidateInode,
  NotificationQueue,
} from '../../fs/fuse/notify.ts';
import { type MemoryMount, run, startMemoryMount, stopMemoryMount } from './memoryMount.ts';

/** What a pipe holds. */
const PIPE_BYTES = 65_536;
let mount: MemoryMount | undefined;
afterEach(async () => {
  if (mount !== undefined) await stopMemoryMount(mount);
  mount = undefined;
});

describe('encoding', () => {
  test('an inode', () => {
    const bytes = encodeInvalidateInode(2 ** 33, -1, 0);
    expect([bytes.length, bytes.readUInt32LE(0), bytes.readInt32LE(4)]).toEqual([40, 40, 2]);
    expect(bytes.readBigUInt64LE(8)).toBe(0n);
    expect([16, 24, 32].map((at) => bytes.readBigInt64LE(at))).toEqual([2n ** 33n, -1n, 0n]);
  });
  test('an entry', () => {
    const bytes = encodeInvalidateEntry(7, 'a\xff');
    expect([bytes.length, bytes.readInt32LE(4), bytes.readUInt32LE(24)]).toEqual([35, 3, 2]);
    expect(bytes.toString('latin1', 32)).toBe('a\xff\0');
  });
  test('a deletion', () => {
    const bytes = encodeDelete(7, 8, 'abc');
    expect([bytes.length, bytes.readInt32LE(4), bytes.readUInt32LE(32)]).toEqual([44, 6, 3]);
    expect([bytes.readBigUInt64LE(16), bytes.readBigUInt64LE(24)]).toEqual([7n, 8n]);
    expect(bytes.toString('latin1', 40)).toBe('abc\0');
  });
  test('an epoch', () => {
    const bytes = encodeIncreaseEpoch();
    expect([bytes.length, bytes.readUInt32LE(0), bytes.readInt32LE(4)]).toEqual([16, 16, 8]);
  });
  test('a name the kernel would refuse is refused here', () => {
    expect(() => encodeInvalidateEntry(1, '')).toThrow(RangeError);
    expect(() => encodeDelete(1, 2, 'n'.repeat(256))).toThrow(RangeError);
  });
});

describe('the queue', () => {
  const queued = (overflow?: (fd: number) => void) => {
    const logged: string[] = [];
    return { logged, queue: new NotificationQueue((message) => logged.push(message), overflow) };
  };

  test('delivers everything in order, whatever the number', async () => {
    const file = path.join(tmpdir(), `agentsh-queue-${process.pid}`);
    const fd = openSync(file, 'w');
    try {
      const { queue, logged } = queued();
      const messages = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${index}\n`));
      for (const message of messages) queue.push(fd, message);
      await queue.idle();
      expect(readFileSync(file, 'latin1')).toBe(messages.join(''));
      expect(logged).toEqual([]);
      await queue.idle();
    } finally {
      closeSync(fd);
      rmSync(file);
    }
  });

  test('gives up a descriptor that is gone, and says what else went wrong', async () => {
    const { queue, logged } = queued();
    const full = openSync('/dev/full', 'w');
    queue.push(1_000_000, Buffer.from('x'));
    queue.push(full, Buffer.from('x'));
    await queue.idle();
    closeSync(full);
    expect(logged.length).toBe(1);
    expect(logged[0]).toContain('ENOSPC');
  });

  test('is bounded, and tells when something was lost', async () => {
    const lost: number[] = [];
    const { queue } = queued((fd) => lost.push(fd));
    const fd = openSync('/dev/null', 'w');
    for (let index = 0; index < 70_000; index++) queue.push(fd, Buffer.alloc(1));
    expect(lost.length).toBeGreaterThan(0);
    expect(new Set(lost)).toEqual(new Set([fd]));
    queue.drop(fd, () => closeSync(fd));
    await queue.idle();
    expect(() => closeSync(fd)).toThrow('EBADF');
  });

  test('closes a descriptor only when nothing is being written to it: its number may be another file’s at once', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'agentsh-queue-'));
    try {
      const fifo = path.join(directory, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const fd = openSync(fifo, 'r+');
      writeSync(fd, Buffer.alloc(PIPE_BYTES));
      const { queue, logged } = queued();
      queue.push(fd, Buffer.from('under way'));
      queue.push(fd, Buffer.from('forgotten'));
      let closed = false;
      queue.drop(fd, () => {
        closed = true;
      });
      queue.push(fd, Buffer.from('too late'));
      expect(closed).toBe(false);
      readSync(fd, Buffer.alloc(PIPE_BYTES));
      await queue.idle();
      const rest = Buffer.alloc(PIPE_BYTES);
      expect([closed, rest.toString('latin1', 0, readSync(fd, rest)), logged]).toEqual([true, 'under way', []]);
      closeSync(fd);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('delivery', () => {
  test('a forgotten entry is looked up again', async () => {
    mount = await startMemoryMount();
    const file = `${mount.mountpoint}/held`;
    for (let time = 0; time < 3; time++) await run('stat', [file]);
    await mount.command('entry 1 held');
    await run('stat', [file]);
    await unmount(mount.mountpoint);
    // Once before the notification, once after it: an entry lives for a day here.
    expect((await mount.report).counts.LOOKUP).toBe(2);
  });

  test('a new epoch makes every name be looked up again', async () => {
    mount = await startMemoryMount();
    const files = [`${mount.mountpoint}/held`, `${mount.mountpoint}/stream`];
    for (let time = 0; time < 3; time++) await run('stat', files);
    await mount.command('epoch');
    await run('stat', files);
    await unmount(mount.mountpoint);
    expect((await mount.report).counts.LOOKUP).toBe(4);
  });

  test('a forgotten inode is asked for its attributes again, and its pages are read again', async () => {
    mount = await startMemoryMount();
    const file = `${mount.mountpoint}/f`;
    await run('sh', ['-c', `echo text > ${file}; sync ${file}; cat ${file}; cat ${file}`]);
    await mount.command('inode 4 0 0');
    expect(await run('cat', [file])).toBe('text\n');
    await unmount(mount.mountpoint);
    const { counts, defects } = await mount.report;
    expect(defects).toBe(0);
    expect(counts.READ).toBeGreaterThan(0);
  });

  test('a deletion raises inotify for watchers of the file; what the kernel does not cache is no error', async () => {
    mount = await startMemoryMount();
    const { mountpoint } = mount;
    const watcher = run('python3', ['-c', WATCH, mountpoint]);
    await run('stat', [`${mountpoint}/held`]);
    await run('sh', ['-c', `until [ -e ${mountpoint}/watching ]; do sleep 0.05; done`]);
    await mount.command('delete 1 3 held');
    await mount.command('entry 1 never');
    expect(await watcher).toContain('deleted');
    await unmount(mountpoint);
    expect((await mount.report).defects).toBe(0);
  });
});

/** Watches a file for its own deletion (IN_DELETE_SELF), says so by creating another, and waits. */
const WATCH = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
watch = libc.inotify_init()
libc.inotify_add_watch(watch, (sys.argv[1] + '/held').encode(), 0x400)
os.close(os.open(sys.argv[1] + '/watching', os.O_CREAT))
os.read(watch, 4096)
print('deleted')
`;
