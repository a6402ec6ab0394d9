// Extended attributes, by path, by link, by descriptor.
import { bind, bytesOf } from './libc.ts';

/** Extended attributes; flags are XATTR. The `l` forms do not follow a final link, the `f` forms take a descriptor. */
export const XATTR = { CREATE: 1, REPLACE: 2 } as const;
type Target = string | number;
const setxattrBy = {
  path: bind('int setxattr(const void *path, const void *name, const void *value, size_t size, int flags)'),
  link: bind('int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)'),
  fd: bind('int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)'),
};
const getxattrBy = {
  path: bind('int64_t getxattr(const void *path, const void *name, void *value, size_t size)'),
  link: bind('int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)'),
  fd: bind('int64_t fgetxattr(int fd, const void *name, void *value, size_t size)'),
};
const listxattrBy = {
  path: bind('int64_t listxattr(const void *path, void *list, size_t size)'),
  link: bind('int64_t llistxattr(const void *path, void *list, size_t size)'),
  fd: bind('int64_t flistxattr(int fd, void *list, size_t size)'),
};
const removexattrBy = {
  path: bind('int removexattr(const void *path, const void *name)'),
  link: bind('int lremovexattr(const void *path, const void *name)'),
  fd: bind('int fremovexattr(int fd, const void *name)'),
};
const XATTR_BYTES_MAX = 65_536;
const by = (target: Target): 'fd' | 'path' => (typeof target === 'number' ? 'fd' : 'path');

export const setxattr = (target: Target, name: string, value: string | Buffer, flags = 0): number =>
  setxattrBy[by(target)](target, name, bytesOf(value), value.length, flags);
export const lsetxattr = (path: string, name: string, value: string | Buffer, flags = 0): number =>
  setxattrBy.link(path, name, bytesOf(value), value.length, flags);
/** `sizeBytes` 0 asks for the size: then use `xattrSize`. */
export function getxattr(target: Target, name: string, sizeBytes = XATTR_BYTES_MAX): Buffer {
  const value = Buffer.alloc(sizeBytes);
  return value.subarray(0, getxattrBy[by(target)](target, name, value, sizeBytes));
}
export function lgetxattr(path: string, name: string, sizeBytes = XATTR_BYTES_MAX): Buffer {
  const value = Buffer.alloc(sizeBytes);
  return value.subarray(0, getxattrBy.link(path, name, value, sizeBytes));
}
export const xattrSize = (target: Target, name: string): number => getxattrBy[by(target)](target, name, null, 0);
/** The names, sorted. */
export function listxattr(target: Target, sizeBytes = XATTR_BYTES_MAX): string[] {
  const list = Buffer.alloc(sizeBytes);
  return namesIn(list, listxattrBy[by(target)](target, list, sizeBytes));
}
export function llistxattr(path: string, sizeBytes = XATTR_BYTES_MAX): string[] {
  const list = Buffer.alloc(sizeBytes);
  return namesIn(list, listxattrBy.link(path, list, sizeBytes));
}
export const listxattrSize = (target: Target): number => listxattrBy[by(target)](target, null, 0);
const namesIn = (list: Buffer, length: number): string[] =>
  list.toString('latin1', 0, length).split('\0').filter(Boolean).sort();
export const removexattr = (target: Target, name: string): number => removexattrBy[by(target)](target, name);
export const lremovexattr = (path: string, name: string): number => removexattrBy.link(path, name);
