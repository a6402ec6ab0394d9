// Content identifiers of files: UnixFS, profile unixfs-v1-2025.
//
// CIDv1, sha2-256, raw leaves of 1 MiB, balanced tree of at most 1024 links a node, no mode and no times.
// A file of one chunk (or none) is its raw leaf. Everything is synchronous and hashes by node:crypto:
// callers are worker threads that never return to an event loop.
import { createHash } from 'node:crypto';
import { encode as encodeNode, type PBLink } from '@ipld/dag-pb';
import { UnixFS } from 'ipfs-unixfs';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';
import { ERRNO, errno } from '../errno.ts';
import { lseek, pread } from '../host/syscall.ts';

const CODE_RAW = 0x55;
const CODE_DAG_PB = 0x70;
const CODE_SHA2_256 = 0x12;

/** The shape of the tree. Other shapes than the profile's are for tests only. */
export interface Layout {
  readonly chunkBytes: number;
  readonly linksMax: number;
}
export const PROFILE: Layout = { chunkBytes: 1 << 20, linksMax: 1024 };

/** A subtree: its CID, the file bytes below it, and the size of all its blocks. */
interface Subtree {
  readonly cid: CID;
  readonly fileBytes: number;
  readonly blockBytes: number;
}

const hash = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const identify = (codec: number, block: Uint8Array): CID =>
  CID.createV1(codec, createDigest(CODE_SHA2_256, hash(block)));

function leaf(chunk: Uint8Array): Subtree {
  return { cid: identify(CODE_RAW, chunk), fileBytes: chunk.length, blockBytes: chunk.length };
}

function parent(children: readonly Subtree[]): Subtree {
  const file = new UnixFS({ type: 'file', blockSizes: children.map((child) => BigInt(child.fileBytes)) });
  // dag-pb brings its own copy of the CID class: the same thing, but another name to the compiler.
  const links: PBLink[] = children.map((child) => {
    return { Name: '', Tsize: child.blockBytes, Hash: child.cid as unknown as PBLink['Hash'] };
  });
  const block = encodeNode({ Data: file.marshal(), Links: links });
  let fileBytes = 0;
  let blockBytes = block.length;
  for (const child of children) {
    fileBytes += child.fileBytes;
    blockBytes += child.blockBytes;
  }
  return { cid: identify(CODE_DAG_PB, block), fileBytes, blockBytes };
}

/** Groups level by level until one subtree is left. */
function reduce(leaves: readonly Subtree[], linksMax: number): Subtree {
  let level = leaves;
  while (level.length > 1) {
    const above: Subtree[] = [];
    for (let at = 0; at < level.length; at += linksMax) above.push(parent(level.slice(at, at + linksMax)));
    level = above;
  }
  return level[0] ?? leaf(Buffer.alloc(0));
}

/** The CID of bytes in memory. */
export function cidOfBytes(bytes: Uint8Array, layout: Layout = PROFILE): string {
  const leaves: Subtree[] = [];
  for (let at = 0; at < bytes.length; at += layout.chunkBytes) {
    leaves.push(leaf(bytes.subarray(at, at + layout.chunkBytes)));
  }
  return reduce(leaves, layout.linksMax).cid.toString();
}

let chunkBuffer: Buffer | undefined;

/** Fills `target` from `offset` on; fewer bytes only at the end of the file. */
function readChunk(fd: number, target: Buffer, offset: number): number {
  let filled = 0;
  while (filled < target.length) {
    const count = pread(fd, target.subarray(filled), target.length - filled, offset + filled);
    if (count < 0) throw errno(count);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

const SEEK_DATA = 3;
const SEEK_END = 2;
let zeroLeaf: Subtree | undefined;

/** Whether a chunk lies in a hole: a file of nothing else costs no reading. Where holes are not told, it does not. */
function isHole(fd: number, offset: number, wanted: number): boolean {
  const data = lseek(fd, offset, SEEK_DATA);
  if (data >= offset + wanted) return true;
  return data === -ERRNO.ENXIO && lseek(fd, 0, SEEK_END) >= offset + wanted;
}

/**
 * The CID of an open file, from its start to its end (or to `sizeBytes`).
 * @throws Errno where a read fails
 */
export function cidOfFile(fd: number, sizeBytes = Number.MAX_SAFE_INTEGER, layout: Layout = PROFILE): string {
  chunkBuffer ??= Buffer.allocUnsafeSlow(PROFILE.chunkBytes);
  const leaves: Subtree[] = [];
  let offset = 0;
  while (offset < sizeBytes) {
    const wanted = Math.min(layout.chunkBytes, sizeBytes - offset);
    if (wanted === PROFILE.chunkBytes && isHole(fd, offset, wanted)) {
      zeroLeaf ??= leaf(Buffer.alloc(wanted));
      leaves.push(zeroLeaf);
      offset += wanted;
      continue;
    }
    const count = readChunk(fd, chunkBuffer.subarray(0, wanted), offset);
    if (count === 0) break;
    leaves.push(leaf(chunkBuffer.subarray(0, count)));
    offset += count;
    if (count < wanted) break;
  }
  return reduce(leaves, layout.linksMax).cid.toString();
}
