// T08: rename and exchange across rules: every flag, every pair of modes, with and without something at the target.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { USERS } from '../world.ts';
import { type Mounted, mountView } from './mounted.ts';

const MODES = ['ro', 'ephemeral', 'private', 'invisible', 'rw', 'hidden'] as const;
const FLAGS = { plain: 0, NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;
type Flag = keyof typeof FLAGS;

/** Rows: the source's mode. Columns: the target's, in the same order. `.` is success. */
const ACROSS = `
            ro     ephemeral private invisible rw     hidden
ro          EROFS  EXDEV     EXDEV   EXDEV     EXDEV  ENOENT
ephemeral   EXDEV  .         .       .         EXDEV  ENOENT
private     EXDEV  .         .       .         EXDEV  ENOENT
invisible   EXDEV  .         .       .         EXDEV  ENOENT
rw          EXDEV  EXDEV     EXDEV   EXDEV     .      ENOENT
hidden      ENOENT ENOENT    ENOENT  ENOENT    ENOENT ENOENT`;
/** Everything answers the same, but for what is hidden: absent. */
const all = (outcome: string) => ACROSS.replaceAll(/ (?:EROFS|EXDEV|\.)(?= |\n)/g, ` ${outcome}`);

/** By flag; `there`: something is at the target. */
const OUTCOMES: Readonly<Record<Flag, { readonly there: string; readonly free: string }>> = {
  plain: { there: ACROSS, free: ACROSS },
  NOREPLACE: { there: all('EEXIST'), free: ACROSS },
  EXCHANGE: { there: ACROSS, free: all('ENOENT') },
  WHITEOUT: { there: all('EINVAL'), free: all('EINVAL') },
};

/** Onto a name that a pattern hides, which does not exist: by the source's mode and the target's. */
const ONTO_HIDDEN_NAME = `
            ro     ephemeral private invisible rw     hidden
ro          EROFS  EXDEV     EXDEV   EXDEV     EXDEV  ENOENT
ephemeral   EXDEV  EPERM     EPERM   EPERM     EXDEV  ENOENT
private     EXDEV  EPERM     EPERM   EPERM     EXDEV  ENOENT
invisible   EXDEV  EPERM     EPERM   EPERM     EXDEV  ENOENT
rw          EXDEV  EXDEV     EXDEV   EXDEV     EPERM  ENOENT
hidden      ENOENT ENOENT    ENOENT  ENOENT    ENOENT ENOENT`;

const rows = (table: string): string[][] =>
  table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/ +/).slice(1));

describe.each(USERS)('as %s', (user) => {
  let mounted: Mounted;
  const hostState = (mode: string) => {
    const directory = path.join(mounted.world.workspace, mode);
    return readdirSync(directory).map((name) => `${name} ${readFileSync(path.join(directory, name), 'utf8')}`);
  };
  beforeAll(async () => {
    mounted = await mountView({
      user,
      mounts: MODES.map((mode) => `{ path = "$W/${mode}", mode = "${mode}" }`),
      policy: '[files]\nhide = ["*.key"]\n',
      prepare: ({ workspace }) => {
        for (const mode of MODES) {
          mkdirSync(path.join(workspace, mode));
          for (let at = 0; at < 400; at++) writeFileSync(path.join(workspace, mode, `f${at}`), `${mode} ${at}`);
        }
      },
    });
  });
  afterAll(() => mounted.world.end());

  /** Renames between all pairs; `target` makes the name of the n-th. */
  const renames = async (flag: Flag, first: number, target: string): Promise<string[][]> => {
    const text = `
import json
rows, n = [], ${first}
for a in ${JSON.stringify(MODES)}:
    rows.append([])
    for b in ${JSON.stringify(MODES)}:
        n += 1
        rows[-1].append(outcome(lambda: renameat2(f'{WORK}/{a}/f{n}', f'{WORK}/{b}/' + ${target}, ${FLAGS[flag]})).replace('ok', '.'))
print(json.dumps(rows))`;
    return JSON.parse(await mounted.python(text)) as string[][];
  };

  test('T08 what a rename comes to is written down for each flag and each pair of modes', async () => {
    const before = MODES.map(hostState);
    for (const [at, flag] of (Object.keys(FLAGS) as Flag[]).entries()) {
      const free = await renames(flag, at * 80, `f'${flag}{n}'`);
      expect([flag, 'free', ...free]).toEqual([flag, 'free', ...rows(OUTCOMES[flag].free)]);
      const there = await renames(flag, at * 80 + 40, `f'f{n + 40 * ${5 - at}}'`);
      expect([flag, 'there', ...there]).toEqual([flag, 'there', ...rows(OUTCOMES[flag].there)]);
    }
    // Whatever was refused or kept in an upper, only `rw` has changed on the host.
    for (const [at, mode] of MODES.entries()) if (mode !== 'rw') expect(hostState(mode)).toEqual(before[at]);
  });

  test('T08 onto a hidden name there is no way, whatever the mode, and no sign whether it exists', async () => {
    writeFileSync(path.join(mounted.world.workspace, 'rw/there.key'), 'host');
    for (const name of ['new.key', 'there.key'])
      expect(await renames('plain', 330, `'${name}'`)).toEqual(rows(ONTO_HIDDEN_NAME));
    const exchanged = await renames('EXCHANGE', 330, `'there.key'`);
    expect(exchanged.flat().filter((outcome) => outcome === '.')).toEqual([]);
    expect(readFileSync(path.join(mounted.world.workspace, 'rw/there.key'), 'utf8')).toBe('host');
  });

  test('T08 a directory of the host’s goes to another rule by copy alone, so that both sides can be decided', async () => {
    const text = `
os.mkdir(f'{WORK}/invisible/own')
print(outcome(lambda: os.rename(f'{WORK}/invisible/own', f'{WORK}/private/own')))
print(outcome(lambda: os.rename(f'{WORK}/private/own', f'{WORK}/ephemeral/own')))
print(outcome(lambda: os.rename(f'{WORK}/d', f'{WORK}/ephemeral/d')))
os.mkdir(f'{WORK}/around')
print(outcome(lambda: os.rename(f'{WORK}/d', f'{WORK}/around/d')))
print(outcome(lambda: os.rename(f'{WORK}/around', f'{WORK}/ephemeral/around')))
print(outcome(lambda: renameat2(f'{WORK}/around', f'{WORK}/ephemeral/own', 2)))`;
    mkdirSync(path.join(mounted.world.workspace, 'd'));
    writeFileSync(path.join(mounted.world.workspace, 'd/file'), 'host');
    mounted.world.own(path.join(mounted.world.workspace, 'd'));
    expect((await mounted.python(text)).split('\n').slice(0, -1)).toEqual([
      'ok',
      'ok',
      'EXDEV',
      'ok',
      'EXDEV',
      'EXDEV',
    ]);
  });

  test('T08 roots of rules and what leads to them stay where they are', async () => {
    const text = `
os.mkdir(f'{WORK}/other')
for a, b, flags in [('private', 'p2', 0), ('ephemeral', 'private/e', 0), ('private', 'ephemeral', 2), ('other', 'private', 0), ('other', 'private', 2), ('private', 'other', 2)]:
    print(outcome(lambda: renameat2(f'{WORK}/{a}', f'{WORK}/{b}', flags)))
print(outcome(lambda: os.rmdir(f'{WORK}/ephemeral')))`;
    expect(new Set((await mounted.python(text)).trim().split('\n'))).toEqual(new Set(['EBUSY']));
  });
});
