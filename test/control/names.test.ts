// Names and node ids of the control tree: what can be found, what cannot be made, and what forgetting gives back.
import { expect, test } from 'vitest';
import { CONTROL_NAME, CONTROL_NODE_BASE, CONTROL_ROOT, isControlNode } from '../../fs/control/nodes.ts';
import { ControlTree } from '../../fs/control/tree.ts';
import { CONTROL_NAME as VIEW_NAME, CONTROL_NODE_BASE as VIEW_NODE_BASE } from '../../fs/overlay/view.ts';
import { errorOf, FakeCaller, FakeSink, FakeSource, pendingItem } from './fakeSource.ts';
import { nodeAt, readAt } from './walk.ts';

const caller = new FakeCaller();

interface Served {
  readonly tree: ControlTree;
  readonly source: FakeSource;
}

function agentTree(): Served {
  const source = new FakeSource('agent');
  return { source, tree: new ControlTree(source, { uid: 0, gid: 0, parentIno: 2 }) };
}

function operatorTree(): Served {
  const source = new FakeSource('operator');
  return { source, tree: new ControlTree(source, { uid: 0, gid: 0, nodeBase: 1 }) };
}

const trees: [string, () => Served][] = [
  ['agent', agentTree],
  ['operator', operatorTree],
];

function list(tree: ControlTree, path: string): string[] {
  const node = nodeAt(tree, path);
  const { handle } = tree.opendir(node, 0, caller);
  const sink = new FakeSink();
  tree.readdir(node, handle, 0, sink, false, caller);
  tree.releasedir(node, handle);
  return sink.names;
}

test('an agent is shown its files, the operator also who is there', () => {
  const { tree: agent } = agentTree();
  const { tree: operator } = operatorTree();
  expect(list(agent, '')).toEqual(list(operator, '').filter((name) => name !== 'who'));
  expect(list(operator, '')).toContain('who');
  expect(list(agent, 'pending')).toEqual(['.', '..', 'index', 'aaaa1111', 'bbbb2222']);
  expect(list(agent, 'commits')).toEqual(['.', '..', 'c0']);
});

test.each(trees)('%s: unknown names are ENOENT, long ones ENAMETOOLONG, files are no directories', (_who, serve) => {
  const { tree } = serve();
  expect(errorOf(() => nodeAt(tree, 'nothing'))).toBe('ENOENT');
  expect(errorOf(() => nodeAt(tree, '*'))).toBe('ENOENT');
  expect(errorOf(() => nodeAt(tree, 'pending/cccc3333'))).toBe('ENOENT');
  expect(errorOf(() => nodeAt(tree, 'commits/*'))).toBe('ENOENT');
  expect(errorOf(() => nodeAt(tree, 'x'.repeat(256)))).toBe('ENAMETOOLONG');
  expect(errorOf(() => nodeAt(tree, 'version/x'))).toBe('ENOTDIR');
});

test.each(trees)('%s: no name can be made, removed or moved', (_who, serve) => {
  const { tree, source } = serve();
  const root = tree.rootEntry().nodeId;
  const pending = nodeAt(tree, 'pending');
  const attempts: [string, () => unknown][] = [
    ['create', () => tree.create(root, 'x', 1, 0o644, caller)],
    ['mkdir', () => tree.mkdir(root, 'x', 0o755, caller)],
    ['mknod', () => tree.mknod(root, 'x', 0o644, 0, caller)],
    ['symlink', () => tree.symlink(root, 'x', 'y', caller)],
    ['link', () => tree.link(nodeAt(tree, 'version'), root, 'x', caller)],
    ['link to outside', () => tree.link(nodeAt(tree, 'version'), 4711, 'x', caller)],
    ['tmpfile', () => tree.tmpfile(root, 1, 0o644, caller)],
    ['unlink', () => tree.unlink(pending, 'aaaa1111', caller)],
    ['rmdir', () => tree.rmdir(root, 'pending', caller)],
    ['rename', () => tree.rename(root, 'version', root, 'x', 0, caller)],
    ['rename from outside', () => tree.rename(4711, 'x', root, 'version', 0, caller)],
    ['rename to outside', () => tree.rename(root, 'version', 4711, 'x', 0, caller)],
    ['setxattr', () => tree.setxattr(root, 'user.x', Buffer.from('1'), 0, caller)],
    ['chmod', () => tree.setattr(root, { mode: 0o777 }, caller)],
    ['utimes', () => tree.setattr(nodeAt(tree, 'version'), { mtime: 'now' }, caller)],
  ];
  expect(attempts.map(([name, run]) => `${name} ${errorOf(run)}`)).toEqual(attempts.map(([name]) => `${name} EPERM`));
  expect(source.recorded).toHaveLength(attempts.length);
});

test('a write to an unknown id is ENOENT for the operator, EPERM for an agent', () => {
  const { tree: agent } = agentTree();
  const { tree: operator, source } = operatorTree();
  source.moved.add('dddd4444');
  expect(errorOf(() => agent.create(nodeAt(agent, 'pending'), 'cccc3333', 1, 0o644, caller))).toBe('EPERM');
  expect(errorOf(() => operator.create(nodeAt(operator, 'pending'), 'cccc3333', 1, 0o644, caller))).toBe('ENOENT');
  expect(errorOf(() => operator.create(nodeAt(operator, 'pending'), 'dddd4444', 1, 0o644, caller))).toBe('ESTALE');
});

