// What the host refuses or makes hard: no space, read-only directories, deep paths, sparse files, attributes, mounts.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { ERRNO } from '../../fs/errno.ts';
import { setxattr } from '../../fs/host/syscall.ts';
import { HostRoot } from '../../fs/host/walk.ts';
import { commit } from '../../fs/journal/commit.ts';
import { Bench, text } from './commitFixture.ts';

const ABSENT = { version: { type: 'absent' } } as const;
const mounts: string[] = [];
afterEach(() => {
  for (const at of mounts.splice(0)) {
    execFileSync('umount', [at]);
    rmSync(at, { recursive: true });
  }
});

function tmpfs(options: string): string {
  const at = `/tmp/commit-mount-${process.pid}-${mounts.length}`;
  mkdirSync(at, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at]);
  mounts.push(at);
  return at;
}

test('no space in the middle: the errno is said, everything is back, nothing is left', () => {
  const parent = tmpfs('size=1m');
  const bench = new Bench({ parent, preimages: `/dev/shm/commit-pre-${process.pid}` });
  bench.write('a', 'a before');
  bench.write('b', 'b before');
  const big = Buffer.alloc(900_000, 1);
  const steps = [
    bench.file('a', 'a after'),
    bench.remove('b'),
    bench.file('c', big.subarray(0, 300_000), { base: ABSENT, mode: 0o644 }),
  ];
  const plan = bench.plan(...steps);
  const filler = openSync(`${parent}/filler`, 'w');
  try {
    for (;;) writeSync(filler, big, 0, 100_000);
  } catch {
    truncateSync(`${parent}/filler`, statSync(`${parent}/filler`).size - 120_000);
  }
  closeSync(filler);
  const before = bench.tree();
  const outcome = commit(plan, bench.ports());
  rmSync(bench.preimages, { recursive: true });
  expect(outcome).toEqual({
    status: 'conflict',
    errno: ERRNO.ENOSPC,
    conflicts: [{ path: bench.path('c'), reason: 'ENOSPC' }],
  });
  expect(bench.tree()).toEqual(before);
});

test('a read-only file system: EROFS, everything is back', () => {
  const bench = new Bench({ parent: '/dev/shm' });
  bench.write('a', 'a before');
  mkdirSync(bench.path('mounted'));
  const plan = bench.plan(bench.file('a', 'a after'), bench.file('mounted/b', 'b', { base: ABSENT, mode: 0o644 }));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', bench.path('mounted')]);
  try {
    expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict', errno: ERRNO.EROFS });
    expect(text(bench.path('a'))).toBe('a before');
  } finally {
    execFileSync('umount', [bench.path('mounted')]);
  }
});

test('a mount inside the workspace is committed to as well; a rename into it is EXDEV and changes nothing', () => {
  const bench = new Bench({ parent: '/dev/shm' });
  bench.write('a', 'a before');
  mkdirSync(bench.path('mounted'));
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', bench.path('mounted')]);
  try {
    bench.write('mounted/b', 'b before');
    const plan = bench.plan(bench.file('mounted/b', 'b after'));
    expect(commit(plan, bench.ports())).toMatchObject({ status: 'done' });
    expect(text(`${bench.preimages}/${plan.id}-0`)).toBe('b before');
    const across = bench.plan(bench.rename('a', 'mounted/a'));
    expect(commit(across, bench.ports())).toMatchObject({ status: 'conflict', errno: ERRNO.EXDEV });
    expect(text(bench.path('a'))).toBe('a before');
  } finally {
    execFileSync('umount', [bench.path('mounted')]);
  }
});

test('a workspace on overlayfs: what comes from its lower layer is replaced, removed and renamed', () => {
  const bench = new Bench({ parent: '/dev/shm' });
  for (const name of ['lower', 'upper', 'work']) mkdirSync(`${bench.directory}/${name}`);
  for (const name of ['modified', 'removed', 'renamed', 'target', 'linked'])
    writeFileSync(`${bench.directory}/lower/${name}`, `${name} before`);
  const options = ['lowerdir=lower', 'upperdir=upper', 'workdir=work'].map((each) =>
    each.replace('=', `=${bench.directory}/`),
  );
  execFileSync('mount', ['-t', 'overlay', '-o', options.join(','), 'overlay', bench.root]);
  try {
    linkSync(bench.path('linked'), bench.path('other'));
    const plan = bench.plan(
      bench.rename('renamed', 'target'),
      bench.remove('removed'),
      bench.file('modified', 'modified after'),
      bench.file('linked', 'linked after'),
    );
    expect(commit(plan, bench.ports())).toMatchObject({ status: 'done' });
    expect(Object.keys(bench.tree())).toEqual(['linked', 'modified', 'other', 'target']);
    expect(['modified', 'target', 'other'].map((name) => text(bench.path(name)))).toEqual([
      'modified after',
      'renamed before',
      'linked after',
    ]);
  } finally {
    execFileSync('umount', [bench.root]);
  }
});

