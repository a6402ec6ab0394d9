// The same real work on a real mount: as root, as an ordinary user through fusermount3, and with passthrough.
import { afterEach, describe, expect, test } from 'vitest';
import { unmount } from '../../fs/fuse/mount.ts';
import { type MemoryMount, ROOT, run, shell, startMemoryMount, stopMemoryMount } from './memoryMount.ts';

let mount: MemoryMount | undefined;
afterEach(async () => {
  if (mount !== undefined) await stopMemoryMount(mount);
  mount = undefined;
});

const ways = [
  { way: 'as root', options: {}, asUser: false },
  { way: 'as an ordinary user', options: { helper: true, asUser: true }, asUser: true },
  { way: 'with passthrough', options: { passthrough: true }, asUser: false },
] as const;

/** Prints one line for each thing done; the same on every file system. */
const WORK = `
echo hello > a; cat a; echo more >> a; wc -c < a
mkdir -p d/e; mv a d/e/b; ln d/e/b c; stat -c %h c; ln -s d/e/b l; cat l | head -1
truncate -s 3 c; cat d/e/b; echo
head -c 3000000 /dev/urandom > big; cp big copy; cmp big copy && echo same
dd if=big of=part bs=1000 skip=7 count=3 2> /dev/null; dd if=big bs=1000 skip=7 count=3 2> /dev/null | cmp - part && echo part
chmod 640 c; touch -d @1234567 c; stat -c '%a %Y' c
setfattr -n user.color -v blue c; getfattr --only-values -n user.color c; echo; setfattr -x user.color c
mkfifo p; test -p p && echo fifo
touch 'odd name'; for i in 1 2 3 4 5 6 7 8 9; do mkdir dir$i; touch dir$i/file; done; find . -type f | wc -l
rm -r dir[1-9]; rm c; cat l; echo; mv -n big copy; ls | sort | tr '\\n' ' '
`;
const DONE =
  'hello\n11\n2\nhello\nhel\nsame\npart\n640 1234567\nblue\nfifo\n17\nhel\nbig copy d held l odd name p part stream ';

describe.each(ROOT ? ways : ways.filter(({ asUser }) => asUser))('a mount $way', ({ options, asUser }) => {
  test('does what a file system does', { timeout: 60_000 }, async () => {
    mount = await startMemoryMount(options);
    expect(await shell(`cd ${mount.mountpoint}; ${WORK}`, asUser)).toBe(DONE);
    await unmount(mount.mountpoint);
    const report = await mount.report;
    expect(report).toMatchObject({ defects: 0, destroyed: 1, openHandles: 0, passthrough: 'passthrough' in options });
    expect(Object.keys(report.counts)).toContain('RENAME2');
    if ('passthrough' in options) expect([report.counts.WRITE, report.counts.READ]).toEqual([undefined, undefined]);
    else expect(report.counts.WRITE).toBeGreaterThan(0);
  });
});

describe('a mount', () => {
  test('is nosuid and nodev, of the type by which stale ones are found', async () => {
    mount = await startMemoryMount();
    const line = await run('findmnt', ['-rn', '-o', 'FSTYPE,SOURCE,OPTIONS', mount.mountpoint]);
    expect(line).toMatch(/^fuse\.agentsh agentsh rw,nosuid,nodev,/);
    expect(line).toContain('default_permissions');
  });

  test('of an ordinary user is of the same type, and theirs to unmount', async () => {
    mount = await startMemoryMount({ helper: true, asUser: true });
    const line = await run('findmnt', ['-rn', '-o', 'FSTYPE,OPTIONS', mount.mountpoint]);
    expect(line).toMatch(/^fuse\.agentsh rw,nosuid,nodev,/);
    await run('fusermount3', ['-u', '-z', '--', mount.mountpoint], true);
    expect((await mount.report).destroyed).toBe(1);
  });

  test('lists a directory of 3000 names, each once, to several readers and writers at a time', {
    timeout: 120_000,
  }, async () => {
    mount = await startMemoryMount();
    const { mountpoint } = mount;
    await shell(`cd ${mountpoint}; mkdir many; cd many; seq -f 'name%g' 3000 | xargs touch`);
    const listed = await shell(`cd ${mountpoint}/many; ls -l | wc -l; find . -type f | sort -u | wc -l`);
    expect(listed).toBe('3001\n3000\n');
    const worker = (name: string) =>
      shell(
        `cd ${mountpoint}; mkdir ${name}; for i in $(seq 60); do echo $i > ${name}/$i; done; ls many | wc -l; cat ${name}/* | wc -l; rm -r ${name}`,
      );
    expect(await Promise.all(['a', 'b', 'c'].map(worker))).toEqual(['3000\n60\n', '3000\n60\n', '3000\n60\n']);
    await unmount(mountpoint);
    expect(await mount.report).toMatchObject({ defects: 0, openHandles: 0 });
  });

  test('ends when it is unmounted', async () => {
    mount = await startMemoryMount();
    await unmount(mount.mountpoint);
    expect((await mount.report).destroyed).toBe(1);
  });

  test('blocks a reader until there is something to read, wakes pollers, and lets go when interrupted', async () => {
    mount = await startMemoryMount();
    const stream = `${mount.mountpoint}/stream`;
    const reader = run('head', ['-c', '4', stream]);
    await shell(`printf wake > ${stream}`);
    expect(await reader).toBe('wake');
    const polled = run('python3', ['-c', POLL, stream]);
    expect(await polled).toBe('[]\n[1]\nhey\n');
    const waits = 'until grep -q request_wait_answer /proc/$!/wchan; do sleep 0.02; done';
    expect(await shell(`cat ${stream} & ${waits}; kill $!; wait $! || echo $?`)).toBe('143\n');
    expect(await run('cat', [`${mount.mountpoint}/held`])).toBe('');
    await unmount(mount.mountpoint);
    expect(await mount.report).toMatchObject({ interrupts: 1, defects: 0, openHandles: 0 });
  });
});

