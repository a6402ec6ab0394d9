// T05 T06 T09 T10 T45 T52 T54 T55 T57 T58 T60: the ways out of the sandbox, tried against the assembled product: the
// root is the real mount, the daemon runs beside it, and there is something pending worth approving oneself.
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type World } from '../world.ts';
import { CANARY, makeOutside, type Outside, PRELUDE, policyWords } from './mounted.ts';

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let outside: Outside;
  let before: string;
  let server: Server;
  const onHost = (name: string) => readFileSync(path.join(world.workspace, name), 'utf8');
  beforeAll(async () => {
    world = makeWorld({ user });
    outside = makeOutside(world);
    before = outside.state();
    world.write('kept.txt', 'host\n');
    server = createServer((socket) => socket.end(CANARY));
    await new Promise<void>((resolve) => server.listen(path.join(world.workspace, 'host.sock'), resolve));
    world.own(world.workspace);
    await world.inside('echo agent > kept.txt', ['-n', 'self']);
  });
  afterAll(async () => {
    server.close();
    const after = outside.state();
    await world.end();
    expect(after).toBe(before);
  });

  /** Runs on whatever fails; gives all that was printed, errors too. */
  const all = (text: string, words: readonly string[] = ['-n', 'self']) =>
    world.inside(`{ ${text}\n} 2>&1; true`, words);

  test('T45 no write of the agent’s decides anything: by path, descriptor, alias, uid or copy of the program', async () => {
    const [item] = await world.pending();
    const id = item?.id ?? '';
    const program = process.argv[1] ?? '';
    const printed = await all(`
cd /; ls -l /.kernel/pending/${id}
for f in /.kernel/pending/${id} /.kernel/approve /.kernel/reject /proc/self/root/.kernel/approve /.kernel/../.kernel/pending/../approve /.kernel/policy; do
  for word in approve "${id}" all "$(cat /.kernel/pending/index)"; do (echo "$word" > $f) && echo DECIDED $f; (echo "$word" >> $f) && echo DECIDED $f; done
  (exec 3<> $f; echo approve >&3) && echo DECIDED $f
  chmod 777 $f && echo DECIDED; chown $(id -u) $f && echo DECIDED; mv $f /tmp/x && echo DECIDED; ln $f /tmp/x && echo DECIDED; rm $f && echo DECIDED; truncate -s 0 $f && echo DECIDED; setfattr -n user.x -v y $f && echo DECIDED
  for uid in 1000 65534; do setpriv --reuid=$uid --clear-groups sh -c "echo approve > $f" && echo DECIDED; done
done
exec 4< /.kernel/pending/${id}; (echo approve > /proc/self/fd/4) && echo DECIDED
(exec 5< /.kernel; cd /proc/self/fd/5 && echo approve > pending/${id}) && echo DECIDED
mkdir /.kernel/x && echo DECIDED; mv /.kernel /k && echo DECIDED; ln -s /tmp /.kernel/y && echo DECIDED; mv /tmp /.kernel && echo DECIDED
AGENTSH_HOME=${world.store} node ${program} approve ${id} && echo DECIDED
ls ${world.store} && echo SEEN; find /run /tmp /var /home /root ~ '(' -name kernel.sock -o -name token -path '*agentsh*' ')' 2>/dev/null | grep . && echo SEEN`);
    expect(printed).not.toMatch(/DECIDED|SEEN/);
    expect(printed).toMatch(/not permitted/i);
    expect((await world.pending()).map((each) => each.id)).toContain(id);
    expect(onHost('kept.txt')).toBe('host\n');
  });

  test('T45 what was tried is on record, and the operator’s word still counts', async () => {
    expect((await world.agentsh(['log'])).stdout).toMatch(/deny/);
    const [item] = await world.pending('-n', 'self');
    expect(await world.operator(`echo approve > /.kernel/pending/${item?.id}`)).toMatchObject({ code: 0 });
    expect(onHost('kept.txt')).toBe('agent\n');
  });

  test('T05 the aliases of /proc end in the view', async () => {
    const printed = await all(`
for a in /proc/self/root /proc/1/root /proc/1/cwd /proc/self/cwd/../../.. /proc/thread-self/root /proc/self/task/$$/root /dev/fd/0/..; do
  cat $a${outside.file}; ls $a${outside.directory}; (echo x > $a${outside.file}) && echo WROTE; done
for f in /proc/[0-9]*/fd/*; do cat "$f${outside.file}" "$f/../canary"; done
python3 - <<'X'
${PRELUDE}
for n in range(3, 256):
    if outcome(lambda: os.fstat(n)) == 'ok': print('LEAKED', n, os.readlink(f'/proc/self/fd/{n}'))
for flags in (os.O_PATH, os.O_PATH | os.O_DIRECTORY, os.O_DIRECTORY):
    fd = os.open('/', flags)
    for up in ('..', '../..', '../../../..'):
        print(outcome(lambda: os.open(f'{up}${outside.file}', os.O_RDONLY, dir_fd=fd)))
X`);
    expect(printed).not.toContain(CANARY);
    expect(printed).not.toMatch(/WROTE|LEAKED|^ok$/m);
  });

  test('T06 0, 1 and 2 are all that is open, and none of them leads to a directory', async () => {
    // Four is the listing’s own.
    expect(
      await world.inside('ls /proc/$$/fd; for n in 0 1 2; do [ -d /proc/$$/fd/$n ] && echo DIRECTORY; done; true'),
    ).toBe('0\n1\n2\n');
  });

  test('T09 T10 no mount, namespace or root is changed; no file is opened by handle', async () => {
    const printed = await all(`
for c in 'mount -t tmpfs x /tmp' 'mount --bind / /tmp' 'mount -o remount,rw /usr' 'umount -l /' 'umount /proc' 'mount --make-rshared /' 'unshare -m true' 'unshare -r true' 'chroot / true' 'pivot_root . .' 'nsenter -t 1 -m true' 'fusermount3 -u /' 'mknod /tmp/d b 8 0' 'mknod kmem c 1 1'; do
  $c && echo "GOT OUT $c"; done
[ -e /dev/fuse ] && echo "GOT OUT fuse"; findmnt -o PROPAGATION / | grep shared && echo "GOT OUT shared"
python3 - <<'X'
${PRELUDE}
handle = ctypes.create_string_buffer(b'\\x80' + b'\\0' * 200, 256); mount = ctypes.c_int()
name = libc.name_to_handle_at(-100, b'/etc/passwd', handle, ctypes.byref(mount), 0)
opened = libc.open_by_handle_at(os.open('/', os.O_RDONLY), handle, 0)
print('GOT OUT' if opened >= 0 else 'refused')
import fcntl
for request in (0x40086602, 0x80086601, 0x401c5820, 0x40049409, 0xc0045877):  # SETFLAGS GETFLAGS FSSETXATTR FICLONE FIFREEZE
    fd = os.open('/etc/passwd', os.O_RDONLY)
    print(request, outcome(lambda: fcntl.ioctl(fd, request, b'\\0' * 64)))
X`);
    expect(printed).not.toContain('GOT OUT');
    expect(printed).toContain('refused');
    expect(printed).not.toMatch(/1074292226 ok|1075599392 ok|3221510263 ok/);
  });

  test('T52 T60 the daemon is not seen, and nothing inside turns the sandbox off', async () => {
    const printed = await all(`
ls -d /proc/[0-9]* | wc -l | awk '$1 > 12 { print "OTHERS" }'; cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -aE 'agentsh-kerne[l]|main[.]j[s]' && echo OTHERS
kill -0 ${world.kernelPid()} && echo OTHERS; cat /proc/${world.kernelPid()}/mem && echo OTHERS
AGENTSH_SANDBOX=0 AGENTSH_DISABLE=1 cat ${outside.file}; env | grep -i agentsh_home && echo OTHERS
grep -E 'NoNewPrivs:.1' /proc/self/status; grep -E 'Seccomp:.2' /proc/self/status`);
    expect(printed).not.toMatch(/OTHERS/);
    expect(printed).not.toContain(CANARY);
    expect(printed).toMatch(/NoNewPrivs:\t1\nSeccomp:\t2/);
  });

  test('T52 our own stores in a tree that a rule shows are absent, and what leads to them stays in its place', async () => {
    const words = policyWords(world, [`{ path = "${world.directory}", mode = "rw" }`]);
    const printed = await all(
      `cd ${world.directory}; ls -a; ls store/..; cat store/lock; mkdir store && echo GOT; touch store && echo GOT; mv outside store && echo GOT; cd ..; mv ${world.directory} x && echo GOT; rm -rf ${world.store}; ln -s /etc ${world.store} && echo GOT`,
      ['-n', 'rw', ...words],
    );
    expect(printed).toContain('workspace');
    expect(printed).not.toMatch(/^(?:store|GOT|\d+)$/m);
    expect(existsSync(path.join(world.store, 'lock'))).toBe(true);
  });

  test('T54 poison in the environment and the workspace acts on nothing that builds the sandbox', async () => {
    world.write('evil.sh', `echo POISONED; cat ${outside.file}`);
    world.write('.gitconfig', '[core]\n\tfsmonitor = ./evil.sh\n');
    const env = {
      BASH_ENV: path.join(world.workspace, 'evil.sh'),
      ENV: path.join(world.workspace, 'evil.sh'),
      LD_LIBRARY_PATH: world.workspace,
      GIT_DIR: world.workspace,
      GIT_EXTERNAL_DIFF: './evil.sh',
      PYTHONSTARTUP: './evil.sh',
    };
    const result = await world.agentsh(['-n', 'self', '-c', 'env; bash -c true; git status; true'], { env });
    expect(result.stdout).not.toMatch(/POISONED|evil\.sh|LD_LIBRARY_PATH|GIT_EXTERNAL_DIFF/);
    expect(result.stdout).not.toContain(CANARY);
  });

  test('T55 through any interpreter, the host stays as it is until approval', async () => {
    const hostBefore = outside.state() + onHost('kept.txt');
    await all(`
find . -maxdepth 0 -exec sh -c 'echo x > kept.txt; echo x > ${outside.file}' ';'
git -c alias.x='!echo y > kept.txt; rm -rf ${outside.directory}' x
git -c core.pager='sh -c "echo z > ${outside.file}"' --paginate version
loader=$(ls /lib64/ld-linux* /lib/ld-linux* 2>/dev/null | head -1); cp /bin/sh ./mysh; $loader ./mysh -c 'echo l > kept.txt; echo l > ${outside.file}'
python3 -c "open('kept.txt','w').write('p'); open('${outside.file}','w')"
perl -e 'open(F,">kept.txt"); print F "q"; close F; unlink "${outside.file}"'
awk 'BEGIN { print "a" > "kept.txt"; print "a" > "${outside.file}" }'; sed -i s/a/b/ kept.txt; dd if=/dev/zero of=kept.txt bs=1 count=3
node -e "require('fs').writeFileSync('kept.txt','n'); require('fs').rmSync('${outside.directory}',{recursive:true,force:true})"
tar cf t.tar kept.txt; tar xf t.tar; env -i sh -c 'echo e >> kept.txt'; xargs -I{} sh -c 'echo {} > kept.txt' < /etc/hostname; (sleep 0.2; echo late > kept.txt) &
wait`);
    expect(outside.state() + onHost('kept.txt')).toBe(hostBefore);
    expect(existsSync(path.join(world.workspace, 'mysh'))).toBe(false);
    expect((await world.pending('-n', 'self')).map((each) => path.basename(each.path))).toContain('kept.txt');
  });

  test('T57 a socket of the host in the workspace is a name and no more', async () => {
    const printed = await all(`python3 - <<'X'
${PRELUDE}
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    print(outcome(lambda: socket.socket(socket.AF_UNIX, kind).connect('host.sock')))
X
find /run /tmp /var /dev /etc /home -type s -not -path '*/host.sock' 2>/dev/null`);
    expect(printed).not.toContain(CANARY);
    expect(printed.trim().split('\n')).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
  });

  test('T58 what is secret by default is not there, and there is no network to send it by', async () => {
    world.write('.env', `TOKEN=${CANARY}\n`);
    world.write('.env.example', 'TOKEN=\n');
    world.write('id_rsa', CANARY);
    world.write('tls/server.pem', `-----BEGIN PRIVATE KEY-----\n${CANARY}`);
    for (const name of ['.ssh/id_ed25519', '.aws/credentials', '.netrc', '.config/gh/hosts.yml', '.docker/config.json'])
      world.write(path.join(world.home, name), CANARY);
    world.own(world.home);
    const printed = await all(
      `cat .env id_rsa tls/* ~/.ssh/* ~/.aws/* ~/.netrc ~/.config/gh/* ~/.docker/* ${world.home}/.netrc /etc/shadow /root/*; ls -a . tls ~; cat .env.example
python3 -c "import socket; socket.create_connection(('1.1.1.1', 53), 2)"; tail -n +3 /proc/net/dev | cut -d: -f1; grep -rs ${CANARY} . ~ && echo FOUND`,
      ['-n', 'fresh'],
    );
    expect(printed.replace(/.*grep.*\n/g, '')).not.toMatch(new RegExp(`${CANARY}|FOUND|root:\\$`));
    expect(printed).toContain('TOKEN=\n');
    expect(printed).not.toMatch(/^id_rsa$|^server\.pem$|^\.env$/m);
    expect(printed).toMatch(/unreachable/i);
  });
});
