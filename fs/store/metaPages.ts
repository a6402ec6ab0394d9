// Looks at an LMDB file before LMDB does: opened with a damaged head it would end the whole process, not fail.
//
//   page 0 and 1, each: header 24 bytes, then meta: magic u32, version u32, address u64, map size u64,
//   free table {page size u32, …, root u64}, main table {…, root u64}, last page u64, transaction u64 …
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const META_BYTES = 168;
const AT = { magic: 24, version: 28, pageSize: 48, freeRoot: 88, mainRoot: 136, transaction: 152 } as const;
const MAGIC = 0xbeefc0de;
/** Data version of the LMDB that lmdb 3 brings. */
const VERSION = 2;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/** Why the file cannot be an index, or undefined where it can. An empty file is one that was never begun. */
export function metaDamage(path: Buffer): string | undefined {
  const fd = openSync(path, 'r');
  try {
    const sizeBytes = fstatSync(fd).size;
    if (sizeBytes === 0) return undefined;
    const first = readMeta(fd, 0);
    const pageSize = first?.readUInt32LE(AT.pageSize) ?? 0;
    if (first === undefined || pageSize < 512 || pageSize > 65_536) return 'its first page is damaged';
    const second = readMeta(fd, pageSize);
    if (second === undefined) return 'its second page is damaged';
    const isSecondNewer = second.readBigUInt64LE(AT.transaction) > first.readBigUInt64LE(AT.transaction);
    const newest = isSecondNewer ? second : first;
    const pages = BigInt(Math.floor(sizeBytes / pageSize));
    for (const at of [AT.freeRoot, AT.mainRoot]) {
      const root = newest.readBigUInt64LE(at);
      if (root !== NO_PAGE && root >= pages) return 'it is cut short';
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function readMeta(fd: number, offset: number): Buffer | undefined {
  const meta = Buffer.alloc(META_BYTES);
  if (readSync(fd, meta, 0, META_BYTES, offset) < META_BYTES) return undefined;
  return meta.readUInt32LE(AT.magic) === MAGIC && meta.readUInt32LE(AT.version) === VERSION ? meta : undefined;
}
