// Memory mappings and the few other calls of the actors that the product never makes, by koffi.
//
// Bytes go into and out of a mapping through read(2) and write(2) of a scratch file: where the file system behind the
// mapping is gone, they answer EFAULT, and a plain store would end the process.
import koffi from 'koffi';
import { pread, pwrite } from '../../fs/host/syscall.ts';

const libc = koffi.load('libc.so.6');
const bind = {
  mmap: libc.func('intptr_t mmap(intptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)'),
  munmap: libc.func('int munmap(intptr_t address, size_t length)'),
  msync: libc.func('int msync(intptr_t address, size_t length, int flags)'),
  load: libc.func('int64_t pwrite64(int fd, intptr_t from, size_t count, int64_t offset)'),
  store: libc.func('int64_t pread64(int fd, intptr_t to, size_t count, int64_t offset)'),
  memfd_create: libc.func('int memfd_create(const char *name, unsigned int flags)'),
  truncate: libc.func('int truncate64(const void *path, int64_t length)'),
};
const PROT_READ_WRITE = 3;
const PROT_READ = 1;
const MAP_SHARED = 1;
const MS_SYNC = 4;
const MFD_CLOEXEC = 1;

const result = (value: number | bigint): number => (Number(value) < 0 ? -koffi.errno() : Number(value));

let scratch = -1;
function scratchFile(): number {
  if (scratch < 0) scratch = result(bind.memfd_create('scratch', MFD_CLOEXEC));
  return scratch;
}

/** A shared mapping of the first `length` bytes, for the time of `body`. Gives what it gives, or the negated errno. */
function withMapping(fd: number, length: number, writes: boolean, body: (address: number) => number): number {
  const protection = writes ? PROT_READ_WRITE : PROT_READ;
  const address = result(bind.mmap(0, length, protection, MAP_SHARED, fd, 0));
  if (address < 0) return address;
  const given = body(address);
  bind.munmap(address, length);
  return given;
}

/** Stores bytes through a mapping; `sync` waits until they are written. */
export function storeMapped(fd: number, sizeBytes: number, offset: number, data: Buffer, sync: boolean): number {
  pwrite(scratchFile(), data, data.length, 0);
  return withMapping(fd, sizeBytes, true, (address) => {
    const stored = result(bind.store(scratchFile(), address + offset, data.length, 0));
    if (stored < 0 || !sync) return stored;
    const synced = result(bind.msync(address, sizeBytes, MS_SYNC));
    return synced < 0 ? synced : stored;
  });
}

/** Loads bytes through a mapping into `target`. */
export function loadMapped(fd: number, sizeBytes: number, offset: number, target: Buffer): number {
  const loaded = withMapping(fd, sizeBytes, false, (address) =>
    result(bind.load(scratchFile(), address + offset, target.length, 0)),
  );
  return loaded < 0 ? loaded : pread(scratchFile(), target, loaded, 0);
}

export const truncate = (path: string, sizeBytes: number): number =>
  result(bind.truncate(Buffer.from(`${path}\0`, 'latin1'), sizeBytes));
