// ETXTBSY: a program that runs is not written, one that is written does not run.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, stat } from '../calls/attributes.ts';
import { pread, truncate, write } from '../calls/data.ts';
import { link, rename, unlink } from '../calls/names.ts';
import { close, creat, O, open } from '../calls/open.ts';
import { execve } from '../calls/process.ts';
import type { Cases } from '../case.ts';
import { equal, refuses } from '../expect.ts';
import { copyProgram } from './execve.ts';

const sleepPrepared = (directory: string) => copyProgram('/bin/sleep', `${directory}/program`);
/** Runs the program for the time of `act`. */
async function running(path: string, act: () => void): Promise<void> {
  const child: ChildProcess = spawn(path, ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  try {
    act();
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
function busy(path: string): void {
  refuses('ETXTBSY', () => open(path, O.WRONLY));
  refuses('ETXTBSY', () => open(path, O.RDWR));
  refuses('ETXTBSY', () => open(path, O.RDONLY | O.TRUNC));
  refuses('ETXTBSY', () => creat(path, 0o755));
  refuses('ETXTBSY', () => truncate(path, 0));
  close(open(path, O.RDONLY));
}

export const busyTextCases: Cases = {
  'ETXTBSY to write a program that runs, until it ends': {
    prepare: sleepPrepared,
    run: async (directory) => {
      await running(`${directory}/program`, () => busy(`${directory}/program`));
      close(open(`${directory}/program`, O.RDWR));
    },
  },
  'ETXTBSY to write a program that was changed before it ran': {
    prepare: sleepPrepared,
    run: async (directory) => {
      const { sizeBytes } = stat(`${directory}/program`);
      const fd = open(`${directory}/program`, O.WRONLY | O.APPEND);
      write(fd, 'tail');
      close(fd);
      await running(`${directory}/program`, () => busy(`${directory}/program`));
      equal(stat(`${directory}/program`).sizeBytes, sizeBytes + 4);
    },
  },
  'ETXTBSY by every name of a program that runs': {
    prepare: (directory) => {
      sleepPrepared(directory);
      link(`${directory}/program`, `${directory}/second`);
    },
    run: (directory) => running(`${directory}/program`, () => busy(`${directory}/second`)),
  },
  'a program that runs can be replaced, moved, removed and its mode changed': {
    prepare: sleepPrepared,
    run: async (directory) => {
      await running(`${directory}/program`, () => {
        chmod(`${directory}/program`, 0o711);
        rename(`${directory}/program`, `${directory}/moved`);
        busy(`${directory}/moved`);
        copyProgram('/bin/true', `${directory}/program`);
        rename(`${directory}/program`, `${directory}/moved`);
        equal(spawnSync(`${directory}/moved`).status, 0);
        unlink(`${directory}/moved`);
      });
    },
  },
  'access tells nothing of a program that runs': {
    prepare: sleepPrepared,
    run: (directory) => running(`${directory}/program`, () => void access(`${directory}/program`, 2)),
  },
  'ETXTBSY to run a program that is open for writing, until it closes': {
    prepare: sleepPrepared,
    run: (directory) => {
      for (const flags of [O.WRONLY, O.RDWR]) {
        const fd = open(`${directory}/program`, flags | O.CLOEXEC);
        refuses('ETXTBSY', () => execve(`${directory}/program`));
        close(fd);
      }
      const reader = open(`${directory}/program`, O.RDONLY | O.CLOEXEC);
      equal(spawnSync(`${directory}/program`, ['0']).status, 0);
      equal(pread(reader, 4, 0).toString('latin1'), '\x7fELF');
      close(reader);
    },
  },
  'ETXTBSY to run a program that is being written': (directory) => {
    const fd = open(`${directory}/program`, O.CREAT | O.WRONLY | O.CLOEXEC, 0o755);
    write(fd, '#!/bin/sh\n');
    refuses('ETXTBSY', () => execve(`${directory}/program`));
    close(fd);
    equal(spawnSync(`${directory}/program`).status, 0);
  },
};
