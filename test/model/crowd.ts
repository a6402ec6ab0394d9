// All actors at once in one directory: no order can be told, so what must hold in every order is checked.
//
// - A record that was appended is there once, whole, and after those that the same actor appended before it.
// - A lock file has one holder. A name that is only ever replaced is always there, and its bytes are one writer's.
// - A listing shows each name that stays, once; exchanged names are both there.
import {
  close,
  fsync,
  O_DIRECTORY,
  openat,
  pwrite,
  RENAME_EXCHANGE,
  renameat2,
  unlinkat,
  write,
} from '../../fs/host/syscall.ts';
import { type Random, randomOf } from '../overlay/randomWorld.ts';
import { Hands, nameOf } from './hands.ts';
import { readAll } from './walk.ts';

const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_APPEND = 0o2000;
const LOGS = ['log-0', 'log-1'];
const RECORD_BYTES = 48;
const CURRENT_BYTES = 9000;
const OWN_NAMES = 12;
/** Names that are there from the beginning to the end. */
export const FIXED = ['current', 'left', 'right', ...LOGS];

/** What one actor was told is done. */
export interface Attended {
  readonly failure: string;
  readonly done: number;
  /** Records acknowledged, by log. */
  readonly appended: Readonly<Record<string, number>>;
  /** Own names that stay. */
  readonly names: readonly string[];
}

export interface CrowdOptions {
  readonly actor: number;
  readonly seed: number;
  readonly count: number;
}

const record = (actor: number, number: number): string =>
  `${actor}:${number};`.padEnd(RECORD_BYTES - 1, '.').concat('\n');

/** Makes what the crowd needs. */
export function openCrowd(root: number): void {
  for (const name of FIXED) {
    const fd = openat(root, name, 2 | O_CREAT, 0o666);
    if (name === 'current') pwrite(fd, Buffer.alloc(CURRENT_BYTES, 'begin;'), CURRENT_BYTES, 0);
    close(fd);
  }
}

export class Crowd {
  private readonly hands = new Hands();
  private readonly appended: Record<string, number> = Object.fromEntries(LOGS.map((name) => [name, 0]));
  private readonly names = new Set<string>();

  enter(root: number): void {
    this.hands.root = root;
  }

  leave(): void {
    this.hands.dropAll();
  }

  attend({ actor, seed, count }: CrowdOptions): Attended {
    const random = randomOf(seed);
    let done = 0;
    let failure = '';
    for (; done < count && failure === ''; done += 1) failure = this.one(actor, random, done);
    return { failure, done, appended: { ...this.appended }, names: [...this.names] };
  }

  /** One piece of work; what is wrong, or nothing. */
  private one(actor: number, random: Random, turn: number): string {
    const way = random(10);
    if (way < 4) return this.append(actor, LOGS[random(LOGS.length)] ?? '');
    if (way === 4) return this.lock();
    if (way === 5) return this.replace(actor, turn);
    if (way === 6) return this.look();
    if (way === 7) return this.exchange();
    if (way === 8) return this.own(actor, random);
    return this.list();
  }

  private append(actor: number, name: string): string {
    const fd = openat(this.hands.root, name, 1 | O_APPEND);
    if (fd < 0) return `open ${name}: ${nameOf(fd)}`;
    const next = this.appended[name] ?? 0;
    const count = write(fd, Buffer.from(record(actor, next)), RECORD_BYTES);
    if (count === RECORD_BYTES) this.appended[name] = next + 1;
    // Only what was asked for may fail: a close has nothing to say here.
    if (next % 16 === 0 && count > 0) fsync(fd);
    close(fd);
    return count === RECORD_BYTES ? '' : `append: ${count < 0 ? nameOf(count) : count}`;
  }

  private lock(): string {
    const { root } = this.hands;
    const fd = openat(root, 'lock', 2 | O_CREAT | O_EXCL, 0o666);
    if (fd < 0) return nameOf(fd) === 'EEXIST' ? '' : `lock: ${nameOf(fd)}`;
    close(fd);
    const inside = openat(root, 'inside', 2 | O_CREAT | O_EXCL, 0o666);
    if (inside < 0) return `two hold one lock: ${nameOf(inside)}`;
    close(inside);
    const out = unlinkat(root, 'inside');
    const unlocked = unlinkat(root, 'lock');
    return out < 0 || unlocked < 0 ? `unlock: ${nameOf(Math.min(out, unlocked))}` : '';
  }

