// Directories read without a handle: the cookie of a name, and what was listed last.
//
// - A cookie is made of the name alone and goes with it for good. A reader comes back with the cookie of the last name
//   it has; it gets those behind it, in the order of the cookies. So a name that is there from the first read to the
//   last is returned once, whatever came or went meanwhile, and however often the directory was listed anew.
// - What was listed is kept only to save work: the next piece of a reading that goes on.
import type { ListedName } from './connection.ts';
import type { Node } from './node.ts';

/** Of directories that are being read. */
const KEPT_MAX = 64;
/** Cookies of `.` and `..`; 0 is the beginning. */
const DOT = 1;
const DOT_DOT = 2;

export interface Listing {
  readonly names: readonly ListedName[];
  /** Of the names, ascending. */
  readonly cookies: readonly number[];
}

/** Two words that every byte of the name has gone through; 52 bits of them, behind the cookies of the dots. */
export function cookieOf(name: string): number {
  if (name === '.') return DOT;
  if (name === '..') return DOT_DOT;
  let high = 0x2545f491;
  let low = 0x9e3779b9;
  for (let index = 0; index < name.length; index++) {
    const byte = name.charCodeAt(index);
    high = Math.imul(high ^ byte, 0x01000193) ^ (low >>> 15);
    low = Math.imul(low + byte, 0x85ebca6b) ^ (high >>> 13);
  }
  high = Math.imul(high ^ (high >>> 16), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 15), 0x27d4eb2f);
  return DOT_DOT + 1 + (((high ^ (low >>> 7)) & 0xfffff) >>> 0) * 0x1_0000_0000 + (low >>> 0);
}

/** In the order of the cookies. Of two names with one cookie the later by name moves up by one. */
export function listingOf(names: readonly ListedName[]): Listing {
  const entries = names.map((listed) => ({ listed, cookie: cookieOf(listed.name) }));
  entries.sort((a, b) => a.cookie - b.cookie || (a.listed.name < b.listed.name ? -1 : 1));
  let last = 0;
  for (const entry of entries) {
    entry.cookie = Math.max(entry.cookie, last + 1);
    last = entry.cookie;
  }
  return { names: entries.map(({ listed }) => listed), cookies: entries.map(({ cookie }) => cookie) };
}

/** Index of the first name behind a cookie. */
export function firstBehind({ cookies }: Listing, cookie: number): number {
  let low = 0;
  let high = cookies.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cookies[middle]! <= cookie) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Listings {
  /** The least recently read first. */
  private readonly kept = new Map<Node, Listing>();

  /** What a reading that goes on goes on in. */
  get(node: Node): Listing | undefined {
    return this.kept.get(node);
  }

  keep(node: Node, listing: Listing): void {
    this.kept.delete(node);
    this.kept.set(node, listing);
    if (this.kept.size <= KEPT_MAX) return;
    const [oldest] = this.kept.keys();
    if (oldest !== undefined) this.kept.delete(oldest);
  }

  /** It was read to its end, is no more, or other names show now. */
  drop(node: Node): void {
    this.kept.delete(node);
  }

  dropAll(): void {
    this.kept.clear();
  }
}
