// What every call that takes a path says of a path that leads nowhere: the same stories for each of them.

import { unprivileged } from './caller.ts';
import { chmod } from './calls/attributes.ts';
import { mkdir, symlink } from './calls/names.ts';
import type { Case } from './case.ts';
import { refuses } from './expect.ts';
import { writeFile } from './files.ts';

const NAME_BYTES_MAX = 255;
const PATH_BYTES_MAX = 4096;
/** No page is mapped there. */
const BAD_ADDRESS = 1n as unknown as string;

/** The names of the cases that `pathErrorCases` makes, by error. */
export const PATH_ERROR_NAMES = {
  ENOENT: 'ENOENT where a component is missing, a link dangles or the path is empty',
  ENOTDIR: 'ENOTDIR where a component is no directory',
  ELOOP: 'ELOOP where links go round',
  ENAMETOOLONG: 'ENAMETOOLONG for a name of 256 bytes and a path of 4096',
  EACCES: 'EACCES behind a directory without search permission',
  EFAULT: 'EFAULT for a path outside the memory',
} as const;

/** Those cases for one call: `act` makes it with a path. */
export function pathErrorCases(act: (path: string) => unknown): Record<string, Case> {
  const expecting = (code: string, ...paths: readonly string[]) => ({
    run: (directory: string) => {
      for (const path of paths) refuses(code, () => act(path.startsWith('/') ? `${directory}${path}` : path));
    },
  });
  return {
    [PATH_ERROR_NAMES.ENOENT]: {
      prepare: (directory) => void symlink('nowhere', `${directory}/dangling`),
      ...expecting('ENOENT', '', '/absent/name', '/dangling/name'),
    },
    [PATH_ERROR_NAMES.ENOTDIR]: {
      prepare: (directory) => writeFile(`${directory}/file`),
      ...expecting('ENOTDIR', '/file/name'),
    },
    [PATH_ERROR_NAMES.ELOOP]: {
      prepare: (directory) => {
        symlink('b', `${directory}/a`);
        symlink('a', `${directory}/b`);
      },
      ...expecting('ELOOP', '/a/name'),
    },
    [PATH_ERROR_NAMES.ENAMETOOLONG]: expecting(
      'ENAMETOOLONG',
      `/${'n'.repeat(NAME_BYTES_MAX + 1)}`,
      `/${'n/'.repeat(PATH_BYTES_MAX / 2)}`,
    ),
    [PATH_ERROR_NAMES.EACCES]: {
      prepare: (directory) => {
        mkdir(`${directory}/shut`);
        writeFile(`${directory}/shut/file`);
      },
      run: (directory) => {
        chmod(`${directory}/shut`, 0o600);
        unprivileged(() => refuses('EACCES', () => act(`${directory}/shut/file`)));
      },
    },
    [PATH_ERROR_NAMES.EFAULT]: { run: () => refuses('EFAULT', () => act(BAD_ADDRESS)) },
  };
}
