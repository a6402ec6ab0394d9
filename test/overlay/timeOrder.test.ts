// Times never say that what came later is the older: `make` and `find -newer` go by them.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CoreWorld } from './coreWorld.ts';

const ROUNDS = 50;
let world: CoreWorld;
beforeEach(() => {
  world = new CoreWorld();
});
afterEach(() => world.end());

/** Each dates its object another way: the index, the staging file, or both. */
const CHANGES: Readonly<Record<string, (name: string) => void>> = {
  mkdir: (name) => world.mkdir(name),
  write: (name) => world.write(name, 'x'),
  symlink: (name) => world.symlink('target', name),
  'touch of what is there': (name) => {
    world.write(name, '');
    world.view.setattr(world.node(name), { mtime: 'now' }, world.caller);
  },
};

const mtimeNs = (name: string) => {
  const { mtimeSec, mtimeNsec } = world.stat(name);
  return BigInt(mtimeSec) * 1_000_000_000n + BigInt(mtimeNsec);
};

it.each(Object.keys(CHANGES))('%s, then any other', (first) => {
  for (let round = 0; round < ROUNDS; round++)
    for (const second of Object.keys(CHANGES)) {
      CHANGES[first]?.(`a${round}${second}`);
      CHANGES[second]?.(`b${round}${second}`);
      expect(mtimeNs(`b${round}${second}`) >= mtimeNs(`a${round}${second}`), second).toBe(true);
    }
});
