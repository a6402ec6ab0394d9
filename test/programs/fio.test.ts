// fio writes in every way it knows, reads back what it wrote, and finds each block's checksum.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePlace, PLACES, type Place, PROGRAM_TIMEOUT_MS } from './place.ts';

/** Each on the mount at once with the others of its engine. */
const ENGINES: Readonly<Record<string, string>> = {
  sync: '--ioengine=sync --fsync=16',
  mmap: '--ioengine=mmap',
  libaio: '--ioengine=libaio --iodepth=8',
  'libaio, direct': '--ioengine=libaio --iodepth=8 --direct=1',
};
const PATTERNS = ['write', 'randwrite', 'randrw'];

describe.each(PLACES)('as $user under $mode', (name) => {
  let place: Place;
  let view: string;
  beforeAll(async () => {
    place = makePlace(name);
    mkdirSync(path.join(place.world.workspace, 'io'));
    place.world.own(place.world.workspace);
    view = path.join(await place.show(), 'io');
  }, PROGRAM_TIMEOUT_MS);
  afterAll(() => place.world.end(), PROGRAM_TIMEOUT_MS);

  test.each(Object.entries(ENGINES))(
    '%s',
    async (_engine, words) => {
      const jobs = PATTERNS.map((pattern) => `--name=${pattern} --rw=${pattern}`).join(' ');
      const { code, stdout } = await place.onPlain(
        `fio --directory='${view}' --size=2m --bsrange=512-32k --blockalign=512 ${words} --verify=crc32c --verify_fatal=1 \\
           --verify_state_save=0 --randseed=7 --output-format=json ${jobs} 2>&1; status=$?; rm -f '${view}'/*; exit $status`,
      );
      expect({ code, stdout: code === 0 ? '' : stdout }).toEqual({ code: 0, stdout: '' });
      const { jobs: done } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { jobs: readonly { error: number }[] };
      expect(done.map(({ error }) => error)).toEqual(PATTERNS.map(() => 0));
    },
    PROGRAM_TIMEOUT_MS,
  );
});
