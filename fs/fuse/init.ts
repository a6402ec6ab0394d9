// INIT: agrees with the kernel on features. Pure: an offer and our wishes give a decision.
import { fail } from '../errno.ts';
import {
  BACKGROUND_MAX,
  CONGESTION_THRESHOLD,
  IN_HEADER_BYTES,
  INIT_FLAG,
  INIT_FLAG2,
  OUT_HEADER_BYTES,
  PAGES_MAX,
  PROTOCOL_MAJOR,
  PROTOCOL_MINOR,
  PROTOCOL_MINOR_MIN,
  READ_BYTES_MAX,
  SIZE,
  WRITE_BYTES_MAX,
  WRITE_BYTES_PLAIN,
} from './abi.ts';
import type { Reply } from './replies.ts';
import type { Request } from './requests.ts';

/** What a connection agreed on. */
export interface Negotiated {
  readonly minor: number;
  readonly flags: number;
  readonly flags2: number;
  readonly writeBytesMax: number;
  readonly passthrough: boolean;
  /** `fuse_setxattr_in` has 16 bytes. */
  readonly setxattrExtended: boolean;
}

export interface Offer {
  readonly major: number;
  readonly minor: number;
  readonly flags: number;
  readonly flags2: number;
}

/** Left off on purpose: POSIX_LOCKS and FLOCK_LOCKS (the kernel locks rightly by itself), ATOMIC_O_TRUNC (truncation
 * is lost with zero-message opens), WRITEBACK_CACHE (excludes passthrough), EXPORT_SUPPORT, SUBMOUNTS, DAX. */
const WANTED =
  INIT_FLAG.ASYNC_READ |
  INIT_FLAG.BIG_WRITES |
  INIT_FLAG.DONT_MASK |
  INIT_FLAG.AUTO_INVAL_DATA |
  INIT_FLAG.DO_READDIRPLUS |
  INIT_FLAG.READDIRPLUS_AUTO |
  INIT_FLAG.PARALLEL_DIROPS |
  INIT_FLAG.POSIX_ACL |
  INIT_FLAG.MAX_PAGES |
  INIT_FLAG.CACHE_SYMLINKS |
  INIT_FLAG.SETXATTR_EXT |
  INIT_FLAG.INIT_EXT;
const WANTED2 = INIT_FLAG2.HAS_EXPIRE_ONLY | INIT_FLAG2.DIRECT_IO_ALLOW_MMAP | INIT_FLAG2.NO_EXPORT_SUPPORT;

/** Before any INIT was seen (a worker that joins a live connection): the newest layout. */
export const NEWEST: Negotiated = {
  minor: PROTOCOL_MINOR,
  flags: WANTED,
  flags2: WANTED2,
  writeBytesMax: WRITE_BYTES_MAX,
  passthrough: false,
  setxattrExtended: true,
};

/** Kernels before 7.36 send 16 bytes, later ones 64. */
export function decodeOffer(request: Request): Offer {
  const at = IN_HEADER_BYTES;
  const flags = request.u32(at + 12);
  const extended = (flags & INIT_FLAG.INIT_EXT) !== 0 && request.length >= at + 20;
  return {
    major: request.u32(at),
    minor: request.u32(at + 4),
    flags,
    flags2: extended ? request.u32(at + 16) : 0,
  };
}

/** @throws Errno EPROTO for a kernel too old to speak with. */
export function negotiate(offer: Offer, wishes: { readonly passthrough: boolean }): Negotiated {
  if (offer.major < PROTOCOL_MAJOR || (offer.major === PROTOCOL_MAJOR && offer.minor < PROTOCOL_MINOR_MIN)) {
    fail('EPROTO');
  }
  const passthrough = wishes.passthrough && (offer.flags2 & INIT_FLAG2.PASSTHROUGH) !== 0;
  // A passthrough write never reaches the daemon, so with passthrough the kernel must clear set-id bits itself.
  const flags = offer.flags & (WANTED | (passthrough ? 0 : INIT_FLAG.HANDLE_KILLPRIV_V2));
  return {
    minor: offer.major > PROTOCOL_MAJOR ? PROTOCOL_MINOR : Math.min(offer.minor, PROTOCOL_MINOR),
    flags,
    flags2: offer.flags2 & (WANTED2 | (passthrough ? INIT_FLAG2.PASSTHROUGH : 0)),
    writeBytesMax: flags & INIT_FLAG.MAX_PAGES ? WRITE_BYTES_MAX : WRITE_BYTES_PLAIN,
    passthrough,
    setxattrExtended: (flags & INIT_FLAG.SETXATTR_EXT) !== 0,
  };
}

/** `fuse_init_out`. */
export function encodeInit(reply: Reply, agreed: Negotiated, stackDepth: number): void {
  const at = OUT_HEADER_BYTES;
  reply.zero(at, at + SIZE.initOut);
  reply.u32(at, PROTOCOL_MAJOR);
  reply.u32(at + 4, agreed.minor);
  // More than offered: the kernel takes the smaller of this and the device's own, which root may have raised.
  reply.u32(at + 8, READ_BYTES_MAX);
  reply.u32(at + 12, agreed.flags);
  reply.u32(at + 16, BACKGROUND_MAX | (CONGESTION_THRESHOLD << 16));
  reply.u32(at + 20, agreed.writeBytesMax);
  reply.u32(at + 24, 1);
  reply.u32(at + 28, agreed.flags & INIT_FLAG.MAX_PAGES ? PAGES_MAX : 0);
  reply.u32(at + 32, agreed.flags2);
  reply.u32(at + 36, agreed.passthrough ? stackDepth : 0);
  reply.payloadBytes = SIZE.initOut;
}
