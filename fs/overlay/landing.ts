// One staged file under `rw` goes to the host: the same commit as an approval, of one step, decided by nobody.
import { ERRNO, type Errno, errno } from '../errno.ts';
import { close } from '../host/syscall.ts';
import type { CommitOutcome } from '../journal/model.ts';
import { seal } from '../store/blobs.ts';
import { runCommit } from './hostCommit.ts';
import { indexRoots, spotAt } from './indexTree.ts';
import type { Node } from './node.ts';
import { pathOf } from './node.ts';
import { modificationTime } from './plan.ts';
import { settle } from './settle.ts';
import type { ViewState } from './state.ts';
import { filledBase, openContentOf, resultVersion } from './versions.ts';

/** Why bytes are not on the host: the host moved, or refused with an error of its own. */
export interface NotLanded {
  readonly reason: string;
  readonly errno: Errno;
}

/** Lands a node's staged bytes; null where they are on the host now. */
export function landFile(view: ViewState, node: Node): NotLanded | null {
  const path = entryPath(view, node);
  const root = indexRoots(view, (each) => each.rule?.mode === 'rw').findLast((each) =>
    path.startsWith(`${each.path}/`),
  );
  const spot = root === undefined ? undefined : spotAt(view, root, path);
  const record = spot?.record;
  if (root === undefined || spot === undefined || record === null || record === undefined)
    return moved('its entry is gone');
  const result = resultVersion(view, record);
  if (result.type !== 'file') return moved('not a file');
  const places = view.commitPlaces();
  const fd = openContentOf(view, record);
  try {
    const sealed = seal(fd, places.blobs);
    const step = {
      op: 'file' as const,
      path,
      base: filledBase(view, spot),
      result: { ...result, cid: sealed.cid, sizeBytes: sealed.sizeBytes },
      sealed: sealed.path,
      uid: record.uid,
      gid: record.gid,
      mtimeNs: modificationTime(fd),
    };
    const { outcome } = runCommit(view, places, [root.path], [step], 'rw', false);
    if (outcome.status === 'conflict') return notLanded(outcome);
    settle(view, [{ spot, root, change: 'made', place: path }], outcome.landed);
    return null;
  } finally {
    close(fd);
  }
}

/** The name whose entry holds the data: of a file with several it need not be the one it was last reached by. */
function entryPath(view: ViewState, node: Node): string {
  const entry = node.parent === null ? undefined : view.dirent(node.parent, node.name);
  const isHere = entry !== undefined && !entry.whiteout && entry.ino === node.ino;
  return isHere || node.record === null || node.record.lower === '' ? pathOf(node) : node.record.lower;
}

const moved = (reason: string): NotLanded => ({ reason, errno: errno(ERRNO.ESTALE) });

function notLanded({ conflicts, errno: refused }: Extract<CommitOutcome, { status: 'conflict' }>): NotLanded {
  const reason = conflicts[0]?.reason ?? 'conflict';
  return refused === undefined ? moved(reason) : { reason, errno: errno(refused) };
}
