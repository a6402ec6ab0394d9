// Where things lie: what the environment says, and the modes of what is made.
import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentDirectory, makePlaces, placesOf } from '../../fs/daemon/places.ts';
import { type Home, makeHome, removeHome } from './harness.ts';

let home: Home;
beforeEach(() => {
  home = makeHome();
});
afterEach(() => removeHome(home));

const mode = (place: string) => statSync(place).mode & 0o777;

test.each([
  [{ HOME: '/h' }, '/h/.local/state/agentsh'],
  [{ HOME: '/h', XDG_STATE_HOME: '/s' }, '/s/agentsh'],
  [{ HOME: '/h', XDG_STATE_HOME: 'relative' }, '/h/.local/state/agentsh'],
  [{ HOME: '/h', XDG_STATE_HOME: '/s', AGENTSH_HOME: '/a/./b' }, '/a/b'],
])('%j keeps its stores in %s', (environment, expected) => {
  const places = placesOf(environment);
  expect(places.home).toBe(expected);
  expect(places.socket).toBe(`${expected}/run/kernel.sock`);
});

test.each([{}, { AGENTSH_HOME: 'relative' }, { AGENTSH_HOME: '/a\0b' }])('%j names no home', (environment) => {
  expect(() => placesOf(environment)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('the run directory is in XDG_RUNTIME_DIR where that is the user’s own', () => {
  const runtime = home.environment.XDG_RUNTIME_DIR!;
  expect(home.places.run).toBe(`${runtime}/agentsh`);
  expect(placesOf(home.environment, process.getuid!() + 1).run).toBe(`${home.places.home}/run`);
  chmodSync(runtime, 0o777);
  expect(placesOf(home.environment).run).toBe(`${home.places.home}/run`);
  expect(placesOf({ ...home.environment, XDG_RUNTIME_DIR: '/does/not/exist' }).run).toBe(`${home.places.home}/run`);
});

test('a socket path that does not fit is refused before anything is made', () => {
  const deep = path.join('/tmp', 'x'.repeat(100));
  expect(() => placesOf({ HOME: deep })).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
});

test('every directory is made 0700 whatever the umask', () => {
  const before = process.umask(0);
  try {
    makePlaces(home.places);
  } finally {
    process.umask(before);
  }
  const { places } = home;
  for (const place of [places.home, places.run, places.keys, places.ledger, places.agents, places.mounts]) {
    expect([place, mode(place)]).toEqual([place, 0o700]);
  }
});

test.each(['home', 'run', 'mounts'] as const)(
  'a %s directory that lets others in is refused with the remedy',
  (name) => {
    makePlaces(home.places);
    chmodSync(home.places[name], 0o710);
    expect(() => makePlaces(home.places)).toThrow(`chmod 700 ${home.places[name]}`);
  },
);

test('a symlink in place of the run directory is refused', () => {
  mkdirSync(path.join(home.directory, 'elsewhere'), { mode: 0o700 });
  symlinkSync(path.join(home.directory, 'elsewhere'), home.places.run);
  expect(() => makePlaces(home.places)).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

test('two workspaces never share a store', () => {
  const a = agentDirectory(home.places, '/a', 'shell');
  expect(agentDirectory(home.places, '/a', 'shell')).toBe(a);
  expect(agentDirectory(home.places, '/a/', 'shell')).not.toBe(a);
  expect(agentDirectory(home.places, '/b', 'shell')).not.toBe(a);
  expect(path.relative(home.places.agents, a)).toMatch(/^[0-9a-f]{20}\/shell$/);
});
