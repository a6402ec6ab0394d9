// User and group ids between the wire and the view.
//
// A sandbox started by root lives in a user namespace that maps its ids 0-65535 to shift..shift+65535 of the host.
// The kernel speaks host ids (the mount belongs to the host's namespace); the view sees what the sandbox sees.
// With shift 0 everything passes unchanged. Ids outside the range are the overflow id, as in any user namespace.
import { fail } from '../errno.ts';

export const ID_LIMIT = 65536;
export const OVERFLOW_ID = 65534;

const ACL_VERSION = 2;
const ACL_USER = 0x02;
const ACL_GROUP = 0x08;
const ACL_HEADER_BYTES = 4;
const ACL_ENTRY_BYTES = 8;

/** A wire id as the view sees it. */
export function inward(id: number, shift: number): number {
  if (shift === 0) return id;
  const own = id - shift;
  return own >= 0 && own < ID_LIMIT ? own : OVERFLOW_ID;
}

/** A wire id that is to be stored (chown): one without a meaning inside is EINVAL, as from the kernel. */
export function inwardExact(id: number, shift: number): number {
  if (shift === 0) return id;
  const own = id - shift;
  if (own < 0 || own >= ID_LIMIT) fail('EINVAL');
  return own;
}

/** A view's id as the kernel is told. */
export function outward(id: number, shift: number): number {
  if (shift === 0) return id;
  return shift + (id < ID_LIMIT ? id : OVERFLOW_ID);
}

/** Whether an extended attribute carries ids in POSIX ACL entries. */
export const isAcl = (name: string): boolean =>
  name === 'system.posix_acl_access' || name === 'system.posix_acl_default';

/** An ACL attribute from the wire, its ids made the view's. A new buffer unless nothing changes. */
export const aclInward = (value: Buffer, shift: number): Buffer => mapAcl(value, shift, inwardExact);
/** An ACL attribute of the view, its ids made the wire's. */
export const aclOutward = (value: Buffer, shift: number): Buffer => mapAcl(value, shift, outward);

/** `posix_acl_xattr_header` {version u32}, then entries {tag u16, perm u16, id u32}. */
function mapAcl(value: Buffer, shift: number, map: (id: number, shift: number) => number): Buffer {
  if (shift === 0) return value;
  const entriesBytes = value.length - ACL_HEADER_BYTES;
  if (entriesBytes < 0 || entriesBytes % ACL_ENTRY_BYTES !== 0) fail('EINVAL');
  if (value.readUInt32LE(0) !== ACL_VERSION) fail('EOPNOTSUPP');
  const mapped = Buffer.from(value);
  for (let at = ACL_HEADER_BYTES; at < mapped.length; at += ACL_ENTRY_BYTES) {
    const tag = mapped.readUInt16LE(at);
    if (tag === ACL_USER || tag === ACL_GROUP) mapped.writeUInt32LE(map(mapped.readUInt32LE(at + 4), shift), at + 4);
  }
  return mapped;
}
