// What the operator writes to `approve`, `reject` and `pending/<id>`, and what comes of it.
import { beforeEach, describe, expect, test } from 'vitest';
import { Refusal } from '../../fs/control/refusal.ts';
import { ControlTree } from '../../fs/control/tree.ts';
import { errorOf, FakeSource, pendingItem } from './fakeSource.ts';
import { readAt, writeAt } from './walk.ts';

let source: FakeSource;
let tree: ControlTree;
const write = (path: string, text: string): string => errorOf(() => writeAt(tree, path, text));
const approved = (): (readonly string[])[] => source.approvals.map(({ ids }) => ids);

beforeEach(() => {
  source = new FakeSource('operator');
  tree = new ControlTree(source, { uid: 0, gid: 0, nodeBase: 1 });
});

describe('pending/<id>', () => {
  test('approve, with or without a newline, in the name of the writer', () => {
    expect(write('pending/aaaa1111', 'approve\n')).toBe('ok');
    expect(write('pending/bbbb2222', 'approve')).toBe('ok');
    expect(source.approvals).toEqual([
      { ids: ['aaaa1111'], by: 'operator pid 77' },
      { ids: ['bbbb2222'], by: 'operator pid 77' },
    ]);
    expect(readAt(tree, 'approve')).toBe('commit c1\napproved bbbb2222 "/w/src/b b.ts"\nparent /w/new\n');
  });

  test('reject, with or without a reason', () => {
    expect(write('pending/aaaa1111', 'reject it is not n\xc3\xb6tig\n')).toBe('ok');
    expect(write('pending/bbbb2222', 'reject\n')).toBe('ok');
    expect(source.rejections).toEqual([
      { ids: ['aaaa1111'], reason: 'it is not nötig', pid: 77 },
      { ids: ['bbbb2222'], reason: '', pid: 77 },
    ]);
    expect(readAt(tree, 'reject')).toBe('rejected bbbb2222 "/w/src/b b.ts"\n');
  });

  test.each([
    '',
    '\n',
    'yes',
    'approved',
    'Approve',
    'approve hunks 1',
    'approve\nreject',
    'reject a\nb',
    'rejecting',
    '\0',
  ])('bad verb %j is EINVAL and changes nothing', (text) => {
    expect(write('pending/aaaa1111', text)).toBe('EINVAL');
    expect(source.items).toHaveLength(2);
  });

  test('a protected change is approved by its own id', () => {
    source.items = [pendingItem('aaaa1111', '/w/.envrc', { protected: true })];
    expect(write('pending/aaaa1111', 'approve\n')).toBe('ok');
  });

  test('T35: an id whose change moved on after it was opened is ESTALE', () => {
    const before = source.items;
    source.items = [];
    source.moved.add('aaaa1111');
    expect(write('pending/aaaa1111', 'approve\n')).toBe('ESTALE');
    source.items = before;
    expect(source.approvals).toEqual([]);
  });

  test('T36: a conflict on the host is ESTALE, and `approve` says which path', () => {
    source.conflicts = [{ path: '/w/a.ts', reason: 'changed on the host' }];
    expect(write('pending/aaaa1111', 'approve\n')).toBe('ESTALE');
    expect(readAt(tree, 'approve')).toBe('error ESTALE\nconflict /w/a.ts changed on the host\n');
  });
});

