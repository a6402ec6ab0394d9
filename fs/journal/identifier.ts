// The identity of a change: a digest over everything that it is, and the short id that people type.
//
// The agent chooses the content, so a short prefix alone could be forged: the store maps each id to the full digest,
// first come, and an approval compares the full digest.
import { createHash, type Hash } from 'node:crypto';
import type { Change, Version } from './model.ts';

/** RFC 4648 base32 in lower case, without padding. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
/** 40 bits: short to type, and a collision by chance stays rare for a million changes. */
const ID_LENGTH_MIN = 8;

/** SHA-256 over workspace, agent, kind, source and target, base and result (content, mode, xattrs, link text), owner. */
export function changeDigest(change: Change, workspace: string, agent: string): Buffer {
  const hash = createHash('sha256');
  field(hash, 'agentsh change 1');
  for (const text of [workspace, agent, change.kind, change.source ?? '', change.path]) field(hash, text);
  version(hash, change.base.version);
  // Where no content was recorded the hint is all that is known of the base.
  const hint = change.base.version.type === 'file' && change.base.version.cid === '' ? change.base.hint : undefined;
  field(hash, hint === undefined ? '' : `${hint.ino} ${hint.sizeBytes} ${hint.mtimeNs} ${hint.ctimeNs}`);
  version(hash, change.result);
  field(hash, change.tree ?? '');
  if (change.owner !== undefined) field(hash, change.owner);
  return hash.digest();
}

/** Length first: no two sequences of fields have the same bytes. */
function field(hash: Hash, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  hash.update(length).update(bytes);
}

function version(hash: Hash, of: Version): void {
  field(hash, of.type);
  field(hash, of.type === 'symlink' ? of.target : '');
  field(hash, 'mode' in of ? of.mode.toString(8) : '');
  field(hash, of.type === 'file' ? of.cid : '');
  field(hash, of.type === 'file' ? String(of.sizeBytes) : '');
  const xattrs = 'xattrs' in of ? Object.entries(of.xattrs ?? {}) : [];
  xattrs.sort(([a], [b]) => (a < b ? -1 : 1));
  field(hash, String(xattrs.length));
  for (const [name, value] of xattrs) {
    field(hash, name);
    field(hash, value);
  }
}

/**
 * The shortest id (8 characters or more) whose prefix no other digest holds.
 * @param taken the digest that holds an id already, if any
 */
export function shortId(digest: Buffer, taken: (prefix: string) => Buffer | undefined): string {
  const text = base32(digest);
  for (let length = ID_LENGTH_MIN; length < text.length; length++) {
    const holder = taken(text.slice(0, length));
    if (holder === undefined || holder.equals(digest)) return text.slice(0, length);
  }
  return text;
}

/** The digest of a listing: its ids in order. */
export function setDigest(ids: readonly string[]): string {
  const hash = createHash('sha256');
  field(hash, 'agentsh set 1');
  for (const id of ids) field(hash, id);
  return base32(hash.digest()).slice(0, 16);
}

/** Base32 (RFC 4648, lower case, no padding). */
export function base32(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}
