// A small file as the agent sees it, read without a node: ignore files, mostly.
import { close, pread } from '../host/syscall.ts';
import { indexRoots, spotAt } from './indexTree.ts';
import type { ViewState } from './state.ts';
import { openContentOf } from './versions.ts';

const FILE_BYTES_MAX = 1024 * 1024 + 1;
const O_NONBLOCK = 0o4000;
const S_IFREG_TYPE = 0o10;

/** The bytes at a path of the view, or undefined where there is no regular file. */
export function readViewFile(view: ViewState, path: string): Buffer | undefined {
  for (const root of indexRoots(view, () => true)) {
    if (!path.startsWith(`${root.path}/`)) continue;
    const spot = spotAt(view, root, path);
    if (spot === undefined) continue;
    return spot.record === null || spot.dirent.type !== S_IFREG_TYPE
      ? undefined
      : readAll(openContentOf(view, spot.record));
  }
  const host = view.host.at(path);
  if (host.parent === null || view.host.stat(host.parent, host.name, view.stat) < 0) return undefined;
  if (view.stat.readUInt16LE(28) >> 12 !== S_IFREG_TYPE) return undefined;
  return readAll(view.host.open(host.parent, host.name, O_NONBLOCK));
}

function readAll(fd: number): Buffer | undefined {
  if (fd < 0) return undefined;
  const bytes = Buffer.alloc(FILE_BYTES_MAX);
  const length = pread(fd, bytes, bytes.length, 0);
  close(fd);
  return length < 0 ? undefined : Buffer.from(bytes.subarray(0, length));
}
