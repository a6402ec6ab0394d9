// One operation: how it is drafted from a seed, what the model says to it, and how it is done for real.
import type { Random } from '../overlay/randomWorld.ts';
import type { Answer, Hands } from './hands.ts';
import type { Caller, Inode, Place, Tree } from './tree.ts';

/** What the model expects: an equal text, or one that `accepts` accepts; the object that is seen. */
export interface Expected {
  readonly text: string;
  readonly accepts?: (text: string) => boolean;
  readonly inode?: Inode;
}

export interface OperationKind<Fields> {
  /** How often, beside the others. */
  readonly weight: number;
  /** Undefined where there is nothing to do it to. */
  readonly draft: (chooser: Chooser) => Fields | undefined;
  /** Does it in the model. @throws Refusal, Unmodelled */
  readonly expect: (tree: Tree, fields: Fields, context: Context) => Expected;
  readonly perform: (hands: Hands, fields: Fields) => Answer;
}

/** A kind whose fields only it knows. */
export type AnyKind = OperationKind<unknown>;
export const kind = <Fields>(of: OperationKind<Fields>): AnyKind => of as unknown as AnyKind;

export interface Context {
  readonly caller: Caller;
  readonly actor: number;
}

/** As it travels to an actor, and as it is printed. */
export interface Operation {
  readonly kind: string;
  readonly actor: number;
  readonly fields: unknown;
}

/** In a history: everything is closed, the kernel is killed, and a new one mounts. */
export const REMOUNT: Operation = { kind: 'remount', actor: 0, fields: {} };

/** What the tree that is tested cannot do, or does in its own way; the rest is as on a local file system. */
export interface Features {
  /** O_TMPFILE. */
  readonly tmpfile: boolean;
  /** Set-id bits stay on files. */
  readonly setId: boolean;
  /** Operations that give a file another name. */
  readonly hardLinks: boolean;
  /** A directory's modification time moves with its names alone. */
  readonly directoryTimes: boolean;
}

export const UMASK = 0o022;
export const FILE_BYTES_MAX = 256 * 1024;
const NAMES = ['a', 'b', 'c', 'd\xe9', 'e f', 'g.txt'];
const ENTRIES_MAX = 60;
const DEPTH_MAX = 5;
const SLOTS_MAX = 6;
const PAGE = 4096;

/** Chooses, by the seed alone, among what the model says is there. */
export class Chooser {
  readonly random: Random;
  readonly tree: Tree;
  readonly features: Features;
  context: Context;
  private known = -1;
  private paths: { readonly path: string; readonly inode: Inode }[] = [];
  private directories: string[] = [];
  private nextSlot = 1;

  constructor(random: Random, tree: Tree, features: Features, context: Context) {
    this.random = random;
    this.tree = tree;
    this.features = features;
    this.context = context;
  }

  /** The same, for another tree. */
  with(tree: Tree): Chooser {
    const chooser = new Chooser(this.random, tree, this.features, this.context);
    chooser.nextSlot = this.nextSlot;
    return chooser;
  }

  get actor(): number {
    return this.context.actor;
  }

  chance(of: number): boolean {
    return this.random(of) === 0;
  }

  pick<T>(of: readonly T[]): T {
    const chosen = of[this.random(of.length)];
    if (chosen === undefined) throw new Error('nothing to pick from');
    return chosen;
  }

  /** Any name of the tree, mostly one that is there. */
  any(wanted: (inode: Inode) => boolean = () => true): Place {
    this.refresh();
    if (this.chance(12)) return this.odd();
    const fitting = this.paths.filter(({ inode }) => wanted(inode));
    return fitting.length === 0 ? this.fresh() : this.from(this.pick(fitting).path);
  }

  /** Mostly a free name in a directory that is there. */
  fresh(): Place {
    this.refresh();
    if (this.chance(20)) return this.odd();
    return this.from(`${this.pick(this.directories)}${this.pick(NAMES)}`);
  }

  /** A place for something that is to stay: where there is much already, names that are taken. */
  room(): Place {
    this.refresh();
    return this.paths.length > ENTRIES_MAX && !this.chance(4) ? this.any() : this.fresh();
  }

  /** Paths that lead through files, links, or nowhere. */
  private odd(): Place {
    const through = this.paths.length === 0 ? this.pick(NAMES) : this.pick(this.paths).path;
    return this.from(`${through}/${this.pick(NAMES)}`);
  }

  /** Sometimes from an open directory instead of the root. */
  private from(path: string): Place {
    if (!this.chance(8)) return { path };
    const slot = this.slot((inode) => inode.kind === 'directory');
    return slot === undefined ? { path } : { slot, path: this.pick(NAMES) };
  }

  linkText(): string {
    return this.pick([
      this.pick(NAMES),
      `${this.pick(NAMES)}/${this.pick(NAMES)}`,
      `../${this.pick(NAMES)}`,
      '..',
      'nowhere',
    ]);
  }

  /** An open file of this actor's. */
  slot(wanted: (inode: Inode, flags: number) => boolean): number | undefined {
    const fitting = this.slots().filter(([, { description }]) => wanted(description.inode, description.flags));
    return fitting.length === 0 ? undefined : this.pick(fitting)[0];
  }

  fileSlot(): number | undefined {
    return this.slot(({ kind }) => kind === 'file');
  }

  private slots() {
    return [...this.tree.open].filter(([, { actor }]) => actor === this.actor);
  }

  hasFreeSlot(): boolean {
    return this.slots().length < SLOTS_MAX;
  }

  newSlot(): number {
    this.nextSlot += 1;
    return this.nextSlot;
  }

  sizeOf(slot: number): number {
    return this.tree.open.get(slot)?.description.inode.content.length ?? 0;
  }

  /** Where something begins: near pages' ends, small numbers, and the rest of the range. */
  offset(max = FILE_BYTES_MAX - 1): number {
    const way = this.random(4);
    if (way === 0) return Math.min(max, this.random(200));
    if (way === 1) return Math.min(max, Math.max(0, this.random(FILE_BYTES_MAX / PAGE) * PAGE + this.random(3) - 1));
    return this.random(Math.max(1, max));
  }

  length(): number {
    const way = this.random(8);
    if (way < 4) return 1 + this.random(100);
    if (way < 6) return PAGE * (1 + this.random(3)) + this.random(3) - 1;
    return 1 + this.random(way === 6 ? 9000 : 70_000);
  }

  private refresh(): void {
    if (this.known === this.tree.names) return;
    this.known = this.tree.names;
    this.paths = [];
    this.directories = [''];
    const visit = (directory: Inode, above: string, depth: number) => {
      for (const [name, inode] of directory.entries) {
        const path = `${above}${name}`;
        this.paths.push({ path, inode });
        if (inode.kind !== 'directory') continue;
        if (depth < DEPTH_MAX) this.directories.push(`${path}/`);
        visit(inode, `${path}/`, depth + 1);
      }
    };
    visit(this.tree.root, '', 1);
  }
}
