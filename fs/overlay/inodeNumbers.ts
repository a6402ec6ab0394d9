// The inode numbers that are the agent's own, and those that rules' roots keep over sessions.
import { createHash } from 'node:crypto';
import type { Ledger } from '../journal/ledger.ts';
import type { Transaction } from '../journal/model.ts';

/** The host's inodes are numbered below. */
export const OWN_INO_BASE = 2 ** 52;
/** Own numbers are taken in blocks, so that most creations do not write the counter. */
const INO_BLOCK = 4096;
/** The range of one more file system than there can be (see `deviceRange`). */
const INODES_OF_DEVICE = 2 ** 44;
const ALIAS_BASE = 255 * INODES_OF_DEVICE;
const OWN_ALIAS_OFFSET = 2 ** 51;
const META_NEXT_INO = Buffer.from('nextIno');
const ROOT_KEY_BYTES_MAX = 1024;

export class InodeNumbers {
  /** Numbers of all inodes in the agent's index. */
  readonly taken = new Set<number>();
  private readonly ledger: Ledger;
  private next: number;
  private limit: number;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
    this.next = ledger.get('meta', META_NEXT_INO)?.readDoubleLE(0) ?? OWN_INO_BASE;
    this.limit = this.next;
    for (const { key } of ledger.range('inodes', Buffer.alloc(1), undefined))
      this.taken.add(Number(key.readBigUInt64BE(0)));
  }

  /**
   * The number of a host object that shows at a name of its own. Where an inode of the agent's was made from it and is
   * elsewhere now, the two must not meet in one row: then it has another number, the same each time.
   */
  free(ino: number): number {
    if (!this.taken.has(ino)) return ino;
    return ino < OWN_INO_BASE ? ALIAS_BASE + (ino % INODES_OF_DEVICE) : ino + OWN_ALIAS_OFFSET;
  }

  /** A fresh number for an object or a staging file of the agent's own. */
  allocate(tx: Transaction): number {
    if (this.next >= this.limit) {
      this.limit = this.next + INO_BLOCK;
      tx.put('meta', META_NEXT_INO, numberValue(this.limit));
    }
    return this.next++;
  }

  /** The lasting number of a rule's root or of a directory that only leads to one. */
  root(path: string): number {
    const known = this.knownRoot(path);
    if (known !== undefined) return known;
    return this.ledger.transact((tx) => {
      const ino = this.allocate(tx);
      tx.put('meta', rootKey(path), numberValue(ino));
      return ino;
    });
  }

  /** The number of a rule's root, if it was ever seen. */
  knownRoot(path: string): number | undefined {
    return this.ledger.get('meta', rootKey(path))?.readDoubleLE(0);
  }

  /** A directory that has its number already becomes a rule's root. */
  setRoot(path: string, ino: number): void {
    this.ledger.transact((tx) => tx.put('meta', rootKey(path), numberValue(ino)));
  }
}

function numberValue(ino: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeDoubleLE(ino, 0);
  return value;
}

/** A bounded key for a path of any length. */
function rootKey(path: string): Buffer {
  const bytes = Buffer.from(path, 'latin1');
  const short =
    bytes.length <= ROOT_KEY_BYTES_MAX ? bytes : Buffer.from(createHash('sha256').update(bytes).digest('hex'), 'hex');
  return Buffer.concat([Buffer.from('root:'), short]);
}
