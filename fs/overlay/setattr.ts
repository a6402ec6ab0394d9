// setattr: mode, owner, size and times, with the side effects POSIX asks for.
import { ERRNO, errno } from '../errno.ts';
import { futimens, UTIME_NOW, UTIME_OMIT, utimensat } from '../host/syscall.ts';
import type { AttributeChanges, AttributesReply, Caller, Time } from '../operations.ts';
import { attributesOf } from './attributes.ts';
import { clearSetId, truncate } from './content.ts';
import type { Node } from './node.ts';
import { isDirectory, isRegular, pathOf } from './node.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT } from './records.ts';
import { withoutSetId } from './setIds.ts';
import type { ViewState } from './state.ts';
import { pin, recordBase } from './upper.ts';
import * as through from './writeThrough.ts';
import { followMode } from './xattr.ts';

export function setattr(view: ViewState, node: Node, changes: AttributeChanges, caller: Caller): AttributesReply {
  refuseReadOnly(view, node, caller);
  if (changes.size !== undefined) truncate(view, node, changes.size, caller);
  if (changes.killSetId && changes.mode === undefined) clearSetId(view, node);
  const others = changes.mode !== undefined || changes.uid !== undefined || changes.gid !== undefined;
  const times = changes.atime !== undefined || changes.mtime !== undefined;
  if (!others && !times) return attributesOf(view, node);
  if (node.rule.mode === 'rw' && !node.orphan && (node.record === null || isDirectory(node)))
    through.setattr(view, node, changes, caller);
  else change(view, node, changes, caller);
  return attributesOf(view, node);
}

function refuseReadOnly(view: ViewState, node: Node, caller: Caller): void {
  if (node.rule.mode === 'ro') view.refuse('setattr', pathOf(node), node.rule, caller, errno(ERRNO.EROFS));
  if (node.rule.mode === 'hidden') view.refuse('setattr', pathOf(node), node.rule, caller, errno(ERRNO.EPERM));
}

function change(view: ViewState, node: Node, changes: AttributeChanges, caller: Caller): void {
  view.mutate((tx) => {
    const record = pin(view, tx, node);
    recordBase(view, tx, node);
    if (changes.mode !== undefined) followMode(view, tx, node, changes.mode);
    view.setRecord(tx, node, changed(view, record, node, changes));
    // Under `rw` it lands with the bytes.
    node.dirty = true;
    if (record.content === CONTENT.staging) stageTimes(view, node, record, changes);
    tx.audit(view.event('setattr', pathOf(node), node.rule, caller, { note: describe(changes) }));
  });
}

function changed(view: ViewState, record: InodeRecord, node: Node, changes: AttributeChanges): InodeRecord {
  const now = view.nowTime();
  const next = { ...record, ctimeSec: now.sec, ctimeNsec: now.nsec };
  if (changes.mode !== undefined) next.mode = (record.mode & 0o170000) | (changes.mode & 0o7777);
  if (changes.uid !== undefined) next.uid = changes.uid;
  if (changes.gid !== undefined) next.gid = changes.gid;
  const chowned = changes.uid !== undefined || changes.gid !== undefined;
  if (chowned && changes.mode === undefined && isRegular(node)) next.mode = withoutSetId(next.mode);
  const atime = changes.atime === 'now' ? now : changes.atime;
  const mtime = changes.mtime === 'now' ? now : changes.mtime;
  if (atime !== undefined) Object.assign(next, { atimeSec: atime.sec, atimeNsec: atime.nsec });
  if (mtime !== undefined) {
    Object.assign(next, { mtimeSec: mtime.sec, mtimeNsec: mtime.nsec });
    if (node.lowerChange !== null) node.lowerChange = { ...node.lowerChange, noticed: null };
  }
  return next;
}

/** A staged file's times are those of its staging file. */
function stageTimes(view: ViewState, node: Node, record: InodeRecord, changes: AttributeChanges): void {
  if (changes.atime === undefined && changes.mtime === undefined) return;
  const atime = timespec(changes.atime);
  const mtime = timespec(changes.mtime);
  if (node.fd >= 0 && node.fdIsStaging) futimens(node.fd, atime, mtime);
  else utimensat(view.stagingFd, view.stagingName(record.stagingId), atime, mtime);
}

export function timespec(time: Time | 'now' | undefined): Time {
  if (time === undefined) return { sec: 0, nsec: UTIME_OMIT };
  return time === 'now' ? { sec: 0, nsec: UTIME_NOW } : time;
}

function describe(changes: AttributeChanges): string {
  const parts: string[] = [];
  if (changes.mode !== undefined) parts.push(`mode=${(changes.mode & 0o7777).toString(8)}`);
  if (changes.uid !== undefined) parts.push(`uid=${changes.uid}`);
  if (changes.gid !== undefined) parts.push(`gid=${changes.gid}`);
  if (changes.atime !== undefined || changes.mtime !== undefined) parts.push('times');
  return parts.join(' ');
}
