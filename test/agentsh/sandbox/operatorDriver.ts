// Starts an operator's shell from the command line of a test: the options as JSON.
import { type OperatorShellOptions, runOperatorShell } from '../../../agentsh/sandbox/operatorShell.ts';

process.exitCode = await runOperatorShell(JSON.parse(process.argv[2]!) as OperatorShellOptions);
