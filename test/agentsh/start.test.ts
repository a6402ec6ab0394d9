// `npm start` in a clone: installs and builds what is missing, nothing twice, and keeps stdout for the command.
//
// The clone holds the real scripts and a program of two lines; `npm` is a recorder that links this tree's packages. What
// is tested is the set-up, not the registry; the whole of it runs in every clean clone (.ci/run).
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const TIMEOUT_MS = 60_000;
const PROGRAM =
  'process.stdout.write(JSON.stringify([process.cwd(), ...process.argv.slice(2)]) + "\\n");\nprocess.exit(7);\n';

const root = fileURLToPath(new URL('../..', import.meta.url));
const base = mkdtempSync(path.join(tmpdir(), 'agentsh-start-'));
const clone = path.join(base, 'clone');
const elsewhere = path.join(base, 'else where');
const bin = path.join(base, 'bin');

beforeAll(() => {
  for (const directory of [
    elsewhere,
    bin,
    ...['agentsh', 'fs', 'policy', 'test'].map((name) => path.join(clone, name)),
  ]) {
    mkdirSync(directory, { recursive: true });
  }
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'agentsh/start.sh', 'agentsh/setup.sh']) {
    cpSync(path.join(root, name), path.join(clone, name));
  }
  writeFileSync(path.join(clone, 'agentsh/main.ts'), PROGRAM);
  writeFileSync(
    path.join(bin, 'npm'),
    `#!/bin/sh
    mkdir -p node_modules
    for name in typescript @types; do [ -e "node_modules/$name" ] || ln -s "${root}node_modules/$name" node_modules/; done
    touch node_modules/.package-lock.json
    echo "noise of npm $*"
    `,
    { mode: 0o755 },
  );
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function start(...words: string[]) {
  const { status, stdout, stderr } = spawnSync('sh', [path.join(clone, 'agentsh/start.sh'), ...words], {
    cwd: clone,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, INIT_CWD: elsewhere, AGENTSH_BUILD_STRICT: '1' },
  });
  return { status, stdout, stderr };
}

/** Makes a file newer than everything that was built. */
function touch(name: string): void {
  const later = new Date(Date.now() + 2000);
  utimesSync(path.join(clone, name), later, later);
}

test(
  'the first start installs without install scripts, builds, and hands over place, words and exit code',
  () => {
    const { status, stdout, stderr } = start('-c', 'two words', '--', '');
    expect(stderr).toContain('noise of npm ci --ignore-scripts');
    expect(stderr).toContain('agentsh: building');
    expect(JSON.parse(stdout)).toEqual([elsewhere, '-c', 'two words', '--', '']);
    expect(status).toBe(7);
  },
  TIMEOUT_MS,
);

test(
  'the second start does nothing twice',
  () => {
    expect(start()).toMatchObject({ status: 7, stderr: '' });
  },
  TIMEOUT_MS,
);

test(
  'a changed source is built, changed locks are installed',
  () => {
    touch('agentsh/main.ts');
    expect(start().stderr).toBe('agentsh: building\n');
    touch('package-lock.json');
    expect(start().stderr).toContain('noise of npm ci');
  },
  TIMEOUT_MS,
);

test(
  'a build whose output is gone is made again, whatever the compiler remembers',
  () => {
    rmSync(path.join(clone, 'dist'), { recursive: true });
    expect(start().status).toBe(7);
    expect(existsSync(path.join(clone, 'dist/agentsh/main.js'))).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'a source that does not compile starts nothing, and says so',
  () => {
    writeFileSync(path.join(clone, 'agentsh/main.ts'), 'const wrong: number = "text";\n');
    touch('agentsh/main.ts');
    const { status, stdout, stderr } = start();
    expect(status).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toContain('error TS2322');
  },
  TIMEOUT_MS,
);
