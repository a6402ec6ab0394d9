// A process that commits, prints the outcome, and (COUNT > 0) kills itself at that fault point: `node crashChild.js PLAN PREIMAGES INTENT COUNT`.
import { readFileSync, writeFileSync } from 'node:fs';
import { commit } from '../../fs/journal/commit.ts';
import type { CommitPlan } from '../../fs/journal/model.ts';
import { cidOfFile } from '../../fs/store/cid.ts';

const [planPath, preimageDirectory, intentPath, count] = process.argv.slice(2) as [string, string, string, string];
const plan = JSON.parse(readFileSync(planPath, 'utf8')) as CommitPlan;
let reached = 0;
const outcome = commit(plan, {
  intent: (todo) => writeFileSync(intentPath, JSON.stringify(todo)),
  finished: () => {},
  fault: () => {
    if (++reached === Number(count)) process.kill(process.pid, 'SIGKILL');
  },
  cidOf: cidOfFile,
  preimageDirectory,
});
process.stdout.write(JSON.stringify(outcome));
