// POSIX access control lists as their attributes hold them: what they say of the mode, and the mode of them.
//
//   version u32, then entries of 8 bytes: tag u16 | permissions u16 | id u32          all little-endian
export const ACL_ACCESS = 'system.posix_acl_access';
export const ACL_DEFAULT = 'system.posix_acl_default';

const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
const TAG = { owner: 0x01, user: 0x02, group: 0x04, groupNamed: 0x08, mask: 0x10, other: 0x20 } as const;

/** An access list that says no more than permission bits do: an entry each for owner, group and others. */
export const isMinimal = (acl: Buffer): boolean => acl.length <= HEADER_BYTES + 3 * ENTRY_BYTES;

function* entriesOf(acl: Buffer): Generator<{ readonly at: number; readonly tag: number; readonly bits: number }> {
  for (let at = HEADER_BYTES; at + ENTRY_BYTES <= acl.length; at += ENTRY_BYTES)
    yield { at, tag: acl.readUInt16LE(at), bits: acl.readUInt16LE(at + 2) & 7 };
}

const hasMask = (acl: Buffer): boolean => [...entriesOf(acl)].some(({ tag }) => tag === TAG.mask);

/** How far an entry of this tag is shifted in a mode; undefined where it does not show there. */
function shiftOf(tag: number, masked: boolean): number | undefined {
  if (tag === TAG.owner) return 6;
  if (tag === TAG.other) return 0;
  return tag === (masked ? TAG.mask : TAG.group) ? 3 : undefined;
}

/** The mode with the permission bits that an access list stands for: owner, mask (else group), others. */
export function modeFromAcl(mode: number, acl: Buffer): number {
  const masked = hasMask(acl);
  let bits = mode & ~0o777;
  for (const { tag, bits: granted } of entriesOf(acl)) {
    const shift = shiftOf(tag, masked);
    if (shift !== undefined) bits |= granted << shift;
  }
  return bits;
}

/** An access list after chmod. */
export function aclWithMode(acl: Buffer, mode: number): Buffer {
  const masked = hasMask(acl);
  const changed = Buffer.from(acl);
  for (const { at, tag } of entriesOf(acl)) {
    const shift = shiftOf(tag, masked);
    if (shift !== undefined) changed.writeUInt16LE((mode >> shift) & 7, at + 2);
  }
  return changed;
}

/** What a new object gets from its directory's default list: each side takes away what the other does not grant. */
export function inheritAcl(acl: Buffer, mode: number): { readonly mode: number; readonly access: Buffer | undefined } {
  const masked = hasMask(acl);
  const access = Buffer.from(acl);
  let granted = mode;
  for (const { at, tag, bits } of entriesOf(acl)) {
    const shift = shiftOf(tag, masked);
    if (shift === undefined) continue;
    const both = bits & (mode >> shift) & 7;
    access.writeUInt16LE(both, at + 2);
    granted = (granted & ~(7 << shift)) | (both << shift);
  }
  return { mode: granted, access: isMinimal(acl) ? undefined : access };
}
