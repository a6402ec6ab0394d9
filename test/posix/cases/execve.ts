// execve(2): files as programs.
import { spawnSync } from 'node:child_process';
import { OTHER, STRANGER, unprivileged } from '../caller.ts';
import { chmod, chown, stat } from '../calls/attributes.ts';
import { link, mkdir, mknod, rename, S, symlink, unlink } from '../calls/names.ts';
import { close, O, open } from '../calls/open.ts';
import { chdir, execve } from '../calls/process.ts';
import type { Cases } from '../case.ts';
import { equal, holds, refuses } from '../expect.ts';
import { readFile, writeFile } from '../files.ts';
import { chain, longPath } from './openErrors.ts';

const LINKS_MAX = 40;
const PATH_BYTES_MAX = 4095;
const SCRIPTS_MAX = 5;
const ARGUMENT_BYTES_MAX = 128 * 1024;
const echoPrepared = (directory: string) => copyProgram('/bin/echo', `${directory}/program`);
export function copyProgram(from: string, to: string): void {
  writeFile(to, Buffer.from(readFile(from), 'latin1'), 0o755);
}
/** What the program prints. */
function output(path: string, words: readonly string[] = [], options: Parameters<typeof spawnSync>[2] = {}): string {
  const { error, stdout, stderr } = spawnSync(path, words, { ...options, encoding: 'latin1' });
  if (error !== undefined) throw error;
  holds(stderr === '', `it says ${stderr}`);
  return stdout;
}
const script = (path: string, interpreter: string, text = '') => writeFile(path, `#!${interpreter}\n${text}`, 0o755);
/** A program whose loader's name is `loader`, relative to the working directory. */
function withLoader(path: string, loader: string): void {
  const image = Buffer.from(readFile('/bin/echo'), 'latin1');
  const tableAt = Number(image.readBigUInt64LE(32));
  for (let entry = 0; entry < image.readUInt16LE(56); entry += 1) {
    const at = tableAt + entry * image.readUInt16LE(54);
    if (image.readUInt32LE(at) !== 3) continue;
    const nameAt = Number(image.readBigUInt64LE(at + 8));
    image.fill(0, nameAt, nameAt + Number(image.readBigUInt64LE(at + 32)));
    image.write(loader, nameAt, 'latin1');
  }
  writeFile(path, image, 0o755);
}

