// A process that runs the fixed history on a ledger and kills itself at a named fault point, or is killed from outside.
//
// Arguments: directory, number of the step to stop before, fault point, which visit of it.
// Prints the number of each step once it is acknowledged.
import { writeSync } from 'node:fs';
import { openLedger, runStep, stepsOf } from './ledgerModel.ts';

const [directory = '', end = '0', point = '', visit = '1'] = process.argv.slice(2);
let visits = 0;
const ledger = openLedger(directory, {
  fault: (name) => {
    if (name !== point) return;
    visits += 1;
    if (visits === Number(visit)) process.kill(process.pid, 'SIGKILL');
  },
});
for (let index = stepsOf(ledger); index < Number(end); index += 1) {
  runStep(ledger, index);
  writeSync(1, `${index}\n`);
}
ledger.close();
