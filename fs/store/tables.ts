// The index: named tables of byte keys and byte values in one LMDB environment, used from one thread, synchronously.
//
// A worker that never returns to its event loop has two traps here. Promises never resolve: only the synchronous calls
// are used. And each implicit read transaction arms a timer that would never fire and never be freed: so one explicit
// read transaction is held, and renewed and reset by hand. A renewed one pins old pages, so it is reset before every
// write and before the thread sleeps.
import { statfsSync } from 'node:fs';
import type { Database, RootDatabase } from 'lmdb';
import * as lmdb from 'lmdb';
import { Damage, ERRNO, errno } from '../errno.ts';

/** LMDB's limit with pages of 4 KiB. */
export const KEY_BYTES_MAX = 1978;
/** Address space only; the file grows as it is filled. */
const MAP_BYTES = 2 ** 36;
const RANGE_ROWS = 256;
/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_INVALID, MDB_BAD_TXN … : what is on disk is no index any more. */
const DAMAGED_CODES: ReadonlySet<number> = new Set([-30797, -30796, -30795, -30793]);
/** Less than this free, and a short write means a full disk. */
const FULL_BYTES = 1 << 20;

type Bytes = Database<Buffer, Buffer>;
interface ReadTransaction {
  readonly address: number;
  renew(): void;
  done(): void;
}
/** Exported by lmdb, but not in its type declarations. */
const { nativeAddon } = lmdb as unknown as { nativeAddon: { resetTxn(address: number): void } };
const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const;

export class Tables {
  private readonly directory: string;
  private readonly root: RootDatabase<Buffer, Buffer>;
  private readonly tables: readonly Bytes[];
  private readonly reader: ReadTransaction;
  private readonly readOptions: { transaction: never };
  private renewed = true;
  private writing = false;

  /** Opens or creates the environment in `directory` (a native path) with one table a name. */
  constructor(directory: string, names: readonly string[], mapBytes = MAP_BYTES) {
    this.directory = directory;
    this.root = lmdb.open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      noSync: true,
      mapSize: mapBytes,
      maxDbs: names.length + 2,
      ...BINARY,
    });
    this.tables = names.map((name) => this.root.openDB<Buffer, Buffer>({ name, ...BINARY }));
    this.reader = this.root.useReadTransaction() as unknown as ReadTransaction;
    this.reader.done();
    this.readOptions = { transaction: this.reader as never };
  }

  get(table: number, key: Buffer): Buffer | undefined {
    try {
      this.renew();
      return this.writing ? this.table(table).get(key) : this.table(table).get(key, this.readOptions);
    } catch (error) {
      throw asErrno(error, this.directory);
    }
  }

  /** Rows with start <= key < end, in the order of their key bytes. Tolerates writes while it runs. */
  *range(table: number, start: Buffer, end: Buffer | undefined): Generator<{ key: Buffer; value: Buffer }> {
    let from = start.length === 0 ? Buffer.from([0]) : start;
    for (;;) {
      this.renew();
      const bound = end === undefined ? {} : { end };
      // Inside a write the open transaction is what is read; the held reader must stay asleep then.
      const reader = this.writing ? {} : this.readOptions;
      const options = { start: from, ...bound, limit: RANGE_ROWS, ...reader };
      const rows: { key: Buffer; value: Buffer }[] = [];
      for (const row of this.table(table).getRange(options))
        rows.push({ key: asBuffer(row.key), value: asBuffer(row.value) });
      yield* rows;
      const last = rows[RANGE_ROWS - 1];
      if (last === undefined) return;
      from = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  /** Only inside `write`. */
  put(table: number, key: Buffer, value: Buffer): void {
    this.table(table).putSync(key, value);
  }
  remove(table: number, key: Buffer): void {
    this.table(table).removeSync(key);
  }

  /** Runs `body` in one write transaction; a throw inside it, or a failed commit, leaves everything as it was. */
  write<T>(body: () => T): T {
    this.reset();
    this.writing = true;
    try {
      return this.root.transactionSync(body);
    } catch (error) {
      throw asErrno(error, this.directory);
    } finally {
      this.writing = false;
    }
  }

  /** Lets go of the read snapshot: before a write, and before the thread sleeps. */
  reset(): void {
    if (!this.renewed) return;
    nativeAddon.resetTxn(this.reader.address);
    this.renewed = false;
  }

  close(): void {
    this.reset();
    void this.root.close();
  }

  private renew(): void {
    if (this.renewed || this.writing) return;
    this.reader.renew();
    this.renewed = true;
  }

  private table(index: number): Bytes {
    const table = this.tables[index];
    if (table === undefined) throw new RangeError(`no table ${index}`);
    return table;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * LMDB's "map full" is a full disk to those above; errors of the system keep their number. A write that a full disk cut
 * short is EIO to LMDB: told apart by looking at the disk.
 */
function asErrno(error: unknown, directory: string): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === -30792 || code === 'MDB_MAP_FULL') return errno(ERRNO.ENOSPC);
  if (code === ERRNO.EIO && isNearlyFull(directory)) return errno(ERRNO.ENOSPC);
  if (typeof code === 'number' && DAMAGED_CODES.has(code)) return new Damage('row', `the index: LMDB error ${code}`);
  if (typeof code === 'number' && code > 0 && code < 200) return errno(code);
  return error;
}

function isNearlyFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < FULL_BYTES;
}
