// A directory of the host in the words in which a view's tree is told (see coreWorld.ts).
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isReservedName } from '../../fs/host/reserved.ts';
import { AT_FDCWD, close, openat } from '../../fs/host/syscall.ts';
import { readXattrs } from '../../fs/host/xattr.ts';

const O_RDONLY_NONBLOCK = 0o4000;

/** Everything below a directory, one line a name; `skip` leaves a name (relative path) out, with all below. */
export function hostState(directory: string, skip: (path: string) => boolean = () => false): Record<string, string> {
  const state: Record<string, string> = {};
  const walk = (below: string) => {
    const here = Buffer.from(below === '' ? directory : `${directory}/${below}`, 'latin1');
    for (const name of readdirSync(here, { encoding: 'buffer' }).map((bytes) => bytes.toString('latin1'))) {
      const at = below === '' ? name : `${below}/${name}`;
      if (isReservedName(name)) throw new Error(`a commit left ${at}`);
      if (skip(at)) continue;
      const path = `${directory}/${at}`;
      state[at] = describe(path);
      if (state[at]?.startsWith('directory')) walk(at);
    }
  };
  walk('');
  return state;
}

function describe(path: string): string {
  const bytes = Buffer.from(path, 'latin1');
  const stats = lstatSync(bytes);
  if (stats.isSymbolicLink()) return `link ${readlinkSync(bytes, 'latin1')}`;
  const word = `${(stats.mode & 0o7777).toString(8)} ${JSON.stringify(stats.isFIFO() ? {} : xattrs(path))}`;
  if (stats.isDirectory()) return `directory ${word}`;
  if (!stats.isFile()) return `special ${stats.mode >> 12} ${word}`;
  return `file ${word} ${JSON.stringify(readFileSync(bytes, 'latin1'))}`;
}

function xattrs(path: string): Readonly<Record<string, string>> {
  const fd = openat(AT_FDCWD, path, O_RDONLY_NONBLOCK);
  try {
    return readXattrs(fd) ?? {};
  } finally {
    close(fd);
  }
}

/** What differs, one name a line. */
export function differences(have: Record<string, string>, want: Record<string, string>): string[] {
  const names = [...new Set([...Object.keys(have), ...Object.keys(want)])].sort();
  return names
    .filter((name) => have[name] !== want[name])
    .map((name) => `${name}: ${have[name] ?? 'absent'}, expected ${want[name] ?? 'absent'}`);
}
