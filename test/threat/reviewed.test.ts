// T35 T15: an id stands for all that lands: whoever changes anything of it after the review has changed what it names.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, USERS, type World } from '../world.ts';

const TIMEOUT_MS = 90_000;
/** One change after the review each; a file and a directory are pending as `n` and `d`. */
const AFTER = {
  'an owner': '(chown 1:1 n && chown 1:1 d/inner) 2>/dev/null || chmod 711 n d/inner',
  'an attribute': 'setfattr -n user.x -v y n; setfattr -n user.x -v y d/inner',
  'the same bytes and times, other content':
    't=$(stat -c %y n); for f in n d/inner; do printf other > $f; touch -d "$t" $f; done',
  'a link in its place': 'ln -sf kept n; ln -sf ../kept d/inner',
  'a name more': 'mv n n2; mv n2 n; echo x > n; touch d/more',
};

describe.each(USERS)('as %s', (user) => {
  let world: World;
  beforeAll(() => {
    world = makeWorld({ user });
    world.write('kept', 'host');
  });
  afterAll(() => world.end());

  test(
    'what was reviewed lands, or nothing',
    async () => {
      for (const [what, text] of Object.entries(AFTER)) {
        await world.inside('rm -rf n d; printf again > n; mkdir d; printf again > d/inner');
        const reviewed = (await world.pending()).map(({ id }) => id);
        expect([what, reviewed.length]).toEqual([what, 2]);
        await world.inside(text);
        for (const id of reviewed) expect([what, (await world.agentsh(['approve', id])).code]).not.toEqual([what, 0]);
        expect([
          what,
          existsSync(path.join(world.workspace, 'n')),
          existsSync(path.join(world.workspace, 'd')),
        ]).toEqual([what, false, false]);
      }
    },
    TIMEOUT_MS,
  );
});
