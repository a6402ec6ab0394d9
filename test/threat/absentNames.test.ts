// T14: a hidden name that does not exist yet cannot come to be, by any operation, and nobody learns whether it exists.
// T17: no set-id bit, capability or device lands on the host. And what the host hides stays out of every answer.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { USERS } from '../world.ts';
import { CANARY, type Mounted, mountView } from './mounted.ts';

const KEY = `-----BEGIN PRIVATE KEY-----\n${CANARY}\n`;
const HIDDEN_NAMES = ['x.key', 'id_rsa', 'id_ed25519', 'vault/inner', 'vault', 'rooted', 'dir/rooted', 'secret.d'];

describe.each(USERS)('as %s', (user) => {
  describe.each(['invisible', 'rw'] as const)('in a workspace that is %s', (mode) => {
    let mounted: Mounted;
    const onHost = (name: string) => path.join(mounted.world.workspace, name);
    const lines = async (text: string) => (await mounted.python(text)).trim().split('\n');
    beforeAll(async () => {
      mounted = await mountView({
        user,
        words: ['--mode', mode],
        mounts: [`{ path = "$W/rooted", mode = "hidden" }`, `{ path = "$W/dir/rooted", mode = "hidden" }`],
        policy: '[files]\nhide = ["*.key", "vault", "secret.d/", "conf/inner.txt"]\n',
        prepare: ({ workspace }) => {
          for (const name of ['dir', 'keys', 'conf', '.kube', 'pub', 'old']) mkdirSync(path.join(workspace, name));
          const files = {
            plain: 'plain',
            'server.pem': KEY,
            'later.pem': 'nothing yet',
            'moved.pem': 'nothing yet',
            '.env': CANARY,
            'keys/id_rsa': CANARY,
            'keys/note': 'note',
            'conf/inner.txt': CANARY,
            'conf/outer.txt': 'outer',
            '.kube/config': CANARY,
            'pub/page': 'page',
            'old/entry': 'entry',
          };
          for (const [name, text] of Object.entries(files)) writeFileSync(path.join(workspace, name), text);
        },
      });
    });
    afterAll(() => mounted.world.end());

    test('T14 create, mkdir, symlink, link, fifo and rename onto a hidden name are refused', async () => {
      const text = `
for n, name in enumerate(${JSON.stringify(HIDDEN_NAMES)}):
    at = f'{WORK}/{name}'
    put(f'{WORK}/from{n}', 'x'); os.mkdir(f'{WORK}/fromdir{n}')
    ways = [lambda: put(at, 'x'), lambda: os.mkdir(at), lambda: os.symlink('x', at), lambda: os.link(f'{WORK}/plain', at),
            lambda: os.mkfifo(at), lambda: os.rename(f'{WORK}/from{n}', at), lambda: os.rename(f'{WORK}/fromdir{n}', at)]
    print(*[outcome(way) for way in ways], os.path.lexists(at), name in os.listdir(WORK))`;
      // What is below a hidden name is absent, not forbidden: there is no such directory.
      const expected = HIDDEN_NAMES.map((name) =>
        [...Array(7).fill(name === 'vault/inner' ? 'ENOENT' : 'EPERM'), 'False', 'False'].join(' '),
      );
      expect(await lines(text)).toEqual(expected);
      for (const name of HIDDEN_NAMES) expect([name, existsSync(onHost(name))]).toEqual([name, false]);
    });

    test('T14 a hidden or masked file of the host’s is not replaced, removed or described by what stands before it', async () => {
      const text = `
for name in ('server.pem', 'keys/id_rsa'):
    at = f'{WORK}/{name}'
    put(f'{WORK}/over', 'x')
    print(*[outcome(way) for way in (lambda: put(at, 'x'), lambda: os.mkdir(at), lambda: os.symlink('x', at), lambda: os.rename(f'{WORK}/over', at), lambda: os.unlink(at), lambda: open(at), lambda: os.stat(at))])
print(outcome(lambda: os.mkdir(f'{WORK}/.env')))`;
      expect(await lines(text)).toEqual([...Array(2).fill('EPERM EPERM EPERM EPERM ENOENT ENOENT ENOENT'), 'EPERM']);
      expect(readFileSync(onHost('server.pem'), 'utf8')).toBe(KEY);
      expect(readFileSync(onHost('.env'), 'utf8')).toBe(CANARY);
    });

    test('renaming a directory, below vendored names too, uncovers nothing', async () => {
      const text = `
import subprocess
os.mkdir(f'{WORK}/node_modules')
for a, b in (('keys', 'node_modules/keys'), ('conf', 'cfg'), ('.kube', 'k')):
    subprocess.run(['mv', f'{WORK}/{a}', f'{WORK}/{b}'], stderr=subprocess.DEVNULL)
    for top, _, files in os.walk(WORK):
        for name in files:
            if outcome(lambda: open(os.path.join(top, name)).close()) == 'ok' and '${CANARY}' in get(os.path.join(top, name)): print(top, name)
print('end')`;
      expect(await lines(text)).toEqual(['end']);
    });

    test('what becomes a secret after it was looked up, changed or renamed is read no more, in the diff neither', async () => {
      await mounted.python(`
os.chmod(f'{WORK}/later.pem', 0o600)
os.rename(f'{WORK}/moved.pem', f'{WORK}/moved.txt')`);
      for (const name of ['later.pem', 'moved.pem']) if (existsSync(onHost(name))) writeFileSync(onHost(name), KEY);
      const seen = await mounted.shell(
        `sleep 1.2; cat '${mounted.inView}'/*.pem; [ '${mode}' = rw ] || cat '${mounted.inView}/moved.txt'; cat '${mounted.view}'/.kernel/pending/*`,
      );
      expect(seen.stdout).not.toContain(CANARY);
    });

    test('a directory that the host moves out of the workspace is not followed there', async () => {
      const listing = mounted.shell(
        `cd '${mounted.inView}/pub' && ls && cat page && touch '${mounted.world.directory}/in' && while [ ! -e '${mounted.world.directory}/out' ]; do sleep 0.05; done; sleep 1.5; ls; cat page later '${mounted.inView}/old/entry'`,
      );
      while (!existsSync(path.join(mounted.world.directory, 'in'))) await new Promise((go) => setTimeout(go, 20));
      const away = path.join(mounted.world.directory, 'away');
      renameSync(onHost('pub'), away);
      writeFileSync(path.join(away, 'later'), CANARY);
      renameSync(onHost('old'), path.join(mounted.world.directory, 'away2'));
      mkdirSync(onHost('old'));
      writeFileSync(path.join(mounted.world.directory, 'out'), '');
      const { stdout } = await listing;
      expect(stdout).toContain('page');
      expect(stdout).not.toContain('later');
      expect(stdout).not.toContain(CANARY);
      expect(stdout).not.toContain('entry');
    });

    test('a copy that keeps attributes lands with them', async () => {
      const copied = await mounted.shell(
        `cp -a '${mounted.inView}/cfg' '${mounted.inView}/copy' && ls '${mounted.inView}/copy'`,
      );
      expect(copied).toMatchObject({ code: 0, stdout: 'outer.txt\n' });
      await mounted.world.agentsh(['approve', onHost('copy')]);
      expect(readFileSync(onHost('copy/outer.txt'), 'utf8')).toBe('outer');
    });

    test('T17 no set-id bit, capability, trusted attribute or device reaches the host or takes effect', async () => {
      const text = `
os.chmod(f'{WORK}/plain', 0o6755)
os.close(os.open(f'{WORK}/made', os.O_CREAT | os.O_WRONLY, 0o6755))
os.mkdir(f'{WORK}/madedir'); os.chmod(f'{WORK}/madedir', 0o6777)
put(f'{WORK}/written', 'x'); os.chmod(f'{WORK}/written', 0o4755)
for kind in (stat.S_IFCHR, stat.S_IFBLK): print(outcome(lambda: os.mknod(f'{WORK}/device', kind | 0o666, os.makedev(1, 3))))
for name in ('security.capability', 'trusted.overlay.opaque', 'security.selinux', 'user.agentsh.mode'):
    print(outcome(lambda: os.setxattr(f'{WORK}/plain', name, b'\\1\\0\\0\\2' + b'\\0' * 16)) != 'ok')`;
      expect(await lines(text)).toEqual(['EPERM', 'EPERM', 'True', 'True', 'True', 'True']);
      const options = readFileSync('/proc/mounts', 'latin1')
        .split('\n')
        .find((line) => line.split(' ')[1] === mounted.view);
      expect(options).toMatch(/nosuid.*nodev|nodev.*nosuid/);
      for (const name of ['plain', 'made', 'madedir', 'written'])
        await mounted.world.agentsh(['approve', onHost(name)]);
      for (const name of readdirSync(mounted.world.workspace))
        expect([name, lstatSync(onHost(name)).mode & 0o6000]).toEqual([name, 0]);
      expect(existsSync(onHost('made'))).toBe(true);
    });
  });
});
