// The six modes and the name patterns, as an agent meets them and as the host sees them.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TreeState, treeDifference, treeState } from '../treeState.ts';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;
const MODES = ['ro', 'ephemeral', 'private', 'invisible', 'rw', 'hidden'] as const;
const POLICY = `version = 1
mount = [
${MODES.map((mode) => `  { path = "\${workspace}/${mode}", mode = "${mode}" },\n`).join('')}
  { path = "\${workspace}/emptied", mode = "ephemeral", empty = true },
]
[files]
hide = ["**/*.key"]
mask = ["**/settings.local"]
protect = ["**/deploy/**"]
`;
/** Makes a system call for each line of its input and prints what it gave: the error's name, or "done". */
const CALLS = `import errno, os, sys
def write(name):
    with open(name, "a") as f: f.write("agent\\n")
def read(name):
    with open(name) as f: sys.stdout.write(f.read())
def create(name): os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
calls = dict(write=write, read=read, create=create, unlink=os.unlink, mkdir=os.mkdir, rmdir=os.rmdir, rename=os.rename, link=os.link, symlink=os.symlink,
    mkfifo=os.mkfifo, mknod=os.mknod,
    chmod=lambda name: os.chmod(name, 0o600), truncate=lambda name: os.truncate(name, 0), stat=os.stat, list=lambda name: print(*sorted(os.listdir(name))))
for line in sys.stdin.read().split("\\n"):
    call, *words = line.split()
    try: calls[call](*words); print("done")
    except OSError as e: print(errno.errorcode[e.errno])
`;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let before: TreeState;
  let policy: readonly string[];
  const onHost = (name: string) => readFileSync(path.join(world.workspace, name), 'latin1');
  const calls = async (lines: readonly string[], ...words: string[]) => {
    const result = await world.agentsh([...policy, ...words, '--', 'python3', '-c', CALLS], {
      input: lines.join('\n'),
    });
    return result.code === 0 ? result.stdout : result.stderr;
  };
  beforeAll(() => {
    world = makeWorld({ user });
    for (const mode of MODES) world.write(`${mode}/file`, `host ${mode}\n`);
    mkdirSync(path.join(world.workspace, 'ro/sub'));
    for (const name of [
      'emptied/file',
      'deploy/run.sh',
      'src/api.key',
      'src/settings.local',
      'src/main.c',
      '.gitignore',
    ])
      world.write(name, name === '.gitignore' ? 'node_modules/\n*.log\n' : `host ${name}\n`);
    policy = ['-n', 'tester', '--policy', path.join(world.directory, 'policy.toml')];
    writeFileSync(path.join(world.directory, 'policy.toml'), POLICY);
    world.own(path.join(world.directory, 'policy.toml'));
    before = treeState(world.workspace);
  });
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'ro is read and never written: EROFS for each way to try',
    async () => {
      const refused = [
        'write ro/file',
        'create ro/new',
        'unlink ro/file',
        'mkdir ro/d',
        'rmdir ro/sub',
        'rename ro/file ro/other',
        'link ro/file ro/other',
        'mkfifo ro/pipe',
        'mknod ro/new',
        'chmod ro/file',
        'truncate ro/file',
        'symlink x ro/l',
      ];
      expect(await calls(['read ro/file', ...refused])).toBe(`host ro\ndone\n${'EROFS\n'.repeat(refused.length)}`);
    },
    TIMEOUT_MS,
  );

  test(
    'hidden is not there: not listed, ENOENT to look at, EPERM to make',
    async () => {
      const absent = ['stat hidden', 'stat hidden/file', 'list hidden', 'read hidden/file', 'unlink hidden/file'];
      const printed = await calls([...absent, 'mkdir hidden', 'create hidden', 'rename src hidden', 'list .']);
      const [listed = '', ...rest] = printed.split('\n').reverse().slice(2);
      expect(rest.reverse()).toEqual([...absent.map(() => 'ENOENT'), 'EPERM', 'EPERM', 'EPERM']);
      expect(listed).toBe('.gitignore deploy emptied ephemeral invisible private ro rw src');
    },
    TIMEOUT_MS,
  );

  test(
    'ephemeral is written to and forgotten at the end of the session; an emptied one does not show the host',
    async () => {
      expect(
        await calls([
          'write ephemeral/file',
          'create ephemeral/new',
          'read ephemeral/file',
          'list emptied',
          'create emptied/own',
          'list emptied',
        ]),
      ).toBe('done\ndone\nhost ephemeral\nagent\ndone\n\ndone\ndone\nown\ndone\n');
      expect(await calls(['read ephemeral/file', 'list ephemeral', 'list emptied'])).toBe(
        'host ephemeral\ndone\nfile\ndone\n\ndone\n',
      );
      expect(await world.pending()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'private is kept for the agent’s next session and never pending',
    async () => {
      expect(
        await calls(['write private/file', 'create private/new', 'unlink private/new', 'create private/other']),
      ).toBe('done\n'.repeat(4));
      expect(await calls(['read private/file', 'list private'])).toBe('host private\nagent\ndone\nfile other\ndone\n');
      expect(await calls(['list private'], '-n', 'another')).toBe('file\ndone\n');
      expect(await world.pending()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'invisible waits for approval',
    async () => {
      expect(await calls(['write invisible/file', 'create invisible/new'])).toBe('done\ndone\n');
      const pending = await world.pending();
      expect(pending.map(({ kind, path: each }) => `${kind} ${path.relative(world.workspace, each)}`).sort()).toEqual([
        'create invisible/new',
        'modify invisible/file',
      ]);
      expect(treeDifference(before, treeState(world.workspace))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'rw is on the host at close, and nowhere else',
    async () => {
      expect(
        await calls([
          'write rw/file',
          'create rw/new',
          'mkdir rw/d',
          'write rw/d/f',
          'rename rw/new rw/named',
          'link rw/file rw/hard',
        ]),
      ).toBe('done\n'.repeat(6));
      expect(onHost('rw/file')).toBe('host rw\nagent\n');
      expect(onHost('rw/d/f')).toBe('agent\n');
      expect(readdirSync(path.join(world.workspace, 'rw')).sort()).toEqual(['d', 'file', 'hard', 'named']);
      expect(await calls(['unlink rw/hard', 'unlink rw/d/f', 'rmdir rw/d', 'unlink rw/named'])).toBe(
        'done\n'.repeat(4),
      );
      expect(readdirSync(path.join(world.workspace, 'rw'))).toEqual(['file']);
      expect((await world.pending()).filter(({ path: each }) => each.includes('/rw'))).toEqual([]);
      writeFileSync(path.join(world.workspace, 'rw/file'), 'host rw\n');
    },
    TIMEOUT_MS,
  );

  test(
    'rw: who closes after the host has changed the file gets ESTALE, and the host’s bytes stay',
    async () => {
      const writer =
        'python3 -c \'import os, errno\nf = os.open("rw/file", os.O_WRONLY | os.O_APPEND); os.write(f, b"agent\\n"); print("ready", flush=True); input()\ntry: os.close(f); print("closed")\nexcept OSError as e: print(errno.errorcode[e.errno])\'';
      const running = world.start([...policy, '-c', writer]);
      await running.says('ready');
      const file = path.join(world.workspace, 'rw/file');
      writeFileSync(file, 'host was first\n');
      running.send('go\n');
      expect((await running.result).stdout).toBe('ready\nESTALE\n');
      expect(readFileSync(file, 'utf8')).toBe('host was first\n');
    },
    TIMEOUT_MS,
  );

  test(
    'between ephemeral, private and invisible a rename is plain; into and out of ro and rw it is EXDEV, and mv copies',
    async () => {
      const plain = [
        'create invisible/a',
        'rename invisible/a private/a',
        'rename private/a ephemeral/a',
        'link ephemeral/a invisible/a',
      ];
      expect(await calls(plain)).toBe('done\n'.repeat(4));
      const across = [
        'rename ro/file invisible/x',
        'rename invisible/file ro/x',
        'rename rw/file invisible/x',
        'rename invisible/file rw/x',
        'link rw/file invisible/x',
        'link ro/file private/x',
        'rename rw/file ro/x',
      ];
      expect(await calls(across)).toBe('EXDEV\n'.repeat(across.length));
      expect(await world.inside('mv invisible/a rw/moved && ls rw && mv rw/moved src/back && ls src rw', policy)).toBe(
        'file\nmoved\nrw:\nfile\n\nsrc:\nback\nmain.c\n',
      );
      expect(readdirSync(path.join(world.workspace, 'rw'))).toEqual(['file']);
    },
    TIMEOUT_MS,
  );

  test(
    'hide takes names away everywhere, also those that do not exist yet',
    async () => {
      expect(
        await calls([
          'stat src/api.key',
          'create src/other.key',
          'mkdir src/d.key',
          'symlink x src/s.key',
          'rename src/main.c src/main.key',
          'link src/main.c src/hard.key',
        ]),
      ).toBe('ENOENT\nEPERM\nEPERM\nEPERM\nEPERM\nEPERM\n');
    },
    TIMEOUT_MS,
  );

  test(
    'mask never shows the host’s file; the agent’s own is private',
    async () => {
      expect(
        await calls([
          'read src/settings.local',
          'create src/settings.local',
          'write src/settings.local',
          'read src/settings.local',
        ]),
      ).toBe('ENOENT\ndone\ndone\nagent\ndone\n');
      expect((await world.pending()).filter(({ path: each }) => each.includes('settings'))).toEqual([]);
      expect((await world.agentsh(['approve', 'src/settings.local'])).code).toBe(2);
      expect(onHost('src/settings.local')).toBe('host src/settings.local\n');
    },
    TIMEOUT_MS,
  );

  test(
    'protected names are not approved in bulk, only by their own word',
    async () => {
      await world.inside('echo changed >> deploy/run.sh; echo x > src/plain', policy);
      const listing = await world.agentsh(['pending']);
      const set = /^set ([a-z2-7]+)/m.exec(listing.stdout)?.[1] ?? 'missing';
      await world.agentsh(['approve', '--set', set]);
      expect(onHost('deploy/run.sh')).toBe('host deploy/run.sh\n');
      const id = (await world.pending()).find(({ path: each }) => each.endsWith('run.sh'))?.id ?? 'missing';
      expect(await world.agentsh(['approve', id])).toMatchObject({ code: 0 });
      expect(onHost('deploy/run.sh')).toBe('host deploy/run.sh\nchanged\n');
    },
    TIMEOUT_MS,
  );

  test(
    'ignored paths are private: counted, listed on request, one of them approved by its path',
    async () => {
      await world.agentsh(['reject', '--all']);
      await world.inside(
        'mkdir -p node_modules/pkg; echo js > node_modules/pkg/index.js; echo line > build.log; echo x > src/seen',
        policy,
      );
      expect((await world.pending()).map(({ path: each }) => path.relative(world.workspace, each))).toEqual([
        'src/seen',
      ]);
      // The masked file of the agent's is the third.
      const { stdout } = await world.agentsh(['pending']);
      expect(stdout).toMatch(/^3 ignored paths kept private/m);
      const ignored = (await world.pending('--ignored')).map(({ path: each }) => path.relative(world.workspace, each));
      expect(ignored).toEqual(expect.arrayContaining(['node_modules', 'build.log']));
      expect(await world.agentsh(['approve', 'build.log'])).toMatchObject({ code: 0 });
      expect(onHost('build.log')).toBe('line\n');
      expect(existsSync(path.join(world.workspace, 'node_modules'))).toBe(false);
      expect(await world.inside('cat node_modules/pkg/index.js', policy)).toBe('js\n');
    },
    TIMEOUT_MS,
  );

  test(
    'what lies in a directory that leads to another rule is reviewed and lands',
    async () => {
      const file = path.join(world.directory, 'leading.toml');
      writeFileSync(file, `version = 1\nmount = [ { path = "\${workspace}/over/there/ro", mode = "ro" } ]\n`);
      world.own(file);
      for (const name of ['over/file', 'over/there/file', 'over/there/ro/file']) world.write(name, 'host\n');
      const text =
        'echo agent > over/file; echo agent > over/there/file; echo new > over/there/new; rm over/there/ro/file';
      const { code } = await world.agentsh(['-n', 'leader', '--policy', file, '-c', text]);
      expect(code).toBe(1);
      const pending = (await world.pending('-n', 'leader')).map((each) => path.relative(world.workspace, each.path));
      expect(pending).toEqual(['over/file', 'over/there/file', 'over/there/new']);
      expect(await world.agentsh(['approve', '-n', 'leader', ...pending])).toMatchObject({ code: 0 });
      expect(pending.map(onHost)).toEqual(['agent\n', 'agent\n', 'new\n']);
    },
    TIMEOUT_MS,
  );

  test(
    'a rule with an error starts nothing and says where it is',
    async () => {
      const file = path.join(world.directory, 'wrong.toml');
      writeFileSync(file, 'version = 1\nmount = [ { path = "/srv", mode = "invisibel" } ]\n');
      mkdirSync(path.join(world.directory, 'x'), { recursive: true });
      world.own(file);
      const { code, stdout, stderr } = await world.agentsh(['--policy', file, '-c', 'echo started']);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain('wrong.toml:2:');
      expect(stderr).toContain('invisible');
    },
    TIMEOUT_MS,
  );
});
