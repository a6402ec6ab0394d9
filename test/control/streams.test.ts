// Logs and the files that block: reading at offsets while the log grows, following, waiting, giving up, polling.
import { beforeEach, expect, test } from 'vitest';
import { MemoryLog } from '../../fs/control/eventLog.ts';
import { WAITING_READS_MAX } from '../../fs/control/stream.ts';
import { ControlTree } from '../../fs/control/tree.ts';
import { FOPEN } from '../../fs/operations.ts';
import { errorOf, FakeCaller, FakeSource } from './fakeSource.ts';
import { nodeAt, readAt } from './walk.ts';

const O_NONBLOCK = 0o4000;
const POLLIN = 1;
const POLLOUT = 4;
let source: FakeSource;
let tree: ControlTree;
let caller: FakeCaller;
let nowMs: number;

beforeEach(() => {
  nowMs = 1_000_000;
  source = new FakeSource('agent');
  tree = new ControlTree(source, { uid: 0, gid: 0, clock: () => nowMs });
  caller = new FakeCaller();
});

interface Opened {
  readonly node: number;
  readonly handle: number;
}
function open(path: string, flags = 0): Opened {
  const node = nodeAt(tree, path);
  return { node, handle: tree.open(node, flags, caller).handle };
}
function read({ node, handle }: Opened, sizeBytes = 4096, offset = 0): string {
  const target = Buffer.alloc(sizeBytes);
  return target.toString('latin1', 0, tree.read(node, handle, offset, target, caller));
}

test('audit shows its true size and a time that moves with it: tail -f works on it', () => {
  const stat = () => tree.getattr(nodeAt(tree, 'audit'), undefined, caller).attributes;
  const first = stat();
  expect(first.size).toBe(source.audit.sizeBytes());
  nowMs += 5000;
  expect(stat().mtimeSec).toBe(first.mtimeSec);
  source.audit.append({ seq: 2 });
  expect(stat().mtimeSec).toBe(first.mtimeSec + 5);
  expect(stat().size).toBe(source.audit.sizeBytes());
});

test('audit is read by offset, also what was appended after the open', () => {
  const opened = open('audit');
  const first = read(opened);
  expect(read(opened, 10, first.length)).toBe('');
  source.audit.append({ seq: 2 });
  expect(read(opened, 4096, first.length)).toBe('{"seq":2}\n');
  expect(read(opened, 5, 3)).toBe(first.slice(3, 8));
  expect(readAt(tree, 'audit')).toBe(`${first}{"seq":2}\n`);
});

test('events that dropped off the start are skipped; a reader where lines are kept reads what it asked for', () => {
  const bounded = new MemoryLog(100);
  Object.defineProperty(source, 'events', { value: bounded });
  for (let number = 100; number < 150; number++) bounded.append({ number });
  expect(readAt(tree, 'events')).toBe(
    [144, 145, 146, 147, 148, 149].map((number) => `{"number":${number}}\n`).join(''),
  );
  const size = tree.getattr(nodeAt(tree, 'events'), undefined, caller).attributes.size;
  expect(read(open('events'), 100, size - 15)).toBe('{"number":149}\n');
});

test('a pipe gives what comes after its open, to one waiting read after the other', () => {
  const opened = open('audit.pipe');
  expect(tree.open(opened.node, 0, caller).openFlags).toBe(FOPEN.DIRECT_IO | FOPEN.STREAM | FOPEN.NONSEEKABLE);
  read(opened, 5);
  read(opened, 4096);
  tree.wake();
  expect(caller.owed.map((owed) => owed.answer)).toEqual([undefined, undefined]);
  source.audit.append({ seq: 2 });
  tree.wake();
  expect(caller.owed.map((owed) => owed.answer)).toEqual(['{"seq', '":2}\n']);
  source.audit.append({ seq: 3 });
  expect(read(opened)).toBe('{"seq":3}\n');
  expect(caller.owed).toHaveLength(2);
});

test('two readers of one pipe file each get everything', () => {
  const [first, second] = [open('events.pipe'), open('events.pipe')];
  source.events.append({ op: 'x' });
  expect([read(first), read(second)]).toEqual(['{"op":"x"}\n', '{"op":"x"}\n']);
});

test('an interrupted read gets nothing, and takes nothing from the next one', () => {
  const opened = open('events.pipe');
  read(opened);
  caller.owed[0]!.onCancel?.();
  read(opened);
  source.events.append({ op: 'x' });
  tree.wake();
  expect(caller.owed.map((owed) => owed.answer)).toEqual([undefined, '{"op":"x"}\n']);
});

test('without blocking there is EAGAIN, and so for more waiting reads than the bound', () => {
  expect(errorOf(() => read(open('events.pipe', O_NONBLOCK)))).toBe('EAGAIN');
  const opened = open('events.pipe');
  for (let count = 0; count < WAITING_READS_MAX; count++) read(opened);
  expect(errorOf(() => read(opened))).toBe('EAGAIN');
});

test('a released pipe is woken no more', () => {
  const opened = open('events.pipe');
  read(opened);
  tree.release(opened.node, opened.handle, 0);
  source.events.append({ op: 'x' });
  tree.wake();
  expect(caller.owed[0]!.answer).toBeUndefined();
});

test('a log that fails answers its error to who waits', () => {
  const opened = open('events.pipe');
  read(opened);
  source.events.append({ op: 'x' });
  source.events.read = () => {
    throw new TypeError('broken');
  };
  tree.wake();
  expect(caller.owed[0]!.answer).toBe('error 5');
});

test('poll: ready when there is something, else woken once when there is', () => {
  const { node, handle } = open('events.pipe');
  let woken = 0;
  const wake = () => {
    woken++;
  };
  expect(tree.poll(node, handle, POLLIN | POLLOUT, wake, caller)).toBe(0);
  tree.wake();
  expect(woken).toBe(0);
  source.events.append({ op: 'x' });
  tree.wake();
  tree.wake();
  expect(woken).toBe(1);
  expect(tree.poll(node, handle, POLLIN | POLLOUT, wake, caller)).toBe(POLLIN);
  const plain = open('version');
  expect(tree.poll(plain.node, plain.handle, POLLIN | POLLOUT, wake, caller)).toBe(POLLIN | POLLOUT);
});

test('a slow follower that was overtaken goes on with the oldest line kept', () => {
  const bounded = new MemoryLog(20);
  Object.defineProperty(source, 'events', { value: bounded });
  const opened = open('events.pipe');
  for (let number = 10; number < 20; number++) bounded.append({ number });
  expect(read(opened)).toBe('{"number":19}\n');
});

test('holes and data of a file end where its content ends', () => {
  const { node, handle } = open('version');
  const length = 'version 0.1.0\n'.length;
  expect(tree.lseek(node, handle, 3, 3, caller)).toBe(3);
  expect(tree.lseek(node, handle, 3, 4, caller)).toBe(length);
  expect(errorOf(() => tree.lseek(node, handle, length, 3, caller))).toBe('ENXIO');
  const pipe = open('events.pipe');
  expect(errorOf(() => tree.lseek(pipe.node, pipe.handle, 0, 3, caller))).toBe('ESPIPE');
});
