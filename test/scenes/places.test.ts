// Where a workspace may lie, and that nothing in a view is endless: other file systems, `/`, and around the stores.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type User, type World } from '../world.ts';

const TIMEOUT_MS = 120_000;
const isRoot = process.getuid?.() === 0;
/** Each makes an empty directory on its kind of file system and says how to take it away; only root can mount. */
const KINDS: Readonly<Record<string, () => { readonly directory: string; readonly remove: () => void }>> = {
  'below /dev/shm': () => plain('/dev/shm'),
  'below /tmp': () => plain('/tmp'),
  ...(isRoot ? { 'on overlayfs': overlay } : {}),
};

function plain(below: string) {
  const directory = mkdtempSync(path.join(below, 'agentsh-place-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

function overlay() {
  const top = mkdtempSync('/var/tmp/agentsh-place-');
  const [lower, upper, work, directory] = ['lower', 'upper', 'work', 'merged'].map((name) => path.join(top, name));
  for (const each of [lower, upper, work, directory]) mkdirSync(each ?? '');
  // Upper and work must be on a file system that overlayfs accepts: tmpfs always is one.
  execFileSync('mount', ['-t', 'tmpfs', 'none', top]);
  for (const each of [lower, upper, work, directory]) mkdirSync(each ?? '', { recursive: true });
  execFileSync('sh', ['-c', `echo lower > '${lower}/from-lower'`]);
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  execFileSync('mount', ['-t', 'overlay', '-o', options, 'overlay', directory ?? '']);
  return {
    directory: directory ?? '',
    remove: () => {
      execFileSync('umount', [directory ?? '']);
      execFileSync('umount', [top]);
      rmSync(top, { recursive: true, force: true });
    },
  };
}

const CASES = USERS.flatMap((user) => Object.keys(KINDS).map((kind): [User, string] => [user, kind]));

describe.each(CASES)('as %s, a workspace %s', (user, kind) => {
  let place: ReturnType<typeof plain>;
  let world: World;
  beforeAll(() => {
    place = KINDS[kind]?.() ?? plain('/tmp');
    world = makeWorld({ user, workspace: place.directory });
    world.own(place.directory);
    world.write('file', 'host\n');
    world.write('d/one', 'one\n');
    world.write('d/two', 'two\n');
  });
  afterAll(async () => {
    await world.end();
    place.remove();
  }, TIMEOUT_MS);

  test(
    'is read, changed, approved and rejected as any other',
    async () => {
      const text =
        'pwd; echo agent >> file && cat file && mkdir new && echo n > new/n && rm d/one && mv d/two d/three && ln file hard && for f in from-lower; do [ ! -e $f ] || echo more >> $f; done; ls';
      expect(await world.inside(text)).toContain(`${place.directory}\nhost\nagent\n`);
      expect(readFileSync(path.join(place.directory, 'file'), 'utf8')).toBe('host\n');
      expect(await world.agentsh(['approve', 'file', 'new', 'd/three'])).toMatchObject({ code: 0, stderr: '' });
      if (kind === 'on overlayfs') expect(await world.agentsh(['approve', 'from-lower'])).toMatchObject({ code: 0 });
      expect(await world.agentsh(['reject', '--all'])).toMatchObject({ code: 0 });
      const { stdout } = await world.run('/bin/sh', [
        '-c',
        'cat file new/n d/three; ls d; [ ! -e from-lower ] || cat from-lower',
      ]);
      expect(stdout).toBe(`host\nagent\nn\ntwo\none\nthree\n${kind === 'on overlayfs' ? 'lower\nmore\n' : ''}`);
      expect(await world.inside('cat file d/one new/n')).toBe('host\nagent\none\nn\n');
    },
    TIMEOUT_MS,
  );

  test(
    'the rest of /tmp and /dev/shm is the agent’s own and empty',
    async () => {
      const top = `${place.directory.split('/').slice(0, -1).join('/')}`;
      const others = (await world.inside(`ls -A /tmp /dev/shm; ls -A ${top}`))
        .split('\n')
        .filter((line) => /agentsh-/.test(line));
      expect(others.filter((name) => name !== path.basename(place.directory))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe.each(USERS)('as %s', (user) => {
  let world: World;
  /** Ends with 124 where the program did not. */
  const limited = (text: string, seconds = 60) =>
    `timeout ${seconds} ${text} 2> /tmp/errors | tail -n 2; echo "\${PIPESTATUS[0]}"`;
  const bash = (text: string, ...words: string[]) =>
    world.agentsh([...words, '-c', text], { timeoutMs: TIMEOUT_MS }).then(({ stdout }) => stdout);
  beforeAll(() => {
    // Not below /var/tmp: the rule for that is longer than one for `/`.
    world = makeWorld({ user, below: isRoot ? '/srv' : homedir() });
    world.write('file', 'zzz-host\n');
  });
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'find over everything ends, and so does grep over all but programs and processes; over those it can be ended',
    async () => {
      expect(await bash(limited('find / -xdev'))).toMatch(/\n[01]\n$/);
      // The page map of a process alone is larger than any disk: on the host, too, this has no end.
      const within = ['usr', 'opt', 'proc'].map((name) => `--exclude-dir=${name}`).join(' ');
      expect(await bash(limited(`grep -rls ${within} zzz-host /`))).toMatch(/^\/.*\/file\n[012]\n$/);
      expect(await bash(limited('grep -rls zzz-host /', 3))).toMatch(/(?:[012]|124)\n$/);
    },
    TIMEOUT_MS,
  );

  test(
    '/ as the workspace: nothing hangs, the stores are not there, a change to a home lands where it belongs',
    async () => {
      const text = `ls / > /dev/null; ls -A '${world.directory}'; cat '${world.workspace}/file'; echo agent >> '${world.workspace}/file'; ls '${world.store}' 2>&1; ls '${world.store}/run/kernel' 2>&1; cat '${world.store}/token' 2>&1; mkdir '${world.store}' 2>&1; true`;
      const printed = await bash(text, '-w', '/');
      expect(printed).toMatch(/^home\ntmp\nworkspace\nzzz-host\n/);
      expect(printed.match(/No such file or directory/g)?.length).toBe(3);
      expect(printed).toContain('mkdir: cannot create directory');
      const pending = await world.pending();
      expect(pending.map((each) => each.path)).toEqual([path.join(world.workspace, 'file')]);
      expect(await world.agentsh(['approve', ...pending.map(({ id }) => id)])).toMatchObject({ code: 0 });
      expect(readFileSync(path.join(world.workspace, 'file'), 'utf8')).toBe('zzz-host\nagent\n');
    },
    TIMEOUT_MS,
  );

  test(
    'a workspace around the stores and the mountpoints: they are not in it, for find, grep, cp or rm',
    async () => {
      const text = `cd ..; find . | sort; grep -rl zzz .; cp -a . /tmp/copy && ls -A /tmp/copy; rm -rf ./workspace && ls -A`;
      const printed = await bash(
        limited(`bash -c '${text}'`).replace('tail -n 2', 'cat'),
        '-w',
        world.directory,
        '-n',
        'around',
      );
      expect(printed).toContain('./workspace/file\n');
      expect(printed).not.toContain('store');
      expect(printed).toMatch(/\nhome\ntmp\nworkspace\nhome\ntmp\n0\n$/);
      expect(existsSync(path.join(world.store, 'lock'))).toBe(true);
      expect((await world.pending('-n', 'around')).length).toBeGreaterThan(0);
      expect(await world.agentsh(['reject', '--all', '-n', 'around'])).toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );

  test(
    'a view mounted inside its own workspace does not hold itself',
    async () => {
      const view = path.join(world.workspace, 'view');
      mkdirSync(view);
      world.own(view);
      expect(await world.agentsh(['mount', '-w', world.workspace, '-n', 'within', view])).toMatchObject({ code: 0 });
      const { code, stdout } = await world.run('timeout', ['20', 'find', `${view}${world.workspace}`]);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: `${view}${world.workspace}\n${view}${world.workspace}/file\n`,
      });
      expect(await world.agentsh(['umount', view])).toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );
});
