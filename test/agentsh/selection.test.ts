// Words on the command line mean pending changes by unique prefix or by path.
import { describe, expect, test } from 'vitest';
import { select } from '../../agentsh/selection.ts';
import { item } from './fakeContext.ts';

const listings = [
  {
    agent: 'w:main',
    set: 's1',
    ignored: 0,
    items: [item('abcd2345', '/w/a.txt'), item('abzz2345', '/w/src/b.txt'), item('qqqq2345', '/w/bad\xff')],
  },
  { agent: 'w:other', set: 's2', ignored: 0, items: [item('mmmm2345', '/w/a.txt')] },
];
const ids = (...words: string[]) => select(listings, words, '/w/src').selected.map(({ item: { id } }) => id);

describe('select', () => {
  test('takes a unique prefix', () => expect(ids('abc')).toEqual(['abcd2345']));
  test('takes a path relative to the current directory', () => expect(ids('b.txt')).toEqual(['abzz2345']));
  test('takes an absolute path', () => expect(ids('/w/src/b.txt')).toEqual(['abzz2345']));
  test('takes a name that is no UTF-8 as it is shown', () => expect(ids('/w/bad\\xff')).toEqual(['qqqq2345']));
  test('takes each change once', () => expect(ids('abz', 'b.txt')).toEqual(['abzz2345']));
  test('takes a short word for a path where there is one, and no word for two things', () => {
    const named = [...listings, { agent: 'w:main', set: 's3', ignored: 0, items: [item('kkkk2345', '/w/src/mmm')] }];
    const with4 = [...listings, { agent: 'w:main', set: 's3', ignored: 0, items: [item('kkkk2345', '/w/src/mmmm')] }];
    expect(select(named, ['mmm'], '/w/src').selected.map((each) => each.item.id)).toEqual(['kkkk2345']);
    expect(() => select(with4, ['mmmm'], '/w/src')).toThrow('means several changes');
    expect(select(with4, ['./mmmm'], '/w/src').selected.map((each) => each.item.id)).toEqual(['kkkk2345']);
  });
  test('refuses a prefix of several', () => expect(() => ids('ab')).toThrow('means several changes'));
  test('refuses a path of several agents', () => expect(() => ids('../a.txt')).toThrow('means several changes'));
  test('leaves a path that no listing shows to the kernel', () => {
    expect(select(listings, ['./none'], '/w/src').unknown).toEqual(['/w/src/none']);
  });
  test('says how many are below a directory', () => expect(() => ids('../src/.')).toThrow('1 below it'));
  test('leaves an id that is listed no more to the kernel', () => {
    expect(select(listings, ['zzzz'], '/w').unknown).toEqual(['zzzz']);
  });
});
