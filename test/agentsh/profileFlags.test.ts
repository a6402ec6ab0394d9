// A profile's flags reach the program that it is for: they were printed as granted and then left out.
import { expect, test } from 'vitest';
import { commandLine } from '../../agentsh/commands/run.ts';

const session = { policy: { flags: ['-c', 'sandbox_mode="danger-full-access"'] } };

test.each([
  { operands: ['codex', 'exec', 'hello'], profile: undefined, flagged: true },
  { operands: ['/opt/bin/codex', 'exec', 'hello'], profile: undefined, flagged: true },
  { operands: ['codex', 'exec', 'hello'], profile: 'codex', flagged: true },
  { operands: ['bash', 'exec', 'hello'], profile: 'codex', flagged: false },
])('$operands with --profile $profile', ({ operands, profile, flagged }) => {
  const options = profile === undefined ? {} : { profile };
  const flags = flagged ? session.policy.flags : [];
  expect(commandLine(operands, options, session)).toEqual([operands[0], ...flags, 'exec', 'hello']);
});

test('a shell has no flags', () => {
  expect(commandLine([], {}, session)).toEqual([]);
});