test('a path longer than PATH_MAX is walked and committed to', () => {
  const bench = new Bench({ parent: '/dev/shm' });
  const name = 'd'.repeat(200);
  const steps = [];
  let relative = '';
  for (let depth = 0; depth < 30; depth++) {
    relative += `${depth === 0 ? '' : '/'}${name}`;
    steps.push(bench.mkdir(relative));
  }
  const file = { ...bench.file('f', 'deep', { base: ABSENT, mode: 0o644 }), path: bench.path(`${relative}/f`) };
  expect(relative.length).toBeGreaterThan(4096);
  expect(commit(bench.plan(...steps, file), bench.ports())).toMatchObject({ status: 'done' });
  const root = new HostRoot(bench.root);
  const parent = root.openParent(bench.path(`${relative}/f`));
  expect(text(`/proc/self/fd/${parent.fd}/f`)).toBe('deep');
  parent.close();
  root.close();
});

test('holes stay holes', () => {
  const bench = new Bench();
  const sparse = bench.seal('');
  const size = 64 << 20;
  const fd = openSync(sparse, 'r+');
  writeSync(fd, 'middle', 32 << 20);
  closeSync(fd);
  truncateSync(sparse, size);
  const step = bench.file(
    'sparse',
    Buffer.concat([Buffer.alloc(32 << 20), Buffer.from('middle'), Buffer.alloc((32 << 20) - 6)]),
    { base: ABSENT, mode: 0o644 },
  );
  expect(commit(bench.plan({ ...step, sealed: sparse } as typeof step), bench.ports())).toMatchObject({
    status: 'done',
  });
  const stat = statSync(bench.path('sparse'));
  expect(stat.size).toBe(size);
  expect(stat.blocks * 512).toBeLessThan(1 << 20);
});

test('attributes and ACLs land exactly, security.* never', () => {
  const bench = new Bench();
  bench.write('a', 'before', 0o640);
  setxattr(bench.path('a'), 'user.kept', Buffer.from('host'));
  execFileSync('setfacl', ['-m', 'u:daemon:r', bench.path('a')]);
  execFileSync('setfacl', ['-d', '-m', 'u:daemon:rwx', bench.root]);
  const base = bench.base('a');
  const had = 'xattrs' in base.version ? (base.version.xattrs ?? {}) : {};
  expect(Object.keys(had)).toEqual(['system.posix_acl_access', 'user.kept']);
  const xattrs = { ...had, 'security.capability': '0100000200040000000000000000000000000000', 'user.new': 'ff00' };
  const plan = bench.plan(bench.file('a', 'after', { xattrs }), bench.file('plain', 'x', { mode: 0o600 }));
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'done' });
  expect(bench.base('a').version).toMatchObject({ mode: 0o640, xattrs: { ...had, 'user.new': 'ff00' } });
  expect(
    execFileSync('getfattr', ['-d', '-m', '-', '--absolute-names', bench.path('a')], { encoding: 'utf8' }),
  ).not.toContain('security.cap');
  expect(bench.base('plain').version).not.toHaveProperty('xattrs');
  expect(statSync(bench.path('plain')).mode & 0o7777).toBe(0o600);
});

test('sealed bytes that are not what was approved never land', () => {
  const bench = new Bench();
  bench.write('a', 'before');
  const step = bench.file('a', 'approved');
  const plan = bench.plan({ ...step, sealed: bench.seal('tampered') } as typeof step);
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict', errno: ERRNO.EIO });
  expect(text(bench.path('a'))).toBe('before');
  expect(Object.keys(bench.tree())).toEqual(['a']);
});

test('a pipe in the place of a file is a conflict, and is never opened', () => {
  const bench = new Bench();
  bench.write('a', 'before');
  const plan = bench.plan(bench.file('a', 'after'), bench.remove('a'));
  rmSync(bench.path('a'));
  execFileSync('mkfifo', [bench.path('a')]);
  chmodSync(bench.path('a'), 0o644);
  expect(commit(plan, bench.ports())).toMatchObject({ status: 'conflict' });
  expect(statSync(bench.path('a')).isFIFO()).toBe(true);
});
