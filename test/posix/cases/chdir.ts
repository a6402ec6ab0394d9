// chdir(2), fchdir(2), getcwd(3): where relative paths begin.
import { unprivileged } from '../caller.ts';
import { chmod, stat } from '../calls/attributes.ts';
import { readdir } from '../calls/directory.ts';
import { mkdir, rename, rmdir, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import { chdir, fchdir, getcwd } from '../calls/process.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { readFile, withFile, writeFile } from '../files.ts';
import { chain, longPath } from './openErrors.ts';

const LINKS_MAX = 40;
const PATH_BYTES_MAX = 4095;
const treePrepared = (directory: string) => {
  mkdir(`${directory}/sub`);
  mkdir(`${directory}/sub/inner`);
  writeFile(`${directory}/sub/file`, 'below');
};

export const chdirCases: Cases = {
  'relative paths begin there, and getcwd tells where': {
    prepare: treePrepared,
    run: (directory) => {
      chdir(`${directory}/sub`);
      equal(getcwd(), `${directory}/sub`);
      equal(readFile('file'), 'below');
      writeFile('../made', 'above');
      equal(readFile(`${directory}/made`), 'above');
      chdir('inner/..');
      equal(getcwd(), `${directory}/sub`);
      refuses('ERANGE', () => getcwd(3));
    },
  },
  'through a link getcwd tells the directory, not the link': {
    prepare: (directory) => {
      treePrepared(directory);
      symlink('sub/inner', `${directory}/link`);
    },
    run: (directory) => {
      chdir(`${directory}/link`);
      equal(getcwd(), `${directory}/sub/inner`);
      chdir('..');
      equal(readFile('file'), 'below');
    },
  },
  'fchdir goes to the directory of a descriptor': {
    prepare: treePrepared,
    run: (directory) => {
      withFile(`${directory}/sub`, O.RDONLY | O.DIRECTORY, (fd) => fchdir(fd));
      equal(getcwd(), `${directory}/sub`);
      equal(readFile('file'), 'below');
    },
  },
  'the working directory moves with its name and with the names above': {
    prepare: treePrepared,
    run: (directory) => {
      chdir(`${directory}/sub/inner`);
      rename(`${directory}/sub/inner`, `${directory}/sub/renamed`);
      equal(getcwd(), `${directory}/sub/renamed`);
      rename(`${directory}/sub`, `${directory}/other`);
      equal(getcwd(), `${directory}/other/renamed`);
      writeFile('made', 'here');
      equal(readFile(`${directory}/other/renamed/made`), 'here');
      equal(readFile('../file'), 'below');
    },
  },
  'ENOENT from a working directory that was removed': {
    prepare: treePrepared,
    run: (directory) => {
      chdir(`${directory}/sub/inner`);
      rmdir(`${directory}/sub/inner`);
      refuses('ENOENT', () => getcwd());
      refuses('ENOENT', () => open('new', O.CREAT | O.WRONLY));
      refuses('ENOENT', () => mkdir('new'));
      refuses('ENOENT', () => stat('absent'));
      refuses('ENOENT', () => readdir('.'));
      equal(stat('.').nlink, 0);
      mkdir(`${directory}/sub/inner`);
      refuses('ENOENT', () => open('new', O.CREAT | O.WRONLY));
      refuses('ENOENT', () => getcwd());
      chdir('..');
      equal(getcwd(), `${directory}/sub`);
    },
  },
  'ENOENT for a directory that is not there': {
    prepare: (directory) => symlink('absent', `${directory}/link`),
    run: (directory) => {
      refuses('ENOENT', () => chdir(`${directory}/absent`));
      refuses('ENOENT', () => chdir(`${directory}/link`));
      refuses('ENOENT', () => chdir(''));
    },
  },
  'ENOTDIR for a file, and below one': {
    prepare: treePrepared,
    run: (directory) => {
      refuses('ENOTDIR', () => chdir(`${directory}/sub/file`));
      refuses('ENOTDIR', () => chdir(`${directory}/sub/file/x`));
      withFile(`${directory}/sub/file`, O.RDONLY, (fd) => refuses('ENOTDIR', () => fchdir(fd)));
    },
  },
  'EBADF for no descriptor': () => refuses('EBADF', () => fchdir(999_999)),
  'EACCES without permission to search': {
    prepare: treePrepared,
    run: (directory) => {
      chmod(`${directory}/sub`, 0o644);
      const fd = open(`${directory}/sub`, O.PATH);
      unprivileged(() => {
        refuses('EACCES', () => chdir(`${directory}/sub`));
        refuses('EACCES', () => chdir(`${directory}/sub/inner`));
        refuses('EACCES', () => fchdir(fd));
      });
      close(fd);
      chmod(`${directory}/sub`, 0o755);
    },
  },
  'ELOOP after more than 40 links': {
    prepare: (directory) => {
      treePrepared(directory);
      chain(directory, LINKS_MAX + 1, 'sub');
    },
    run: (directory) => {
      refuses('ELOOP', () => chdir(`${directory}/link1`));
      chdir(`${directory}/link2`);
      equal(getcwd(), `${directory}/sub`);
    },
  },
  'ENAMETOOLONG for a name or a path too long': {
    prepare: treePrepared,
    run: (directory) => {
      refuses('ENAMETOOLONG', () => chdir(`${directory}/${'n'.repeat(256)}`));
      refuses('ENAMETOOLONG', () => chdir(longPath(directory, 'sub', PATH_BYTES_MAX + 1)));
      chdir(longPath(directory, 'sub', PATH_BYTES_MAX));
    },
  },
  'a directory whose name was taken by another is still the old one': {
    prepare: treePrepared,
    run: (directory) => {
      chdir(`${directory}/sub`);
      rename(`${directory}/sub`, `${directory}/away`);
      mkdir(`${directory}/sub`);
      equal(readFile('file'), 'below');
      equal(getcwd(), `${directory}/away`);
      unlink('file');
      refuses('ENOENT', () => stat(`${directory}/away/file`));
    },
  },
};
