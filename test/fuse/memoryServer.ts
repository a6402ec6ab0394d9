// Program: mounts the tests' small file system and serves it from a worker until it is unmounted.
//
//   node memoryServer.js '{"mountpoint": …, "helper": false, "passthrough": false, "idShift": 0, "record": FILE}'
//
// Prints `ready`, and at the end one line of JSON with what happened. Notifications are commands on standard input.
import { appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { backingOf } from '../../fs/fuse/backing.ts';
import { Channel, sendTo } from '../../fs/fuse/channel.ts';
import { mountDirect, mountWithHelper } from '../../fs/fuse/mount.ts';
import {
  encodeDelete,
  encodeIncreaseEpoch,
  encodeInvalidateEntry,
  encodeInvalidateInode,
  NotificationQueue,
} from '../../fs/fuse/notify.ts';
import { Session } from '../../fs/fuse/session.ts';
import { POLLIN, poll } from '../../fs/host/syscall.ts';
import { MemoryOperations } from './memoryOperations.ts';

export interface ServerOptions {
  readonly mountpoint: string;
  readonly helper?: boolean;
  readonly passthrough?: boolean;
  readonly allowOther?: boolean;
  readonly idShift?: number;
  readonly record?: string;
}
export interface ServerReport {
  readonly counts: Record<string, number>;
  readonly defects: number;
  readonly passthrough: boolean;
  readonly flags: number;
  readonly lookups: number;
  readonly openHandles: number;
  readonly destroyed: number;
  readonly interrupts: number;
}

if (isMainThread) await main(JSON.parse(process.argv[2] ?? '{}') as ServerOptions);
else serve(workerData as ServerOptions & { readonly fd: number });

async function main(options: ServerOptions): Promise<void> {
  const mountOptions = { allowOther: options.allowOther ?? false };
  const fd = options.helper
    ? await mountWithHelper(options.mountpoint, mountOptions)
    : mountDirect(options.mountpoint, mountOptions);
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...options, fd } });
  const queue = new NotificationQueue((message) => process.stderr.write(`${message}\n`));
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [verb, first, second, name] = line.split(' ');
    if (verb === 'epoch') queue.push(fd, encodeIncreaseEpoch());
    if (verb === 'inode') queue.push(fd, encodeInvalidateInode(Number(first), 0, 0));
    if (verb === 'entry') queue.push(fd, encodeInvalidateEntry(Number(first), second!));
    if (verb === 'delete') queue.push(fd, encodeDelete(Number(first), Number(second), name!));
    queue.idle().then(() => process.stdout.write(`done ${line}\n`));
  });
  worker.on('message', (message: string) => {
    process.stdout.write(`${message}\n`);
    if (message !== 'ready') lines.close();
  });
}

function serve(options: ServerOptions & { readonly fd: number }): void {
  const { fd, passthrough = false, idShift = 0, record } = options;
  const operations = new MemoryOperations(tmpdir(), passthrough ? backingOf(fd) : null);
  const log = (message: string): void => {
    process.stderr.write(`${message}\n`);
  };
  const session = new Session({ operations, idShift, send: sendTo(fd), log, passthrough });
  if (record !== undefined) recordTo(record, session);
  const channel = new Channel(fd, session, log);
  const waiting = Buffer.alloc(8);
  waiting.writeInt32LE(fd, 0);
  waiting.writeInt16LE(POLLIN, 4);
  parentPort!.postMessage('ready');
  const turn = (): void => {
    poll(waiting, 1, 20);
    if (channel.drain(50) !== 'ended') {
      setImmediate(turn);
      return;
    }
    const { defects, negotiated } = session;
    const report: ServerReport = {
      counts: session.requestCounts(),
      defects,
      passthrough: negotiated.passthrough,
      flags: negotiated.flags,
      lookups: operations.lookups.size,
      openHandles: operations.openHandles.size,
      destroyed: operations.destroyed,
      interrupts: operations.interrupts,
    };
    parentPort!.postMessage(JSON.stringify(report));
  };
  turn();
}

/** Appends each request as a line of hexadecimal: how the recorded requests in fixtures were made. */
function recordTo(file: string, session: Session): void {
  const handle = session.handle.bind(session);
  session.handle = (buffer, length) => {
    appendFileSync(file, `${buffer.toString('hex', 0, length)}\n`);
    handle(buffer, length);
  };
}
