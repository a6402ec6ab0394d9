// T01 T02 T03: symbolic links lead the daemon nowhere: it returns their text, and whatever is swapped in while it looks
// makes it fail inside. The attacker of T02 and T03 is a program on the host, of the workspace's owner.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type World } from '../world.ts';
import { CANARY, makeOutside, type Outside, PRELUDE, policyWords } from './mounted.ts';

const ROUNDS = 10_000;
const ATTACK_SECONDS = 12;
const TIMEOUT_MS = 60_000;
const NAMES = 24;

/** Exchanges, as fast as it can until it is ended, each honest entry with a link to the outside. */
const SWAPPER = `${PRELUDE}
import time
end = time.time() + ${TIMEOUT_MS / 1000}
while time.time() < end:
    for n in range(${NAMES}):
        for kind in ('d', 'f'):
            try: renameat2(f'{HOST}/{kind}{n}', f'{HOST}/evil-{kind}{n}', 2)
            except OSError: pass
`;

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let outside: Outside;
  let before: string;
  const place = (name: string) => path.join(world.workspace, name);
  const python = (text: string, words: readonly string[] = []) => {
    writeFileSync(place('.attack.py'), `${PRELUDE}\n${text}`);
    world.own(place('.attack.py'));
    return world.inside(`HOST=${world.workspace} WORK=${world.workspace} exec python3 .attack.py`, words);
  };
  beforeEach(() => {
    world = makeWorld({ user });
    outside = makeOutside(world);
    before = outside.state();
  });
  afterEach(async () => {
    const after = outside.state();
    await world.end();
    expect(after).toBe(before);
  });

  test('T01 every operation, with a link at every position, whoever planted it', async () => {
    const plant = (where: string) => `
for name, target in (('file', '${'$OUT'}/canary'), ('dir', '${'$OUT'}'), ('up', '../outside'), ('two', 'dir'), ('root', '/proc/self/root'), ('self', 'self')):
    os.symlink(target.replace('$OUT', '${outside.directory}'), f'{WORK}/${where}/{name}')`;
    for (const name of ['host', 'agent']) mkdirSync(place(name));
    const links = { file: outside.file, dir: outside.directory, up: '../outside', two: 'dir', root: '/proc/self/root' };
    for (const [name, target] of Object.entries({ ...links, self: 'self' })) symlinkSync(target, place(`host/${name}`));
    world.own(world.workspace);
    const printed = await python(`${plant('agent')}
seen, refused = [], []
def linkat(a, b):
    if libc.linkat(-100, os.fsencode(a), -100, os.fsencode(b), 0x400) < 0: raise OSError(ctypes.get_errno(), 'linkat')
for where in ('host', 'agent'):
    base = f'{WORK}/{where}'
    open_at = lambda p, flags: os.read(os.open(p, flags, 0o666), 100)
    for p in ('file', 'dir/canary', 'dir/new', 'up/canary', 'up/new', 'two/canary', 'two/new', 'self', 'self/x', 'dir/../canary', 'root${outside.file}', 'root${outside.directory}/new'):
        at = f'{base}/{p}'
        calls = {
            'read': lambda: seen.append(get(at)), 'nofollow': lambda: open_at(at, os.O_NOFOLLOW), 'write': lambda: put(at, 'x'),
            'append': lambda: os.write(os.open(at, os.O_APPEND | os.O_WRONLY), b'x'), 'excl': lambda: open_at(at, os.O_CREAT | os.O_EXCL | os.O_RDWR),
            'path': lambda: seen.append(get(f'/proc/self/fd/{os.open(at, os.O_PATH)}')), 'truncate': lambda: os.truncate(at, 0),
            'chmod': lambda: os.chmod(at, 0o777), 'chown': lambda: os.chown(at, os.getuid(), os.getgid()), 'utime': lambda: os.utime(at, (1, 1)),
            'mkdir': lambda: os.mkdir(at), 'mkfifo': lambda: os.mkfifo(at), 'symlink': lambda: os.symlink('x', at), 'list': lambda: seen.append(str(os.listdir(at))),
            'link from': lambda: linkat(at, f'{base}/linked'), 'link to': lambda: os.link(f'{WORK}/.attack.py', at),
            'rename to': lambda: os.rename(f'{base}/none', at), 'getxattr': lambda: seen.append(str(os.listxattr(at))), 'setxattr': lambda: os.setxattr(at, 'user.x', b'x'),
            'statvfs': lambda: os.statvfs(at), 'chdir': lambda: os.chdir(at), 'rmdir': lambda: os.rmdir(at), 'execute': lambda: os.execv(at, ['x']),
        }
        if p.count('/') > 0: calls['unlink'] = lambda: os.unlink(at); calls['rename from'] = lambda: os.rename(at, f'{base}/got')
        for name, call in calls.items(): refused.append((where, p, name, outcome(call)))
    print(where, *[os.readlink(f'{base}/{n}') for n in ('up', 'two')])
print([r for r in refused if r[3] == 'ok'])
print(seen)`);
    expect(printed).not.toContain(CANARY);
    const [host, agent, ok, seen] = printed.split('\n');
    expect([host, agent]).toEqual(['host ../outside dir', 'agent ../outside dir']);
    expect([ok, seen]).toEqual(['[]', '[]']);
    // On approval the links themselves land, and what is written through them nowhere.
    for (const name of ['agent', 'agent/dir', 'agent/file']) await world.agentsh(['approve', place(name)]);
    expect(readFileSync(outside.file, 'utf8')).toBe(CANARY);
  });

  /** Honest entries, and beside each a link out. */
  function plantSwaps(): void {
    for (let n = 0; n < NAMES; n++) {
      mkdirSync(place(`d${n}`));
      writeFileSync(place(`d${n}/canary`), 'honest');
      writeFileSync(place(`f${n}`), 'honest');
      symlinkSync(outside.directory, place(`evil-d${n}`));
      symlinkSync(outside.file, place(`evil-f${n}`));
    }
    world.own(world.workspace);
  }

  async function attacked<T>(body: () => Promise<T>): Promise<T> {
    const attacker = spawn('python3', ['-c', SWAPPER], { env: { ...process.env, HOST: world.workspace } });
    const ended = new Promise((resolve) => attacker.once('close', resolve));
    try {
      return await body();
    } finally {
      attacker.kill('SIGKILL');
      await ended;
    }
  }

  test(
    'T02 a link swapped in between check and open is never followed',
    async () => {
      plantSwaps();
      const printed = await attacked(() =>
        python(`
import time
end, rounds, seen = time.time() + ${ATTACK_SECONDS}, 0, {}
while rounds < ${ROUNDS} and time.time() < end:
    n = rounds % ${NAMES}
    for p in (f'd{n}/canary', f'f{n}'):
        rounds += 1
        try: text = get(f'{WORK}/{p}')
        except OSError as error: text = errno.errorcode[error.errno]
        seen[text] = seen.get(text, 0) + 1
print(rounds, sorted(seen))`),
      );
      expect(printed).not.toContain(CANARY);
      expect(printed).toContain('honest');
      expect(Number.parseInt(printed, 10)).toBeGreaterThan(NAMES);
    },
    TIMEOUT_MS,
  );

  test(
    'T03 a directory swapped for a link during copy-up and commit takes neither outside',
    async () => {
      plantSwaps();
      const words = policyWords(world, [`{ path = "$W", mode = "rw" }`]);
      const printed = await attacked(() =>
        python(
          `
import time
end, rounds, landed = time.time() + ${ATTACK_SECONDS / 2}, 0, 0
while time.time() < end:
    n = rounds % ${NAMES}
    rounds += 1
    for call in (lambda: put(f'{WORK}/d{n}/canary', f'written {rounds}'), lambda: put(f'{WORK}/d{n}/new{rounds % 7}', 'new'), lambda: os.chmod(f'{WORK}/d{n}/canary', 0o600 + rounds % 8),
                 lambda: os.rename(f'{WORK}/d{n}/new0', f'{WORK}/d{n}/new1'), lambda: os.unlink(f'{WORK}/d{n}/new2'), lambda: put(f'{WORK}/f{n}', 'written'), lambda: os.mkdir(f'{WORK}/d{n}/sub')):
        landed += outcome(call) == 'ok'
print(rounds, landed)`,
          words,
        ),
      );
      const [rounds = 0, landed = 0] = printed.split(' ').map(Number);
      expect(rounds).toBeGreaterThan(NAMES);
      expect(landed).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'T03 an approval under the same attack lands inside or not at all',
    async () => {
      plantSwaps();
      await world.inside(
        `for n in $(seq 0 ${NAMES - 1}); do echo approved > d$n/canary; echo approved > d$n/new; echo approved > f$n; done`,
      );
      const ids = (await world.pending()).map(({ id }) => id);
      const codes = await attacked(async () => {
        const found: number[] = [];
        for (let at = 0; at < ids.length; at += 12)
          found.push((await world.agentsh(['approve', ...ids.slice(at, at + 12)])).code);
        return found;
      });
      expect(codes.length).toBeGreaterThan(1);
    },
    TIMEOUT_MS,
  );
});