describe('items', () => {
  test.each([
    ['ids, one a line', 'aaaa1111\nbbbb2222\n', ['aaaa1111', 'bbbb2222']],
    ['ids on one line, twice', 'aaaa1111 bbbb2222 aaaa1111', ['aaaa1111', 'bbbb2222']],
    ['a unique prefix', 'bbbb', ['bbbb2222']],
    ['a path', '/w/a.ts\n', ['aaaa1111']],
    ['a path with a space', '/w/src/b b.ts\n', ['bbbb2222']],
    ['a quoted path, as listed', '"/w/src/b b.ts"\n', ['bbbb2222']],
    ['a path inside a new directory goes to the source', '/w/new/deep/x\n', ['/w/new/deep/x']],
    ['a quoted path with a star is that path', '"/w/*"\n', ['/w/*']],
    ['words that begin with an id may hold a path', 'aaaa1111 /w/x', ['aaaa1111', '/w/x']],
  ])('%s', (_name, text, ids) => {
    expect(write('approve', text)).toBe('ok');
    expect(approved()).toEqual([ids]);
  });

  test.each([
    ['nothing', '\n\n', 'EINVAL'],
    ['an unknown id', 'aaaa1111 cccc3333', 'ENOENT'],
    ['an id that moved on', 'dddd4444', 'ESTALE'],
    ['too short a prefix', 'bbb', 'ENOENT'],
    ['an ambiguous prefix', 'aaaa', 'EINVAL'],
    ['a relative path', 'src/a.ts', 'EINVAL'],
    ['a path with dots', '/w/../etc/passwd', 'EINVAL'],
    ['the root', '/', 'EINVAL'],
    ['broken quotes', '"/w/a', 'EINVAL'],
    ['quotes round a relative path', '"w/a"', 'EINVAL'],
    ['set without a digest', 'set', 'EINVAL'],
    ['a reason where none belongs', 'aaaa1111\nreason of state', 'ENOENT'],
    ['a pattern that matches nothing', '*.rs', 'ENOENT'],
  ])('%s: %j is %s, and nothing of the write happens', (name, text, error) => {
    source.moved.add('dddd4444');
    if (name === 'an ambiguous prefix') source.items.push(pendingItem('aaaa9999', '/w/z'));
    readAt(tree, 'pending/index');
    expect(write('approve', text)).toBe(error);
    expect(approved()).toEqual([]);
    expect(readAt(tree, 'approve')).toMatch(new RegExp(`^error ${error}( .+)?\n$`));
  });

  test('a path that several agents changed needs an id', () => {
    source.items.push(pendingItem('eeee5555', '/w/a.ts', { agent: 'codex' }));
    expect(write('approve', '/w/a.ts\n')).toBe('EINVAL');
    expect(readAt(tree, 'approve')).toBe('error EINVAL /w/a.ts is pending of several agents: name it by its id\n');
  });

  test('T35: a path that changed after it was listed is ESTALE; one that came since is what it says', () => {
    readAt(tree, 'pending/index');
    source.items = [pendingItem('cccc3333', '/w/a.ts'), pendingItem('eeee5555', '/w/new')];
    expect(write('approve', '/w/a.ts\n/w/new\n')).toBe('ESTALE');
    expect(readAt(tree, 'approve')).toContain('/w/a.ts has changed since the last listing: it is now cccc3333');
    expect(write('approve', '/w/new\n')).toBe('ok');
    expect(write('approve', 'cccc3333')).toBe('ok');
    expect(approved()).toEqual([['eeee5555'], ['cccc3333']]);
  });

  test('one command is 64 KiB at most', () => {
    expect(write('approve', 'a'.repeat(64 * 1024 + 1))).toBe('EFBIG');
  });

  test('what the source refuses is the answer, and its reason can be read', () => {
    source.approve = () => {
      throw new Refusal('EDQUOT', 'no space\x1b[31m left');
    };
    expect(write('approve', 'aaaa1111')).toBe('EDQUOT');
    expect(readAt(tree, 'approve')).toBe('error EDQUOT no space\\x1b[31m left\n');
  });

  test('reject takes the same items and one reason', () => {
    expect(write('reject', '/w/a.ts\nbbbb2222\nreason not today\n')).toBe('ok');
    expect(source.rejections).toEqual([{ ids: ['aaaa1111', 'bbbb2222'], reason: 'not today', pid: 77 }]);
    expect(write('reject', 'reason alone')).toBe('EINVAL');
    source.items = [pendingItem('aaaa1111', '/w/a')];
    expect(write('reject', `aaaa1111\nreason ${'x'.repeat(1025)}`)).toBe('EINVAL');
  });
});

