// Steps of the fixture with CIDs as the product computes them, for commits in a process of their own.
import { closeSync, openSync } from 'node:fs';
import type { Step } from '../../fs/journal/model.ts';
import { cidOfFile } from '../../fs/store/cid.ts';

function cidOfPath(path: string): string {
  const fd = openSync(path, 'r');
  const cid = cidOfFile(fd);
  closeSync(fd);
  return cid;
}

export const withRealCids = (steps: readonly Step[]): Step[] =>
  steps.map((planned) => {
    const step =
      planned.op === 'file' ? { ...planned, result: { ...planned.result, cid: cidOfPath(planned.sealed) } } : planned;
    if (!('base' in step) || step.base.version.type !== 'file') return step;
    const version = { ...step.base.version, cid: cidOfPath(step.path) };
    return { ...step, base: { ...step.base, version } } as Step;
  });
