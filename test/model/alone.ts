// One actor alone in a tree of its own, as fast as it can: drafts, does, judges, and knows what a crash may have cost.
import { ERRNO } from '../../fs/errno.ts';
import { STATX, statx } from '../../fs/host/syscall.ts';
import { randomOf } from '../overlay/randomWorld.ts';
import { expect, Game, judge, perform, wordsOf } from './game.ts';
import { Hands } from './hands.ts';
import { type Context, type Features, type Operation, REMOUNT } from './operation.ts';
import { copyTree, type Tree } from './tree.ts';
import {
  adoptBytes,
  afterCrash,
  compare,
  forgetNumbers,
  linesOf,
  readAll,
  synced,
  type Walked,
  walkTree,
} from './walk.ts';

/** The last operations that a failure shows. */
export const WORDS_SHOWN = 60;
/** How often a state is kept, in a round that may end with a crash. */
const SNAPSHOT_EVERY = 200;
const ECONNABORTED = 103;
const ABSENT_NAME = 'never made';
const BYTES = new Set(['open', 'pwrite', 'write', 'ftruncate', 'truncate', 'fallocate', 'copyRange', 'mapStore']);

export interface AloneOptions {
  readonly seed: number;
  readonly tree: Tree;
  readonly features: Features;
  readonly context: Context;
}

export interface Played {
  readonly done: number;
  readonly failure?: string;
  /** The file system went away. */
  readonly lost?: boolean;
}

export class Alone {
  readonly hands = new Hands();
  private readonly options: AloneOptions;
  private readonly game: Game;
  private readonly words: string[] = [];
  /** Everything since the beginning, with the ends of mounts in between. */
  readonly history: Operation[] = [];
  /** Where the round began, and what was done since. */
  private base: Tree | undefined;
  private since: Operation[] = [];
  private lost: Operation | undefined;

  constructor(options: AloneOptions) {
    this.options = options;
    const { seed, tree, features, context } = options;
    this.game = new Game({ random: randomOf(seed), tree, features, context });
  }

  /** Plays until `count` operations are done, one is wrong, or, where that may be, the file system is gone. */
  play(count: number, mayCrash: boolean): Played {
    const { context } = this.options;
    this.base = undefined;
    for (let done = 0; done < count; done += 1) {
      if (mayCrash && done % SNAPSHOT_EVERY === 0) this.snapshot();
      const { operation, expectation } = this.game.next(context);
      this.history.push(operation);
      const answer = perform(this.hands, operation);
      const wrong = judge(expectation, answer);
      this.say(wordsOf(operation, answer.text));
      if (wrong !== undefined && mayCrash && this.isGone()) {
        this.lost = operation;
        return { done, lost: true };
      }
      if (mayCrash) this.since.push(operation);
      if (wrong !== undefined) return { done, failure: this.failure(wrong) };
    }
    return { done: count };
  }

  private snapshot(): void {
    this.base = copyTree(this.game.tree);
    this.since = [];
  }

  private say(words: string): void {
    this.words.push(words);
    if (this.words.length > WORDS_SHOWN) this.words.shift();
  }

  private failure(wrong: string): string {
    return [...this.words, wrong].join('\n');
  }

  /** Asked for a name that is not there: what is would be answered from the kernel's caches. */
  private isGone(): boolean {
    const status = statx(this.hands.root, ABSENT_NAME, 0, Buffer.alloc(STATX.size_));
    return status === -ERRNO.ENOTCONN || status === -ECONNABORTED;
  }

  /** The whole tree against the model. */
  check(): string | undefined {
    const wrong = linesOf(compare(this.game.tree, walkTree(this.hands), this.options.context.caller));
    return wrong === '' ? undefined : this.failure(wrong);
  }

  /** After a crash and a new mount: what was answered is there; what was under way is there, or is not. */
  recover(): string | undefined {
    const { lost } = this;
    const walked = walkTree(this.hands);
    const without = this.replayed(this.since);
    const wrong = this.difference(without, walked, false);
    this.game.adopt(without);
    if (wrong === '') return undefined;
    if (lost === undefined) return this.failure(`after the crash: ${wrong}`);
    const done = this.replayed([...this.since, lost]);
    const still = this.difference(done, walked, BYTES.has(lost.kind));
    this.game.adopt(done);
    if (still === '') return undefined;
    return this.failure(`after the crash, if the last was not done:\n${wrong}\nif it was:\n${still}`);
  }

  /** The state after some operations, with nothing open. */
  private replayed(operations: readonly Operation[]): Tree {
    const tree = copyTree(this.base ?? this.game.tree);
    for (const operation of operations) expect(tree, operation, this.options.context);
    tree.open.clear();
    return tree;
  }

  private difference(tree: Tree, walked: Walked, underWay: boolean): string {
    const { wrong, unsure } = afterCrash(compare(tree, walked, this.options.context.caller), underWay);
    for (const { path, inode } of unsure) adoptBytes(inode, readAll(this.hands, path));
    synced(tree);
    return wrong;
  }

  forgetNumbers(): void {
    forgetNumbers(this.game.tree);
  }

  /** The end of a mount takes what is open, and nothing else. */
  close(): void {
    this.hands.dropAll();
    this.history.push(REMOUNT);
    this.game.tree.open.clear();
    synced(this.game.tree);
  }

  /** What was kept for no longer than the mount is as it was at first. */
  restart(tree: Tree): void {
    this.history.length = 0;
    this.game.adopt(tree);
  }
}
