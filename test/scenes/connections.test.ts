// `agentsh mount --connection`: how a view's files are served, what is refused, and where it shows.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;
/** Below `ro`, and read without the page cache in blocks of 4 KiB: one message each, unless it is passed through. */
const PROGRAM = '/usr/bin/bash';
const blocks = Math.floor(statSync(PROGRAM).size / 4096);

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let view: string;
  const shell = (text: string) => world.run('/bin/bash', ['-c', text], { timeoutMs: TIMEOUT_MS });
  const mount = (...words: string[]) => world.agentsh(['mount', '-n', 'looker', ...words, view]);
  const listed = async () => {
    const { stdout } = await world.agentsh(['who', '--json']);
    const rows = JSON.parse(stdout) as { readonly where: string; readonly profile: string }[];
    return rows.filter(({ where }) => where === view).map(({ profile }) => profile);
  };
  const requestsOfReading = async () => {
    const count = `sed -n 's/^agentsh_requests_total //p' '${view}/.kernel/stats'`;
    const read = `dd if='${view}${PROGRAM}' of=/dev/null bs=4k iflag=direct status=none`;
    const { stdout, stderr } = await shell(`${count}; ${read} || exit; ${count}`);
    const [before, after] = stdout.trim().split('\n').map(Number);
    if (before === undefined || after === undefined) throw new Error(`${stdout}${stderr}`);
    return after - before;
  };
  beforeAll(() => {
    world = makeWorld({ user });
    view = path.join(world.directory, 'view');
    mkdirSync(view);
    world.own(view);
  }, TIMEOUT_MS);
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'open: every read past the page cache is a message, and `who` says how it is served',
    async () => {
      expect(await mount('--connection', 'open')).toMatchObject({ code: 0, stdout: '' });
      expect(await listed()).toEqual(['open']);
      expect(await requestsOfReading()).toBeGreaterThan(blocks);
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0, stdout: '' });
    },
    TIMEOUT_MS,
  );

  test(
    'passthrough: root’s reads cost no message; anybody else is refused and nothing is mounted',
    async () => {
      const mounted = await mount('--connection', 'passthrough');
      if (user === 'root') {
        expect(mounted).toMatchObject({ code: 0, stdout: '' });
        expect(await listed()).toEqual(['passthrough']);
        expect(await requestsOfReading()).toBeLessThan(blocks / 2);
        expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0, stdout: '' });
      } else {
        expect(mounted).toMatchObject({ code: 5 });
        expect(mounted.stderr).toContain('use open');
      }
      expect(agentshMounts(view)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'without a choice it is the best there is; an unknown word is wrong use',
    async () => {
      expect(await mount()).toMatchObject({ code: 0, stdout: '' });
      expect(await listed()).toEqual([user === 'root' ? 'passthrough' : 'open']);
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0, stdout: '' });
      const wrong = await mount('--connection', 'fast');
      expect(wrong).toMatchObject({ code: 2 });
      expect(wrong.stderr).toContain('passthrough, open');
    },
    TIMEOUT_MS,
  );

  test(
    'passthrough is refused beside another connection of the agent: nothing would be passed through',
    async () => {
      expect(await mount('--connection', 'open')).toMatchObject({ code: 0, stdout: '' });
      const other = path.join(world.directory, 'other');
      mkdirSync(other);
      world.own(other);
      const refused = await world.agentsh(['mount', '-n', 'looker', '--connection', 'passthrough', other]);
      expect(refused).toMatchObject({ code: 5 });
      expect(refused.stderr).toContain(user === 'root' ? 'another connection' : 'only root');
      expect(agentshMounts(other)).toEqual([]);
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0, stdout: '' });
    },
    TIMEOUT_MS,
  );
});
