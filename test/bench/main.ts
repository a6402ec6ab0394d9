// `npm run bench [-- NAME…]`: measures, never judges. Systems take turns in one run; medians and spread are printed as a
// Markdown table, and everything as JSON where `--json FILE` is given.
import { writeFileSync } from 'node:fs';
import { format } from './format.ts';
import { startBenchmark } from './start.ts';

export interface Sample {
  readonly system: string;
  readonly workload: string;
  /** Each repeat, in milliseconds. */
  readonly ms: readonly number[];
}

const BENCHMARKS: Readonly<Record<string, () => Promise<readonly Sample[]>>> = { start: startBenchmark };

const words = process.argv.slice(2);
const jsonAt = words.indexOf('--json');
const jsonFile = jsonAt < 0 ? undefined : words.splice(jsonAt, 2)[1];
const names = words.length === 0 ? Object.keys(BENCHMARKS) : words;
const samples: Sample[] = [];
for (const name of names) {
  const run = BENCHMARKS[name];
  if (run === undefined) {
    process.stderr.write(`bench: ${name}: no such benchmark; there is ${Object.keys(BENCHMARKS).join(', ')}\n`);
    process.exit(2);
  }
  const found = await run();
  samples.push(...found);
  process.stdout.write(`${format(name, found)}\n`);
}
if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(samples, null, 2)}\n`);
