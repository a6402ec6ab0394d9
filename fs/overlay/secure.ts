// Before a commit takes something from a name on the host: files of the agent's whose bytes are still that name's get
// bytes of their own.
import { must } from '../errno.ts';
import { copyContent } from '../host/content.ts';
import { close, fsync, futimens, openat, readI64, STATX, statx } from '../host/syscall.ts';
import type { Step, Transaction } from '../journal/model.ts';
import type { Node } from './node.ts';
import type { Plan } from './plan.ts';
import type { InodeRecord } from './records.ts';
import { CONTENT, decodeInode, encodeInode, inodeKey, xattrKey } from './records.ts';
import { nodesByIno } from './settle.ts';
import type { ViewState } from './state.ts';
import { lowerXattrs, openContentOf } from './versions.ts';

const O_RDWR_CREAT_EXCL = 0o2 | 0o100 | 0o200;
const AT_EMPTY_PATH = 0x1000;
const stat = Buffer.alloc(STATX.size_);

/** Copies up what the plan would take away from under files that it does not land. */
export function secure(view: ViewState, plan: Plan): void {
  const taken = new Set(plan.steps.filter(takes).map(({ path }) => path));
  if (taken.size === 0) return;
  const landing = new Set(plan.settled.map(({ spot }) => spot.record?.ino ?? 0));
  const records = Array.from(view.ledger.range('inodes', Buffer.alloc(1), undefined), ({ key, value }) =>
    decodeInode(Number(key.readBigUInt64BE(0)), value),
  );
  const nodes = nodesByIno(view);
  for (const record of records) {
    if (record.lower === '' || !taken.has(plan.moves.current(record.lower))) continue;
    if (landing.has(record.ino) && record.nlink <= 1) continue;
    copyUpXattrs(view, record);
    if (record.content === CONTENT.lower) copyUpRecord(view, record, nodes.get(record.ino));
  }
}

const takes = ({ op }: Step): boolean => op !== 'mkdir' && op !== 'attributes';

function copyUpXattrs(view: ViewState, record: InodeRecord): void {
  if (view.ledger.get('xattrs', inodeKey(record.ino)) !== undefined) return;
  const found = Object.entries(lowerXattrs(view, record) ?? {});
  view.mutate((tx) => {
    tx.put('xattrs', inodeKey(record.ino), Buffer.alloc(0));
    for (const [name, hex] of found) tx.put('xattrs', xattrKey(record.ino, name), Buffer.from(hex, 'hex'));
  });
}

function copyUpRecord(view: ViewState, record: InodeRecord, node: Node | undefined): void {
  const held = node !== undefined && node.fd >= 0 ? node.fd : -1;
  const source = held >= 0 ? held : openContentOf(view, record);
  // Whose bytes are gone already has nothing to lose.
  if (source < 0) return;
  let name = '';
  let staged = -1;
  try {
    view.mutate((tx) => {
      const id = view.numbers.allocate(tx);
      name = view.stagingName(id);
      staged = must(openat(view.stagingFd, name, O_RDWR_CREAT_EXCL, 0o600));
      copyAll(source, staged);
      store(view, tx, { ...record, content: CONTENT.staging, stagingId: id }, node);
    });
  } catch (error) {
    if (staged >= 0) close(staged);
    if (name !== '') view.discardStaging(name);
    if (held < 0) close(source);
    throw error;
  }
  close(source);
  if (held < 0 || node === undefined) close(staged);
  else Object.assign(node, { fd: staged, fdIsStaging: true });
}

function store(view: ViewState, tx: Transaction, record: InodeRecord, node: Node | undefined): void {
  if (node?.record) view.setRecord(tx, node, record);
  else tx.put('inodes', inodeKey(record.ino), encodeInode(record));
}

/** Bytes and times; on disk, since the host's are about to go. */
function copyAll(from: number, to: number): void {
  must(statx(from, '', AT_EMPTY_PATH, stat));
  const time = (at: number) => ({ sec: readI64(stat, at), nsec: stat.readUInt32LE(at + 8) });
  const [atime, mtime] = [time(STATX.atime), time(STATX.mtime)];
  copyContent(from, to, Number(stat.readBigUInt64LE(STATX.size)));
  must(futimens(to, atime, mtime));
  must(fsync(to));
}
