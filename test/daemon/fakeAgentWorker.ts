// An agent's worker for tests of the kernel process: serves a tree of one file, and remembers just enough.
import { closeSync, openSync } from 'node:fs';
import type { AgentMethods, AttachParams } from '../../fs/daemon/protocol.ts';
import { RequestError } from '../../fs/daemon/requestError.ts';
import { WorkerLoop } from '../../fs/daemon/workerLoop.ts';
import { errno } from '../../fs/errno.ts';
import { Channel, sendTo } from '../../fs/fuse/channel.ts';
import { Session } from '../../fs/fuse/session.ts';
import type { Attributes, Operations } from '../../fs/operations.ts';

const pendingItem = {
  id: 'abcdefgh',
  kind: 'create',
  path: '',
  agent: '',
  base: 'absent',
  result: 'file',
  sizeBytes: 5,
  taint: '',
  protected: false,
  ageSeconds: 1,
  count: 1,
};

let name = '';
let workspace = '';
let content = false;
const connections = new Set<number>();

const attributes = (ino: number, mode: number): Attributes => ({
  ...{ ino, size: 0, blocks: 0, mode, nlink: 1, uid: 0, gid: 0, rdev: 0, blksize: 4096 },
  ...{ atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0, btimeSec: 0, btimeNsec: 0 },
});
const entry = (ino: number, mode: number) => ({
  attributes: attributes(ino, mode),
  attributesValidMs: 0,
  nodeId: ino,
  entryValidMs: 0,
});

/** `/name-of-the-agent` is an empty file; making `/crash` ends the worker; anything else is ENOENT or ENOSYS. */
const tree: Partial<Operations> = {
  lookup(_parent, wanted) {
    if (wanted === 'crash') throw new Error('CrashNow');
    if (wanted !== name) throw errno(2);
    return entry(2, 0o100644);
  },
  forget() {},
  getattr: (node) => (node === 1 ? entry(1, 0o40755) : entry(2, 0o100644)),
  opendir: () => ({ handle: 1, openFlags: 0, backingId: 0 }),
  readdir(_node, _handle, offset, sink) {
    if (offset < 1) sink.add(name, 2, 8, 1);
  },
  releasedir() {},
  // Asked for access lists at every open: there are none.
  getxattr: () => {
    throw errno(61);
  },
  destroy() {},
};

const loop = new WorkerLoop({
  request(method, params) {
    const serve = methods[method as keyof AgentMethods] as ((params: unknown) => unknown) | undefined;
    if (serve === undefined) throw new RequestError('ENOSYS', `${method}: no such method`);
    return serve(params);
  },
});

const methods: Partial<{
  [M in keyof AgentMethods]: (params: AgentMethods[M]['params']) => AgentMethods[M]['result'];
}> = {
  open(params) {
    ({ name, workspace } = params);
    return { ino: 1 };
  },
  attach({ connection, fd, idShift, profile }: AttachParams) {
    connections.add(connection);
    const operations = new Proxy(tree, {
      get: (target, key) =>
        target[key as keyof Operations] ??
        (() => {
          throw errno(38);
        }),
    }) as Operations;
    const log = (text: string) => {
      // A defect in the tree stands for one that takes the thread down.
      if (text.includes('CrashNow')) process.exit(3);
    };
    loop.add(
      connection,
      new Channel(fd, new Session({ operations, idShift, send: sendTo(fd), log, passthrough: false }), log),
    );
    return { profile };
  },
  detach({ connection }) {
    connections.delete(connection);
    loop.remove(connection);
    return {};
  },
  status: () => ({
    ...{ pending: content ? 1 : 0, ignored: 0, files: content ? 1 : 0, bytes: 0 },
    ...{ connections: connections.size, requests: 0 },
  }),
  pending: () => ({
    set: 'digest',
    items: content ? [{ ...pendingItem, agent: name, path: `${workspace}/new` }] : [],
    ignored: 0,
  }),
  detail({ id }) {
    if (!content || !pendingItem.id.startsWith(id)) throw errno(2);
    return { text: `kind create\nagent ${name}\n\n+hello\n` };
  },
  require({ id }) {
    if (!content || pendingItem.id !== id) throw errno(2);
    return {};
  },
  approve({ ids }) {
    content = false;
    return { commit: 'c1', approved: ids, parents: [], conflicts: [], leftovers: [] };
  },
  reject({ ids }) {
    content = false;
    return { rejected: ids };
  },
  commits: () => [],
  audit: () => ({ text: '', sizeBytes: 0 }),
  /** An exec stands for the agent's work: from now on it has something pending. */
  record({ event }) {
    if (event.op === 'exec') content = true;
    loop.post({ event: { op: event.op, path: event.path, verdict: event.verdict, note: event.note ?? '' } });
    return {};
  },
  endSession: () => ({ pending: content ? 1 : 0 }),
  avoid: () => ({}),
  discard() {
    content = false;
    return {};
  },
  close: () => ({}),
};

// Workers hold descriptors of their own: one that dies leaves it to the kernel to end its connections.
closeSync(openSync('/dev/null', 'r'));
loop.run();
