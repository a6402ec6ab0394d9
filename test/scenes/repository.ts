// A git repository of 5 000 files, made once for a test file and copied for each user.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { World } from '../world.ts';

export const DIRECTORIES = 50;
export const FILES_EACH = 100;
const GIT_CONFIG = '[user]\n\tname = Scene\n\temail = scene@example.invalid\n[init]\n\tdefaultBranch = main\n';
const WHEN = '2026-01-02T03:04:05Z';
/** The same commit gets the same hash wherever it is made. */
export const GIT_DATES = { GIT_AUTHOR_DATE: WHEN, GIT_COMMITTER_DATE: WHEN };

export interface Repository {
  /** Makes `name` in the world a copy of it that belongs to the user, and gives the user a git configuration. */
  copyTo(world: World, directory: string): void;
  remove(): void;
}

/** `d00/f00.txt` … `d49/f99.txt`, a few kilobytes each, one of them with the word "needle" in every tenth directory. */
export function makeRepository(): Repository {
  const top = mkdtempSync('/var/tmp/agentsh-repository-');
  for (let directory = 0; directory < DIRECTORIES; directory++) {
    const name = `d${`${directory}`.padStart(2, '0')}`;
    mkdirSync(path.join(top, name));
    for (let file = 0; file < FILES_EACH; file++) {
      const needle = directory % 10 === 0 && file === 7 ? 'needle\n' : '';
      const text = `line ${name} ${file}\n`.repeat(1 + ((directory * FILES_EACH + file) % 120));
      writeFileSync(path.join(top, name, `f${`${file}`.padStart(2, '0')}.txt`), text + needle);
    }
  }
  writeFileSync(path.join(top, '.gitignore'), 'node_modules/\n*.o\n__pycache__/\n');
  writeFileSync(path.join(top, 'package.json'), '{\n  "name": "scene",\n  "version": "1.0.0"\n}\n');
  writeFileSync(path.join(top, 'main.c'), '#include <stdio.h>\nint main(void) { puts("compiled"); return 3; }\n');
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'user.name=Scene', '-c', 'user.email=scene@example.invalid', ...words], {
      cwd: top,
      env: { ...process.env, ...GIT_DATES },
    });
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--message=first');
  return {
    copyTo: (world, directory) => {
      execFileSync('cp', ['-a', `${top}/.`, directory]);
      world.own(directory);
      writeFileSync(path.join(world.home, '.gitconfig'), GIT_CONFIG);
      world.own(world.home);
    },
    remove: () => rmSync(top, { recursive: true, force: true }),
  };
}