  private replace(actor: number, turn: number): string {
    const { root } = this.hands;
    const own = `new-${actor}`;
    const fd = openat(root, own, 2 | O_CREAT, 0o666);
    if (fd < 0) return `open ${own}: ${nameOf(fd)}`;
    const count = pwrite(fd, Buffer.alloc(CURRENT_BYTES, `${actor}.${turn};`), CURRENT_BYTES, 0);
    close(fd);
    if (count !== CURRENT_BYTES) return `write ${own}: ${count < 0 ? nameOf(count) : count}`;
    const renamed = renameat2(root, own, root, 'current');
    return renamed < 0 ? `rename ${own}: ${nameOf(renamed)}` : '';
  }

  private look(): string {
    const bytes = readAll(this.hands, 'current');
    if (typeof bytes === 'number') return `read current: ${nameOf(bytes)}`;
    const stamp = bytes.toString('latin1', 0, bytes.indexOf(';') + 1);
    if (bytes.length === CURRENT_BYTES && bytes.equals(Buffer.alloc(CURRENT_BYTES, stamp))) return '';
    return `current is no one's: ${bytes.length} bytes that begin with ${stamp}`;
  }

  private exchange(): string {
    const { root } = this.hands;
    const done = renameat2(root, 'left', root, 'right', RENAME_EXCHANGE);
    return done < 0 ? `exchange: ${nameOf(done)}` : '';
  }

  private own(actor: number, random: Random): string {
    const name = `own-${actor}-${random(OWN_NAMES)}`;
    const { root } = this.hands;
    if (this.names.delete(name)) {
      const gone = unlinkat(root, name);
      return gone < 0 ? `unlink ${name}: ${nameOf(gone)}` : '';
    }
    const fd = openat(root, name, 2 | O_CREAT | O_EXCL, 0o666);
    if (fd < 0) return `create ${name}: ${nameOf(fd)}`;
    close(fd);
    this.names.add(name);
    return '';
  }

  private list(): string {
    const { hands } = this;
    const fd = openat(hands.root, '.', O_DIRECTORY);
    const found = fd < 0 ? fd : hands.list(fd);
    if (fd >= 0) close(fd);
    if (typeof found === 'number') return `list: ${nameOf(found)}`;
    const names = found.map(({ name }) => name);
    const missing = [...FIXED, ...this.names].filter((name) => !names.includes(name));
    // "current" is replaced while it is listed: both the old and the new may be met.
    const twice = names.filter((name, at) => names.indexOf(name) !== at && name !== 'current');
    return missing.length + twice.length === 0 ? '' : `a listing misses ${missing} and shows twice ${twice}`;
  }
}

/** What is wrong with the directory when everybody is done. */
export function crowdFailure(root: Hands, attended: readonly Attended[]): string {
  for (const name of LOGS) {
    const bytes = readAll(root, name);
    if (typeof bytes === 'number') return `read ${name}: ${nameOf(bytes)}`;
    const wrong = logFailure(
      bytes,
      attended.map(({ appended }) => appended[name] ?? 0),
    );
    if (wrong !== '') return `${name}: ${wrong}`;
  }
  const fd = openat(root.root, '.', O_DIRECTORY);
  const found = root.list(fd);
  close(fd);
  if (typeof found === 'number') return `list: ${nameOf(found)}`;
  const wanted = [...FIXED, ...attended.flatMap(({ names }) => names)].sort().join(' ');
  const got = found
    .map(({ name }) => name)
    .sort()
    .join(' ');
  return wanted === got ? '' : `expected the names ${wanted}, got ${got}`;
}

/** Each actor's records in their order, none missing. */
function logFailure(bytes: Buffer, counts: readonly number[]): string {
  const seen = counts.map(() => 0);
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    const text = bytes.toString('latin1', at, at + RECORD_BYTES);
    const actor = Number(text.split(':')[0]);
    const next = seen[actor];
    if (next === undefined || text !== record(actor, next)) return `at ${at}: ${JSON.stringify(text)}`;
    seen[actor] = next + 1;
  }
  const wrong = counts.findIndex((count, actor) => count !== seen[actor]);
  return wrong < 0 ? '' : `actor ${wrong} appended ${counts[wrong]}, ${seen[wrong]} are there`;
}
