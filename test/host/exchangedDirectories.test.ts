// Of two exchanged host directories the first to follow was forgotten when the second did: its name then led to another
// object, which no later rename moved along.
import { expect, test } from 'vitest';
import { HostTree } from '../../fs/host/hostTree.ts';

test('both are known at their new names', () => {
  const tree = new HostTree([]);
  const [first, second] = [tree.at('/one/first'), tree.at('/two/second')];
  const [one, two] = [tree.at('/one'), tree.at('/two')];
  second.moveTo(one, 'first');
  first.moveTo(two, 'second');
  expect(tree.at('/one/first')).toBe(second);
  expect(tree.at('/two/second')).toBe(first);
  expect([first.path(), second.path()]).toEqual(['/two/second', '/one/first']);
});
