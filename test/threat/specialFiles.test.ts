// T11: what is no file or directory in the host's tree is never opened by the daemon: nothing blocks, no device is
// reached, and none can be made. T13: names of any bytes are one line each in what is kept of refusals.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { USERS } from '../world.ts';
import { type Mounted, mountView } from './mounted.ts';

const isRoot = process.getuid?.() === 0;

describe.each(USERS)('as %s', (user) => {
  let mounted: Mounted;
  let server: Server;
  const place = (name: string) => path.join(mounted.world.workspace, name);
  const pipe = (name: string) => execFileSync('mkfifo', ['-m', '666', name]);
  beforeAll(async () => {
    mounted = await mountView({
      user,
      policy: '[files]\nhide = ["*.key"]\n',
      prepare: ({ workspace }) => {
        for (const name of ['pipe', 'pipe.pem', '.env', 'package.json', '.gitignore']) pipe(path.join(workspace, name));
        for (const name of ['a', 'b', 'c']) writeFileSync(path.join(workspace, name), 'bytes');
        mkdirSync(path.join(workspace, 'd'));
        pipe(path.join(workspace, 'd/inner'));
        if (isRoot) execFileSync('mknod', ['-m', '666', path.join(workspace, 'null'), 'c', '1', '3']);
      },
    });
    server = createServer();
    await new Promise<void>((resolve) => server.listen(place('socket'), resolve));
    mounted.world.own(place('socket'));
  });
  afterAll(async () => {
    server.close();
    await mounted.world.end();
  });

  test('T11 listing, describing, renaming and removing them blocks nothing', async () => {
    const text = `
names = sorted(os.listdir(WORK))
kinds = {name: stat.S_IFMT(os.lstat(f'{WORK}/{name}').st_mode) for name in names if os.path.lexists(f'{WORK}/{name}')}
print(kinds['pipe'] == stat.S_IFIFO, kinds['socket'] == stat.S_IFSOCK, '.env' in names)
for name in names: os.listxattr(f'{WORK}/{name}', follow_symlinks=False)
print(outcome(lambda: os.open(f'{WORK}/pipe', os.O_WRONLY | os.O_NONBLOCK)))
if 'null' in names: print(outcome(lambda: os.open(f'{WORK}/null', os.O_RDWR)))
os.rename(f'{WORK}/pipe', f'{WORK}/piped'); os.unlink(f'{WORK}/d/inner'); os.rmdir(f'{WORK}/d'); os.chmod(f'{WORK}/socket', 0o600)
os.unlink(f'{WORK}/a'); os.mkfifo(f'{WORK}/a')
print(outcome(lambda: os.getxattr(f'{WORK}/a', 'user.agentsh.cid')))`;
    const [kinds, open, ...rest] = (await mounted.python(text)).trim().split('\n');
    expect([kinds, open]).toEqual(['True True False', 'ENXIO']);
    expect(rest).toEqual([...(isRoot ? ['EACCES'] : []), 'ENODATA']);
  });

  test('T11 nor do review, diff and approval of them', async () => {
    const { world } = mounted;
    const pending = await world.pending();
    expect(pending.map(({ path: at }) => path.basename(at))).toEqual(expect.arrayContaining(['a', 'd']));
    expect(await world.agentsh(['diff'])).toMatchObject({ code: 0 });
    for (const { id } of pending) await world.agentsh(['approve', id]);
    expect(await world.agentsh(['status'])).toMatchObject({ code: 0 });
  });

  test('T11 a file that the host replaces by a pipe or a device while it is known does not block either', async () => {
    const known = `for name in ('b', 'c'): print(get(f'{WORK}/{name}'))`;
    expect(await mounted.python(known)).toBe('bytes\nbytes\n');
    pipe(place('b.new'));
    renameSync(place('b.new'), place('b'));
    if (isRoot) execFileSync('mknod', ['-m', '666', place('c.new'), 'c', '1', '3']);
    else pipe(place('c.new'));
    renameSync(place('c.new'), place('c'));
    const after = await mounted.python(`
for n in range(40):
    for name in ('b', 'c'): print(outcome(lambda: os.open(f'{WORK}/{name}', os.O_RDWR | os.O_NONBLOCK)) if n % 2 else os.path.lexists(f'{WORK}/{name}'))
os.listdir(WORK)`);
    expect(after.split('\n').length).toBe(81);
  });

  test('T11 devices cannot be made, not by mknod and not by rename', async () => {
    const text = `
for kind in (stat.S_IFCHR, stat.S_IFBLK):
    for where in (WORK, f'{VIEW}/tmp'): print(outcome(lambda: os.mknod(f'{where}/device', kind | 0o666, os.makedev(1, 3))))`;
    expect(new Set((await mounted.python(text)).trim().split('\n'))).toEqual(new Set(['EPERM']));
    expect(existsSync(place('device'))).toBe(false);
  });

  test('T13 a refused name of any bytes is one line of the denials and of the log, its bytes escaped', async () => {
    await mounted.python(`
for name in (b'two\\nlines.key', b'bell\\x07\\x1b[31m.key', b'\\xff\\xfe.key', 'rtl\\u202e.key'.encode(), b'quote" \\\\ .key', b'x' * 251 + b'.key'):
    print(outcome(lambda: os.close(os.open(WORK.encode() + b'/' + name, os.O_CREAT | os.O_WRONLY))))
print(outcome(lambda: os.mkdir(WORK + '/' + 'x' * 256)), outcome(lambda: os.symlink('t' * 4096, WORK + '/long')))`);
    const log = await mounted.world.agentsh(['log']);
    const lines = log.stdout.split('\n').filter((line) => line.includes('.key'));
    expect(lines.length).toBe(6);
    expect(log.stdout).not.toMatch(/(?![\t\n])\p{Cc}/u);
    expect(Buffer.from(log.stdout, 'latin1').toString('utf8')).not.toMatch(/[\u202a-\u202e]/);
    expect(await mounted.world.agentsh(['verify'])).toMatchObject({ code: 0 });
  });
});
