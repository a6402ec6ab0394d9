// Names of any bytes go through the view, the listing, the diff, the log and the approval, and land as they are.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, type Pending, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 60_000;
/** Controls but for the tab and the newline of a layout; what turns the direction of text; what is no character. */
const HARMFUL = /(?![\t\n])\p{Cc}|[\u202a-\u202e\u2066-\u2069\ufffd]/u;
/** Byte strings. */
const NAMES = {
  newline: 'two\nlines',
  controls: 'bell\x07escape\x1b[31mred\x7f',
  'invalid UTF-8': 'latin\xe9\xff\xfe',
  'overlong UTF-8': 'dot\xc0\xae',
  'a bidirectional override': `txt.${Buffer.from('\u202egnp.exe', 'utf8').toString('latin1')}`,
  '255 bytes': 'x'.repeat(255),
  '255 bytes of which none is ASCII': `${'\xf0\x9f\x98\x80'.repeat(63)}\xc3\xa9\xff`,
  'quotes and spaces': ` '"\\ $(touch pwned) \`; * `,
  'a dash': '-rf',
  'a percent sign and a tab': '%s\t%n',
};
/** The text that makes each name: `printf` with octal escapes, each below a directory with a like name. */
const octal = (bytes: string) =>
  [...Buffer.from(bytes, 'latin1')].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
const CREATE = Object.values(NAMES)
  .map((name) => `n=$(printf '${octal(name)}_'); n=\${n%_}; printf '%s' made > "./$n"; printf '%s' changed >> "old/$n"`)
  .join('\n');

describe.each(USERS)('as %s', (user) => {
  let world: World;
  let pending: Pending[];
  const wanted = Object.values(NAMES).sort();
  const namesIn = (directory: string) =>
    readdirSync(directory, { encoding: 'buffer' })
      .map((name) => name.toString('latin1'))
      .sort();
  beforeAll(async () => {
    world = makeWorld({ user });
    const made = await world.run('/bin/bash', ['-c', `mkdir old; ${CREATE}; rm -- ./[!o]*; rm -f -- ./old?*`]);
    expect(made.stderr).toBe('');
    expect(namesIn(world.workspace)).toEqual(['old']);
  }, TIMEOUT_MS);
  afterAll(() => world.end(), TIMEOUT_MS);

  test(
    'the view lists them as they are, the host’s and the agent’s',
    async () => {
      const printed = await world.inside(`${CREATE}\nprintf '%s\\0' * .[!.]*; echo; printf '%s\\0' old/*`);
      const [top = '', old = ''] = printed.split('\0\n');
      expect(
        top
          .split('\0')
          .filter((name) => name !== '.[!.]*')
          .sort(),
      ).toEqual([...wanted, 'old'].sort());
      expect(
        old
          .split('\0')
          .filter(Boolean)
          .map((name) => name.slice(4))
          .sort(),
      ).toEqual(wanted);
    },
    TIMEOUT_MS,
  );

  test(
    'each is one pending entry, on one line of the listing, without a raw control byte',
    async () => {
      pending = await world.pending();
      expect(pending.length).toBe(2 * wanted.length);
      const { stdout } = await world.agentsh(['pending']);
      expect(stdout.split('\n').filter((line) => line.includes(world.workspace)).length).toBe(pending.length + 1);
      expect(Buffer.from(stdout, 'latin1').toString('utf8')).not.toMatch(HARMFUL);
      const index = (await world.operator('cat /.kernel/pending/index')).stdout;
      expect(index.split('\n').filter((line) => line.includes(world.workspace)).length).toBe(pending.length);
    },
    TIMEOUT_MS,
  );

  test(
    'diff and log show each without raw control bytes, one entry a line',
    async () => {
      for (const words of [['diff'], ['log']]) {
        const { code, stdout } = await world.agentsh(words);
        expect(code).toBe(0);
        expect(Buffer.from(stdout, 'latin1').toString('utf8')).not.toMatch(HARMFUL);
      }
      const audit = (await world.operator('cat /.kernel/audit')).stdout.split('\n').filter(Boolean);
      expect(() => audit.map((line) => JSON.parse(line))).not.toThrow();
      expect(await world.agentsh(['verify'])).toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );

  test(
    'approved, they are on the host byte for byte',
    async () => {
      expect(await world.agentsh(['approve', ...pending.map(({ id }) => id)])).toMatchObject({ code: 0 });
      expect(namesIn(world.workspace)).toEqual([...wanted, 'old'].sort());
      expect(namesIn(path.join(world.workspace, 'old'))).toEqual(wanted);
      const content = (directory: string, name: string) =>
        readFileSync(Buffer.from(`${world.workspace}/${directory}/${name}`, 'latin1'), 'utf8');
      expect(wanted.map((name) => content('.', name))).toEqual(wanted.map(() => 'made'));
      expect(wanted.map((name) => content('old', name))).toEqual(wanted.map(() => 'changedchanged'));
    },
    TIMEOUT_MS,
  );
});
