// Checkpoints of the index: every row in one checksummed file, from which, with the journal behind it, it can be rebuilt.
//
//   checkpoint-<seq>.ckpt:  head record (JSON)  rows records (puts)…  end record (JSON: row count)
//
// The copy is compact by nature, and unlike a copy of the database file it is checksummed and can be checked.
import { closeSync, fsyncSync, openSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs';
import type { ChainState } from '../audit/chain.ts';
import { StoreFailure } from '../store/failure.ts';
import type { Tables } from '../store/tables.ts';
import {
  frame,
  HEADER_BYTES,
  KIND,
  type Kind,
  PAYLOAD_BYTES_MAX,
  RecordBuilder,
  readHeader,
  readPayload,
  recordBytes,
  visitMutation,
} from './record.ts';
import { listNumbered, syncDirectory } from './segment.ts';

export interface CheckpointHead {
  /** The last record that the rows include. */
  readonly seq: number;
  readonly agent: string;
  readonly audit: ChainState & { readonly sizeBytes: number };
}

export interface CheckpointFile {
  readonly name: string;
  readonly seq: number;
}

const BATCH_BYTES = 256 << 10;
const EMPTY = Buffer.alloc(0);
const native = (path: string): Buffer => Buffer.from(path, 'latin1');
const checkpointName = (seq: number): string => `checkpoint-${String(seq).padStart(16, '0')}.ckpt`;

/** Complete checkpoints of a directory (a byte string), oldest first: one has its name only when it is complete. */
export function listCheckpoints(directory: string): CheckpointFile[] {
  const found = listNumbered(directory, /^checkpoint-(\d{16})\.ckpt$/);
  return found.map(({ name, firstSeq }) => ({ name, seq: firstSeq }));
}

/** Writes all tables to a checkpoint. Returns its size. Durable, and under its name, when it returns. */
export function writeCheckpoint(
  directory: string,
  head: CheckpointHead,
  tables: Tables,
  tableCount: number,
  fault: (point: string) => void,
): number {
  const temporary = `${directory}/checkpoint.tmp`;
  const fd = openSync(native(temporary), 'w', 0o600);
  let sizeBytes = 0;
  const emit = (record: Buffer) => {
    writeSync(fd, record);
    sizeBytes += record.length;
  };
  try {
    emit(frame(Buffer.from(JSON.stringify(head)), KIND.checkpoint, head.seq, 0));
    const rows = writeRows(tables, tableCount, head.seq, emit);
    emit(frame(Buffer.from(JSON.stringify({ rows })), KIND.end, head.seq, 0));
    fault('checkpoint-written');
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(native(temporary), native(`${directory}/${checkpointName(head.seq)}`));
  fault('checkpoint-renamed');
  syncDirectory(directory);
  return sizeBytes;
}

function writeRows(tables: Tables, tableCount: number, seq: number, emit: (record: Buffer) => void): number {
  const builder = new RecordBuilder();
  let rows = 0;
  const flush = () => {
    if (builder.payloadBytes > 0) emit(builder.buffer.subarray(0, builder.seal(KIND.rows, seq, 0)));
    builder.reset();
  };
  for (let table = 0; table < tableCount; table += 1) {
    for (const { key, value } of tables.range(table, EMPTY, undefined)) {
      builder.put(table, key, value);
      rows += 1;
      if (builder.payloadBytes >= BATCH_BYTES) flush();
    }
  }
  flush();
  return rows;
}

/** The head of a checkpoint. */
export function readCheckpointHead(directory: string, checkpoint: CheckpointFile): CheckpointHead {
  const file = `${directory}/${checkpoint.name}`;
  const buffer = Buffer.alloc(64 << 10);
  const fd = openSync(native(file), 'r');
  try {
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    return headOf(expectRecord(buffer.subarray(0, length), 0, file, KIND.checkpoint), checkpoint, file);
  } finally {
    closeSync(fd);
  }
}

/**
 * Puts every row of a checkpoint through `put`, after all of it was checked.
 * @throws StoreFailure where it is damaged
 */
export function loadCheckpoint(
  directory: string,
  checkpoint: CheckpointFile,
  put: (table: number, key: Buffer, value: Buffer) => void,
): CheckpointHead {
  const file = `${directory}/${checkpoint.name}`;
  const buffer = readFileSync(native(file));
  const rows = walkRows(buffer, file, undefined);
  const head = headOf(expectRecord(buffer, 0, file, KIND.checkpoint), checkpoint, file);
  walkRows(buffer, file, put);
  if (rows.expected !== rows.found) {
    throw new StoreFailure('corrupt', file, `holds ${rows.found} rows, but should hold ${rows.expected}`);
  }
  return head;
}

type Put = (table: number, key: Buffer, value: Buffer) => void;

function walkRows(buffer: Buffer, file: string, put: Put | undefined): { found: number; expected: number } {
  let at = recordBytes(expectRecord(buffer, 0, file, KIND.checkpoint).length);
  let found = 0;
  const visitor = {
    put: (table: number, key: Buffer, value: Buffer) => {
      found += 1;
      put?.(table, key, value);
    },
    remove: () => undefined,
    audit: () => undefined,
  };
  while (readHeader(buffer, at)?.kind === KIND.rows) {
    const payload = expectRecord(buffer, at, file, KIND.rows);
    if (!visitMutation(payload, visitor)) throw new StoreFailure('corrupt', file, 'malformed rows', at);
    at += recordBytes(payload.length);
  }
  const end = JSON.parse(expectRecord(buffer, at, file, KIND.end).toString()) as { rows: number };
  return { found, expected: end.rows };
}

function expectRecord(buffer: Buffer, at: number, file: string, kind: Kind): Buffer {
  const header = readHeader(buffer, at);
  const payload = header?.kind === kind ? readPayload(buffer, at, header) : undefined;
  if (payload === undefined) throw new StoreFailure('corrupt', file, 'a damaged record in a checkpoint', at);
  return payload;
}

function headOf(payload: Buffer, checkpoint: CheckpointFile, file: string): CheckpointHead {
  const head = JSON.parse(payload.toString()) as CheckpointHead;
  if (head.seq !== checkpoint.seq) throw new StoreFailure('corrupt', file, `holds the state of record ${head.seq}`, 0);
  return head;
}

/** A rows record is one batch and at most one row more. */
export const ROW_BYTES_MAX = PAYLOAD_BYTES_MAX - BATCH_BYTES - HEADER_BYTES;
