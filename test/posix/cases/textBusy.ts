// A program that runs: nobody writes to it (ETXTBSY), and it can be replaced and removed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, fstat } from '../calls/attributes.ts';
import { FALLOC, fallocate, pwrite, truncate } from '../calls/data.ts';
import { rename, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { writeFile } from '../files.ts';

const SLEEP = '/bin/sleep';

function prepareProgram(directory: string): void {
  writeFile(`${directory}/program`, readFileSync(SLEEP));
  chmod(`${directory}/program`, 0o755);
}

/** Runs `act` while the program runs. */
async function running(program: string, act: () => void): Promise<void> {
  const child = spawn(program, ['60'], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  try {
    act();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

export const textBusyCases: Cases = {
  'ETXTBSY for truncate and open for writing while it runs, not after': {
    prepare: prepareProgram,
    run: async (directory) => {
      const program = `${directory}/program`;
      await running(program, () => {
        refuses('ETXTBSY', () => truncate(program, 0));
        refuses('ETXTBSY', () => open(program, O.WRONLY));
        refuses('ETXTBSY', () => open(program, O.RDONLY | O.TRUNC));
      });
      truncate(program, 10);
    },
  },
  'ETXTBSY to run what is open for writing': {
    prepare: prepareProgram,
    run: async (directory) => {
      const program = `${directory}/program`;
      const fd = open(program, O.RDWR);
      let code = '';
      await running(program, () => {}).catch((error: NodeJS.ErrnoException) => {
        code = error.code ?? '';
      });
      equal(code, 'ETXTBSY');
      close(fd);
      await running(program, () => {});
    },
  },
  'a running program is unlinked and replaced': {
    prepare: (directory) => {
      prepareProgram(directory);
      writeFile(`${directory}/next`, 'next');
    },
    run: (directory) =>
      running(`${directory}/program`, () => {
        rename(`${directory}/next`, `${directory}/program`);
        const fd = open(`${directory}/program`, O.RDWR);
        pwrite(fd, 'N', 0);
        equal(fstat(fd).sizeBytes, 4, 'size');
        fallocate(fd, FALLOC.KEEP_SIZE, 0, 4096);
        close(fd);
        unlink(`${directory}/program`);
      }),
  },
};
