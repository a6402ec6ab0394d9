// Run as the user who may look there: prints the state of a directory tree, for a mount that nobody else can enter.
import { treeState } from '../treeState.ts';

process.stdout.write(JSON.stringify(treeState(process.argv[2] ?? '')));