if (ROOT) {
  describe('a mount of root', () => {
    test('shows shifted owners, and stores what chown says unshifted', async () => {
      mount = await startMemoryMount({ idShift: 1_000_000 });
      const { mountpoint } = mount;
      expect(await run('stat', ['-c', '%u:%g', mountpoint])).toBe('1000000:1000000\n');
      await shell(`touch ${mountpoint}/f; chown 1000005:1000006 ${mountpoint}/f`);
      expect(await run('stat', ['-c', '%u:%g', `${mountpoint}/f`])).toBe('1000005:1000006\n');
      await expect(run('chown', ['5:6', `${mountpoint}/f`])).rejects.toThrow(/Invalid argument/);
      await shell(`setfacl -m u:1000007:rw ${mountpoint}/f`);
      expect(await run('getfacl', ['-cnp', `${mountpoint}/f`])).toContain('user:1000007:rw-');
    });

    test('is the own one of a sandbox: in a user namespace of the same range, ids are small and root is root', async () => {
      mount = await startMemoryMount({ idShift: 1_000_000, allowOther: true });
      const { mountpoint } = mount;
      await shell(`chmod 755 ${mountpoint}`);
      const inside = await run('python3', ['-c', SANDBOX, mountpoint]);
      expect(inside).toBe('0:0\n5:6 640\nuser:7:rw-\ndenied\n');
      expect(await run('stat', ['-c', '%u:%g', `${mountpoint}/f`])).toBe('1000005:1000006\n');
    });

    test('reads ahead by a MiB where root may say so', async () => {
      mount = await startMemoryMount();
      await run('stat', [`${mount.mountpoint}/held`]);
      const device = (await run('findmnt', ['-rn', '-o', 'MAJ:MIN', mount.mountpoint])).trim();
      expect(await run('cat', [`/sys/class/bdi/${device}/read_ahead_kb`])).toBe('1024\n');
    });
  });
}

/** Works as root, then as user 8, of a user namespace that maps 0-65535 to 1000000 and on. */
const SANDBOX = `
import ctypes, os, subprocess, sys
entered, told = os.pipe()
mapped, tell = os.pipe()
child = os.fork()
if child == 0:
    ctypes.CDLL(None).unshare(0x10000000)
    os.write(told, b'x')
    os.read(mapped, 1)
    os.setgid(0)
    os.setuid(0)
    os.environ['D'] = sys.argv[1]
    subprocess.run(['sh', '-ec', '''
touch $D/f; stat -c %u:%g $D/f; chown 5:6 $D/f; chmod 640 $D/f; stat -c '%u:%g %a' $D/f
setfacl -m u:7:rw $D/f; getfacl -cnp $D/f | grep user:7
'''], check=True)
    os.setgid(8)
    os.setuid(8)
    subprocess.run(['sh', '-c', 'cat $D/f 2> /dev/null || echo denied'], check=True)
    os._exit(0)
os.read(entered, 1)
for name in ('uid_map', 'gid_map'):
    open(f'/proc/{child}/{name}', 'w').write('0 1000000 65536')
os.write(tell, b'x')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;

/** Polls the stream, writes to it from a second descriptor while polling without a limit, and reads. */
const POLL = `
import os, select, sys, threading
read = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
poll = select.poll()
poll.register(read, select.POLLIN)
print([event for _, event in poll.poll(50)])
threading.Timer(0.2, lambda: os.write(os.open(sys.argv[1], os.O_WRONLY), b'hey')).start()
print([event for _, event in poll.poll()])
print(os.read(read, 10).decode())
`;
