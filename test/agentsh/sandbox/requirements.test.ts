// What is missing is named with its fix, and nothing starts; nothing in the environment changes that.
import { describe, expect, test } from 'vitest';
import { landlockAbi, landlockPlan } from '../../../agentsh/sandbox/landlock.ts';
import { checkSandbox, insideSandbox } from '../../../agentsh/sandbox/requirements.ts';

const abi = landlockAbi();
const asUser = { net: 'none', idShift: 0 } as const;

test('this machine has what a user and root need', async () => {
  expect(await checkSandbox(asUser, abi, 1000)).toEqual([]);
  expect(await checkSandbox({ net: 'host', idShift: 1_000_000 }, abi, 0)).toEqual([]);
});

describe('refused, with a fix', () => {
  test.each([
    ['no Landlock', asUser, 0, 1000, /Landlock is missing/],
    ['Landlock without renames between directories', asUser, 1, 1000, /ABI is 1/],
    ['--net host without scopes', { net: 'host', idShift: 0 } as const, 5, 1000, /--net host needs Landlock ABI 6/],
    ['host root without shifted ids', asUser, abi, 0, /host root never runs/],
    ['shifted ids as a user', { net: 'none', idShift: 65_536 } as const, abi, 1000, /only root can shift/],
  ])('%s', async (_, needs, level, uid, reason) => {
    const [problem] = await checkSandbox(needs, level, uid);
    expect(problem?.reason).toMatch(reason);
    expect(problem?.fix).not.toBe('');
  });
});

test('an environment variable does not make this the inside of a sandbox, nor a /.kernel that is no FUSE mount', () => {
  process.env.AGENTSH = '1';
  expect(insideSandbox()).toBe(false);
  delete process.env.AGENTSH;
});

test('the Landlock plan asks for nothing an older kernel does not know', () => {
  expect(landlockPlan(2, false)).toMatchObject({ attributeBytes: 8, handled: 0x3fff, scoped: 0 });
  expect(landlockPlan(4, false)).toMatchObject({ attributeBytes: 16, handled: 0x7fff, scoped: 0 });
  expect(landlockPlan(7, false)).toMatchObject({ attributeBytes: 24, handled: 0xffff, scoped: 3, beneathRoot: 0xffff });
  expect(landlockPlan(7, true)).toMatchObject({ beneathRoot: 0xfffe, beneathEntries: 1 });
});
