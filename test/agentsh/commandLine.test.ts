// The command line as a contract: what is wrong is said, with the way to say it right, and exits 2.
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../agentsh/commandTable.ts';
import { dispatch } from '../../agentsh/dispatch.ts';
import { EXIT } from '../../agentsh/exitCodes.ts';
import { fakeContext } from './fakeContext.ts';

/** Exit code and stderr of a call that must not reach the kernel. */
async function call(...words: string[]): Promise<{ code: number; errors: string; lines: string }> {
  const context = fakeContext({});
  const code = await dispatch(words, context);
  expect(context.calls).toEqual([]);
  return { code, errors: context.errors.join(''), lines: context.lines.join('\n') };
}

describe('wrong use exits 2 and says how it is right', () => {
  test.each([
    [['sh', '-x'], 'to run it: agentsh -- sh -x'],
    [['pendign'], 'did you mean: agentsh pending'],
    [['zzzzzzzzzz'], 'neither a command of agentsh nor a program'],
    [['-n', 'bob', 'pending'], 'agentsh pending -n bob'],
    [['--'], 'no command after --'],
    [['-c', 'true', '--', 'true'], 'not both'],
    [['--bogus'], "unknown option '--bogus'"],
    [['pending', '--bogus'], "unknown option '--bogus'"],
    [['kill'], "missing required argument 'agent'"],
    [['approve'], 'say what to approve'],
    [['approve', '--all', 'abc'], 'say what to approve'],
    [['reject'], 'say what to reject'],
    [['policy', 'lint'], 'the only verb is check'],
    [['policy', 'check', '/nonexistent.toml'], 'cannot read the policy'],
    [['--env', 'A B=1', '-c', 'true'], 'A B'],
    [['mount', '--mode', 'bogus', '/mnt'], 'one of rw, invisible'],
  ])('agentsh %j', async (words, said) => {
    const { code, errors } = await call(...words);
    expect(errors).toContain(said);
    expect(code).toBe(EXIT.usage.code);
  });
});

describe('help', () => {
  test('lists every command and every exit code, on stdout', async () => {
    const { code, lines } = await call('--help');
    expect(code).toBe(0);
    for (const { name } of COMMANDS) expect(lines).toMatch(new RegExp(`^  ${name} `, 'm'));
    for (const exit of Object.values(EXIT)) expect(lines).toContain(exit.meaning);
  });

  test.each(COMMANDS.map(({ name }) => name))('agentsh %s --help', async (name) => {
    const { code, lines } = await call(name, '--help');
    expect(code).toBe(0);
    expect(lines).toContain(`agentsh ${name}`);
  });

  test('--version is the package’s', async () => {
    expect((await call('--version')).lines).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('inside a sandbox', () => {
  test('another sandbox is refused with 5', async () => {
    const context = fakeContext({}, undefined, { insideKernel: '/.kernel' });
    expect(await dispatch(['-c', 'true'], context)).toBe(EXIT.environment.code);
    expect(context.errors.join('')).toContain('one inside another is refused');
  });

  test.each(['approve', 'reject', 'kill', 'shutdown', 'operator'])('%s is refused with 3', async (name) => {
    const context = fakeContext({}, undefined, { insideKernel: '/.kernel' });
    const operands = name === 'kill' ? ['x'] : [];
    expect(await dispatch([name, ...operands], context)).toBe(EXIT.refused.code);
  });
});
