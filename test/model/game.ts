// Plays by the seed: drafts operations on a model tree, keeps what it said to them, and judges the real answers.
import type { Random } from '../overlay/randomWorld.ts';
import { ATTRIBUTE_KINDS } from './attributeKinds.ts';
import { DATA_KINDS } from './dataKinds.ts';
import type { Answer, Hands, Seen } from './hands.ts';
import { NAME_KINDS } from './nameKinds.ts';
import { OPEN_KINDS } from './openKinds.ts';
import { type AnyKind, Chooser, type Context, type Expected, type Features, type Operation } from './operation.ts';
import { SPACE_KINDS } from './spaceKinds.ts';
import { type Inode, Refusal, type Stamp, stampOf, type Tree, Unmodelled } from './tree.ts';

const KINDS: Readonly<Record<string, AnyKind>> = {
  ...NAME_KINDS,
  ...ATTRIBUTE_KINDS,
  ...OPEN_KINDS,
  ...DATA_KINDS,
  ...SPACE_KINDS,
};
const WEIGHTS = Object.entries(KINDS).map(([name, { weight }]) => ({ name, weight }));
const WEIGHT_ALL = WEIGHTS.reduce((sum, { weight }) => sum + weight, 0);

/** What the model said, and how the object was when it said so. */
export interface Expectation {
  readonly text: string;
  readonly accepts?: (text: string) => boolean;
  readonly inode?: Inode;
  readonly stamp: Stamp;
}

export interface Turn {
  readonly operation: Operation;
  readonly expectation: Expectation;
}

export interface GameOptions {
  readonly random: Random;
  readonly tree: Tree;
  readonly features: Features;
  readonly context: Context;
}

export class Game {
  tree: Tree;
  private readonly options: GameOptions;
  private chooser: Chooser;

  constructor(options: GameOptions) {
    this.options = options;
    this.tree = options.tree;
    this.chooser = new Chooser(options.random, options.tree, options.features, options.context);
  }

  /** Drafts one operation of an actor's and does it in the model. */
  next(context: Context): Turn {
    for (;;) {
      const name = this.kindName();
      this.chooser.context = context;
      const fields = KINDS[name]?.draft(this.chooser);
      if (fields === undefined) continue;
      const operation = { kind: name, actor: context.actor, fields };
      const expectation = expect(this.tree, operation, context);
      if (expectation !== undefined) return { operation, expectation };
    }
  }

  /** Goes on with another state. */
  adopt(tree: Tree): void {
    this.tree = tree;
    this.chooser = this.chooser.with(tree);
  }

  private kindName(): string {
    let at = this.options.random(WEIGHT_ALL);
    for (const { name, weight } of WEIGHTS) {
      at -= weight;
      if (at < 0) return name;
    }
    throw new Error('no kind');
  }
}

/** Does an operation in the model; undefined, with nothing done, where it would leave what the model knows. */
export function expect(tree: Tree, { kind, fields }: Operation, context: Context): Expectation | undefined {
  try {
    const expected: Expected = kindNamed(kind).expect(tree, fields, context);
    const { inode } = expected;
    return { ...expected, stamp: inode === undefined ? null : stampOf(tree, inode) };
  } catch (error) {
    if (error instanceof Refusal) return { text: error.message, stamp: null };
    if (error instanceof Unmodelled) return undefined;
    throw error;
  }
}

function kindNamed(name: string): AnyKind {
  const found = KINDS[name];
  if (found === undefined) throw new Error(`no operation ${name}`);
  return found;
}

export const perform = (hands: Hands, { kind, fields }: Operation): Answer => kindNamed(kind).perform(hands, fields);

/** What is wrong with an answer, or undefined. */
export function judge({ text, accepts, inode, stamp }: Expectation, answer: Answer): string | undefined {
  const fits = accepts === undefined ? answer.text === text : accepts(answer.text);
  if (!fits) return `expected ${text}, got ${answer.text}`;
  return inode === undefined || answer.seen === undefined ? undefined : identify(inode, stamp, answer.seen);
}

/** An object keeps its number, and its time until something changes it. */
export function identify(inode: Inode, stamp: Stamp, { ino, mtime }: Seen): string | undefined {
  if (inode.ino !== 0 && inode.ino !== ino) return `inode number ${ino}, before ${inode.ino}`;
  inode.ino = ino;
  if (stamp === null) return undefined;
  if (typeof stamp === 'object') {
    const exact = `${stamp.sec}.${stamp.nsec}`;
    return mtime === exact ? undefined : `modification time ${mtime}, expected ${exact}`;
  }
  if (stamp === inode.seenStamp && mtime !== inode.seenTime)
    return `modification time ${mtime}, before ${inode.seenTime}, and nothing changed it`;
  inode.seenStamp = stamp;
  inode.seenTime = mtime;
  return undefined;
}

/** One line for an operation and what came of it. */
export const wordsOf = ({ kind, actor, fields }: Operation, outcome: string): string =>
  `${actor} ${kind} ${JSON.stringify(fields)} -> ${outcome}`;
