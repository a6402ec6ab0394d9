// Each file, for each principal: its mode bits, what reading gives, and what opening it for writing answers.
import { describe, expect, test } from 'vitest';
import type { Principal } from '../../fs/control/source.ts';
import { TABLE } from '../../fs/control/table.ts';
import { ControlTree } from '../../fs/control/tree.ts';
import { errorOf, FakeCaller, FakeSource } from './fakeSource.ts';
import { nodeAt, O_RDWR, O_WRONLY, readAt, writeAt } from './walk.ts';

interface Expected {
  readonly mode: number;
  /** A text that reading contains; undefined for what is not there. */
  readonly reads: string | undefined;
  readonly opensForWrite: 'ok' | 'EPERM' | 'ENOENT';
}
const readable = (reads: string): Expected => ({ mode: 0o100444, reads, opensForWrite: 'EPERM' });
/** Decides: to be refused and recorded it must be reached, so the bits let everyone try. */
const refused = (reads: string): Expected => ({ mode: 0o100666, reads, opensForWrite: 'EPERM' });
const commands = (reads: string): Expected => ({ mode: 0o100644, reads, opensForWrite: 'ok' });
const absent: Expected = { mode: 0, reads: undefined, opensForWrite: 'ENOENT' };
const same = (expected: Expected): [Expected, Expected] => [expected, expected];

/** [in an agent's mount, in the operator's mount] */
const FILES: Readonly<Record<string, [Expected, Expected]>> = {
  README: [readable('as the agent claude'), readable('You are the operator')],
  agent: same(readable('id a1\nname claude\ndid did:key:z6Mk\nworkspace /w\nstarted 1970-01-01T00:00:00.000Z\n')),
  approve: [refused('aaaa1111 /w/a.ts\nbbbb2222 "/w/src/b b.ts"\n'), commands('')],
  audit: same(readable('{"seq":1,"op":"write"}\n')),
  'audit.head': same(readable('agentsh\n1\n')),
  'commits/c0': same(readable('by operator pid 9')),
  denials: same(readable('')),
  events: same(readable('')),
  health: same(readable('ok\n')),
  mounts: same(readable('invisible (writes wait for approval) default /w\n')),
  'pending/index': same(readable('4 ignored paths kept private\n')),
  'pending/aaaa1111': [refused('+new'), commands('+new')],
  policy: [refused('version = 1'), commands('version = 1')],
  reject: [refused('aaaa1111 /w/a.ts\n'), commands('')],
  stats: same(readable('agentsh_pending 2\n')),
  version: same(readable('version 0.1.0\n')),
  who: [absent, readable('operator 1\n')],
};

function columns(): [Principal, string, Expected][] {
  return Object.entries(FILES).flatMap(([path, [agent, operator]]): [Principal, string, Expected][] => [
    ['agent', path, agent],
    ['operator', path, operator],
  ]);
}

const treeOf = (source: FakeSource) => new ControlTree(source, { uid: 1000, gid: 1000 });

describe.each(columns())('%s: %s', (principal, path, expected) => {
  test('mode bits and content', () => {
    const tree = treeOf(new FakeSource(principal));
    if (expected.reads === undefined) {
      expect(errorOf(() => nodeAt(tree, path))).toBe('ENOENT');
      return;
    }
    const { attributes } = tree.getattr(nodeAt(tree, path), undefined, new FakeCaller());
    expect(attributes.mode.toString(8)).toBe(expected.mode.toString(8));
    expect([attributes.uid, attributes.gid]).toEqual([1000, 1000]);
    expect(readAt(tree, path)).toContain(expected.reads);
  });

  test.each([0, 1000, 4_000_000])('opening for writing as uid %i', (uid) => {
    const source = new FakeSource(principal);
    const tree = treeOf(source);
    const caller = new FakeCaller(uid);
    for (const flags of [O_WRONLY, O_RDWR])
      expect(errorOf(() => tree.open(nodeAt(tree, path), flags, caller))).toBe(expected.opensForWrite);
    const denied = expected.opensForWrite === 'EPERM' ? 2 : 0;
    expect(source.recorded.filter((event) => event.path === `/.kernel/${path}`)).toHaveLength(denied);
  });
});

test('the table above names every file of the tree that does not block', () => {
  const entries: Readonly<Record<string, string>> = { 'pending/*': 'pending/aaaa1111', 'commits/*': 'commits/c0' };
  const files = TABLE.filter((row) => row.kind === 'text' || row.kind === 'log').map((row) => row.path);
  expect(files.map((path) => entries[path] ?? path).sort()).toEqual(Object.keys(FILES).sort());
});

test('T45: a descriptor that was opened for reading, or a number that was never given out, takes no command', () => {
  const source = new FakeSource('agent');
  const tree = treeOf(source);
  const caller = new FakeCaller(0);
  for (const path of ['approve', 'reject', 'policy', 'pending/aaaa1111']) {
    const node = nodeAt(tree, path);
    const { handle } = tree.open(node, 0, caller);
    for (const number of [handle, 999])
      expect(errorOf(() => tree.write(node, number, 0, Buffer.from('approve\n'), false, caller))).toMatch(
        /EPERM|EBADF/,
      );
    expect(errorOf(() => tree.setattr(node, { size: 0 }, caller))).toBe('EPERM');
    expect(errorOf(() => tree.setattr(node, { mode: 0o666 }, caller))).toBe('EPERM');
  }
  expect(source.approvals).toEqual([]);
  expect(source.rejections).toEqual([]);
  expect(source.policies).toEqual([]);
});

test('the operator replaces the policy in one write; without a function for it the file is read-only', () => {
  const source = new FakeSource('operator');
  writeAt(treeOf(source), 'policy', 'version = 1\n# r\xc3\xa8gle\n');
  expect(source.policies).toEqual(['operator pid 77: version = 1\n# règle\n']);
  const without = new FakeSource('operator');
  Object.defineProperty(without, 'replacePolicy', { value: undefined });
  expect(errorOf(() => writeAt(treeOf(without), 'policy', 'version = 1\n'))).toBe('EPERM');
});
