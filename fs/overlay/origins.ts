// Under which inode number the agent knows a host inode whose own number is another: of what it made and has landed, and
// of hard links that it changed. A landed file is a new inode on the host, yet keeps its number and birth time here.
import type { Ledger } from '../journal/ledger.ts';
import type { Transaction } from '../journal/model.ts';
import type { Time } from '../operations.ts';
import { inodeKey } from './records.ts';

interface Origin {
  readonly ino: number;
  /** The host inode's own birth time (`sec.nsec`): a number that it left is another file's. */
  readonly btime: string;
  /** When the file was born for the agent, where that is not the same. */
  readonly born?: Time;
}

/** In the heap and in the `origins` table, by host inode number: asked at every look at a host object. */
export class Origins {
  private readonly known = new Map<number, Origin>();

  constructor(ledger: Ledger) {
    for (const { key, value } of ledger.range('origins', Buffer.alloc(0), Buffer.alloc(9, 0xff)))
      this.known.set(Number(key.readBigUInt64BE(0)), JSON.parse(value.toString()) as Origin);
  }

  get size(): number {
    return this.known.size;
  }

  has(hostIno: number): boolean {
    return this.known.has(hostIno);
  }

  /** The agent landed it under this number: what its record says of its birth is not what the host says. */
  isLanded(hostIno: number, ino: number): boolean {
    const origin = this.known.get(hostIno);
    return origin?.ino === ino && origin.born !== undefined;
  }

  /** By the number alone: for listings, which tell no birth time. */
  listed(hostIno: number): number {
    return this.known.get(hostIno)?.ino ?? hostIno;
  }

  find(hostIno: number, btime: string): Origin | undefined {
    const origin = this.known.get(hostIno);
    return origin?.btime === btime ? origin : undefined;
  }

  /** `onAbort` registers what to do should the transaction fail. */
  set(tx: Transaction, hostIno: number, origin: Origin, onAbort: (undo: () => void) => void): void {
    const before = this.known.get(hostIno);
    this.known.set(hostIno, origin);
    onAbort(() => {
      if (before === undefined) this.known.delete(hostIno);
      else this.known.set(hostIno, before);
    });
    tx.put('origins', inodeKey(hostIno), Buffer.from(JSON.stringify(origin)));
  }
}
