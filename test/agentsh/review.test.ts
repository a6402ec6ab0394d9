// agentsh review: one question for each change; the answers are carried out at the end.
import { describe, expect, test } from 'vitest';
import { dispatch } from '../../agentsh/dispatch.ts';
import { EXIT } from '../../agentsh/exitCodes.ts';
import { type FakeContext, fakeContext, item } from './fakeContext.ts';

const ITEMS = [
  item('aaaa', '/w/one'),
  item('bbbb', '/w/two'),
  item('cccc', '/w/.envrc', { protected: true }),
  item('dddd', '/w/four\x1b[2J'),
];

function context(script: readonly string[] | undefined, conflict = false): FakeContext {
  return fakeContext(
    {
      pending: () => [{ agent: 'w:main', set: 'digest', ignored: 0, items: ITEMS }],
      detail: ({ id }) => ({ agent: 'w:main', text: `kind modify\npath ${id}\n\n-old\n+new ${id}\n` }),
      approve: ({ ids }) => [
        {
          agent: 'w:main',
          commit: 'c1',
          approved: conflict ? [] : ids,
          parents: [],
          leftovers: [],
          conflicts: conflict ? [{ path: '/w/one', reason: 'changed on the host' }] : [],
        },
      ],
      reject: ({ ids }) => [{ agent: 'w:main', rejected: ids }],
    },
    script,
  );
}

const decided = ({ calls }: FakeContext) =>
  calls
    .filter(({ method }) => method === 'approve' || method === 'reject')
    .map(({ method, params }) => [method, (params as { ids: string[] }).ids]);

describe('agentsh review', () => {
  test('y approves, n rejects, s leaves: one approval for all that may go together', async () => {
    const fake = context(['y', 'n', 's', 'y']);
    expect(await dispatch(['review'], fake)).toBe(EXIT.ok.code);
    expect(decided(fake)).toEqual([
      ['reject', ['bbbb']],
      ['approve', ['aaaa', 'dddd']],
    ]);
    expect(fake.errors.join('')).toContain('1 change left pending');
  });

  test('q carries out the answers so far', async () => {
    const fake = context(['y', 'q']);
    await dispatch(['review'], fake);
    expect(decided(fake)).toEqual([['approve', ['aaaa']]]);
    expect(fake.errors.join('')).toContain('3 changes left pending');
  });

  test('the end of input carries out nothing', async () => {
    const fake = context(['y', 'n']);
    expect(await dispatch(['review'], fake)).toBe(EXIT.failure.code);
    expect(decided(fake)).toEqual([]);
  });

  test('a protected change wants yes in full, and goes by itself', async () => {
    const fake = context(['y', 's', 'y', 'yes', 's']);
    await dispatch(['review'], fake);
    expect(decided(fake)).toEqual([
      ['approve', ['aaaa']],
      ['approve', ['cccc']],
    ]);
    expect(fake.errors.join('')).toContain('type yes in full');
  });

  test('d shows the diff and asks again; anything else explains the keys', async () => {
    const fake = context(['d', 'what', 'q']);
    await dispatch(['review'], fake);
    const text = fake.errors.join('');
    expect(text.match(/\+new aaaa/g)).toHaveLength(2);
    expect(text).toContain('n - reject it');
    expect(decided(fake)).toEqual([]);
  });

  test('names are shown escaped', async () => {
    const fake = context(['s', 's', 's', 's']);
    await dispatch(['review'], fake);
    expect(fake.errors.join('')).toContain('/w/four\\x1b[2J');
    expect(fake.errors.join('')).not.toContain('\x1b');
  });

  test('a conflict exits 4', async () => {
    const fake = context(['y', 'q'], true);
    expect(await dispatch(['review'], fake)).toBe(EXIT.conflict.code);
    expect(fake.errors.join('')).toContain('conflict at /w/one: changed on the host');
  });

  test('without a terminal it asks nothing and decides nothing', async () => {
    const fake = context(undefined);
    expect(await dispatch(['review'], fake)).toBe(EXIT.usage.code);
    expect(decided(fake)).toEqual([]);
    expect(fake.lines.join('\n')).toContain('/w/one');
  });
});
