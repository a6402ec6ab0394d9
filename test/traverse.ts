// Lets the ordinary test user reach a place below closed directories: a clone in root's home or in a temporary directory.
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';

/**
 * Gives `user` the right to pass through (not to list) the directories above `file` that it cannot pass, by ACL, and
 * returns how to take that back. Throws where the file cannot be read even then. Root only.
 */
export function letThrough(user: string, file: string): () => void {
  const before: string[] = [];
  for (const directory of ancestors(file)) {
    if (can(user, '-x', directory)) continue;
    before.unshift(execFileSync('getfacl', ['--absolute-names', directory], { encoding: 'utf8' }));
    execFileSync('setfacl', ['--modify', `user:${user}:x`, directory]);
  }
  // The saved lists are put back whole: taking out the one entry would leave a mask behind.
  const undo = () => {
    for (const list of before) spawnSync('setfacl', ['--restore=-'], { input: list });
  };
  if (can(user, '-r', file)) return undo;
  undo();
  throw new Error(`${file} cannot be read by the test user ${user}: clone to a place that others may read`);
}

/** From the top down: each is judged after those above it were opened, so that only what is needed is granted. */
function ancestors(file: string): string[] {
  const found: string[] = [];
  for (let at = path.dirname(file); at !== path.dirname(at); at = path.dirname(at)) found.unshift(at);
  return found;
}

function can(user: string, test: '-x' | '-r', target: string): boolean {
  const become = [`--reuid=${user}`, `--regid=${user}`, '--init-groups', '--'];
  return spawnSync('setpriv', [...become, 'test', test, target]).status === 0;
}