test('control nodes have a range of their own inside a view, and number 1 as a mount of its own', () => {
  const { tree: agent } = agentTree();
  const { tree: operator } = operatorTree();
  expect(agent.rootEntry().nodeId).toBe(CONTROL_ROOT);
  for (const path of ['', 'version', 'pending', 'pending/aaaa1111'])
    expect(isControlNode(nodeAt(agent, path))).toBe(true);
  expect(operator.rootEntry().nodeId).toBe(1);
  expect(isControlNode(1)).toBe(false);
});

test('an entry is one node while it is known, and given back by forget; ids are never used again', () => {
  const { tree } = agentTree();
  const first = nodeAt(tree, 'pending/aaaa1111');
  expect(nodeAt(tree, 'pending/aaaa1111')).toBe(first);
  expect(nodeAt(tree, 'pending/bbbb2222')).not.toBe(first);
  tree.forget(first, 1);
  expect(nodeAt(tree, 'pending/aaaa1111')).toBe(first);
  tree.forget(first, 2);
  expect(errorOf(() => tree.getattr(first, undefined, caller))).toBe('ESTALE');
  const second = nodeAt(tree, 'pending/aaaa1111');
  expect(second).toBeGreaterThan(first);
  tree.forget(second, 1);
  expect(tree.held.entries).toBe(1);
  tree.destroy();
  expect(tree.held).toEqual({ entries: 0, handles: 0 });
});

test('st_ino equals d_ino, differs between files, and outlives forget', () => {
  const { tree } = agentTree();
  const node = nodeAt(tree, 'pending');
  const { handle } = tree.opendir(node, 0, caller);
  const sink = new FakeSink();
  tree.readdir(node, handle, 0, sink, false, caller);
  const stats = ['pending', '', 'pending/index', 'pending/aaaa1111', 'pending/bbbb2222'].map(
    (path) => tree.getattr(nodeAt(tree, path), undefined, caller).attributes.ino,
  );
  expect(sink.inos).toEqual(stats);
  expect(new Set(stats).size).toBe(stats.length);
});

test('a directory can be read in pieces while entries come and go; only taken entries count a lookup', () => {
  const { tree, source } = agentTree();
  const node = nodeAt(tree, 'pending');
  const { handle } = tree.opendir(node, 0, caller);
  const names: string[] = [];
  let held = 0;
  for (let offset = 0; ; ) {
    const sink = new FakeSink(2);
    tree.readdir(node, handle, offset, sink, true, caller);
    if (sink.names.length === 0) break;
    names.push(...sink.names);
    held += sink.nodes.filter((entry) => entry >= CONTROL_ROOT + 1024).length;
    source.items = [pendingItem('cccc3333', '/w/c')];
    offset = sink.next;
  }
  expect(names).toEqual(['.', '..', 'index', 'aaaa1111', 'bbbb2222']);
  expect(tree.held.entries).toBe(held);
  const again = new FakeSink();
  tree.readdir(node, handle, 0, again, false, caller);
  expect(again.names).toEqual(['.', '..', 'index', 'cccc3333']);
});

test('an id whose change moved on is ESTALE to look up and to open', () => {
  const { tree, source } = agentTree();
  const node = nodeAt(tree, 'pending/aaaa1111');
  source.moved.add('aaaa1111');
  expect(errorOf(() => tree.open(node, 0, caller))).toBe('ESTALE');
  expect(errorOf(() => nodeAt(tree, 'pending/aaaa1111'))).toBe('ESTALE');
});

test('what was rendered at open stays for that open file', () => {
  const { tree, source } = agentTree();
  const node = nodeAt(tree, 'pending/index');
  const { handle } = tree.open(node, 0, caller);
  const before = readAt(tree, 'pending/index');
  source.items = [];
  const target = Buffer.alloc(4096);
  expect(target.toString('latin1', 0, tree.read(node, handle, 0, target, caller))).toBe(before);
  expect(readAt(tree, 'pending/index')).toBe('set set-of-\n4 ignored paths kept private\n');
});

test('no extended attributes: none to list, none to get', () => {
  const { tree } = agentTree();
  expect(tree.listxattr(nodeAt(tree, 'version'), caller)).toHaveLength(0);
  expect(errorOf(() => tree.getxattr(nodeAt(tree, 'version'), 'user.x', caller))).toBe('ENODATA');
  expect(errorOf(() => tree.readlink(nodeAt(tree, 'version'), caller))).toBe('EINVAL');
  expect(tree.statfs(1).nameBytesMax).toBe(255);
});

test('listing a directory answers the lookups that follow; opening asks again', () => {
  const { tree, source } = agentTree();
  let asked = 0;
  const real = source.requirePending.bind(source);
  source.requirePending = (id) => {
    asked++;
    real(id);
  };
  list(tree, 'pending');
  const node = nodeAt(tree, 'pending/aaaa1111');
  nodeAt(tree, 'pending/bbbb2222');
  expect(asked).toBe(0);
  source.items = [];
  expect(errorOf(() => tree.open(node, 0, caller))).toBe('ENOENT');
});

test('the view and the tree agree on the range of control nodes and on the name', () => {
  expect([VIEW_NODE_BASE, VIEW_NAME]).toEqual([CONTROL_NODE_BASE, CONTROL_NAME]);
});
