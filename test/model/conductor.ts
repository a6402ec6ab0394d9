// Plays rounds: together in one tree, each alone in its own, with crashes and new mounts in between.
import { serialize } from 'node:v8';
import { randomOf } from '../overlay/randomWorld.ts';
import { WORDS_SHOWN } from './alone.ts';
import { Arena, type ArenaOptions, ownName, SHARED } from './arena.ts';
import { type Actor, startActor } from './crew.ts';
import type { Attended } from './crowd.ts';
import { Game, judge, type Turn, wordsOf } from './game.ts';
import { type Context, type Operation, REMOUNT } from './operation.ts';
import type { Tree } from './tree.ts';
import { adoptBytes, afterCrash, compare, forgetNumbers, linesOf, synced } from './walk.ts';

export interface PlayOptions extends ArenaOptions {
  readonly operations: number;
  /** Operations between two looks at everything. */
  readonly round: number;
  readonly say: (text: string) => void;
}

const ENDS = ['check', 'check', 'remount', 'crash between', 'crash within'] as const;
type End = (typeof ENDS)[number];
const BATCH_MAX = 12;
const CRASH_AFTER_MS_MAX = 700;

/** As a message carries it. */
const textOf = (tree: Tree): string => serialize(tree).toString('base64');

/** What went wrong, with the last operations before it; in which tree, and all that was done there. */
export class Wrong extends Error {
  readonly place: string;
  readonly history: readonly Operation[];
  constructor(words: string, place: string, history: readonly Operation[]) {
    super(words);
    this.place = place;
    this.history = history;
  }
}

/** Plays until the operations are done; gives how many were. @throws Wrong */
export async function play(options: PlayOptions): Promise<number> {
  const arena = new Arena(options);
  const actors = Array.from({ length: options.actors }, () => startActor(arena.world));
  const end = async () => {
    await Promise.all(actors.map((actor) => actor.end()));
    await arena.end();
  };
  let done: number;
  try {
    done = await new Conductor(options, arena, actors).play();
  } catch (error) {
    // What was wrong first is what is to be told; a bad end is often its consequence.
    await end().catch((second: Error) => options.say(`at the end, besides: ${second.message}`));
    throw error;
  }
  await end();
  return done;
}

class Conductor {
  private readonly options: PlayOptions;
  private readonly arena: Arena;
  private readonly actors: readonly Actor[];
  private readonly random;
  private readonly shared: Game;
  private readonly words: string[] = [];
  private readonly history: Operation[] = [];
  private crowds = 0;
  private attended: readonly Attended[] = [];
  private done = 0;

  constructor(options: PlayOptions, arena: Arena, actors: readonly Actor[]) {
    this.options = options;
    this.arena = arena;
    this.actors = actors;
    this.random = randomOf(options.seed);
    this.shared = new Game({
      random: randomOf(options.seed + 1),
      tree: arena.treeOf(SHARED),
      features: arena.features,
      context: this.context(0),
    });
  }

  private context(actor: number): Context {
    const { uid, gid } = this.arena.world;
    return { caller: { uid, gid }, actor };
  }

  async play(): Promise<number> {
    await this.begin();
    await this.arena.mount();
    await this.enter();
    while (this.done < this.options.operations) await this.round();
    await this.leave();
    await this.arena.unmount();
    await this.checkHost();
    return this.done;
  }

  private async begin(): Promise<void> {
    const { options } = this;
    const { features } = this.arena;
    await this.all((actor, index) => {
      const tree = textOf(this.arena.treeOf(ownName(index)));
      const seed = options.seed * 101 + index;
      return actor.ask({ do: 'begin', options: { seed, features, context: this.context(index) }, tree });
    });
  }

  private async enter(): Promise<void> {
    const sharedPath = this.arena.viewPath(SHARED);
    await this.all((actor, index) =>
      actor.ask({ do: 'enter', sharedPath, ownPath: this.arena.viewPath(ownName(index)) }),
    );
  }

  /** The same trees as the host has them, where objects have the host's numbers. */
  private async enterHost(): Promise<void> {
    const sharedPath = this.arena.hostPath(SHARED);
    await this.all((actor, index) =>
      actor.ask({ do: 'enter', sharedPath, ownPath: this.arena.hostPath(ownName(index)), renumbered: true }),
    );
    forgetNumbers(this.shared.tree);
  }

  private async round(): Promise<void> {
    const left = Math.min(this.options.round, this.options.operations - this.done);
    const end = ENDS[this.random(ENDS.length)] ?? 'check';
    await this.together(Math.ceil(left * 0.4));
    await this.crowd(Math.ceil((left * 0.1) / this.actors.length));
    await this.alone(Math.ceil((left * 0.5) / this.actors.length), end === 'crash within');
    if (end === 'check') await this.check();
    else if (end === 'remount') await this.remount();
    else await this.crashed(end);
    this.options.say(`${this.done} operations, ${end}`);
  }

