// The whole kernel process as an ordinary user: fusermount3, no id shift, an approval that lands as the user's file.
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { TEST_USER } from '../setup.ts';
import { run } from './harness.ts';

let directory: string;
const isRoot = process.getuid!() === 0;
const idOf = (flag: string) => execFileSync('id', [flag, TEST_USER], { encoding: 'utf8' }).trim();

beforeEach(() => {
  directory = mkdtempSync('/var/tmp/agentsh-user-');
  if (isRoot) chownSync(directory, Number(idOf('-u')), Number(idOf('-g')));
});
afterEach(async () => {
  for (const { mountpoint } of agentshMounts(directory)) await run('umount', '-l', mountpoint);
  rmSync(directory, { recursive: true, force: true });
});

test('boot, session, mount, approval and shutdown work without privilege', async () => {
  const driver = fileURLToPath(new URL('../../dist/test/daemon/userDriver.js', import.meta.url));
  const become = isRoot ? ['setpriv', `--reuid=${idOf('-u')}`, `--regid=${idOf('-g')}`, '--init-groups'] : [];
  const words = [...become, process.execPath, driver, directory];
  const { status, output, error } = await run(words[0]!, ...words.slice(1));
  expect([status, error]).toEqual([0, '']);
  expect(JSON.parse(output)).toEqual({
    health: 'ok\n',
    idShift: 0,
    inside: ['a.txt'],
    pending: [['create', `${directory}/work/b.txt`]],
    seen: 'new',
    approved: 1,
    landed: [true, '644'],
    left: 0,
  });
});
