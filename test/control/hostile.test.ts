// Any call with any node, handle, name and bytes: an errno or a result, never a defect, and nothing is decided by an agent.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Principal } from '../../fs/control/source.ts';
import { ControlTree } from '../../fs/control/tree.ts';
import { errorOf, FakeCaller, FakeSink, FakeSource } from './fakeSource.ts';

const node = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((row) => 2 ** 48 + row),
  fc.integer({ min: 1020, max: 1040 }).map((entry) => 2 ** 48 + entry),
  fc.nat(),
);
const handle = fc.nat(12);
const names = [
  '',
  '.',
  '..',
  '*',
  'index',
  'aaaa1111',
  'bbbb2222',
  'c0',
  'pending',
  'approve',
  'version',
  '__proto__',
  '\0',
];
const name = fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'binary-ascii', maxLength: 300 }));
const bytes = fc.oneof(
  fc
    .constantFrom('approve', 'reject', 'all', 'set x', '/w/a.ts', 'aaaa1111', 'approve\n')
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array)),
);
const flags = fc.constantFrom(0, 1, 2, 0o1000, 0o4000, 0o4001);
const caller = new FakeCaller();

type Call = (tree: ControlTree) => unknown;
const calls: fc.Arbitrary<Call> = fc.oneof(
  fc.tuple(node, name).map(
    ([n, s]): Call =>
      (tree) =>
        tree.lookup(n, s, caller),
  ),
  fc.tuple(node, fc.nat(3)).map(
    ([n, count]): Call =>
      (tree) =>
        tree.forget(n, count),
  ),
  node.map(
    (n): Call =>
      (tree) =>
        tree.getattr(n, undefined, caller),
  ),
  fc.tuple(node, fc.constantFrom({ size: 0 }, { mode: 0o777 }, { uid: 1 }, {})).map(
    ([n, changes]): Call =>
      (tree) =>
        tree.setattr(n, changes, caller),
  ),
  fc.tuple(node, flags).map(
    ([n, f]): Call =>
      (tree) =>
        tree.open(n, f, caller),
  ),
  fc.tuple(node, handle, fc.nat(100), fc.nat(64)).map(
    ([n, h, at, length]): Call =>
      (tree) =>
        tree.read(n, h, at, Buffer.alloc(length), caller),
  ),
  fc.tuple(node, handle, bytes).map(
    ([n, h, data]): Call =>
      (tree) =>
        tree.write(n, h, 0, data, false, caller),
  ),
  fc.tuple(node, handle).map(
    ([n, h]): Call =>
      (tree) =>
        tree.release(n, h, 0),
  ),
  node.map(
    (n): Call =>
      (tree) =>
        tree.opendir(n, 0, caller),
  ),
  fc.tuple(node, handle, fc.nat(30), fc.boolean(), fc.nat(3)).map(
    ([n, h, at, plus, room]): Call =>
      (tree) =>
        tree.readdir(n, h, at, new FakeSink(room), plus, caller),
  ),
  fc.tuple(node, name, node, name).map(
    ([n, s, m, t]): Call =>
      (tree) =>
        tree.rename(n, s, m, t, 0, caller),
  ),
  fc.tuple(node, node, name).map(
    ([n, m, s]): Call =>
      (tree) =>
        tree.link(n, m, s, caller),
  ),
  fc.tuple(node, name).map(
    ([n, s]): Call =>
      (tree) =>
        tree.create(n, s, 1, 0o644, caller),
  ),
  fc.tuple(node, name).map(
    ([n, s]): Call =>
      (tree) =>
        tree.unlink(n, s, caller),
  ),
  fc.tuple(node, handle, fc.constantFrom(3, 4)).map(
    ([n, h, whence]): Call =>
      (tree) =>
        tree.lseek(n, h, 5, whence, caller),
  ),
  fc.tuple(node, handle).map(
    ([n, h]): Call =>
      (tree) =>
        tree.poll(n, h, 5, () => {}, caller),
  ),
  fc.constant((tree: ControlTree) => tree.wake()),
);

test.each<Principal>(['agent', 'operator'])('%s: only errnos come of it', (principal) => {
  fc.assert(
    fc.property(fc.array(calls, { maxLength: 40 }), (sequence) => {
      const source = new FakeSource(principal);
      const tree = new ControlTree(source, { uid: 0, gid: 0 });
      for (const call of sequence) errorOf(() => call(tree));
      tree.destroy();
      expect(tree.held).toEqual({ entries: 0, handles: 0 });
      if (principal === 'agent') expect([...source.approvals, ...source.rejections, ...source.policies]).toEqual([]);
    }),
    { numRuns: 3000 },
  );
});

test('the fuzz above does decide things as the operator: the calls can reach that far', () => {
  const source = new FakeSource('operator');
  const tree = new ControlTree(source, { uid: 0, gid: 0 });
  const { nodeId } = tree.lookup(tree.rootEntry().nodeId, 'approve', caller);
  const opened = tree.open(nodeId, 1, caller);
  tree.write(nodeId, opened.handle, 0, Buffer.from('aaaa1111'), false, caller);
  expect(source.approvals).toHaveLength(1);
});
