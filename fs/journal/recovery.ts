// Opening a ledger: the journal is the truth; the index and the audit log are brought to where it ends.
//
// Idempotent: a crash at any point of it leaves a state from which it starts again with the same result.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import type { ChainState } from '../audit/chain.ts';
import { StoreFailure } from '../store/failure.ts';
import { metaDamage } from '../store/metaPages.ts';
import { Tables } from '../store/tables.ts';
import { type AuditBase, restoreAudit } from './auditRestore.ts';
import { type CheckpointFile, listCheckpoints, loadCheckpoint, readCheckpointHead } from './checkpoint.ts';
import { TABLES } from './model.ts';
import { KIND, type MutationVisitor, visitMutation } from './record.ts';
import { checkSegments, type Ending, replaySegments, type Scan, type ScannedRecord } from './scan.ts';

/** The ledger's own table, after the agent's. */
export const STATE_TABLE = TABLES.length;
export const TABLE_NAMES: readonly string[] = [...TABLES, 'ledger'];
export const LAST_SEQ_KEY = Buffer.from('lastSeq');
export const INDEX = 'index';
const REPLAY_BATCH_RECORDS = 2000;
const LOAD_BATCH_ROWS = 20_000;

/** What opening found and did, for the log and for `status`. */
export interface RecoveryReport {
  readonly ending: Ending;
  /** Bytes of a torn tail that were cut off: never acknowledged. */
  readonly cutBytes: number;
  /** The index was made anew from checkpoint and journal. */
  readonly rebuilt: boolean;
  /** Records that were applied to the index. */
  readonly replayed: number;
  /** Audit lines that were written again from the journal. */
  readonly auditRestored: number;
}

export interface Recovered {
  readonly tables: Tables;
  readonly lastSeq: number;
  readonly chain: ChainState;
  readonly checkpoint: CheckpointFile | undefined;
  readonly report: RecoveryReport;
}

export interface RecoveryOptions {
  readonly directory: string;
  readonly agent: string;
  readonly ending: Ending;
  readonly fault: (point: string) => void;
}

/** @throws StoreFailure where the store is damaged; nothing of it is changed then, but for a torn tail */
export function recover(options: RecoveryOptions): Recovered {
  const { directory, ending } = options;
  const scan = checkSegments(directory, ending);
  const checkpoint = listCheckpoints(directory).at(-1);
  const base = checkContinuity(options, scan, checkpoint);
  const { tables, rebuilt } = openIndex(options, scan, checkpoint);
  try {
    const replayed = replayIndex(options, scan, tables);
    const audit = restoreAudit({ ...options, scan, base });
    const report = { ending, cutBytes: scan.cutBytes, rebuilt, replayed, auditRestored: audit.restored };
    return { tables, lastSeq: scan.lastSeq, chain: audit.chain, checkpoint, report };
  } catch (error) {
    tables.close();
    throw error;
  }
}

export function encodeSeq(seq: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeUIntLE(seq, 0, 6);
  return value;
}

/** Checkpoint and journal must meet; returns where the audit log stands at the checkpoint. */
function checkContinuity(options: RecoveryOptions, scan: Scan, checkpoint: CheckpointFile | undefined): AuditBase {
  const { directory, agent } = options;
  if (checkpoint === undefined) {
    if (scan.firstSeq === 1) return { seq: 0, agent, audit: { seq: 0, head: '', sizeBytes: 0 } };
    throw new StoreFailure('corrupt', directory, `the journal begins at record ${scan.firstSeq}, without a checkpoint`);
  }
  const file = `${directory}/${checkpoint.name}`;
  const head = readCheckpointHead(directory, checkpoint);
  if (head.agent !== agent) throw new StoreFailure('corrupt', file, `belongs to agent ${JSON.stringify(head.agent)}`);
  if (scan.firstSeq > head.seq + 1 || scan.lastSeq < head.seq) {
    const range = `${scan.firstSeq} to ${scan.lastSeq}`;
    throw new StoreFailure('corrupt', file, `is at record ${head.seq}, but the journal holds records ${range}`);
  }
  return head;
}

