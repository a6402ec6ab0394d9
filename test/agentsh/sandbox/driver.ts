// Starts one sandbox from the command line of a test: the options as JSON; `--pids` prints the process ids on stderr,
// `--refuse` fails to take note of the start.
import { report } from '../../../agentsh/failure.ts';
import { runSandboxed, type SandboxOptions, type SandboxPids } from '../../../agentsh/sandbox/run.ts';

const options = JSON.parse(process.argv[2]!) as SandboxOptions;
const onStart = {
  '--pids': (pids: SandboxPids) => void process.stderr.write(`pids ${pids.sandbox} ${pids.program}\n`),
  '--refuse': () => Promise.reject(new Error('not recorded')),
}[process.argv[3] ?? ''];
try {
  process.exitCode = await runSandboxed({ ...options, ...(onStart === undefined ? {} : { onStart }) });
} catch (thrown) {
  const write = (text: string) => process.stderr.write(`${text}\n`);
  process.exitCode = report(thrown, { line: write, error: write, note: write } as never);
}
