// Sealed content: immutable files named by their CID, in one directory, stored once whatever their number of users.
//
//   <directory>/<last two characters of the CID>/<CID>     0400
//   <directory>/seal-<pid>-<thread>-<n>.tmp                while it is being made
//
// A source that may still be written is never hashed in place: sealing copies (a reflink where the file system can),
// hashes the copy, and only the copy is named. Directories are byte strings (latin1).
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { must } from '../errno.ts';
import { copyContent } from '../host/content.ts';
import { AT_FDCWD, cloneFile, fchmod, fsync, openat, renameat2 } from '../host/syscall.ts';
import { cidOfFile } from './cid.ts';

export interface Sealed {
  readonly cid: string;
  /** Absolute path of the immutable file (latin1). */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Only names of this shape are ever joined to a path. */
const CID_PATTERN = /^b[a-z2-7]{50,120}$/;

const bytes = (path: string): Buffer => Buffer.from(path, 'latin1');

/**
 * Copies the file behind `fd` into the store and names the copy by its content.
 * Durable when it returns: the copy and its directory are flushed.
 * @throws Errno (ENOSPC, EIO …); nothing is left behind then
 */
export function seal(fd: number, directory: string): Sealed {
  mkdirSync(bytes(directory), { recursive: true, mode: 0o700 });
  const temporary = `${directory}/seal-${randomBytes(8).toString('hex')}.tmp`;
  const copy = must(openat(AT_FDCWD, temporary, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600));
  try {
    copyWhole(fd, copy);
    const sizeBytes = fstatSync(copy).size;
    const cid = cidOfFile(copy, sizeBytes);
    must(fchmod(copy, 0o400));
    must(fsync(copy));
    const path = blobPath(directory, cid);
    place(temporary, path);
    return { cid, path, sizeBytes };
  } catch (error) {
    unlinkIfThere(temporary);
    throw error;
  } finally {
    closeSync(copy);
  }
}

/** Where the content with this CID lies, or would lie. */
export function blobPath(directory: string, cid: string): string {
  if (!CID_PATTERN.test(cid)) throw new TypeError(`not a CID of a file: ${JSON.stringify(cid)}`);
  return `${directory}/${cid.slice(-2)}/${cid}`;
}

/** Opens sealed content for reading: its descriptor, or the negated errno (ENOENT where the store does not have it). */
export const openBlob = (directory: string, cid: string): number =>
  openat(AT_FDCWD, blobPath(directory, cid), constants.O_RDONLY | constants.O_NOFOLLOW);

export type BlobState = 'sound' | 'missing' | 'damaged';

/** Reads the content again and compares it with its name. */
export function verifyBlob(directory: string, cid: string): BlobState {
  const fd = openBlob(directory, cid);
  if (fd < 0) return 'missing';
  try {
    return cidOfFile(fd) === cid ? 'sound' : 'damaged';
  } finally {
    closeSync(fd);
  }
}

/** Removes what an interrupted seal left. Only for the one kernel that owns the store, while nothing seals. */
export function removeLeftovers(directory: string): number {
  const names = readdirSync(bytes(directory), { encoding: 'latin1' }) as unknown as string[];
  const leftovers = names.filter((name) => /^seal-[0-9a-f]+\.tmp$/.test(name));
  for (const name of leftovers) unlinkIfThere(`${directory}/${name}`);
  return leftovers.length;
}

function place(temporary: string, path: string): void {
  const shard = path.slice(0, path.lastIndexOf('/'));
  const made = mkdirSync(bytes(shard), { recursive: true, mode: 0o700 }) !== undefined;
  // Replacing an equal blob by its equal is harmless, and heals one that was damaged.
  must(renameat2(AT_FDCWD, temporary, AT_FDCWD, path));
  syncDirectory(shard);
  if (made) syncDirectory(shard.slice(0, shard.lastIndexOf('/')));
}

function syncDirectory(path: string): void {
  const fd = openSync(bytes(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    must(fsync(fd));
  } finally {
    closeSync(fd);
  }
}

/** A reflink where the file system can, else a copy in the kernel that leaves holes holes. */
function copyWhole(from: number, to: number): void {
  if (cloneFile(from, to) !== 0) copyContent(from, to, fstatSync(from).size);
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(bytes(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