/** The index as it was left, or a new one where it cannot be trusted, is missing, or was never completed. */
function openIndex(options: RecoveryOptions, scan: Scan, checkpoint: CheckpointFile | undefined) {
  const path = `${options.directory}/${INDEX}`;
  if (options.ending !== 'reboot' && existsSync(Buffer.from(`${path}/data.mdb`, 'latin1'))) {
    const tables = openTables(path);
    const lastSeq = readLastSeq(tables);
    const isMet = lastSeq !== undefined && lastSeq >= scan.firstSeq - 1 && lastSeq <= scan.lastSeq;
    if (isMet) return { tables, rebuilt: false };
    tables.close();
    if (lastSeq !== undefined) {
      const reason = `is at record ${lastSeq}, but the journal holds records ${scan.firstSeq} to ${scan.lastSeq}`;
      throw new StoreFailure('corrupt', `${path}/data.mdb`, reason);
    }
  }
  rmSync(Buffer.from(path, 'latin1'), { recursive: true, force: true });
  mkdirSync(Buffer.from(path, 'latin1'), { mode: 0o700 });
  const tables = openTables(path);
  options.fault('rebuild-begun');
  loadInto(tables, options.directory, checkpoint);
  options.fault('rebuild-loaded');
  return { tables, rebuilt: scan.lastSeq > 0 };
}

function openTables(path: string): Tables {
  const file = `${path}/data.mdb`;
  const refuse = (reason: string): never => {
    throw new StoreFailure('corrupt', file, `${reason}; if you remove it, it is rebuilt from the journal`);
  };
  const data = Buffer.from(file, 'latin1');
  const damage = existsSync(data) ? metaDamage(data) : undefined;
  if (damage !== undefined) refuse(`the index is damaged: ${damage}`);
  try {
    return new Tables(Buffer.from(path, 'latin1').toString('utf8'), TABLE_NAMES);
  } catch (error) {
    return refuse(`the index cannot be opened (${(error as Error).message})`);
  }
}

export function readLastSeq(tables: Tables): number | undefined {
  return tables.get(STATE_TABLE, LAST_SEQ_KEY)?.readUIntLE(0, 6);
}

/** The rows in batches, the sequence last: an index without one was never completed. */
function loadInto(tables: Tables, directory: string, checkpoint: CheckpointFile | undefined): void {
  let batch: [number, Buffer, Buffer][] = [];
  const flush = () => {
    tables.write(() => {
      for (const [table, key, value] of batch) tables.put(table, key, value);
    });
    batch = [];
  };
  if (checkpoint !== undefined) {
    loadCheckpoint(directory, checkpoint, (table, key, value) => {
      batch.push([table, key, value]);
      if (batch.length >= LOAD_BATCH_ROWS) flush();
    });
  }
  flush();
  tables.write(() => tables.put(STATE_TABLE, LAST_SEQ_KEY, encodeSeq(checkpoint?.seq ?? 0)));
}

/** Applies what the index has not seen; returns how many records changed rows. */
function replayIndex(options: RecoveryOptions, scan: Scan, tables: Tables): number {
  const applied = readLastSeq(tables) ?? 0;
  let batch: ScannedRecord[] = [];
  let replayed = 0;
  if (applied === scan.lastSeq) return 0;
  const visitor: MutationVisitor = {
    put: (table, key, value) => tables.put(table, key, value),
    remove: (table, key) => tables.remove(table, key),
    audit: () => undefined,
  };
  const flush = (lastSeq: number) => {
    tables.write(() => {
      for (const { payload, file, offset } of batch) {
        if (!visitMutation(payload, visitor)) throw new StoreFailure('corrupt', file, 'a malformed record', offset);
      }
      tables.put(STATE_TABLE, LAST_SEQ_KEY, encodeSeq(lastSeq));
    });
    options.fault('replayed');
    batch = [];
  };
  replaySegments(options.directory, applied, scan.aborted, (record) => {
    if (record.kind !== KIND.mutation || !hasRows(record.payload)) return;
    batch.push(record);
    replayed += 1;
    if (batch.length >= REPLAY_BATCH_RECORDS) flush(record.seq);
  });
  // Nothing to write where no rows changed: a full disk must not keep the store from opening.
  if (replayed > 0) flush(scan.lastSeq);
  return replayed;
}

function hasRows(payload: Buffer): boolean {
  let found = false;
  const row = () => {
    found = true;
  };
  return visitMutation(payload, { put: row, remove: row, audit: () => undefined }) ? found : true;
}
