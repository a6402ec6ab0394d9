// What a process has of its own: working directory, the program it becomes.
import koffi from 'koffi';
import { bind, cstring, libc, SystemError } from './libc.ts';

export const chdir: (path: string) => number = bind('int chdir(const void *path)');
export const fchdir: (fd: number) => number = bind('int fchdir(int fd)');
const libcGetcwd = libc.func('intptr_t getcwd(void *buffer, size_t size)');
export function getcwd(sizeBytes = 4096): string {
  const buffer = Buffer.alloc(sizeBytes);
  if (BigInt(libcGetcwd(buffer, sizeBytes)) === 0n) throw new SystemError('getcwd', koffi.errno());
  return buffer.toString('latin1', 0, buffer.indexOf(0));
}

const libcExecve = bind('int execve(const void *path, const void *argv, const void *envp)');
/** For calls that must fail: one that succeeds takes this process's place. */
export function execve(path: string, words: readonly string[] = [path]): number {
  const strings = words.map(cstring);
  const vector = Buffer.alloc((strings.length + 1) * 8);
  strings.forEach((text, at) => {
    vector.writeBigUInt64LE(BigInt(koffi.address(text)), at * 8);
  });
  return libcExecve(path, vector, Buffer.alloc(8));
}
