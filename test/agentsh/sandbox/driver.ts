// Starts one sandbox from the command line of a test: the options as JSON; `--pids` prints the process ids on stderr.
import { report } from '../../../agentsh/failure.ts';
import { runSandboxed, type SandboxOptions } from '../../../agentsh/sandbox/run.ts';

const options = JSON.parse(process.argv[2]!) as SandboxOptions;
const withPids = process.argv[3] === '--pids';
try {
  process.exitCode = await runSandboxed({
    ...options,
    ...(withPids ? { onStart: (pids) => process.stderr.write(`pids ${pids.sandbox} ${pids.program}\n`) } : {}),
  });
} catch (thrown) {
  const write = (text: string) => process.stderr.write(`${text}\n`);
  process.exitCode = report(thrown, { line: write, error: write, note: write } as never);
}
