// agentsh approve and reject: what is sent is exactly what was named or shown.
import { describe, expect, test } from 'vitest';
import { dispatch } from '../../agentsh/dispatch.ts';
import { EXIT } from '../../agentsh/exitCodes.ts';
import { RequestError } from '../../fs/daemon/requestError.ts';
import { type Answers, type FakeContext, fakeContext, item } from './fakeContext.ts';

const ITEMS = [item('aaaa', '/w/one'), item('bbbb', '/w/two'), item('cccc', '/w/.envrc', { protected: true })];

function context(script?: readonly string[], changes: Answers = {}): FakeContext {
  return fakeContext(
    {
      pending: () => [{ agent: 'w:main', set: 'digest', ignored: 3, items: ITEMS }],
      approve: ({ ids }) => [
        { agent: 'w:main', commit: 'c1', approved: ids, parents: ['/w/new'], conflicts: [], leftovers: [] },
      ],
      reject: ({ ids }) => [{ agent: 'w:main', rejected: ids }],
      ...changes,
    },
    script,
  );
}
const sent = ({ calls }: FakeContext) => calls.filter(({ method }) => method !== 'pending').map(({ params }) => params);

describe('agentsh approve', () => {
  test('takes ids and paths together, and tells which new directories came along', async () => {
    const fake = context();
    expect(await dispatch(['approve', 'aa', './two'], fake)).toBe(EXIT.ok.code);
    expect(sent(fake)).toEqual([{ ids: ['aaaa', 'bbbb'] }]);
    expect(fake.lines).toEqual(['approved 2 changes of w:main (commit c1)', '  with its new directory /w/new']);
  });

  test('tells which removed directories stay, and why', async () => {
    const kept = { agent: 'w:main', commit: 'c1', approved: ['aaaa'], parents: [], conflicts: [] };
    const leftovers = [{ path: '/w/one', count: 2 }];
    const fake = context([], { approve: () => [{ ...kept, leftovers }] });
    expect(await dispatch(['approve', 'aa'], fake)).toBe(EXIT.ok.code);
    expect(fake.lines.at(-1)).toBe('  kept /w/one: it holds 2 entries that the agent could not see');
  });

  test('--all sends what was shown after a yes, without what is protected', async () => {
    const fake = context(['y']);
    expect(await dispatch(['approve', '--all'], fake)).toBe(EXIT.ok.code);
    expect(sent(fake)).toEqual([{ agent: 'w:main', ids: ['aaaa', 'bbbb'] }]);
    expect(fake.errors.join('')).toContain('agentsh approve cccc');
  });

  test.each([['n'], [''], ['yep']])('--all with the answer %j approves nothing', async (answer) => {
    const fake = context([answer]);
    expect(await dispatch(['approve', '--all'], fake)).toBe(EXIT.failure.code);
    expect(sent(fake)).toEqual([]);
  });

  test('--all without a terminal asks for --set', async () => {
    const fake = context();
    expect(await dispatch(['approve', '--all'], fake)).toBe(EXIT.usage.code);
    expect(sent(fake)).toEqual([]);
  });

  test('--set approves the listing with that digest, and exits 4 for one that moved on', async () => {
    const fake = context();
    expect(await dispatch(['approve', '--all', '--set', 'digest'], fake)).toBe(EXIT.ok.code);
    expect(sent(fake)).toEqual([{ agent: 'w:main', ids: [], set: 'digest' }]);
    expect(await dispatch(['approve', '--set', 'older'], fake)).toBe(EXIT.conflict.code);
  });

  test.each([
    ['ESTALE', EXIT.conflict.code],
    ['EPERM', EXIT.refused.code],
    ['ENOENT', EXIT.usage.code],
    ['EIO', EXIT.failure.code],
    ['environment', EXIT.environment.code],
  ])('a kernel that answers %s makes it exit %i', async (code, exit) => {
    const fake = context(undefined, {
      approve: () => {
        throw new RequestError(code, `because of ${code}`);
      },
    });
    expect(await dispatch(['approve', 'aaaa'], fake)).toBe(exit);
    expect(fake.errors.join('')).toBe(`agentsh: because of ${code}\n`);
  });

  test('--json is an array of flat objects', async () => {
    const fake = context();
    await dispatch(['approve', 'aaaa', '--json'], fake);
    expect(JSON.parse(fake.lines[0] ?? '')).toMatchObject([
      { status: 'approved', id: 'aaaa', commit: 'c1', agent: 'w:main' },
      { status: 'parent', path: '/w/new' },
    ]);
  });
});

describe('agentsh reject', () => {
  test('sends the reason', async () => {
    const fake = context();
    expect(await dispatch(['reject', 'aaaa', '-m', 'not like this'], fake)).toBe(EXIT.ok.code);
    expect(sent(fake)).toEqual([{ ids: ['aaaa'], reason: 'not like this' }]);
  });

  test('--all covers protected changes too: rejecting is safe', async () => {
    const fake = context(['yes']);
    await dispatch(['reject', '--all'], fake);
    expect(sent(fake)).toEqual([{ ids: ['aaaa', 'bbbb', 'cccc'], reason: '' }]);
  });
});

describe('agentsh pending', () => {
  test('--json has the keys of the control file', async () => {
    const fake = context();
    await dispatch(['pending', '--json'], fake);
    const rows = JSON.parse(fake.lines[0] ?? '') as Record<string, unknown>[];
    expect(Object.keys(rows[0] ?? {})).toEqual('id kind path agent base result size taint protected age'.split(' '));
    expect(rows).toHaveLength(3);
  });

  test('ends with the digest and the ignored paths', async () => {
    const fake = context();
    await dispatch(['pending'], fake);
    expect(fake.lines.slice(-2)).toEqual([
      'set digest  (w:main)',
      '3 ignored paths kept private (agentsh pending --ignored)',
    ]);
  });
});
