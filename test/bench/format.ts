// Samples as a Markdown table: median, fastest, slowest.
import { cpus, loadavg, release } from 'node:os';
import type { Sample } from './main.ts';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function format(name: string, samples: readonly Sample[]): string {
  const rows = samples.map(({ system, workload, ms }) => {
    const shown = [median(ms), Math.min(...ms), Math.max(...ms)].map((value) => value.toFixed(0));
    return `| ${workload} | ${system} | ${shown.join(' | ')} | ${ms.length} |`;
  });
  const machine = `${cpus().length} CPUs, Linux ${release()}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}`;
  return [
    `### ${name} (${machine})`,
    '',
    '| workload | system | median ms | fastest | slowest | repeats |',
    '|--|--|--|--|--|--|',
    ...rows,
    '',
  ].join('\n');
}
