// Directories read without a handle, a piece at a time, while names come and go.
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_HANDLE } from '../../fs/operations.ts';
import { cookieOf, firstBehind, listingOf } from '../../fs/overlay/listings.ts';
import { CoreWorld } from './coreWorld.ts';

const NAMES = 2000;
const PIECE = 37;

describe('cookies', () => {
  const names = Array.from({ length: 200_000 }, (_, index) => `file${index}`);

  it('of different names are different, behind those of the dots, and safe integers', () => {
    const cookies = names.map(cookieOf);
    expect(new Set(cookies).size).toBe(names.length);
    expect(cookies.every((cookie) => cookie > cookieOf('..') && Number.isSafeInteger(cookie))).toBe(true);
    expect(cookieOf('..')).toBeGreaterThan(cookieOf('.'));
  });

  it('of one name twice in a list still differ, in the same order each time', () => {
    const twice = ['b', 'a', 'b'].map((name, ino) => ({ name, ino, type: 8 }));
    const { cookies, names: listed } = listingOf(twice);
    expect(new Set(cookies).size).toBe(3);
    expect(cookies).toEqual(cookies.toSorted((a, b) => a - b));
    expect(listed.map(({ name }) => name).sort()).toEqual(['a', 'b', 'b']);
  });

  it('lead to the first name behind them, whether their own is there or not', () => {
    const { cookies, names: listed } = listingOf(names.slice(0, 100).map((name) => ({ name, ino: 1, type: 8 })));
    const listing = { cookies, names: listed };
    expect(firstBehind(listing, 0)).toBe(0);
    expect(firstBehind(listing, cookies[41]!)).toBe(42);
    expect(firstBehind(listing, cookies[41]! - 1)).toBe(41);
    expect(firstBehind(listing, cookies[99]!)).toBe(100);
  });
});

describe('a reading in pieces', () => {
  let world: CoreWorld;
  beforeEach(() => {
    world = new CoreWorld({ withoutOpens: true });
    for (let index = 0; index < NAMES; index++) writeFileSync(`${world.host}/name${index}`, '');
  });
  afterEach(() => world.end());

  /** One READDIR: at most so many names behind a cookie; gives them, and the last one's cookie. */
  function piece(cookie: number, limit = PIECE): { readonly names: string[]; readonly last: number } {
    const names: string[] = [];
    let last = cookie;
    const add = (name: string, _ino: number, _type: number, next: number) => {
      if (names.length === limit) return false;
      names.push(name);
      last = next;
      return true;
    };
    const sink = { add, addPlus: () => false };
    world.view.readdir(world.node(''), NO_HANDLE, cookie, sink, false, world.caller);
    return { names, last };
  }

  it('gives every name that stays exactly once, whoever else lists and changes the directory', () => {
    const seen: string[] = [];
    const gone = new Set<string>();
    for (let at = 0, round = 0; ; round++) {
      const { names, last } = piece(at);
      if (names.length === 0) break;
      seen.push(...names);
      at = last;
      // The name that the reader stands on goes, one before and one behind it too; a new one comes; somebody lists.
      for (const name of [names.at(-1)!, names[0]!, `name${round * 7}`])
        if (name.startsWith('name') && world.exists(name)) {
          world.unlink(name);
          gone.add(name);
        }
      world.write(`new${round}`, '');
      if (round % 3 === 0) piece(0, NAMES * 2);
      if (round % 5 === 0) world.state.listings.dropAll();
    }
    const counts = new Map<string, number>();
    for (const name of seen) counts.set(name, (counts.get(name) ?? 0) + 1);
    const kept = Array.from({ length: NAMES }, (_, index) => `name${index}`).filter((name) => !gone.has(name));
    expect(kept.length).toBeGreaterThan(NAMES / 2);
    expect(kept.filter((name) => counts.get(name) !== 1)).toEqual([]);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
  });

  it('goes on from a cookie of long ago', () => {
    const first = piece(0);
    const rest = piece(first.last, NAMES * 2).names;
    world.forgetAll();
    expect(piece(first.last, NAMES * 2).names).toEqual(rest);
    expect(new Set([...first.names, ...rest]).size).toBe(NAMES + 2);
  });
});
