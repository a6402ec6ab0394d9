// The inode numbers that are the agent's own, and those that rules' roots keep over sessions.
import { createHash } from 'node:crypto';
import type { Ledger } from '../journal/ledger.ts';
import type { Transaction } from '../journal/model.ts';

/** The host's inodes are numbered below. */
export const OWN_INO_BASE = 2 ** 52;
/** Own numbers are taken in blocks, so that most creations do not write the counter. */
const INO_BLOCK = 4096;
const META_NEXT_INO = Buffer.from('nextIno');
const ROOT_KEY_BYTES_MAX = 1024;

export class InodeNumbers {
  private readonly ledger: Ledger;
  private next: number;
  private limit: number;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
    this.next = ledger.get('meta', META_NEXT_INO)?.readDoubleLE(0) ?? OWN_INO_BASE;
    this.limit = this.next;
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
