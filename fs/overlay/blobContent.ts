// The third state of a file's content: a blob, immutable and named by its CID.
//
// Approving copies staged bytes and identifies the copy. Where the host was in the way of it, what was reviewed is not
// copied a second time: the file is that blob from then on, and its staging file goes. The next write copies up again.
import { damaged } from '../errno.ts';
import { close, STATX, statx, unlinkat } from '../host/syscall.ts';
import type { Step } from '../journal/model.ts';
import { blobPath, openBlob } from '../store/blobs.ts';
import { mustHave } from './damage.ts';
import type { Settled } from './plan.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT, encodeInode, inodeKey } from './records.ts';
import { nodesByIno } from './settle.ts';
import type { ViewState } from './state.ts';
import { cidOf } from './versions.ts';

export const isBlob = (record: InodeRecord | null): boolean => record !== null && record.content === CONTENT.blob;

/** A readable descriptor of a blob's bytes, which are what its name says. @throws Damage, Errno */
export function openBlobOf(view: ViewState, record: InodeRecord): number {
  const fd = mustHave(openBlob(view.commitPlaces().blobs, record.target), 'blob', record);
  try {
    if (cidOf(fd) === record.target) return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
  close(fd);
  damaged('content', `the blob ${record.target} of inode ${record.ino} is not what its name says`);
}

export const blobPathOf = (view: ViewState, record: InodeRecord): string =>
  blobPath(view.commitPlaces().blobs, record.target);

/** Makes the sealed copies of a commit that did not land the content of the files they were taken from. */
export function freeze(view: ViewState, settled: readonly Settled[], steps: readonly Step[]): void {
  const sealed = new Map(steps.flatMap((step) => (step.op === 'file' ? [[step.path, step.result.cid] as const] : [])));
  const nodes = nodesByIno(view);
  for (const { spot, place } of settled) {
    const { record } = spot;
    const cid = sealed.get(place);
    if (record === null || record.content !== CONTENT.staging || cid === undefined) continue;
    const node = nodes.get(record.ino);
    if (node !== undefined && node.opens > 0) continue;
    const { stagingId } = record;
    const frozen: InodeRecord = { ...withTimesOf(view, record), content: CONTENT.blob, stagingId: 0, target: cid };
    view.ledger.transact((tx) => tx.put('inodes', inodeKey(record.ino), encodeInode(frozen)));
    if (node !== undefined) {
      view.idle.drop(node);
      node.record = frozen;
    }
    unlinkat(view.stagingFd, view.stagingName(stagingId));
  }
}

/** A staged file's times are those of its staging file: they go into the record before that goes. */
function withTimesOf(view: ViewState, record: InodeRecord): InodeRecord {
  if (statx(view.stagingFd, view.stagingName(record.stagingId), 0, view.stat) < 0) return record;
  const time = (at: number) => [Number(view.stat.readBigInt64LE(at)), view.stat.readUInt32LE(at + 8)] as const;
  const [atimeSec, atimeNsec] = time(STATX.atime);
  const [mtimeSec, mtimeNsec] = time(STATX.mtime);
  return { ...record, atimeSec, atimeNsec, mtimeSec, mtimeNsec };
}