describe('bulk', () => {
  test('all before any listing is refused', () => {
    expect(write('approve', 'all')).toBe('ESTALE');
    expect(readAt(tree, 'approve')).toContain('read pending/index');
  });

  test('all covers what was listed and is unaltered; the rest is reported', () => {
    readAt(tree, 'pending/index');
    source.items = [source.items[0]!, pendingItem('cccc3333', '/w/src/b b.ts')];
    expect(write('approve', 'all')).toBe('ok');
    expect(approved()).toEqual([['aaaa1111']]);
    expect(readAt(tree, 'approve')).toContain(
      'skipped cccc3333 "/w/src/b b.ts" new or changed since the last listing: read pending/index\n',
    );
    expect(write('approve', 'all')).toBe('ESTALE');
    readAt(tree, 'pending/index');
    expect(write('approve', 'all')).toBe('ok');
    expect(write('approve', 'all')).toBe('ok');
  });

  test('T15: protected paths are never approved in bulk, but may be rejected so', () => {
    source.items.push(pendingItem('ffff6666', '/w/.git/hooks/pre-commit', { protected: true }));
    readAt(tree, 'pending/index');
    for (const text of ['all', `set ${source.set}`, '/w/**', '/w/.git/hooks/*']) write('approve', text);
    expect(approved().flat()).not.toContain('ffff6666');
    expect(write('approve', '*commit')).toBe('EPERM');
    expect(readAt(tree, 'approve')).toBe('error EPERM protected: approve it by its own id\n');
    expect(write('reject', 'all')).toBe('ok');
    expect(source.items).toEqual([]);
  });

  test('a protected path that is also named by its id is approved', () => {
    source.items.push(pendingItem('ffff6666', '/w/.envrc', { protected: true }));
    readAt(tree, 'pending/index');
    expect(write('approve', 'all\nffff6666')).toBe('ok');
    expect(approved()).toEqual([['aaaa1111', 'bbbb2222', 'ffff6666']]);
    expect(readAt(tree, 'approve')).not.toContain('skipped');
  });

  test('set DIGEST needs no listing here, but must be what is pending now', () => {
    expect(write('approve', 'set 0000')).toBe('ESTALE');
    expect(readAt(tree, 'approve')).toBe(`error ESTALE what is pending is now set ${source.set}\n`);
    expect(write('approve', `set ${source.set}\n`)).toBe('ok');
    expect(approved()).toEqual([['aaaa1111', 'bbbb2222']]);
  });

  test.each([
    ['*.ts', ['aaaa1111', 'bbbb2222']],
    ['/w/*.ts', ['aaaa1111']],
    ['/w/**/*.ts', ['aaaa1111', 'bbbb2222']],
    ['src/**', ['bbbb2222']],
    ['/w/src/b *.ts', ['bbbb2222']],
  ])('pattern %s', (pattern, ids) => {
    readAt(tree, 'pending/index');
    expect(write('approve', pattern)).toBe('ok');
    expect(approved()).toEqual([ids]);
  });

  test('a pending path that holds a star is that path first', () => {
    source.items.push(pendingItem('abcd1234', '/w/*'));
    expect(write('approve', '/w/*\n')).toBe('ok');
    expect(approved()).toEqual([['abcd1234']]);
  });
});

test('T46: the index shows what would deceive a reader escaped, one line each', () => {
  source.items = [
    pendingItem('aaaa1111', '/w/x\n0 ignored\x1b[2J', {
      kind: 'rename',
      source: '/w/\xe2\x80\xaegnp.exe',
      taint: 'web',
    }),
    pendingItem('bbbb2222', '/w/caf\xc3\xa9', { kind: 'create', count: 3, protected: true, agent: 'w:a b' }),
  ];
  expect(readAt(tree, 'pending/index').split('\n')).toEqual([
    `set ${source.set}`,
    'aaaa1111 rename claude 12 3 taint=web "/w/\\u{202e}gnp.exe" -> "/w/x\\n0 ignored\\x1b[2J"',
    'bbbb2222 create "w:a b" 12 3 protected,entries=3 /w/caf\xc3\xa9',
    '4 ignored paths kept private',
    '',
  ]);
});
