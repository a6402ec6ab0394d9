// `agentsh mount`: an agent's view at a directory, for an editor or a test run on the host; edits in it are pending.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentshMounts } from '../../fs/fuse/mountinfo.ts';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let view: string;
  /** The workspace below the mountpoint. */
  let inView: string;
  const shell = (text: string) => world.run('/bin/bash', ['-c', text], { timeoutMs: TIMEOUT_MS });
  beforeAll(async () => {
    world = makeWorld({ user });
    view = path.join(world.directory, 'view');
    inView = `${view}${world.workspace}`;
    mkdirSync(view);
    world.own(view);
    world.write('kept.txt', 'host\n');
    await world.inside('echo agent > kept.txt; echo new > new.txt', ['-n', 'seen']);
  }, TIMEOUT_MS);
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'it shows what the agent sees, and says that there is no sandbox',
    async () => {
      const mounted = await world.agentsh(['mount', '-n', 'seen', view]);
      expect(mounted).toMatchObject({ code: 0 });
      expect(mounted.stderr).toContain('no sandbox');
      const { stdout } = await shell(
        `cat '${inView}'/kept.txt '${inView}'/new.txt; ls '${view}/usr/bin/env'; ls '${view}/proc' '${view}/root' 2>/dev/null`,
      );
      expect(stdout).toContain(`agent\nnew\n${view}/usr/bin/env\n`);
      expect(await shell(`cat '${view}/etc/shadow'`)).not.toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );

  test(
    'an edit there is pending, and not on the host; an approval is seen there',
    async () => {
      expect(
        await shell(`sed -i s/agent/edited/ '${inView}/kept.txt' && mkdir '${inView}/d' && echo x > '${inView}/d/x'`),
      ).toMatchObject({ code: 0, stderr: '' });
      expect(readFileSync(path.join(world.workspace, 'kept.txt'), 'utf8')).toBe('host\n');
      const pending = await world.pending('-n', 'seen');
      expect(pending.map((each) => path.basename(each.path)).sort()).toEqual(['d', 'kept.txt', 'new.txt']);
      expect(await world.agentsh(['approve', 'kept.txt', 'd'])).toMatchObject({ code: 0 });
      expect(readFileSync(path.join(world.workspace, 'kept.txt'), 'utf8')).toBe('edited\n');
      expect((await shell(`cat '${inView}/kept.txt' '${inView}/d/x'`)).stdout).toBe('edited\nx\n');
    },
    TIMEOUT_MS,
  );

  test(
    'whoever is there decides nothing',
    async () => {
      const id = (await world.pending('-n', 'seen'))[0]?.id;
      const { code, stderr } = await shell(
        `cat '${view}/.kernel/agent' && echo approve > '${view}/.kernel/pending/${id}'`,
      );
      expect(code).not.toBe(0);
      expect(stderr).toContain('Operation not permitted');
    },
    TIMEOUT_MS,
  );

  test(
    'umount ends it, what was written stays pending',
    async () => {
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0 });
      expect(agentshMounts(view)).toEqual([]);
      expect(execFileSync('ls', ['-A', view], { encoding: 'utf8' })).toBe('');
      expect((await world.pending('-n', 'seen')).map((each) => path.basename(each.path))).toEqual(['new.txt']);
    },
    TIMEOUT_MS,
  );

  test(
    '--read-only refuses writes with EROFS; --mode private keeps them out of the review',
    async () => {
      expect(await world.agentsh(['mount', '-n', 'looker', '--read-only', view])).toMatchObject({ code: 0 });
      expect((await shell(`echo x > '${inView}/kept.txt'`)).stderr).toContain('Read-only file system');
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0 });
      expect(await world.agentsh(['mount', '-n', 'keeper', '--mode', 'private', view])).toMatchObject({ code: 0 });
      expect(await shell(`echo mine > '${inView}/kept.txt'`)).toMatchObject({ code: 0 });
      expect(await world.pending('-n', 'keeper')).toEqual([]);
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0 });
      expect(readFileSync(path.join(world.workspace, 'kept.txt'), 'utf8')).toBe('edited\n');
    },
    TIMEOUT_MS,
  );

  test(
    'a view whose kernel was killed makes room for the next one at the same directory',
    async () => {
      expect(await world.agentsh(['mount', '-n', 'seen', view])).toMatchObject({ code: 0 });
      expect(await shell(`echo kept > '${inView}/kept.txt'`)).toMatchObject({ code: 0 });
      process.kill(world.kernelPid(), 'SIGKILL');
      expect(await world.agentsh(['mount', '-n', 'seen', view])).toMatchObject({ code: 0 });
      expect((await shell(`cat '${inView}/kept.txt'`)).stdout).toBe('kept\n');
      expect(agentshMounts(view)).toHaveLength(1);
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );
});
