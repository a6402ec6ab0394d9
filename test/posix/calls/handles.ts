// Names of objects that outlive every path: name_to_handle_at, open_by_handle_at.
import { bind } from './libc.ts';

const libcNameToHandleAt = bind(
  'int name_to_handle_at(int dirfd, const void *path, void *handle, void *mount, int flags)',
);
const libcOpenByHandleAt = bind('int open_by_handle_at(int mount, void *handle, int flags)');
export const HANDLE_BYTES_MAX = 128;
const HEADER_BYTES = 8;

/** A `struct file_handle` with room for `roomBytes`, which the system may find too little or too much. */
export function nameToHandleAt(dirfd: number, path: string, flags = 0, roomBytes = HANDLE_BYTES_MAX): Buffer {
  const handle = Buffer.alloc(HEADER_BYTES + Math.max(roomBytes, HANDLE_BYTES_MAX));
  handle.writeUInt32LE(roomBytes, 0);
  libcNameToHandleAt(dirfd, path, handle, Buffer.alloc(4), flags);
  return handle;
}
export const openByHandleAt = (mountFd: number, handle: Buffer, flags: number): number =>
  libcOpenByHandleAt(mountFd, handle, flags);
/** A handle that no file system gave. */
export function madeUpHandle(sizeBytes: number): Buffer {
  const handle = Buffer.alloc(HEADER_BYTES + HANDLE_BYTES_MAX, 0xff);
  handle.writeUInt32LE(sizeBytes, 0);
  handle.writeInt32LE(1, 4);
  return handle;
}
