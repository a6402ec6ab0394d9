// A program in a sandbox: its status, its identity, its surroundings; as root and as an ordinary user.
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ID_SHIFT, inSandbox, makeView, STARTERS, shell, testUid, type View } from './view.ts';

describe.each(STARTERS)('started by %s', (starter) => {
  let view: View;
  beforeAll(() => {
    view = makeView(starter);
  });
  afterAll(() => view.remove());

  test.each([
    ['its own exit code', 'exit 7', 7],
    ['128 + 15 for SIGTERM', 'kill -TERM $$', 143],
    ['128 + 9 for SIGKILL', 'kill -KILL $$', 137],
    ['0', 'true', 0],
  ])('the status is %s', async (_, text, code) => {
    expect((await shell(view, text)).code).toBe(code);
  });

  test('a missing program is 127, one that may not be run 126, as a shell says', async () => {
    writeFileSync(path.join(view.mountpoint, 'work/data'), 'no program', { mode: 0o644 });
    const missing = await inSandbox(view, { argv: ['no-such-program'] });
    expect(missing).toMatchObject({ code: 127, error: 'agentsh: no-such-program: command not found\n' });
    expect(await inSandbox(view, { argv: ['./data'] })).toMatchObject({ code: 126 });
    expect(await inSandbox(view, { argv: [''] })).toMatchObject({ code: 127 });
  });

  test('a script without an interpreter line is run by the shell', async () => {
    writeFileSync(path.join(view.mountpoint, 'work/script'), 'echo "$1"; exit 3', { mode: 0o755 });
    expect(await inSandbox(view, { argv: ['./script', 'a b'] })).toMatchObject({ code: 3, out: 'a b\n' });
  });

  test('without a program the shell of SHELL runs, and /bin/sh where that is not in the view', async () => {
    const env = { PATH: '/usr/bin:/bin' };
    const named = await inSandbox(view, { argv: [], shellText: 'echo $0', env: { ...env, SHELL: '/bin/dash' } });
    expect(named.out).toBe('/bin/dash\n');
    const absent = await inSandbox(view, { argv: [], shellText: 'echo $0', env: { ...env, SHELL: '/opt/none/zsh' } });
    expect(absent.out).toBe('/bin/bash\n');
  });

  test('the environment is exactly what was given, whatever we were started with', async () => {
    const { out } = await inSandbox(view, { argv: ['/usr/bin/env'], env: { A: '1', B: 'ü\n x' } });
    expect(out).toBe('A=1\nB=ü\n x\n');
  });

  test('it stands in the workspace and may write there, and not in the system', async () => {
    const { out } = await shell(view, 'pwd; echo x > new && cat new; touch /etc/new 2>&1; touch /usr/new 2>&1');
    expect(out).toMatch(/^\/work\nx\n.*cannot touch.*\n.*cannot touch/);
  });

  test('uid and gid inside; outside they are never root', async () => {
    const { out } = await shell(view, 'id -u; id -g; touch owned');
    const inside = starter === 'root' ? '0\n0\n' : `${testUid()}\n${testUid()}\n`;
    expect(out).toBe(inside);
    const { uid, gid } = statSync(path.join(view.mountpoint, 'work/owned'));
    const outside = starter === 'root' ? ID_SHIFT : testUid();
    expect([uid, gid]).toEqual([outside, outside]);
  });

  test('signals have their default actions and an empty mask', async () => {
    const { out } = await shell(view, 'grep -E "^Sig(Blk|Ign)" /proc/self/status');
    expect(out).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
  });

  test('the limit of open files is the operator’s, and there are no core dumps', async () => {
    const { out } = await shell(view, 'ulimit -Sn; ulimit -c; grep "core file" /proc/self/limits', {
      openFilesSoft: 777,
    });
    expect(out).toMatch(/^777\n0\n.* 1 +1 +bytes/);
  });

  test('the limit of processes holds', async () => {
    const text = 'i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done 2>&1; echo done; kill $(jobs -p)';
    const { out, error } = await shell(view, text, { limits: { processes: 12 } });
    expect(out + error).toMatch(/[Cc]annot fork|Resource temporarily unavailable/);
  });

  test('the limits of memory and of a file’s size hold', async () => {
    const limits = { memoryBytes: 200 << 20, fileBytes: 1 << 20 };
    const memory = await inSandbox(view, {
      argv: ['/usr/bin/perl', '-e', 'my $x = "x" x (300 << 20); print "had"'],
      limits,
    });
    expect(memory.out).toBe('');
    const file = await shell(view, 'head -c 2097152 /dev/zero > big; stat -c %s big', { limits });
    expect(file.out).toBe(`${1 << 20}\n`);
  });

  test('capabilities: none for a user; for root six, and no new privileges', async () => {
    const { out } = await shell(view, 'grep -E "^(CapEff|CapPrm|CapInh|CapAmb|NoNewPrivs|Seccomp):" /proc/self/status');
    const capabilities = starter === 'root' ? '00000000000000db' : '0000000000000000';
    for (const name of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb']) expect(out).toContain(`${name}:\t${capabilities}`);
    expect(out).toContain('NoNewPrivs:\t1');
    expect(out).toContain('Seccomp:\t2');
  });

  test('no process of it is left when the program has ended', async () => {
    const { code } = await shell(view, 'setsid sleep 987654 & sleep 987653 & exit 4');
    expect(code).toBe(4);
    expect(commandLines()).not.toMatch(/sleep.98765[34]/);
  });

  test('a workspace below /dev/shm shows in spite of the sandbox’s own /dev', async () => {
    const inside = path.join(view.mountpoint, 'dev/shm/ws');
    mkdirSync(inside, { recursive: true });
    writeFileSync(path.join(inside, 'file'), 'bytes');
    chownSync(inside, starter === 'root' ? ID_SHIFT : testUid(), 0);
    const found = await shell(view, 'pwd; cat file; touch new && ls; ls /dev/null', { workspace: '/dev/shm/ws' });
    expect(found.out).toBe('/dev/shm/ws\nbytesfile\nnew\n/dev/null\n');
  });
});

function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    })
    .join('\n');
}
