// The operator's shell: the host as it is, plus /.kernel; nothing is made on the host; as root and as a user.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL, Terminal } from '../../pty.ts';
import { TEST_USER } from '../../setup.ts';
import { type Outcome, quoted, STARTERS } from './view.ts';

const driver = fileURLToPath(new URL('../../../dist/test/agentsh/sandbox/operatorDriver.js', import.meta.url));
let kernelMount: string;
beforeAll(() => {
  kernelMount = mkdtempSync('/var/tmp/agentsh-operator-');
  writeFileSync(path.join(kernelMount, 'version'), 'the version\n');
  mkdirSync(path.join(kernelMount, 'pending'));
  chmodSync(kernelMount, 0o755);
});
afterAll(() => rmSync(kernelMount, { recursive: true }));

describe.each(STARTERS)('started by %s', (starter) => {
  const become =
    starter === 'root' ? [] : ['setpriv', `--reuid=${TEST_USER}`, `--regid=${TEST_USER}`, '--init-groups', '--'];
  const words = (text?: string) => {
    const options = { kernelMount, cwd: '/var/tmp', env: { PATH: '/usr/bin:/bin', SHELL: '/bin/sh', TERM: 'xterm' } };
    return [process.execPath, driver, JSON.stringify(text === undefined ? options : { ...options, shellText: text })];
  };

  function operator(text: string): Promise<Outcome> {
    const [file, ...rest] = [...become, ...words(text)];
    const child = spawn(file!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, error] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      error += bytes.toString();
    });
    return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, out, error })));
  }

  test('/.kernel is there, the place is kept, the status is the shell’s', async () => {
    expect(await operator('cat /.kernel/version; pwd; exit 6')).toMatchObject({
      code: 6,
      out: 'the version\n/var/tmp\n',
    });
    expect((await operator('kill -INT $$')).code).toBe(130);
  });

  test('every entry of the host’s root is there, links as links, and the host’s own processes', async () => {
    const { out } = await operator('ls -A /; readlink /bin; ls -d /proc/$PPID/fd');
    const listed = out.split('\n');
    for (const name of readdirSync('/')) expect(listed).toContain(name);
    expect(listed).toContain('.kernel');
  });

  test('what it writes is on the host, as the operator, and it made nothing at the host’s root', async () => {
    const before = readdirSync('/').sort();
    const { out } = await operator(`id -u; t=$(mktemp /var/tmp/agentsh-op-XXXXXX); echo $t; ls -A / > /dev/null`);
    const [uid, file] = out.split('\n');
    expect(Number(uid) === 0).toBe(starter === 'root');
    rmSync(file!);
    expect(readdirSync('/').sort()).toEqual(before);
  });

  test('set-id programs gain nothing in it', async () => {
    expect((await operator('grep NoNewPrivs /proc/self/status')).out).toBe('NoNewPrivs:\t1\n');
  });

  test('an interactive one has job control, and Ctrl-C is the shell’s', async () => {
    const owner = starter === 'root' ? {} : { user: TEST_USER };
    const terminal = new Terminal(`exec ${words().map(quoted).join(' ')}`, owner);
    await terminal.waitFor(/[$#] /);
    // It says when it runs: what is typed earlier is the shell's.
    terminal.type(`perl -e '$| = 1; print "up-", 40 + 2; sleep 30'\n`);
    await terminal.waitFor(/up-42/);
    terminal.type(CONTROL.c);
    terminal.type('echo alive-$((40+2))\n');
    await terminal.waitFor(/alive-42/);
    terminal.type('exit 5\n');
    expect(await terminal.exited).toBe(5);
  });
});
