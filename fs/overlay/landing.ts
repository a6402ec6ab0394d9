// One staged file under `rw` goes to the host: the same commit as an approval, of one step, decided by nobody.
import { close } from '../host/syscall.ts';
import { seal } from '../store/blobs.ts';
import { runCommit } from './hostCommit.ts';
import { indexRoots, spotAt } from './indexTree.ts';
import type { Node } from './node.ts';
import { pathOf } from './node.ts';
import { modificationTime } from './plan.ts';
import { settle } from './settle.ts';
import type { ViewState } from './state.ts';
import { filledBase, openContentOf, resultVersion } from './versions.ts';

/** Lands a node's staged bytes; null where they are on the host now, else why they are not. */
export function landFile(view: ViewState, node: Node): string | null {
  const path = pathOf(node);
  const root = indexRoots(view, (each) => each.rule?.mode === 'rw').findLast((each) =>
    path.startsWith(`${each.path}/`),
  );
  const spot = root === undefined ? undefined : spotAt(view, root, path);
  const record = spot?.record;
  if (root === undefined || spot === undefined || record === null || record === undefined) return 'its entry is gone';
  const result = resultVersion(view, record);
  if (result.type !== 'file') return 'not a file';
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
    if (outcome.status === 'conflict') return outcome.conflicts[0]?.reason ?? 'conflict';
    settle(view, [{ spot, root, change: 'made', place: path }], outcome.landed);
    return null;
  } finally {
    close(fd);
  }
}
