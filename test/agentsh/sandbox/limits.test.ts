// A cgroup of its own for a sandbox, where the one we are in lets us make one.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { delegatedCgroup, limitByCgroup } from '../../../agentsh/sandbox/limits.ts';

let root: string;
let membership: string;
const own = () => path.join(root, 'user.slice/session');
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'agentsh-cgroup-'));
  mkdirSync(own(), { recursive: true });
  membership = path.join(root, 'membership');
});
afterEach(() => rmSync(root, { recursive: true }));

test.each([
  ['controllers that children may use', '0::/user.slice/session\n', 'cpu memory pids\n', true],
  ['a controller missing', '0::/user.slice/session\n', 'memory\n', false],
  ['the old hierarchy alone', '8:pids:/\n4:memory:/\n', 'memory pids\n', false],
  ['a cgroup that is not there', '0::/elsewhere\n', 'memory pids\n', false],
])('%s', (_, lines, controllers, usable) => {
  writeFileSync(membership, lines);
  writeFileSync(path.join(own(), 'cgroup.subtree_control'), controllers);
  expect(delegatedCgroup(root, membership)).toBe(usable ? own() : undefined);
});

test('the limits are written before the process is put under them', () => {
  const cgroup = limitByCgroup(4321, { processes: 12, memoryBytes: 1000 }, own());
  const read = (name: string) => readFileSync(path.join(cgroup!.directory, name), 'utf8');
  expect([read('pids.max'), read('memory.max'), read('cgroup.procs')]).toEqual(['12', '1000', '4321']);
});

test('no limit, no cgroup; and one that cannot be made leaves nothing', () => {
  expect(limitByCgroup(4321, {}, own())).toBeUndefined();
  expect(limitByCgroup(4321, { processes: 1 }, path.join(root, 'missing'))).toBeUndefined();
  expect(existsSync(path.join(root, 'missing'))).toBe(false);
});
