// Reaches a host path below a root without ever following a symbolic link and without joining strings.
//
// Every access is relative to a descriptor: openat2 refuses symlinks, magic links and `..`, so whatever is swapped
// in at any position of a path makes the walk fail (ELOOP, ENOTDIR, EXDEV) instead of leading elsewhere.
import { ERRNO, fail, must } from '../errno.ts';
import {
  AT_FDCWD,
  close,
  NAME_BYTES_MAX,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openat,
  openat2,
  PATH_BYTES_MAX,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from './syscall.ts';

const RESOLVE_STRICT = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
/** A longer path is walked in pieces of this size: the kernel takes no more at once, whatever the depth. */
const PIECE_BYTES_MAX = PATH_BYTES_MAX - NAME_BYTES_MAX - 2;
/** openat2 answers EAGAIN while mounts or directories move elsewhere in the system. */
const RETRIES_MAX = 64;

/** A directory, and one name in it. */
export interface Parent {
  /** O_PATH descriptor of the directory. */
  readonly fd: number;
  readonly name: string;
  close(): void;
}

/** A directory of the host, opened once; everything below it is walked from here. */
export class HostRoot {
  readonly path: string;
  readonly fd: number;

  /** @param path absolute byte string, already resolved: a symlink in it is ELOOP */
  constructor(path: string) {
    this.path = path === '/' ? '' : path;
    const slash = must(openat(AT_FDCWD, '/', O_PATH | O_DIRECTORY));
    try {
      this.fd = path === '/' ? must(openat(slash, '.', O_PATH | O_DIRECTORY)) : openBeneath(slash, components(path));
    } finally {
      close(slash);
    }
  }

  /** Whether `path` lies strictly below this root. */
  contains(path: string): boolean {
    return path.startsWith(`${this.path}/`) && path.length > this.path.length + 1;
  }

  /** The directory of `path` (absolute, strictly below this root) and its last component. */
  openParent(path: string): Parent {
    if (!this.contains(path)) fail('EXDEV');
    const names = components(path.slice(this.path.length));
    const name = names.pop();
    if (name === undefined) fail('EINVAL');
    const fd = openBeneath(this.fd, names);
    return { fd, name, close: () => void close(fd) };
  }

  close(): void {
    close(this.fd);
  }
}

/** The components of an absolute path; what is not a plain name (`.`, `..`, empty, with a NUL) is EINVAL. */
export function components(path: string): string[] {
  const names = path.split('/');
  if (names.shift() !== '') fail('EINVAL');
  for (const name of names) if (!isPlainName(name)) fail('EINVAL');
  return names;
}

const isPlainName = (name: string) =>
  name !== '' && name !== '.' && name !== '..' && !name.includes('\0') && !name.includes('/');

/** An O_PATH descriptor of the directory that `names` lead to from `from`; the caller closes it. */
export function openBeneath(from: number, names: readonly string[]): number {
  let fd = must(openat(from, '.', O_PATH | O_DIRECTORY));
  for (let at = 0; at < names.length; ) {
    let piece = names[at++] as string;
    for (let next = names[at]; next !== undefined && piece.length + next.length < PIECE_BYTES_MAX; next = names[++at])
      piece += `/${next}`;
    const deeper = openStrictly(fd, piece);
    close(fd);
    fd = must(deeper);
  }
  return fd;
}

function openStrictly(fd: number, piece: string): number {
  for (let attempt = 1; ; attempt++) {
    const opened = openat2(fd, piece, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_STRICT);
    if (opened !== -ERRNO.EAGAIN || attempt === RETRIES_MAX) return opened;
  }
}

/** An O_PATH descriptor of the object itself, never of what a link points to; the negated errno if it is not there. */
export const openObject = (dirfd: number, name: string): number =>
  isPlainName(name) ? openat(dirfd, name, O_PATH | O_NOFOLLOW) : -ERRNO.EINVAL;

/** The path that names the object of a descriptor of this process, exactly. */
export const objectPath = (fd: number): string => `/proc/self/fd/${fd}`;
