// The frame of journal records, and what a record of the kind "mutation" carries.
//
//   0        4         8            14     16            22    24            28           32
//   | magic  | length  | seq u48    | kind | synced u48  | 0   | payload crc | header crc | payload … pad to 8
//
// Little-endian. `length` is the payload's. `synced` is the last sequence known to be on disk when the record was
// written: what lies at or before it can never be a torn tail, only damage. The header's CRC tells a torn record (sound
// header, too few bytes) from a damaged one. The pad keeps records at multiples of 8, so that a scan can find them.
import { crc32 } from 'node:zlib';
import { fail } from '../errno.ts';

export const HEADER_BYTES = 32;
export const PAYLOAD_BYTES_MAX = 16 << 20;
const MAGIC = 0x31_72_6a_61;

export const KIND = { mutation: 1, abort: 2, checkpoint: 3, rows: 4, end: 5 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];
const kinds = new Set<number>(Object.values(KIND));

export interface RecordHeader {
  readonly length: number;
  readonly seq: number;
  readonly kind: Kind;
  readonly synced: number;
  readonly payloadCrc: number;
}

/** Length of a record on disk. */
export const recordBytes = (payloadBytes: number): number => (HEADER_BYTES + payloadBytes + 7) & ~7;

/** Completes a record whose payload already stands at HEADER_BYTES; returns its length on disk. */
export function sealRecord(buffer: Buffer, payloadBytes: number, kind: Kind, seq: number, synced: number): number {
  const end = HEADER_BYTES + payloadBytes;
  buffer.writeUInt32LE(MAGIC, 0);
  buffer.writeUInt32LE(payloadBytes, 4);
  buffer.writeUIntLE(seq, 8, 6);
  buffer.writeUInt16LE(kind, 14);
  buffer.writeUIntLE(synced, 16, 6);
  buffer.writeUInt16LE(0, 22);
  buffer.writeUInt32LE(crc32(buffer.subarray(HEADER_BYTES, end)), 24);
  buffer.writeUInt32LE(crc32(buffer.subarray(0, 28)), 28);
  const total = recordBytes(payloadBytes);
  buffer.fill(0, end, total);
  return total;
}

/** A record made whole from its payload. */
export function frame(payload: Buffer, kind: Kind, seq: number, synced: number): Buffer {
  const buffer = Buffer.alloc(recordBytes(payload.length));
  payload.copy(buffer, HEADER_BYTES);
  sealRecord(buffer, payload.length, kind, seq, synced);
  return buffer;
}

/** The header at `at`; undefined where there is no sound one. */
export function readHeader(buffer: Buffer, at: number): RecordHeader | undefined {
  if (at + HEADER_BYTES > buffer.length || buffer.readUInt32LE(at) !== MAGIC) return undefined;
  if (crc32(buffer.subarray(at, at + 28)) !== buffer.readUInt32LE(at + 28)) return undefined;
  const kind = buffer.readUInt16LE(at + 14);
  const length = buffer.readUInt32LE(at + 4);
  if (!kinds.has(kind) || length > PAYLOAD_BYTES_MAX) return undefined;
  return {
    length,
    seq: buffer.readUIntLE(at + 8, 6),
    kind: kind as Kind,
    synced: buffer.readUIntLE(at + 16, 6),
    payloadCrc: buffer.readUInt32LE(at + 24),
  };
}

/** The payload behind a header, or undefined where it is damaged or cut. */
export function readPayload(buffer: Buffer, at: number, header: RecordHeader): Buffer | undefined {
  const start = at + HEADER_BYTES;
  if (at + recordBytes(header.length) > buffer.length) return undefined;
  const payload = buffer.subarray(start, start + header.length);
  return crc32(payload) === header.payloadCrc ? payload : undefined;
}

/** What a mutation's payload tells: rows to put and to remove, and audit lines, in the order they were made. */
export interface MutationVisitor {
  put(table: number, key: Buffer, value: Buffer): void;
  remove(table: number, key: Buffer): void;
  audit(line: Buffer): void;
}

const OP_PUT = 1;
const OP_REMOVE = 2;
const OP_AUDIT = 3;

/** Builds a mutation in one reused buffer: no allocation per transaction. */
export class RecordBuilder {
  buffer: Buffer = Buffer.alloc(64 << 10);
  private end = HEADER_BYTES;

  /** Starts again with an empty payload. */
  reset(): void {
    this.end = HEADER_BYTES;
  }

  get payloadBytes(): number {
    return this.end - HEADER_BYTES;
  }

  put(table: number, key: Buffer, value: Buffer): void {
    this.need(8 + key.length + value.length);
    this.buffer[this.end] = OP_PUT;
    this.buffer[this.end + 1] = table;
    this.buffer.writeUInt16LE(key.length, this.end + 2);
    this.buffer.writeUInt32LE(value.length, this.end + 4);
    key.copy(this.buffer, this.end + 8);
    value.copy(this.buffer, this.end + 8 + key.length);
    this.end += 8 + key.length + value.length;
  }

  remove(table: number, key: Buffer): void {
    this.need(4 + key.length);
    this.buffer[this.end] = OP_REMOVE;
    this.buffer[this.end + 1] = table;
    this.buffer.writeUInt16LE(key.length, this.end + 2);
    key.copy(this.buffer, this.end + 4);
    this.end += 4 + key.length;
  }

  audit(line: string): void {
    const sizeBytes = Buffer.byteLength(line);
    this.need(8 + sizeBytes);
    this.buffer[this.end] = OP_AUDIT;
    this.buffer.writeUInt32LE(sizeBytes, this.end + 4);
    this.buffer.write(line, this.end + 8, 'utf8');
    this.end += 8 + sizeBytes;
  }

  /** Completes the record; returns its length on disk, from the start of `buffer`. */
  seal(kind: Kind, seq: number, synced: number): number {
    this.need(8);
    return sealRecord(this.buffer, this.payloadBytes, kind, seq, synced);
  }

  private need(sizeBytes: number): void {
    const wanted = this.end + sizeBytes;
    // Too much for one step, whatever it was: nothing of it is done.
    if (wanted - HEADER_BYTES > PAYLOAD_BYTES_MAX) fail('ENOMEM');
    if (wanted + 8 <= this.buffer.length) return;
    const larger = Buffer.alloc(2 ** Math.ceil(Math.log2(wanted + 8)));
    this.buffer.copy(larger, 0, 0, this.end);
    this.buffer = larger;
  }
}

/** Reads a mutation's payload; false where it is malformed. Buffers are views into the payload. */
export function visitMutation(payload: Buffer, visitor: MutationVisitor): boolean {
  let at = 0;
  while (at < payload.length) {
    const op = payload[at];
    if (at + (op === OP_REMOVE ? 4 : 8) > payload.length) return false;
    const table = payload[at + 1] ?? 0;
    const keyBytes = payload.readUInt16LE(at + 2);
    if (op === OP_REMOVE) {
      at += 4 + keyBytes;
      if (at > payload.length) return false;
      visitor.remove(table, payload.subarray(at - keyBytes, at));
      continue;
    }
    const sizeBytes = payload.readUInt32LE(at + 4);
    if (op === OP_PUT) {
      const start = at + 8 + keyBytes;
      at = start + sizeBytes;
      if (at > payload.length) return false;
      visitor.put(table, payload.subarray(start - keyBytes, start), payload.subarray(start, at));
    } else if (op === OP_AUDIT) {
      at += 8 + sizeBytes;
      if (at > payload.length) return false;
      visitor.audit(payload.subarray(at - sizeBytes, at));
    } else {
      return false;
    }
  }
  return true;
}
