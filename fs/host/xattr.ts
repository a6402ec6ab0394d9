// Extended attributes that travel between host and view: user.* and POSIX ACLs. security.* and trusted.* never do.
import { ERRNO, must } from '../errno.ts';
import { getxattr, listxattr, removexattr, setxattr } from './syscall.ts';
import { objectPath } from './walk.ts';

/** Name to hex value, sorted by name. */
export type Xattrs = Readonly<Record<string, string>>;

/** The kernel's own bounds (XATTR_SIZE_MAX, XATTR_LIST_MAX). */
const VALUE_BYTES_MAX = 65536;
const value = Buffer.alloc(VALUE_BYTES_MAX);
const list = Buffer.alloc(VALUE_BYTES_MAX);

/** Whether an attribute is content a person may approve: anything else stays the host's own affair. */
export const isPortableXattr = (name: string): boolean =>
  name.startsWith('user.') || name === 'system.posix_acl_access' || name === 'system.posix_acl_default';

/** The portable attributes of an object (any descriptor, O_PATH too); undefined when there are none. */
export function readXattrs(fd: number): Xattrs | undefined {
  const path = objectPath(fd);
  const length = listxattr(path, list);
  if (length === 0 || length === -ERRNO.EOPNOTSUPP) return undefined;
  const names = list.toString('latin1', 0, must(length)).split('\0').filter(isPortableXattr).sort();
  const entries: [string, string][] = [];
  for (const name of names) {
    const count = getxattr(path, name, value);
    if (count === -ERRNO.ENODATA || count === -ERRNO.EOPNOTSUPP) continue;
    entries.push([name, value.toString('hex', 0, must(count))]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Makes the portable attributes of an object exactly `wanted`. */
export function writeXattrs(fd: number, wanted: Xattrs | undefined): void {
  const path = objectPath(fd);
  const present = readXattrs(fd) ?? {};
  for (const name of Object.keys(present)) if (wanted?.[name] === undefined) must(removexattr(path, name));
  for (const [name, hex] of Object.entries(wanted ?? {}))
    if (isPortableXattr(name) && present[name] !== hex) must(setxattr(path, name, Buffer.from(hex, 'hex')));
}
