// T59 T60: where a layer cannot be had nothing starts, and nothing inside or outside says otherwise.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { becoming, driverWords, makeView, quoted, STARTERS, type View } from '../agentsh/sandbox/view.ts';

const sources = fileURLToPath(new URL('../../agentsh/sandbox', import.meta.url));

describe.each(STARTERS)('started by %s', (starter) => {
  let view: View;
  beforeAll(() => {
    view = makeView(starter);
  });
  afterAll(() => view.remove());

  /** Runs the driver where `prepare` (shell text, in namespaces of its own) has taken something away. */
  function without(prepare: string, env: Readonly<Record<string, string>> = {}) {
    const words = [...becoming(view), ...driverWords(view, { argv: ['/bin/echo', 'ran'] })].map(quoted).join(' ');
    const script = `${prepare}\nexec ${words}`;
    const found = spawnSync('unshare', ['--mount', '--propagation', 'private', '--', 'sh', '-c', script], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    return { code: found.status, out: found.stdout, error: found.stderr };
  }

  test('the same without taking anything away runs', () => {
    expect(without(':')).toMatchObject({ code: 0, out: 'ran\n' });
  });

  test('T59 without bubblewrap nothing runs, and the line that installs it is told', () => {
    const refused = without('mount --bind /dev/null /usr/bin/bwrap');
    expect(refused).toMatchObject({ code: 5, out: '' });
    expect(refused.error).toMatch(/bwrap is not installed\n.*apt-get install bubblewrap/);
  });

  test('T59 a bubblewrap that fails ends the start', () => {
    const refused = without('mount --bind /bin/false /usr/bin/bwrap');
    expect(refused).toMatchObject({ code: 5, out: '' });
    expect(refused.error).toContain('did not come up');
  });

  test('T59 a bubblewrap that makes no sandbox is found out: the launcher’s report never comes', () => {
    const refused = without('mount --bind /bin/true /usr/bin/bwrap');
    expect(refused).toMatchObject({ code: 5, out: '' });
  });

  test('T59 without user namespaces nothing runs', () => {
    const before = readFileSync('/proc/sys/user/max_user_namespaces', 'utf8').trim();
    // The limit seen is the one of the caller's own namespace; the file is the same for everybody.
    const refused = without(
      'printf 0 > /tmp/agentsh-zero; mount --bind /tmp/agentsh-zero /proc/sys/user/max_user_namespaces; rm /tmp/agentsh-zero',
    );
    expect(refused).toMatchObject({ code: 5, out: '' });
    expect(refused.error).toMatch(/user namespaces are switched off/);
    expect(readFileSync('/proc/sys/user/max_user_namespaces', 'utf8').trim()).toBe(before);
  });

  test('T60 no variable turns a layer off', () => {
    const names = [
      'AGENTSH',
      'AGENTSH_NAME',
      'AGENTSH_SANDBOX',
      'AGENTSH_NO_SANDBOX',
      'AGENTSH_DEBUG',
      'NO_SANDBOX',
      'CI',
      'container',
    ];
    for (const value of ['0', '1']) {
      const env = Object.fromEntries(names.map((name) => [name, value]));
      const refused = without('mount --bind /bin/false /usr/bin/bwrap', env);
      expect(refused).toMatchObject({ code: 5, out: '' });
    }
  });
});

test('T60 the sandbox’s code asks the environment for PATH alone; how a message looks is no layer', () => {
  const found = execFileSync('grep', ['-rhoE', '([a-zA-Z]+\\()?process\\.env[.[]?[A-Za-z_]*', sources], {
    encoding: 'utf8',
  });
  expect(new Set(found.trim().split('\n'))).toEqual(new Set(['process.env.PATH', 'terminalOutput(process.env']));
});
