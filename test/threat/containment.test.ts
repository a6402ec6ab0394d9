// T05 T06 T09 T10 T52 T54 T57 T58: ways out of the sandbox that need nothing but the sandbox; as root and as a user.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inSandbox, makeView, STARTERS, shell, type View } from '../agentsh/sandbox/view.ts';

const perl = (text: string): readonly string[] => ['/usr/bin/perl', '-e', text];

describe.each(STARTERS)('started by %s', (starter) => {
  let view: View;
  let canary: string;
  beforeAll(() => {
    view = makeView(starter);
    canary = path.join(view.host, 'canary');
  });
  afterAll(() => {
    const after = readFileSync(canary, 'utf8');
    view.remove();
    expect(after).toBe('canary-bytes\n');
  });

  test('T05 every alias of /proc that leads to a root or directory ends in the view or nowhere', async () => {
    const aliases = [
      '',
      '/proc/self/root',
      '/proc/1/root',
      '/proc/1/cwd',
      '/proc/self/cwd/../..',
      '/proc/thread-self/root',
    ];
    const text = aliases
      .flatMap((alias) => [`cat ${alias}${canary}`, `cat ${alias}/../../..${canary}`, `echo x > ${alias}${canary}`])
      .concat(
        'for f in /proc/[0-9]*/fd/*; do cat "$f/../canary" "$f/canary"; done',
        'ls /proc/1/fd /proc/1/cwd/ /proc/1/root/',
      )
      .map((line) => `(${line})`)
      .join('; ');
    const { out, error } = await shell(view, `{ ${text}; } < /dev/null`);
    expect(out).not.toContain('canary');
    expect(error).toContain('ermission denied');
  });

  test('T05 process 1, the sandbox’s own, shows nothing of itself: no program, memory, environment, descriptors', async () => {
    const text =
      'for n in exe cwd root environ mem maps fd/0 fdinfo/0 auxv; do cat /proc/1/$n > /dev/null 2>&1 && echo open $n; done; tr "\\0" " " < /proc/1/cmdline';
    const { out } = await shell(view, text);
    expect(out).not.toContain('open');
    expect(out).not.toContain(view.host);
  });

  test('T05 nothing the kernel says of mounts names the host’s directory', async () => {
    const { out } = await shell(view, 'cat /proc/self/mountinfo /proc/self/mounts /proc/self/cgroup');
    expect(out).toContain('/proc');
    expect(out).not.toMatch(new RegExp(`${path.basename(view.host)} `));
  });

  test('T06 the program has 0, 1 and 2 only', async () => {
    const { out } = await shell(view, 'ls /proc/$$/fd; true');
    expect(out).toBe('0\n1\n2\n');
  });

  test('T06 a directory as standard input is refused: through it ".." would list the host', async () => {
    const fd = openSync('/', 'r');
    const refused = await shell(view, 'ls /proc/self/fd/0/', {}, { stdin: fd });
    closeSync(fd);
    expect(refused).toMatchObject({ code: 5, out: '' });
    expect(refused.error).toContain('descriptor 0 is a directory');
  });

  test('T06 a file handed over for reading cannot be opened again for writing, nor one for writing be read', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'agentsh-fd-'));
    const file = path.join(directory, 'input');
    writeFileSync(file, 'original\n', { mode: 0o666 });
    const [reading, writing] = [openSync(file, 'r'), openSync(file, 'a')];
    const text = 'cat; echo broken > /proc/self/fd/0; echo broken >> /dev/stdin';
    const read = await shell(view, text, {}, { stdin: reading });
    const write = await shell(view, 'cat /proc/self/fd/0', {}, { stdin: writing });
    for (const fd of [reading, writing]) closeSync(fd);
    expect(read.out).toBe('original\n');
    expect(write.out).toBe('');
    expect(readFileSync(file, 'utf8')).toBe('original\n');
    rmSync(directory, { recursive: true });
  });

  test.each([
    ['mount', 'mount -t tmpfs none /tmp'],
    ['bind mount', 'mount --bind /etc /work'],
    ['umount', 'umount /etc || umount -l /proc'],
    ['remount', 'mount -o remount,bind,rw /etc'],
    ['unshare --mount', 'unshare --mount true'],
    ['unshare --user', 'unshare --user --map-root-user true'],
    ['unshare --pid', 'unshare --pid --fork true'],
    ['unshare --net', 'unshare --net true'],
    ['nsenter', 'nsenter --target 1 --mount true'],
    ['chroot', 'chroot / /bin/true'],
    ['pivot_root', 'pivot_root /work /work'],
  ])('T09 %s fails', async (_, text) => {
    expect((await shell(view, text)).code).not.toBe(0);
  });

  test('T09 device nodes cannot be made', async () => {
    expect((await shell(view, 'mknod /work/disk b 254 0 || mknod /tmp/disk b 8 0')).code).not.toBe(0);
  });

  test('T10 open_by_handle_at, the new mount calls and others are refused; clone3 and io_uring are missing', async () => {
    if (process.arch !== 'x64') return;
    const numbers = {
      open_by_handle_at: 304,
      open_tree: 428,
      fsopen: 430,
      mount_setattr: 442,
      bpf: 321,
      keyctl: 250,
      userfaultfd: 323,
      perf_event_open: 298,
    };
    const missing = { clone3: 435, io_uring_setup: 425, beyond: 1000, x32: 0x4000_0027 };
    const ask = (set: object) =>
      Object.values(set)
        .map((number) => `syscall(${number},0,0,0,0,0);print $!+0,"\\n";`)
        .join('');
    const refused = await inSandbox(view, { argv: perl(ask(numbers)) });
    expect(refused.out).toBe('1\n'.repeat(Object.keys(numbers).length));
    const absent = await inSandbox(view, { argv: perl(ask(missing)) });
    expect(absent.out).toBe('38\n'.repeat(Object.keys(missing).length));
  });

  test('T52 only processes of the sandbox are seen, and a signal to the whole group does not leave it', async () => {
    const { out } = await shell(view, 'ls -d /proc/[0-9]* | wc -l; cat /proc/*/cmdline | tr "\\0" " "');
    expect(Number.parseInt(out, 10)).toBeLessThan(8);
    expect(out).not.toContain('driver.js');
    // The starter is in the same process group: it has to live on to report the end.
    expect((await shell(view, 'kill -KILL 0; sleep 1; exit 3')).code).toBe(137);
    expect((await inSandbox(view, { argv: perl('kill 9, 0; kill 9, -1; exit 4') })).code).toBe(137);
  });

  test('T54 what poisons a shell or a loader outside does not reach the sandbox or what builds it', async () => {
    const env = {
      BASH_ENV: canary,
      ENV: canary,
      LD_PRELOAD: '/nowhere/evil.so',
      GIT_DIR: '/x',
      NODE_OPTIONS: '',
      AGENTSH_SANDBOX: '0',
    };
    const { code, out, error } = await inSandbox(view, { argv: ['/usr/bin/env'], env: { ONLY: '1' } }, { env });
    expect([code, out]).toEqual([0, 'ONLY=1\n']);
    // The loader complains once, about the test's own starter.
    expect(error.match(/evil\.so/g)?.length ?? 0).toBeLessThanOrEqual(starter === 'root' ? 1 : 2);
  });

  test('T54 NODE_OPTIONS, BASH_ENV and LD_PRELOAD of the program do not act on the launcher', async () => {
    const env = { NODE_OPTIONS: '--bad-option', LD_LIBRARY_PATH: '/work', BASH_ENV: '/work/x', OK: '1' };
    expect((await inSandbox(view, { argv: ['/bin/sh', '-c', 'echo $OK'], env })).out).toBe('1\n');
  });

  describe('sockets of the host', () => {
    let abstract: ReturnType<typeof spawn>;
    let tcp: Server;
    const name = `agentsh-test-${process.pid}-${starter}`;
    const connect = `use Socket; socket(S,AF_UNIX,SOCK_STREAM,0); connect(S,pack('Sa*',AF_UNIX,"\\0${name}")) ? print "in" : print "out $!"`;
    beforeAll(async () => {
      const listen = `use Socket; socket(S,AF_UNIX,SOCK_STREAM,0); bind(S,pack('Sa*',AF_UNIX,"\\0${name}")) or die; listen(S,5); $|=1; print "up"; sleep 600`;
      abstract = spawn('perl', ['-e', listen]);
      await new Promise((resolve) => abstract.stdout!.once('data', resolve));
      tcp = createServer((socket) => socket.end('reached'));
      await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      abstract.kill('SIGKILL');
      tcp.close();
    });

    test.each(['none', 'host'] as const)('T57 an abstract socket is out of reach with --net %s', async (net) => {
      expect((await inSandbox(view, { argv: perl(connect), net })).out).toMatch(/^out/);
    });

    test('T57 /run and /var/run hold no socket, and other families than the internet’s are missing', async () => {
      const { out } = await shell(view, 'find / -xdev -type s 2>/dev/null; find /run /tmp -type s');
      expect(out).toBe('');
      const families =
        'use Socket; for (40, 17, 38) { socket(S, $_, SOCK_STREAM, 0) ? print "open" : print $!+0, " " }';
      expect((await inSandbox(view, { argv: perl(families) })).out).toBe('97 97 97 ');
    });

    test('T58 without a network there is the loopback alone, and not the host’s', async () => {
      const { port } = tcp.address() as { port: number };
      const call = `use IO::Socket::INET; my $s=IO::Socket::INET->new("127.0.0.1:${port}"); print $s ? <$s> : "refused"`;
      expect((await inSandbox(view, { argv: perl(call) })).out).toBe('refused');
      expect((await shell(view, 'tail -n +3 /proc/net/dev | cut -d: -f1')).out.trim()).toBe('lo');
      expect((await inSandbox(view, { argv: perl(call), net: 'host' })).out).toBe('reached');
    });
  });

  test('nothing below /proc/sys can be written, core_pattern least of all', async () => {
    const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
    const text =
      'find /proc/sys /proc/irq /proc/bus -writable 2>/dev/null; for f in kernel/core_pattern kernel/hostname net/ipv4/ip_forward vm/drop_caches; do echo "|/work/x" > /proc/sys/$f; done; echo b > /proc/sysrq-trigger';
    const { out, error } = await shell(view, text);
    expect(out).toBe('');
    expect(error.match(/cannot create/g)?.length).toBeGreaterThanOrEqual(4);
    expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before);
  });

  test('a host file of root is not written by any alias, whatever the uid inside', async () => {
    const text =
      'for f in /etc/passwd /proc/self/root/etc/passwd /usr/bin/env; do (echo x >> $f) && echo written; chmod 666 $f && echo changed; chown 0 $f && echo owned; done';
    const { out } = await shell(view, `${text}; true`);
    expect(out).toBe('');
  });
});
