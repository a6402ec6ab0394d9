// What an actor holds: the root of its tree, its open files, and how answers of system calls become comparable texts.
import { crc32 } from 'node:zlib';
import { Errno } from '../../fs/errno.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  close,
  getdents64,
  lseek,
  openat,
  readI64,
  readU64,
  STATX,
  statx,
} from '../../fs/host/syscall.ts';
import type { Kind, Place } from './tree.ts';

/** Texts that must be equal; what was seen of objects is held against what was seen before. */
export interface Answer {
  readonly text: string;
  readonly seen?: Seen;
}

export interface Seen {
  readonly ino: number;
  /** Seconds, a point, nanoseconds. */
  readonly mtime: string;
}

const KINDS: ReadonlyMap<number, Kind> = new Map([
  [0o10, 'file'],
  [0o4, 'directory'],
  [0o12, 'link'],
  [0o1, 'fifo'],
  [0o14, 'socket'],
]);
const DIRENTS_BYTES = 32_768;
const SHORT_BYTES = 24;

export const said = (text: string): Answer => ({ text });
/** `ok`, or the name of the error. */
export const status = (result: number): Answer => said(result < 0 ? nameOf(result) : 'ok');
export const nameOf = (result: number): string => new Errno(-result).name;
export const kindOf = (mode: number): Kind => KINDS.get(mode >> 12) ?? 'file';

/** Bytes as a text: their number and sum, and themselves where they are few. */
export const bytesText = (bytes: Buffer): string =>
  `${bytes.length} bytes ${crc32(bytes).toString(16)}${bytes.length <= SHORT_BYTES ? ` ${JSON.stringify(bytes.toString('latin1'))}` : ''}`;

/** The line of an object's attributes. A directory's size is its file system's own business. */
export const attributesText = (
  kind: Kind,
  mode: number,
  uid: number,
  gid: number,
  nlink: number,
  size: number,
): string =>
  `${kind} ${(mode & 0o7777).toString(8)} ${uid}:${gid} links ${nlink}${kind === 'directory' ? '' : ` size ${size}`}`;

export class Hands {
  /** The directory that paths begin at. */
  root = -1;
  readonly slots = new Map<number, number>();
  private readonly stat = Buffer.alloc(STATX.size_);
  private readonly dirents = Buffer.alloc(DIRENTS_BYTES);

  /** Where a path begins. */
  at(place: Place): number {
    return place.slot === undefined ? this.root : this.fd(place.slot);
  }

  /** The same as text, for calls without a directory descriptor. */
  pathOf(place: Place): string {
    return `/proc/self/fd/${this.at(place)}/${place.path}`;
  }

  fd(slot: number): number {
    return this.slots.get(slot) ?? -1;
  }

  keep(slot: number, fd: number): Answer {
    if (fd >= 0) this.slots.set(slot, fd);
    return status(fd);
  }

  close(slot: number): Answer {
    const fd = this.fd(slot);
    this.slots.delete(slot);
    return status(close(fd));
  }

  /** Closes everything, whatever the file system says to it. */
  dropAll(): void {
    for (const fd of this.slots.values()) close(fd);
    this.slots.clear();
    if (this.root >= 0) close(this.root);
    this.root = -1;
  }

  statAt(place: Place): Answer {
    return this.statFrom(this.at(place), place.path);
  }

  statSlot(slot: number): Answer {
    return this.statFrom(this.fd(slot), '');
  }

  private statFrom(dirfd: number, path: string): Answer {
    const flags = path === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
    const failed = statx(dirfd, path, flags, this.stat);
    if (failed < 0) return status(failed);
    const { stat } = this;
    const mode = stat.readUInt16LE(STATX.mode);
    const text = attributesText(
      kindOf(mode),
      mode,
      stat.readUInt32LE(STATX.uid),
      stat.readUInt32LE(STATX.gid),
      stat.readUInt32LE(STATX.nlink),
      readU64(stat, STATX.size),
    );
    const mtime = `${readI64(stat, STATX.mtime)}.${stat.readUInt32LE(STATX.mtime + 8)}`;
    return { text, seen: { ino: readU64(stat, STATX.ino), mtime } };
  }

  /** Names with kind and number, from the beginning of an open directory; or the negated errno. */
  list(fd: number): Listed[] | number {
    const found: Listed[] = [];
    const rewound = lseek(fd, 0, 0);
    if (rewound < 0) return rewound;
    for (;;) {
      const length = getdents64(fd, this.dirents);
      if (length < 0) return length;
      if (length === 0) return found;
      for (let at = 0; at < length; at += this.dirents.readUInt16LE(at + 16)) {
        const end = this.dirents.indexOf(0, at + 19);
        const name = this.dirents.toString('latin1', at + 19, end);
        if (name === '.' || name === '..') continue;
        found.push({ name, ino: readU64(this.dirents, at), kind: kindOf(this.dirents.readUInt8(at + 18) << 12) });
      }
    }
  }

  /** Opens for the time of `body`; a failure to open is the answer. */
  opened(place: Place, flags: number, body: (fd: number) => Answer): Answer {
    const fd = openat(this.at(place), place.path, flags);
    if (fd < 0) return status(fd);
    try {
      return body(fd);
    } finally {
      close(fd);
    }
  }
}

export interface Listed {
  readonly name: string;
  readonly ino: number;
  readonly kind: Kind;
}

/** What a directory holds as a text. */
export const namesText = (entries: readonly { readonly name: string; readonly kind: Kind }[]): string =>
  entries
    .map(({ name, kind }) => `${JSON.stringify(name)}:${kind}`)
    .sort()
    .join(' ');