export const execveCases: Cases = {
  'a program runs, with the words it is given': {
    prepare: echoPrepared,
    run: (directory) => {
      equal(output(`${directory}/program`, ['one', 'two words', '']), 'one two words \n');
      equal(output(`${directory}/program`, ['-e', 'x'], { argv0: 'other' }), 'x\n');
    },
  },
  'a program runs after it was copied up, moved and linked': {
    prepare: echoPrepared,
    run: (directory) => {
      chmod(`${directory}/program`, 0o700);
      equal(output(`${directory}/program`, ['mode']), 'mode\n');
      rename(`${directory}/program`, `${directory}/moved`);
      link(`${directory}/moved`, `${directory}/second`);
      equal(output(`${directory}/second`, ['link']), 'link\n');
      const fd = open(`${directory}/moved`, O.RDWR);
      close(fd);
      equal(output(`${directory}/moved`, ['opened']), 'opened\n');
    },
  },
  'a program runs that was just written': (directory) => {
    copyProgram('/bin/echo', `${directory}/program`);
    equal(output(`${directory}/program`, ['new']), 'new\n');
    script(`${directory}/program`, '/bin/sh', 'echo script "$0" "$1"');
    equal(output(`${directory}/program`, ['word']), `script ${directory}/program word\n`);
  },
  'a program that was removed runs through its descriptor': {
    prepare: echoPrepared,
    run: (directory) => {
      const fd = open(`${directory}/program`, O.RDONLY);
      unlink(`${directory}/program`);
      equal(output(`/proc/self/fd/${fd}`, ['gone']), 'gone\n');
      close(fd);
    },
  },
  'a script runs under its interpreter with one argument more': {
    prepare: (directory) => {
      script(`${directory}/script`, '/bin/sh -e', 'echo "$0" "$#" "$2"');
      symlink('script', `${directory}/link`);
    },
    run: (directory) => {
      equal(output(`${directory}/script`, ['a', 'b']), `${directory}/script 2 b\n`);
      equal(output(`${directory}/link`, ['a', 'b']), `${directory}/link 2 b\n`);
    },
  },
  'a script may be the interpreter of a script': {
    prepare: (directory) => script(`${directory}/inner`, '/bin/sh', 'echo inner "$@"'),
    run: (directory) => {
      script(`${directory}/outer`, `${directory}/inner`);
      equal(output(`${directory}/outer`, ['x']), `inner ${directory}/outer x\n`);
    },
  },
  'a set-user-id program runs as its owner': {
    root: true,
    run: (directory) => {
      copyProgram('/usr/bin/id', `${directory}/id`);
      chown(`${directory}/id`, STRANGER.uid, STRANGER.gid);
      chmod(`${directory}/id`, 0o4755);
      equal(output(`${directory}/id`, ['-u'], { uid: OTHER.uid, gid: OTHER.gid }), `${STRANGER.uid}\n`);
      chmod(`${directory}/id`, 0o755);
      equal(output(`${directory}/id`, ['-u'], { uid: OTHER.uid, gid: OTHER.gid }), `${OTHER.uid}\n`);
    },
  },
  'running changes nothing of the file but its access time': {
    prepare: echoPrepared,
    run: (directory) => {
      const { atime: _before, ...before } = stat(`${directory}/program`);
      output(`${directory}/program`);
      const { atime: _after, ...after } = stat(`${directory}/program`);
      equal(after, before);
    },
  },
  'EACCES without permission to execute, for root too': {
    prepare: (directory) => {
      copyProgram('/bin/echo', `${directory}/program`);
      chmod(`${directory}/program`, 0o644);
      script(`${directory}/script`, `${directory}/program`);
    },
    run: (directory) => {
      refuses('EACCES', () => execve(`${directory}/program`));
      script(`${directory}/byProgram`, `${directory}/program`);
      refuses('EACCES', () => execve(`${directory}/byProgram`));
      chmod(`${directory}/program`, 0o744);
      equal(output(`${directory}/program`, ['owner']), 'owner\n');
    },
  },
  'EACCES for what is no regular file': {
    prepare: (directory) => {
      mkdir(`${directory}/sub`);
      mknod(`${directory}/fifo`, S.IFIFO | 0o755);
    },
    run: (directory) => {
      refuses('EACCES', () => execve(`${directory}/sub`));
      refuses('EACCES', () => execve(`${directory}/fifo`));
      script(`${directory}/script`, `${directory}/sub`);
      refuses('EACCES', () => execve(`${directory}/script`));
    },
  },
  'EACCES below a directory that may not be searched': {
    prepare: (directory) => {
      mkdir(`${directory}/locked`);
      copyProgram('/bin/echo', `${directory}/locked/program`);
    },
    run: (directory) => {
      chmod(`${directory}/locked`, 0o644);
      script(`${directory}/script`, `${directory}/locked/program`);
      unprivileged(() => {
        refuses('EACCES', () => execve(`${directory}/locked/program`));
        refuses('EACCES', () => execve(`${directory}/script`));
      });
      chmod(`${directory}/locked`, 0o755);
    },
  },
  'ENOENT for a program or interpreter that is not there': {
    prepare: (directory) => script(`${directory}/script`, '/nonexistent/interpreter'),
    run: (directory) => {
      refuses('ENOENT', () => execve(`${directory}/absent`));
      refuses('ENOENT', () => execve(`${directory}/script`));
      withLoader(`${directory}/program`, 'absent');
      chdir(directory);
      refuses('ENOENT', () => execve('program'));
    },
  },
  'ENOTDIR below a file': {
    prepare: echoPrepared,
    run: (directory) => {
      refuses('ENOTDIR', () => execve(`${directory}/program/x`));
      script(`${directory}/script`, `${directory}/program/x`);
      refuses('ENOTDIR', () => execve(`${directory}/script`));
    },
  },
  'ENOEXEC for bytes that are no program': {
    prepare: (directory) => {
      writeFile(`${directory}/text`, 'echo no program\n', 0o755);
      writeFile(`${directory}/empty`, '', 0o755);
    },
    run: (directory) => {
      refuses('ENOEXEC', () => execve(`${directory}/text`));
      refuses('ENOEXEC', () => execve(`${directory}/empty`));
    },
  },
  'ELIBBAD for a loader that is no program, EACCES or EISDIR for a directory': {
    prepare: (directory) => {
      withLoader(`${directory}/badLoader`, 'text');
      withLoader(`${directory}/directoryLoader`, 'sub');
      writeFile(`${directory}/text`, 'no program '.repeat(20), 0o755);
      mkdir(`${directory}/sub`);
    },
    run: (directory) => {
      chdir(directory);
      refuses('ELIBBAD', () => execve('badLoader'));
      refuses(['EACCES', 'EISDIR'], () => execve('directoryLoader'));
    },
  },
  'ELOOP for links, and for scripts that lead to scripts': {
    prepare: (directory) => {
      echoPrepared(directory);
      chain(directory, LINKS_MAX + 1, 'program');
    },
    run: (directory) => {
      refuses('ELOOP', () => execve(`${directory}/link1`));
      script(`${directory}/s0`, '/bin/echo');
      for (let at = 1; at <= SCRIPTS_MAX + 1; at += 1) script(`${directory}/s${at}`, `${directory}/s${at - 1}`);
      refuses('ELOOP', () => execve(`${directory}/s${SCRIPTS_MAX + 1}`));
      holds(output(`${directory}/s${SCRIPTS_MAX - 1}`).includes(`${directory}/s0`), 'fewer run');
    },
  },
  'ENAMETOOLONG for a path too long': {
    prepare: echoPrepared,
    run: (directory) => {
      refuses('ENAMETOOLONG', () => execve(`${directory}/${'n'.repeat(256)}`));
      refuses('ENAMETOOLONG', () => execve(longPath(directory, 'program', PATH_BYTES_MAX + 1)));
    },
  },
  'E2BIG for a word too long': {
    prepare: echoPrepared,
    run: (directory) =>
      refuses('E2BIG', () => execve(`${directory}/program`, ['program', 'w'.repeat(ARGUMENT_BYTES_MAX + 1)])),
  },
};
