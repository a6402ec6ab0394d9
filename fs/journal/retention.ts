// What is kept of a journal: the last two checkpoints, and every segment that the older of them needs behind it.
import { statSync, unlinkSync } from 'node:fs';
import { listCheckpoints } from './checkpoint.ts';
import { listSegments } from './segment.ts';

const CHECKPOINTS_KEPT = 2;
const native = (path: string): Buffer => Buffer.from(path, 'latin1');

/** Deletes segments and checkpoints that nothing needs any more, oldest first. `directory` is a byte string. */
export function pruneJournal(directory: string, fault: (point: string) => void): void {
  const checkpoints = listCheckpoints(directory);
  const oldest = checkpoints.at(-CHECKPOINTS_KEPT);
  if (oldest === undefined) return;
  const segments = listSegments(directory);
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next === undefined || next.firstSeq - 1 > oldest.seq) break;
    unlinkSync(native(`${directory}/${segment.name}`));
    fault('segment-deleted');
  }
  for (const { name } of checkpoints.slice(0, -CHECKPOINTS_KEPT)) unlinkSync(native(`${directory}/${name}`));
}

/** Bytes of all segments that hold records after `seq`. */
export function journalBytesAfter(directory: string, seq: number): number {
  let sizeBytes = 0;
  const segments = listSegments(directory);
  for (const [index, { name }] of segments.entries()) {
    const next = segments[index + 1];
    if (next !== undefined && next.firstSeq - 1 <= seq) continue;
    sizeBytes += statSync(native(`${directory}/${name}`)).size;
  }
  return sizeBytes;
}

/** Size of the last checkpoint; 0 where there is none. */
export function newestCheckpointBytes(directory: string): number {
  const newest = listCheckpoints(directory).at(-1);
  return newest === undefined ? 0 : statSync(native(`${directory}/${newest.name}`)).size;
}
