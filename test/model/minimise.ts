// Makes a failing history short: leaves parts out as long as what is left still fails, each try over a fresh upper.
//
// The model says what any list of operations should answer, so every part of a history is a history.
import { Arena } from './arena.ts';
import type { PlayOptions } from './conductor.ts';
import { type Actor, startActor } from './crew.ts';
import { expect, judge, wordsOf } from './game.ts';
import { type Context, type Operation, REMOUNT } from './operation.ts';
import type { Tree } from './tree.ts';
import { compare, linesOf } from './walk.ts';

const TRIES_MAX = 250;
const BATCH = 500;

interface Trial {
  readonly words: readonly string[];
  /** Empty where nothing was wrong. */
  readonly wrong: string;
  /** Operations up to the one that was wrong. */
  readonly count: number;
}

export async function minimise(options: PlayOptions, place: string, history: readonly Operation[]): Promise<string> {
  const arena = new Arena(options);
  const actor = startActor(arena.world);
  const stage = new Stage(arena, actor, place);
  try {
    arena.save();
    let best = await stage.play(history);
    if (best.wrong === '') return `${history.length} operations alone do not fail again`;
    const sign = signOf(best.wrong);
    let operations = history.slice(0, best.count);
    for (let size = operations.length >> 1; size > 0 && stage.tries < TRIES_MAX; ) {
      const before = operations.length;
      for (let from = operations.length - size; from > -size && stage.tries < TRIES_MAX; from -= size) {
        const start = Math.max(0, from);
        const shorter = [...operations.slice(0, start), ...operations.slice(from + size)];
        const trial = await stage.play(shorter);
        if (signOf(trial.wrong) !== sign) continue;
        best = trial;
        operations = shorter.slice(0, trial.count);
      }
      options.say(`${operations.length} operations fail`);
      if (size > 1) size = Math.max(1, Math.min(size >> 1, operations.length >> 1));
      else if (operations.length === before) break;
    }
    return [...best.words, best.wrong].join('\n');
  } finally {
    await actor.end();
    await arena.end();
  }
}

/** What kind of thing is wrong: a shorter history must fail in the same way. */
const signOf = (wrong: string): string | undefined =>
  /modification time|inode number|is missing|should not be there|expected E|got E|links|expected/.exec(wrong)?.[0];

class Stage {
  tries = 0;
  private readonly arena: Arena;
  private readonly actor: Actor;
  private readonly place: string;
  private readonly context: Context;

  constructor(arena: Arena, actor: Actor, place: string) {
    this.arena = arena;
    this.actor = actor;
    this.place = place;
    this.context = { caller: { uid: arena.world.uid, gid: arena.world.gid }, actor: 0 };
  }

  /** Plays a history from the beginning, and compares the tree at its end. */
  async play(history: readonly Operation[]): Promise<Trial> {
    this.tries += 1;
    if (this.arena.isThrough) this.arena.restore();
    const agent = `try-${this.tries}`;
    const tree = this.arena.treeOf(this.place);
    const words: string[] = [];
    await this.enter(agent);
    try {
      for (let at = 0; at < history.length; ) {
        if (history[at] === REMOUNT || history[at]?.kind === REMOUNT.kind) {
          await this.remount(agent, tree);
          words.push(REMOUNT.kind);
          at += 1;
          continue;
        }
        const next = history.findIndex(({ kind }, index) => index > at && kind === REMOUNT.kind);
        const end = Math.min(next < 0 ? history.length : next, at + BATCH);
        const wrong = await this.batch(tree, history.slice(at, end), words);
        if (wrong !== undefined) return { words, wrong: wrong.words, count: at + wrong.at + 1 };
        at = end;
      }
      const { walked = {} } = await this.actor.ask({ do: 'walk' });
      return { words, wrong: linesOf(compare(tree, walked, this.context.caller)), count: history.length };
    } finally {
      await this.actor.ask({ do: 'leave' });
      await this.arena.unmount();
    }
  }

  private async batch(
    tree: Tree,
    operations: readonly Operation[],
    words: string[],
  ): Promise<{ readonly words: string; readonly at: number } | undefined> {
    // An operation on a file that is not open is none.
    const turns = operations.map((operation) => {
      const isOpen = slotsOf(operation).every((slot) => tree.open.has(slot));
      return { operation, expectation: isOpen ? expect(tree, operation, this.context) : undefined };
    });
    const done = turns.filter(({ expectation }) => expectation !== undefined);
    const { answers = [] } = await this.actor.ask({
      do: 'perform',
      operations: done.map(({ operation }) => operation),
    });
    for (const [at, { operation, expectation }] of done.entries()) {
      const answer = answers[at] ?? { text: 'nothing' };
      const wrong = expectation === undefined ? undefined : judge(expectation, answer);
      words.push(wordsOf(operation, answer.text));
      if (wrong !== undefined) return { words: wrong, at: operations.indexOf(operation) };
    }
    return undefined;
  }

  private async enter(agent: string): Promise<void> {
    await this.arena.mount(agent);
    await this.actor.ask({ do: 'enter', sharedPath: this.arena.viewPath(this.place) });
  }

  private async remount(agent: string, tree: Tree): Promise<void> {
    this.arena.crash();
    await this.actor.ask({ do: 'leave' });
    tree.open.clear();
    await this.enter(agent);
  }
}

/** The open files that an operation needs. */
function slotsOf({ kind, fields }: Operation): number[] {
  const opens = kind === 'open' || kind === 'tmpfile';
  return Object.entries(fields as Record<string, unknown>).flatMap(([name, value]) => {
    if (typeof value === 'number') return (name === 'slot' && !opens) || name === 'target' ? [value] : [];
    const slot = (value as { readonly slot?: unknown } | null)?.slot;
    return typeof slot === 'number' ? [slot] : [];
  });
}
