// `npm ci` of a locked project unpacks in a mount what it unpacks in a plain directory. The packages are those this
// project itself has installed, packed beside the lock file: no registry is asked.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePlace, PLACES, type Place, PROGRAM_TIMEOUT_MS } from './place.ts';

const installed = fileURLToPath(new URL('../../node_modules', import.meta.url));
/** With files of all sizes, a program in `.bin`, and packages of their own. */
const WANTED = ['chokidar', 'debug', 'nanoid'];

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly bin?: unknown;
}
const manifestOf = (name: string) =>
  JSON.parse(readFileSync(path.join(installed, name, 'package.json'), 'utf8')) as Manifest;

/** Packages, and those they need. */
function closure(names: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    Object.keys(manifestOf(name).dependencies ?? {}).forEach(visit);
  };
  names.forEach(visit);
  return [...found];
}

function makeProject(directory: string): void {
  mkdirSync(path.join(directory, 'packs'), { recursive: true });
  const root = {
    name: 'locked',
    version: '1.0.0',
    dependencies: Object.fromEntries(WANTED.map((name) => [name, manifestOf(name).version])),
  };
  const packages = closure(WANTED).map((name) => [`node_modules/${name}`, pack(directory, name)] as const);
  const lock = { ...root, lockfileVersion: 3, packages: { '': root, ...Object.fromEntries(packages) } };
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify(root));
  writeFileSync(path.join(directory, 'package-lock.json'), JSON.stringify(lock));
}

/** Packs an installed package; returns its entry in the lock file. */
function pack(directory: string, name: string): object {
  const file = path.join('packs', `${name}.tgz`);
  const words = [
    '-czf',
    path.join(directory, file),
    '--transform=s,^\\.,package,',
    '-C',
    path.join(installed, name),
    '.',
  ];
  execFileSync('tar', words);
  const { version, dependencies, bin } = manifestOf(name);
  const integrity = `sha512-${createHash('sha512')
    .update(readFileSync(path.join(directory, file)))
    .digest('base64')}`;
  return { version, resolved: `file:${file}`, integrity, dependencies, bin };
}

const NPM = 'npm --offline --no-audit --no-fund --no-update-notifier --loglevel=error';
const TREE = `find node_modules -type f -printf '%P %m %s\\n' -o -printf '%P %y %m %l\\n' | sort && find node_modules -type f -print0 | sort -z | xargs -0 sha256sum`;
const STORY = `set -e
${NPM} ci > said && tail -n 1 said | sed 's/ in .*//' && ${NPM} ls --all | tail -n +2 && ${TREE}
echo '= again' && ${NPM} ci > said && ${TREE} | sha256sum
node -e 'console.log(typeof require("debug")("x"))' && node_modules/.bin/nanoid --size 9 | wc -c
echo '= one removed' && ${NPM} uninstall nanoid > said && ls node_modules && rm -rf node_modules && ls`;

describe.each(PLACES)('as $user under $mode', (name) => {
  let place: Place;
  beforeAll(() => {
    place = makePlace(name);
    for (const directory of [place.plain, place.world.workspace]) makeProject(directory);
    place.world.own(place.world.directory);
  });
  afterAll(() => place.world.end(), PROGRAM_TIMEOUT_MS);

  test(
    'the same packages, the same tree, once more and after a removal',
    async () => {
      const expected = await place.onPlain(STORY);
      expect(expected).toMatchObject({ code: 0, stderr: '' });
      expect(expected.stdout).toContain('readdirp');
      expect(await place.inside(STORY)).toMatchObject({ code: 0, stdout: expected.stdout });
    },
    PROGRAM_TIMEOUT_MS,
  );
});
