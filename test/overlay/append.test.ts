// Appending to a file that the host had changed since it was last looked at once wrote into its middle, or left a hole.
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { CoreWorld, O_WRONLY } from './coreWorld.ts';

const O_APPEND = 0o2000;
let world: CoreWorld;
afterEach(() => world.end());

test.each(['invisible', 'rw'] as const)(
  'under %s bytes go to the end that the file has, not to the one it had',
  (mode) => {
    world = new CoreWorld({ mode });
    writeFileSync(`${world.host}/longer`, 'host');
    writeFileSync(`${world.host}/shorter`, 'host');
    const longer = world.openFile('longer', O_WRONLY | O_APPEND);
    const shorter = world.openFile('shorter', O_WRONLY | O_APPEND);
    appendFileSync(`${world.host}/longer`, ' and more');
    truncateSync(`${world.host}/shorter`, 1);
    world.pwrite(longer, 4, ', agent');
    world.pwrite(longer, 11, '!');
    world.pwrite(shorter, 4, ', agent');
    for (const file of [longer, shorter]) world.closeFile(file);
    expect([world.read('longer'), world.read('shorter')]).toEqual(['host and more, agent!', 'h, agent']);
    if (mode === 'rw') expect(readFileSync(`${world.host}/longer`, 'utf8')).toBe('host and more, agent!');
  },
);
