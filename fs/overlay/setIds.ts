// Set-id bits under `rw`: they never reach the host, so they are kept here, for this agent's view alone.
//
// - A row is about one object of the host's, by file system and inode number. It holds while birth time and owner are
//   what they were, and for what is no directory also ctime: any change that is not this view's ends the bits, so that
//   nobody's bytes are ever run under an owner who did not give them that mode. Changes of the view's carry them over.
// - In the `meta` table: key `setId:` + file system id + `:` + inode number, value the state as JSON.
import { fileSystemId } from '../host/fileSystem.ts';
import { close, O_PATH, readI64, readU64, STATX } from '../host/syscall.ts';
import type { Ledger } from '../journal/ledger.ts';
import type { Transaction } from '../journal/model.ts';
import { statLower } from './attributes.ts';
import type { Node } from './node.ts';
import { isDirectory } from './node.ts';
import type { ViewState } from './state.ts';

const SET_ID_BITS = 0o6000;
const SET_USER_ID = 0o4000;
const GROUP_EXECUTE = 0o10;
const PREFIX = 'setId:';
const PREFIX_END = 'setId;';

interface Held {
  readonly bits: number;
  /** What must still be so for the bits to hold. */
  readonly state: string;
}

/** The rows, in the heap: asked at every look at a host object. */
export class SetIds {
  readonly held = new Map<string, Held>();
  /** Device as `major:minor` to file system id. */
  readonly fileSystems = new Map<string, string>();

  constructor(ledger: Ledger) {
    for (const { key, value } of ledger.range('meta', Buffer.from(PREFIX), Buffer.from(PREFIX_END)))
      this.held.set(key.toString('latin1', PREFIX.length), JSON.parse(value.toString()) as Held);
  }
}

/** The bits that the view adds to the host object of a node, which `view.stat` describes. */
export function heldSetId(view: ViewState, node: Node): number {
  if (view.setIds.held.size === 0 || node.rule.mode !== 'rw') return 0;
  const key = keyOf(view, node);
  const held = key === undefined ? undefined : view.setIds.held.get(key);
  return held !== undefined && held.state === stateOf(view, node) ? held.bits : 0;
}

/** The mode after a write or a change of owner by somebody who may not keep the bits. */
export const withoutSetId = (mode: number): number =>
  mode & ~((mode & GROUP_EXECUTE) !== 0 ? SET_ID_BITS : SET_USER_ID);

/** From now on the view shows the set-id bits of `mode` on the node's host object, beside those the host has. */
export function keepSetId(view: ViewState, node: Node, mode: number): void {
  if (view.setIds.held.size === 0 && (mode & SET_ID_BITS) === 0) return;
  if (statLower(view, node) < 0) return;
  const key = keyOf(view, node);
  if (key === undefined) return;
  const bits = mode & SET_ID_BITS & ~view.stat.readUInt16LE(STATX.mode);
  if (bits !== 0) put(view, key, { bits, state: stateOf(view, node) });
  else if (view.setIds.held.has(key)) drop(view, key);
}

/** Runs what changes host objects of the view's, and carries their bits over. */
export function carryingSetIds<T>(view: ViewState, nodes: readonly (Node | null)[], body: () => T): T {
  if (view.setIds.held.size === 0) return body();
  const bits = nodes.map((node) => (node === null || statLower(view, node) < 0 ? 0 : heldSetId(view, node)));
  const result = body();
  for (const [index, node] of nodes.entries()) if (node !== null && bits[index]) keepSetId(view, node, bits[index]);
  return result;
}

/** A name of the node's goes. Gives what to do once it is gone: the bits stay with other names, else they end. */
export function leavingSetId(view: ViewState, node: Node): () => void {
  if (view.setIds.held.size === 0 || statLower(view, node) < 0) return () => undefined;
  const bits = heldSetId(view, node);
  const key = keyOf(view, node);
  if (bits === 0 || key === undefined) return () => undefined;
  const isLast = isDirectory(node) || view.stat.readUInt32LE(STATX.nlink) === 1;
  return () => {
    if (!isLast && statLower(view, node) === 0) return keepSetId(view, node, bits);
    drop(view, key);
    // Whoever still has it open sees the mode it had.
    if (node.fd >= 0 && !node.fdIsStaging && statLower(view, node) === 0)
      view.setIds.held.set(key, { bits, state: stateOf(view, node) });
  };
}

/** The last handle of what has no name any more is gone. */
export function forgetSetId(view: ViewState, node: Node): void {
  if (view.setIds.held.size === 0 || node.fdIsStaging || statLower(view, node) < 0) return;
  if (view.stat.readUInt32LE(STATX.nlink) > 0) return;
  const key = keyOf(view, node);
  if (key !== undefined) view.setIds.held.delete(key);
}

const rowKey = (key: string): Buffer => Buffer.from(PREFIX + key, 'latin1');

function put(view: ViewState, key: string, held: Held): void {
  change(view, key, held, (tx) => tx.put('meta', rowKey(key), Buffer.from(JSON.stringify(held))));
}

function drop(view: ViewState, key: string): void {
  change(view, key, undefined, (tx) => tx.remove('meta', rowKey(key)));
}

function change(view: ViewState, key: string, held: Held | undefined, write: (tx: Transaction) => void): void {
  const { held: all } = view.setIds;
  const before = all.get(key);
  const set = (to: Held | undefined) => (to === undefined ? all.delete(key) : all.set(key, to));
  view.mutate((tx) => {
    view.onAbort(() => set(before));
    set(held);
    write(tx);
  });
}

/** Who the object is that `view.stat` describes; undefined where its file system cannot be told. */
function keyOf(view: ViewState, node: Node): string | undefined {
  const { stat } = view;
  const device = `${stat.readUInt32LE(STATX.devMajor)}:${stat.readUInt32LE(STATX.devMinor)}`;
  const fileSystem = view.setIds.fileSystems.get(device) ?? askFileSystem(view, node, device);
  return fileSystem === undefined ? undefined : `${fileSystem}:${readU64(stat, STATX.ino)}`;
}

function askFileSystem(view: ViewState, node: Node, device: string): string | undefined {
  if (node.hostParent === null) return undefined;
  const fd = view.host.open(node.hostParent, node.hostName, O_PATH);
  if (fd < 0) return undefined;
  const id = fileSystemId(fd, device);
  close(fd);
  if (id !== undefined) view.setIds.fileSystems.set(device, id);
  return id;
}

function stateOf({ stat }: ViewState, node: Node): string {
  const time = (offset: number) => `${readI64(stat, offset)}.${stat.readUInt32LE(offset + 8)}`;
  const owner = `${stat.readUInt32LE(STATX.uid)}:${stat.readUInt32LE(STATX.gid)}`;
  return `${time(STATX.btime)} ${owner}${isDirectory(node) ? '' : ` ${time(STATX.ctime)}`}`;
}
