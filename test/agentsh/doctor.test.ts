// The doctor tries each need for real, tells it in one line, and never fails itself.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Check, doctor } from '../../agentsh/doctor.ts';

const main = fileURLToPath(new URL('../../dist/agentsh/main.js', import.meta.url));

/** The doctor's verdict where `prepare` (shell text, in a mount namespace of its own) took something away. */
function without(prepare: string): { readonly code: number | null; readonly checks: readonly Check[] } {
  const script = `${prepare}\nexec "$0" "$@"`;
  const words = [
    '--mount',
    '--propagation',
    'private',
    '--',
    'sh',
    '-c',
    script,
    process.execPath,
    main,
    'doctor',
    '--json',
  ];
  const { status, stdout } = spawnSync('unshare', words, { encoding: 'utf8' });
  return { code: status, checks: JSON.parse(stdout) as Check[] };
}

test('on a machine that runs the tests every need is met', async () => {
  const checks = await doctor();
  expect(checks.filter(({ ok, optional }) => !ok && !optional)).toEqual([]);
  expect(checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['fuse device', 'bubblewrap', 'landlock', 'disk']),
  );
  for (const { ok, fix } of checks) expect(fix === '').toBe(ok);
});

test.each([
  ['bubblewrap', 'mount --bind /dev/null /usr/bin/bwrap', /apt-get install bubblewrap/],
  ['sandbox', 'mount --bind /bin/false /usr/bin/bwrap', /container/],
  ['fuse device', 'mount -t tmpfs none /dev', /modprobe fuse/],
])('%s missing is found, told with its fix, and the exit code is 5', (name, prepare, fix) => {
  const { code, checks } = without(prepare);
  expect(code).toBe(5);
  expect(checks.find((check) => check.name === name)).toMatchObject({ ok: false, fix: expect.stringMatching(fix) });
});
