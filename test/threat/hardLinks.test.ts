// T07: a second name by hard link: across rules there is none, and the host's own keep apart what the rules keep apart.
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { USERS } from '../world.ts';
import { type Mounted, mountView } from './mounted.ts';

const MODES = ['ro', 'ephemeral', 'private', 'invisible', 'rw'] as const;

describe.each(USERS)('as %s', (user) => {
  let mounted: Mounted;
  const onHost = (name: string) => readFileSync(path.join(mounted.world.workspace, name), 'utf8');
  beforeAll(async () => {
    mounted = await mountView({
      user,
      mounts: MODES.map((mode) => `{ path = "$W/${mode}", mode = "${mode}" }`),
      policy: '[files]\nhide = ["*.key"]\n',
      prepare: ({ workspace }) => {
        for (const mode of MODES) {
          mkdirSync(path.join(workspace, mode));
          writeFileSync(path.join(workspace, mode, 'own'), mode);
        }
        for (const name of ['a', 'b', 'c']) {
          writeFileSync(path.join(workspace, 'invisible', name), 'host');
          for (const mode of MODES)
            if (mode !== 'invisible')
              linkSync(path.join(workspace, 'invisible', name), path.join(workspace, mode, name));
          linkSync(path.join(workspace, 'invisible', name), path.join(workspace, 'invisible', `${name}2`));
        }
        writeFileSync(path.join(workspace, 'secret.key'), 'secret');
      },
    });
  });
  afterAll(() => mounted.world.end());

  test('T07 a link from one mode to another is EXDEV where either is ro or rw', async () => {
    const text = `
for a in ${JSON.stringify(MODES)}:
    print(*[outcome(lambda: os.link(f'{WORK}/{a}/own', f'{WORK}/{b}/from-{a}')) for b in ${JSON.stringify(MODES)}])`;
    expect((await mounted.python(text)).trim().split('\n')).toEqual([
      'EROFS EXDEV EXDEV EXDEV EXDEV',
      'EROFS ok ok ok EXDEV',
      'EROFS ok ok ok EXDEV',
      'EROFS ok ok ok EXDEV',
      'EROFS EXDEV EXDEV EXDEV ok',
    ]);
  });

  test('T07 what is hidden has no link made from it, and none made to its name', async () => {
    const text = `
print(outcome(lambda: os.link(f'{WORK}/secret.key', f'{WORK}/seen')))
print(outcome(lambda: os.link(f'{WORK}/invisible/own', f'{WORK}/x.key')))
print(outcome(lambda: os.link(f'{WORK}/secret.key', f'{WORK}/rw/seen')))`;
    expect((await mounted.python(text)).trim().split('\n')).toEqual(['ENOENT', 'EPERM', 'ENOENT']);
  });

  test('T07 a change under one rule is seen by the other names of that rule, and by none under another', async () => {
    const shown = await mounted.python(`
with open(f'{WORK}/invisible/a', 'a') as file: file.write(' changed')
for name in ('invisible/a', 'invisible/a2', 'ro/a', 'rw/a', 'ephemeral/a', 'private/a'): print(get(f'{WORK}/{name}'))
with open(f'{WORK}/private/a', 'a') as file: file.write(' kept')
with open(f'{WORK}/ephemeral/a', 'a') as file: file.write(' lost')
for name in ('invisible/a', 'invisible/a2', 'ro/a', 'rw/a', 'ephemeral/a', 'private/a'): print(get(f'{WORK}/{name}'))
print(outcome(lambda: open(f'{WORK}/ro/a', 'a')))`);
    expect(shown.trim().split('\n')).toEqual([
      ...['host changed', 'host changed', 'host', 'host', 'host', 'host'],
      ...['host changed', 'host changed', 'host', 'host', 'host lost', 'host kept'],
      'EROFS',
    ]);
    for (const mode of MODES) expect(onHost(`${mode}/a`)).toBe('host');
  });

  test('T07 rw does not land what was written under another rule', async () => {
    await mounted.python(`
with open(f'{WORK}/invisible/b', 'a') as file: file.write(' waits')
with open(f'{WORK}/rw/b', 'a') as file: file.write(' landed')`);
    expect(onHost('rw/b')).toBe('host landed');
    expect(await mounted.python(`print(get(f'{WORK}/invisible/b'), end='')`)).toBe('host waits');
  });

  test('T07 the host’s other name keeps its bytes until the change is approved', async () => {
    await mounted.python(`put(f'{WORK}/invisible/c', 'new')`);
    expect([onHost('invisible/c'), onHost('invisible/c2')]).toEqual(['host', 'host']);
    const { world } = mounted;
    expect(await world.agentsh(['approve', path.join(world.workspace, 'invisible/c')])).toMatchObject({ code: 0 });
    expect(onHost('invisible/c')).toBe('new');
  });
});
