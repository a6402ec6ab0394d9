// The signed checkpoints beside a ledger, as found when it is opened: they bound how far back the log may be.
import { closeSync, constants, openSync } from 'node:fs';
import type { ChainState } from '../audit/chain.ts';
import { type Checkpoint, openCheckpoint, splitNotes } from '../audit/checkpoint.ts';
import type { Signer } from '../audit/identity.ts';
import { AUDIT_CHECKPOINTS } from '../audit/log.ts';
import { must } from '../errno.ts';
import { fsync, ftruncate } from '../host/syscall.ts';
import { StoreFailure } from '../store/failure.ts';
import { readTextFile } from './auditRestore.ts';
import type { Ending } from './scan.ts';

/**
 * How many entries the last checkpoint covers. A note that a crash cut short is taken off.
 * @throws StoreFailure where the log was rolled back behind a checkpoint, or the checkpoint is not this kernel's
 */
export function readSignedSeq(directory: string, chain: ChainState, ending: Ending, signer: Signer): number {
  const file = `${directory}/${AUDIT_CHECKPOINTS}`;
  const text = readTextFile(file);
  const notes = splitNotes(text);
  const last = notes.at(-1);
  if (last === undefined) return 0;
  if (!last.endsWith('\n')) {
    if (ending === 'clean') throw new StoreFailure('corrupt', file, 'the last checkpoint is cut short');
    cutTo(file, Buffer.byteLength(text) - Buffer.byteLength(last));
    notes.pop();
  }
  return notes.length === 0 ? 0 : checkLast(file, notes.at(-1) ?? '', chain, signer);
}

function checkLast(file: string, note: string, chain: ChainState, signer: Signer): number {
  let checkpoint: Checkpoint;
  try {
    checkpoint = openCheckpoint(note, signer.publicKey);
  } catch (error) {
    throw new StoreFailure('corrupt', file, `the last checkpoint: ${(error as Error).message}`);
  }
  const { seq, head } = checkpoint.chain;
  if (seq > chain.seq) {
    throw new StoreFailure(
      'corrupt',
      file,
      `covers ${seq} entries, but the log holds ${chain.seq}: it was rolled back`,
    );
  }
  if (seq === chain.seq && head !== chain.head && seq > 0) {
    throw new StoreFailure('corrupt', file, `signs another entry ${seq} than the log holds`);
  }
  return seq;
}

function cutTo(file: string, sizeBytes: number): void {
  const fd = openSync(Buffer.from(file, 'latin1'), constants.O_RDWR);
  try {
    must(ftruncate(fd, sizeBytes));
    must(fsync(fd));
  } finally {
    closeSync(fd);
  }
}
