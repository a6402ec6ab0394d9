// Access control lists as their attributes hold them, written as setfacl(1) writes them.
//
//   version u32, then entries of 8 bytes: tag u16 | permissions u16 | id u32          all little-endian
import { SystemError } from './libc.ts';
import { getxattr, setxattr } from './xattr.ts';

export const ACL = { ACCESS: 'system.posix_acl_access', DEFAULT: 'system.posix_acl_default' } as const;
const VERSION = 2;
const UNDEFINED_ID = 0xffff_ffff;
const TAGS = { u: [0x01, 0x02], g: [0x04, 0x08], m: [0x10, 0x10], o: [0x20, 0x20] } as const;
const LETTERS = ['u', 'u', 'g', 'g', 'm', 'o'] as const;
const bitsOf = (text: string) => Number(text[0] === 'r') * 4 + Number(text[1] === 'w') * 2 + Number(text[2] === 'x');

/** `u::rwx,u:64001:r--,g::r-x,m::rwx,o::---` as bytes. */
export function aclBytes(text: string): Buffer {
  const entries = text.split(',').map((entry) => {
    const [letter = '', id = '', permissions = ''] = entry.split(':');
    const tag = TAGS[letter as keyof typeof TAGS][id === '' ? 0 : 1];
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16LE(tag, 0);
    bytes.writeUInt16LE(bitsOf(permissions), 2);
    bytes.writeUInt32LE(id === '' ? UNDEFINED_ID : Number(id), 4);
    return bytes;
  });
  const version = Buffer.alloc(4);
  version.writeUInt32LE(VERSION);
  return Buffer.concat([version, ...entries]);
}

/** The list as text; null where there is none. */
export function aclOf(target: string | number, name: string): string | null {
  let bytes: Buffer;
  try {
    bytes = getxattr(target, name);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENODATA') return null;
    throw error;
  }
  const entries: string[] = [];
  for (let at = 4; at < bytes.length; at += 8) {
    const letter = LETTERS[Math.log2(bytes.readUInt16LE(at))];
    const permissions = bytes.readUInt16LE(at + 2);
    const id = bytes.readUInt32LE(at + 4);
    const words = [...'rwx'].map((word, place) => ((permissions & (4 >> place)) !== 0 ? word : '-')).join('');
    entries.push(`${letter}:${id === UNDEFINED_ID ? '' : id}:${words}`);
  }
  return entries.join(',');
}

export const setAcl = (target: string | number, name: string, text: string): number =>
  setxattr(target, name, aclBytes(text));
