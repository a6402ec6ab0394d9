// T04: a rule ends where its path component ends: `/p` says nothing of `/p-evil`, and no spelling of a path changes that.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, USERS } from '../world.ts';
import { type Mounted, mountView, policyWords } from './mounted.ts';

const RULES = { p: 'hidden', q: 'ro', r: 'rw', s: 'ephemeral', t: 'private' } as const;
/** Beside each rule's root, names that begin or end as it does, or differ in case: the workspace's own. */
const near = (name: string) => [
  `${name}-evil`,
  `${name}${name}`,
  `x${name}`,
  `${name}.`,
  `${name} `,
  name.toUpperCase(),
];

let mounted: Mounted;
beforeAll(async () => {
  mounted = await mountView({
    user: USERS.at(-1)!,
    mounts: Object.entries(RULES).map(([name, mode]) => `{ path = "$W/${name}", mode = "${mode}" }`),
    prepare: ({ workspace }) => {
      for (const name of Object.keys(RULES)) {
        for (const each of [name, ...near(name)]) {
          mkdirSync(path.join(workspace, each, 'deep'), { recursive: true });
          writeFileSync(path.join(workspace, each, 'deep/file'), each);
        }
      }
    },
  });
});
afterAll(() => mounted.world.end());

test('T04 the mode of a path is that of its components, at any depth and in any spelling', async () => {
  const spellings = ['{n}/deep', '{n}/./deep', '{n}//deep', '{o}/../{n}/deep', '{n}/deep/../deep', './{n}/deep/.'];
  const text = `
def mode(path): return os.getxattr(path, 'user.agentsh.mode').decode()
for name, wanted in ${JSON.stringify(Object.entries(RULES))}:
    for near in ${JSON.stringify(Object.fromEntries(Object.keys(RULES).map((name) => [name, near(name)])))}[name]:
        for spelling in ${JSON.stringify(spellings)}:
            at = f'{WORK}/' + spelling.format(n=name, o=near)
            if wanted == 'hidden': assert outcome(lambda: mode(at)) == 'ENOENT', at
            else: assert mode(at) == wanted, at
            beside = f'{WORK}/' + spelling.format(n=near, o='q')
            assert mode(beside) == 'invisible' and get(f'{beside}/file') == near, beside
print('all')`;
  expect(await mounted.python(text)).toBe('all\n');
});

test('T04 a NUL, a relative path and ".." are no rule, and nothing starts', async () => {
  const world = makeWorld({ user: USERS[0]! });
  for (const bad of ['"/a\\u0000b"', '"../a"', '"/a/../b"', '""']) {
    const words = policyWords(world, [`{ path = ${bad}, mode = "ro" }`]);
    const result = await world.agentsh([...words, '-c', 'echo started']);
    expect([bad, result.code !== 0, result.stdout]).toEqual([bad, true, '']);
  }
  await world.end();
});