  /** One operation after the other, each by any of the actors, in the tree that all see. */
  private async together(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const index = this.random(this.actors.length);
      const turns: Turn[] = [];
      for (let size = Math.min(left, 1 + this.random(BATCH_MAX)); size > 0; size -= 1)
        turns.push(this.shared.next(this.context(index)));
      left -= turns.length;
      const request = { do: 'perform', operations: turns.map(({ operation }) => operation) } as const;
      const { answers = [] } = (await this.actors[index]?.ask(request)) ?? {};
      turns.forEach(({ operation, expectation }, at) => {
        const answer = answers[at] ?? { text: 'nothing' };
        this.history.push(operation);
        this.remember(wordsOf(operation, answer.text));
        this.demand(judge(expectation, answer) ?? '');
      });
      this.done += turns.length;
    }
  }

  private remember(words: string): void {
    this.words.push(words);
    if (this.words.length > WORDS_SHOWN) this.words.shift();
  }

  private demand(wrong: string): void {
    if (wrong !== '') throw new Wrong([...this.words, wrong].join('\n'), SHARED, this.history);
  }

  /** All at once, each where nobody else is. */
  private async alone(count: number, crashes: boolean): Promise<void> {
    const playing = this.all((actor) => actor.ask({ do: 'alone', count, mayCrash: crashes }));
    if (crashes) {
      await new Promise((resolve) => setTimeout(resolve, this.random(CRASH_AFTER_MS_MAX)));
      this.arena.crash();
    }
    const replies = await playing;
    await this.demandAlone(replies.map(({ played }) => played?.failure));
    for (const { played } of replies) this.done += played?.done ?? 0;
  }

  private async demandAlone(failures: readonly (string | undefined)[]): Promise<void> {
    for (const [index, failure] of failures.entries()) {
      if (failure === undefined || failure === '') continue;
      const { history = [] } = (await this.actors[index]?.ask({ do: 'history' })) ?? {};
      throw new Wrong(failure, ownName(index), history);
    }
  }

  /** All at once in one directory, a new one each time. */
  private async crowd(count: number): Promise<void> {
    this.crowds += 1;
    const path = this.arena.viewPath(`crowd-${this.crowds}`);
    await this.actors[0]?.ask({ do: 'openCrowd', path });
    const seed = this.random(2 ** 30);
    const replies = await this.all((actor, index) =>
      actor.ask({ do: 'crowd', path, options: { actor: index, seed: seed + index, count } }),
    );
    this.attended = replies.flatMap(({ attended }) => attended ?? []);
    for (const { failure, done } of this.attended) {
      if (failure !== '') throw new Wrong(`in a crowd: ${failure}`, SHARED, []);
      this.done += done;
    }
    await this.checkCrowd();
  }

  /** What the last crowd left. */
  private async checkCrowd(): Promise<void> {
    const path = this.arena.viewPath(`crowd-${this.crowds}`);
    const { failure = '' } = (await this.actors[0]?.ask({ do: 'checkCrowd', path, attended: this.attended })) ?? {};
    if (failure !== '') throw new Wrong(`after a crowd: ${failure}`, SHARED, []);
  }

  private async check(): Promise<void> {
    const { walked = {} } = (await this.actors[0]?.ask({ do: 'walk' })) ?? {};
    this.demand(linesOf(compare(this.shared.tree, walked, this.context(0).caller)));
    const replies = await this.all((actor) => actor.ask({ do: 'check' }));
    await this.demandAlone(replies.map(({ failure }) => failure));
  }

  /** A clean end and a new beginning: nothing is lost but what is open. */
  private async remount(): Promise<void> {
    await this.leave();
    await this.arena.unmount();
    await this.arena.mount();
    if (this.isForgotten()) await this.restart();
    await this.enter();
    await this.check();
  }

  private async leave(): Promise<void> {
    await this.all((actor) => actor.ask({ do: 'leave' }));
    this.shared.tree.open.clear();
    this.history.push(REMOUNT);
    synced(this.shared.tree);
  }

  /** The kernel is killed, or was; the next one shows what was acknowledged. */
  private async crashed(end: End): Promise<void> {
    if (end === 'crash between') this.arena.crash();
    await this.all((actor) => actor.ask({ do: 'leave' }));
    this.shared.tree.open.clear();
    this.history.push(REMOUNT);
    await this.arena.mount();
    await this.enter();
    await this.checkCrowd();
    await this.recover();
    if (end === 'crash between') return this.check();
    const replies = await this.all((actor) => actor.ask({ do: 'recover' }));
    await this.demandAlone(replies.map(({ failure }) => failure));
  }

  private async recover(): Promise<void> {
    const { tree } = this.shared;
    const [first] = this.actors;
    const { walked = {} } = (await first?.ask({ do: 'walk' })) ?? {};
    const { wrong, unsure } = afterCrash(compare(tree, walked, this.context(0).caller), false);
    this.demand(wrong === '' ? '' : `after the crash: ${wrong}`);
    for (const { path, inode } of unsure) {
      const { bytes = '' } = (await first?.ask({ do: 'bytes', path })) ?? {};
      adoptBytes(inode, Buffer.from(bytes, 'base64'));
    }
    synced(tree);
  }

  /** What an ephemeral rule keeps ends with the session; a crash is no end. */
  private isForgotten(): boolean {
    return this.options.mode === 'ephemeral';
  }

  private async restart(): Promise<void> {
    this.history.length = 0;
    this.shared.adopt(this.arena.treeOf(SHARED));
    await this.all((actor, index) => actor.ask({ do: 'restart', tree: textOf(this.arena.treeOf(ownName(index))) }));
  }

  /** On the host is what the view showed, or what was there before. */
  private async checkHost(): Promise<void> {
    if (!this.arena.isThrough) return this.demand(this.arena.hostDifference().join('\n'));
    await this.enterHost();
    await this.check();
    await this.leave();
  }

  private all<T>(ask: (actor: Actor, index: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.actors.map(ask));
  }
}
