// The numbers of the FUSE protocol (include/uapi/linux/fuse.h, 7.45) that agentsh speaks: data only.

/** Operation codes of requests. */
export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SETUPMAPPING: 48,
  REMOVEMAPPING: 49,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
} as const;
export type OpcodeName = keyof typeof OPCODE;
/** One more than the greatest known operation code. */
export const OPCODE_LIMIT = 54;

/** The protocol version spoken here; the oldest kernel whose INIT is accepted is Linux 5.4. */
export const PROTOCOL_MAJOR = 7;
export const PROTOCOL_MINOR = 45;
export const PROTOCOL_MINOR_MIN = 31;

export const ROOT_NODE = 1;
export const PAGE_BYTES = 4096;
/** `fuse_in_header` and `fuse_out_header`. */
export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;
/** WRITE's data begins behind `fuse_in_header` and `fuse_write_in`. */
export const WRITE_DATA_AT = 80;
export const WRITE_BYTES_MAX = 1 << 20;
export const READ_BYTES_MAX = 1 << 20;
export const PAGES_MAX = WRITE_BYTES_MAX / PAGE_BYTES;
/** Without MAX_PAGES the kernel sends at most 32 pages. */
export const WRITE_BYTES_PLAIN = 32 * PAGE_BYTES;
/** A read of the device needs room for the largest request, else it fails with EINVAL. */
export const REQUEST_BYTES_MAX = WRITE_DATA_AT + WRITE_BYTES_MAX + PAGE_BYTES;
export const REPLY_BYTES_MAX = OUT_HEADER_BYTES + READ_BYTES_MAX + PAGE_BYTES;
export const NAME_BYTES_MAX = 255;
export const LINK_BYTES_MAX = 4095;
export const XATTR_BYTES_MAX = 65536;
/** Errors at or above this are the kernel's own and refused in a reply. */
export const ERROR_LIMIT = 512;
/** Background requests (read-ahead, asynchronous reads) the kernel may keep in flight. */
export const BACKGROUND_MAX = 64;
export const CONGESTION_THRESHOLD = 48;

/** Sizes of reply structures. */
export const SIZE = {
  attr: 88,
  attrOut: 104,
  entryOut: 128,
  openOut: 16,
  statxOut: 288,
  kstatfs: 80,
  initOut: 64,
  dirent: 24,
  direntplus: 152,
} as const;

/** INIT flags, bit numbers 0-31 of `flags` (each: what saying yes means). */
export const INIT_FLAG = {
  /** Reads of one file may be in flight together. */
  ASYNC_READ: 1 << 0,
  /** Writes larger than a page. */
  BIG_WRITES: 1 << 5,
  /** The daemon applies the umask (it must know of default ACLs first). */
  DONT_MASK: 1 << 6,
  /** The kernel drops pages when mtime or size moved. */
  AUTO_INVAL_DATA: 1 << 12,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  /** Lookups and readdirs in one directory may run together. */
  PARALLEL_DIROPS: 1 << 18,
  /** The kernel enforces ACLs; the daemon keeps the attribute. */
  POSIX_ACL: 1 << 20,
  MAX_PAGES: 1 << 22,
  CACHE_SYMLINKS: 1 << 23,
  /** The daemon clears set-id bits, told by flags. Never together with passthrough. */
  HANDLE_KILLPRIV_V2: 1 << 28,
  /** `fuse_setxattr_in` has 16 bytes instead of 8. */
  SETXATTR_EXT: 1 << 29,
  /** `flags2` counts. */
  INIT_EXT: 1 << 30,
} as const;

/** INIT flags, bit numbers 32-63 of the whole, here from 0 in `flags2`. */
export const INIT_FLAG2 = {
  HAS_EXPIRE_ONLY: 1 << 3,
  DIRECT_IO_ALLOW_MMAP: 1 << 4,
  PASSTHROUGH: 1 << 5,
  NO_EXPORT_SUPPORT: 1 << 6,
} as const;

/** Bits of SETATTR's `valid`. */
export const FATTR = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  LOCKOWNER: 1 << 9,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

export const GETATTR_FH = 1 << 0;
export const WRITE_CACHE = 1 << 0;
export const WRITE_KILL_SUIDGID = 1 << 2;
export const FSYNC_FDATASYNC = 1 << 0;
export const POLL_SCHEDULE_NOTIFY = 1 << 0;
export const RENAME_FLAGS_KNOWN = 0b11;
/** STATX_BASIC_STATS and STATX_BTIME. */
export const STATX_MASK = 0x7ff | 0x800;

/** Notification codes: sent in the `error` field of a message with unique 0. */
export const NOTIFY = { POLL: 1, INVAL_INODE: 2, INVAL_ENTRY: 3, DELETE: 6, INC_EPOCH: 8 } as const;

/** Ioctls on the device. */
export const BACKING_OPEN = 0x4010e501;
export const BACKING_CLOSE = 0x4004e502;
