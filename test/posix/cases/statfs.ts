// statfs(2), fstatfs(2): the file system behind a path.
import { unprivileged } from '../caller.ts';
import { chmod, statfs } from '../calls/attributes.ts';
import { mkdir, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { withFile, writeFile } from '../files.ts';
import { chain, longPath } from './openErrors.ts';

const LINKS_MAX = 40;
const PATH_BYTES_MAX = 4095;
const filePrepared = (directory: string) => writeFile(`${directory}/file`, 'content');

export const statfsCases: Cases = {
  'tells sizes that fit together': (directory) => {
    const { type, blockSizeBytes, blocks, free, available, nameBytesMax } = statfs(directory);
    holds(type !== 0, `type ${type}`);
    holds(blockSizeBytes >= 512 && (blockSizeBytes & (blockSizeBytes - 1)) === 0, `block size ${blockSizeBytes}`);
    holds(blocks > 0 && free <= blocks && available <= free, `${available} <= ${free} <= ${blocks}`);
    equal(nameBytesMax, 255);
  },
  'tells the same of every object of a file system': {
    prepare: (directory) => {
      filePrepared(directory);
      mkdir(`${directory}/sub`);
      symlink('file', `${directory}/link`);
    },
    run: (directory) => {
      const steady = (target: string | number) => {
        const { type, blockSizeBytes, blocks, nameBytesMax } = statfs(target);
        return { type, blockSizeBytes, blocks, nameBytesMax };
      };
      const wanted = steady(directory);
      for (const name of ['file', 'sub', 'link']) equal(steady(`${directory}/${name}`), wanted, name);
      const fd = open(`${directory}/file`, O.RDONLY);
      equal(steady(fd), wanted, 'by descriptor');
      unlink(`${directory}/file`);
      equal(steady(fd), wanted, 'of a removed file');
      close(fd);
      withFile(directory, O.PATH, (base) => equal(steady(base), wanted, 'by O_PATH'));
    },
  },
  'ENOENT, ENOTDIR and ENAMETOOLONG of the path': {
    prepare: filePrepared,
    run: (directory) => {
      refuses('ENOENT', () => statfs(`${directory}/absent`));
      refuses('ENOENT', () => statfs(''));
      refuses('ENOTDIR', () => statfs(`${directory}/file/x`));
      refuses('ENAMETOOLONG', () => statfs(`${directory}/${'n'.repeat(256)}`));
      refuses('ENAMETOOLONG', () => statfs(longPath(directory, 'file', PATH_BYTES_MAX + 1)));
    },
  },
  'EBADF for no descriptor': () => refuses('EBADF', () => statfs(999_999)),
  'EACCES below a directory that may not be searched': {
    prepare: (directory) => {
      mkdir(`${directory}/locked`);
      writeFile(`${directory}/locked/file`);
    },
    run: (directory) => {
      chmod(`${directory}/locked`, 0o666);
      unprivileged(() => refuses('EACCES', () => statfs(`${directory}/locked/file`)));
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'ELOOP after more than 40 links': {
    prepare: (directory) => {
      filePrepared(directory);
      chain(directory, LINKS_MAX + 1, 'file');
    },
    run: (directory) => {
      refuses('ELOOP', () => statfs(`${directory}/link1`));
      equal(statfs(`${directory}/link2`).nameBytesMax, 255);
    },
  },
};
