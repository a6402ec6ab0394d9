// After kill -9 at any moment nothing that was acknowledged is lost, and what was not is there whole or not at all.
import { spawn, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLedger, rowsAfter, rowsOf, scratch, stepsOf } from './ledgerModel.ts';

const CHILD = fileURLToPath(new URL('../../dist/test/journal/ledgerChild.js', import.meta.url));
/** Long enough for three checkpoints and deleted segments. */
const STEPS = 130;

describe('a ledger killed at', () => {
  let home: string;
  beforeEach(() => {
    home = scratch();
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  function runChild(end: number, point: string, visit: number): { acknowledged: number; signal: string | null } {
    const child = spawnSync(process.execPath, [CHILD, `${home}/ledger`, `${end}`, point, `${visit}`], {
      timeout: 20_000,
    });
    const lines = child.stdout.toString().trim().split('\n');
    const last = lines.at(-1);
    if (child.signal === null && child.status !== 0) throw new Error(child.stderr.toString());
    return { acknowledged: last ? Number(last) + 1 : 0, signal: child.signal };
  }

  /** Opens what is left, compares it with the model, and gives the number of steps it holds. */
  function check(acknowledged: number): number {
    const ledger = openLedger(`${home}/ledger`);
    try {
      const steps = stepsOf(ledger);
      expect([acknowledged, acknowledged + 1]).toContain(steps);
      expect(rowsOf(ledger)).toEqual(rowsAfter(steps));
      return steps;
    } finally {
      ledger.close();
    }
  }

  it.each([
    ['before-append', 3],
    ['appended', 3],
    ['appended', 60],
    ['before-commit', 50],
    ['committed', 50],
    ['segment-full', 1],
    ['segment-rolled', 2],
    ['checkpoint-written', 1],
    ['checkpoint-written', 3],
    ['checkpoint-renamed', 1],
    ['checkpoint-renamed', 2],
    ['checkpoint-recorded', 2],
    ['segment-deleted', 1],
    ['segment-deleted', 2],
    ['recovered', 1],
    ['rebuild-begun', 1],
    ['rebuild-loaded', 1],
  ])('%s (visit %i) recovers and goes on', (point, visit) => {
    const { acknowledged, signal } = runChild(STEPS, point, visit);
    expect(signal).toBe('SIGKILL');
    const steps = check(acknowledged);
    const rest = runChild(STEPS, '', 0);
    expect(rest.signal).toBe(null);
    expect(check(STEPS)).toBe(STEPS);
    expect(steps).toBeLessThan(STEPS);
  });

  it('every point of recovery, again and again', () => {
    const { acknowledged } = runChild(STEPS, 'appended', 70);
    for (const point of ['replayed', 'recovered', 'recovered']) {
      expect(runChild(STEPS, point, 1).signal).toBe('SIGKILL');
    }
    check(acknowledged);
  });

  it('whatever moment it happens to be', async () => {
    let known = 0;
    for (let round = 0; round < 6; round += 1) {
      const child = spawn(process.execPath, [CHILD, `${home}/ledger`, '100000', '', '0'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      const enough = new Promise<void>((resolve) => {
        child.stdout.on('data', (data) => {
          output += data;
          if (output.split('\n').length > 20 + 7 * round) resolve();
        });
      });
      await enough;
      const closed = new Promise((resolve) => child.on('close', resolve));
      child.kill('SIGKILL');
      await closed;
      const complete = output.slice(0, output.lastIndexOf('\n')).split('\n');
      const acknowledged = Number(complete.at(-1)) + 1;
      expect(acknowledged).toBeGreaterThan(known);
      known = check(acknowledged);
    }
  });
});
