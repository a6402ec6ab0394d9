// Where the game is played: a workspace with trees in it, plain or behind a mount of a kernel that can be killed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { AT_FDCWD, O_DIRECTORY, openat } from '../../fs/host/syscall.ts';
import { type Random, randomOf } from '../overlay/randomWorld.ts';
import { type TreeState, treeDifference, treeState } from '../treeState.ts';
import { makeWorld, type User, type World } from '../world.ts';
import { Game, judge, perform, wordsOf } from './game.ts';
import { Hands } from './hands.ts';
import type { Features } from './operation.ts';
import type { Tree } from './tree.ts';
import { treeOf } from './walk.ts';

/** Plain is the host's own file system: what the model must agree with first. */
export const MODES = ['plain', 'ephemeral', 'private', 'invisible', 'rw'] as const;
export type Mode = (typeof MODES)[number];

export interface ArenaOptions {
  readonly mode: Mode;
  readonly user: User;
  readonly seed: number;
  readonly actors: number;
  /** Several names of one file, also where that is not held to work. */
  readonly hardLinks?: boolean;
  /** More words for `agentsh mount`. */
  readonly words: readonly string[];
}

export const SHARED = 'shared';
export const ownName = (actor: number): string => `own-${actor}`;

const AGENT = 'model';
const POPULATING_OPERATIONS = 300;
const MOUNT_MS_MAX = 60_000;

export class Arena {
  readonly options: ArenaOptions;
  readonly world: World;
  readonly view: string;
  private before: TreeState = {};

  constructor(options: ArenaOptions) {
    this.options = options;
    this.world = makeWorld({ user: options.user });
    this.view = path.join(this.world.directory, 'view');
    mkdirSync(this.view);
    const names = [SHARED, ...Array.from({ length: options.actors }, (_, actor) => ownName(actor))];
    names.forEach((name, index) => {
      populate(this.hostPath(name), randomOf(options.seed * 31 + index), this.features);
    });
    this.world.own(this.view);
    execFileSync('chmod', ['-R', 'u+rwX', this.world.workspace]);
    if (options.user !== 'root') this.world.own(this.world.workspace);
    this.before = treeState(this.world.workspace);
  }

  get features(): Features {
    const { mode, hardLinks = false } = this.options;
    return hardLinks ? { ...FEATURES[mode], hardLinks } : FEATURES[mode];
  }

  /** Whether the host's tree is the view's. */
  get isThrough(): boolean {
    return this.options.mode === 'rw' || this.options.mode === 'plain';
  }

  /** The model of a tree as the host has it. */
  treeOf(name: string): Tree {
    return treeOf(this.hostPath(name), this.features.directoryTimes);
  }

  hostPath(name: string): string {
    return path.join(this.world.workspace, name);
  }

  viewPath(name: string): string {
    return this.options.mode === 'plain' ? this.hostPath(name) : `${this.view}${this.hostPath(name)}`;
  }

  async mount(agent = AGENT): Promise<void> {
    const { mode, words } = this.options;
    if (mode === 'plain') return;
    await this.agentsh('mount', '-n', agent, '--mode', mode, ...words, this.view);
  }

  /** Keeps the host's tree as it is now, to be put back. */
  save(): void {
    execFileSync('cp', ['-a', this.world.workspace, `${this.world.directory}/saved`]);
  }

  /** The host's tree as it was saved. */
  restore(): void {
    for (const name of readdirSync(this.world.workspace)) rmSync(this.hostPath(name), { recursive: true });
    execFileSync('cp', ['-a', `${this.world.directory}/saved/.`, this.world.workspace]);
  }

  async unmount(): Promise<void> {
    if (this.options.mode !== 'plain') await this.agentsh('umount', this.view);
  }

  /** The kernel ends without a chance to say so. */
  crash(): void {
    if (this.options.mode !== 'plain') process.kill(this.world.kernelPid(), 'SIGKILL');
  }

  private async agentsh(...words: string[]): Promise<void> {
    const { code, stderr } = await this.world.agentsh(words, { timeoutMs: MOUNT_MS_MAX });
    if (code !== 0) throw new Error(`agentsh ${words.join(' ')} ended with ${code}: ${stderr}`);
  }

  /** What changed on the host where nothing may. */
  hostDifference(): string[] {
    return treeDifference(this.before, treeState(this.world.workspace));
  }

  end(): Promise<void> {
    return this.world.end();
  }
}

const ALL: Features = { tmpfile: true, setId: true, hardLinks: true, directoryTimes: true };
const FEATURES: Readonly<Record<Mode, Features>> = {
  plain: ALL,
  ephemeral: ALL,
  private: ALL,
  invisible: ALL,
  // Set-id bits are the view's alone, and the host is compared. Data lands through a temporary name, which dates the
  // directory; while it waits for that it knows one name of its file (the option `hardLinks` asks for others all the same).
  rw: { tmpfile: true, setId: false, hardLinks: false, directoryTimes: false },
};

/** Fills a directory of the host's by the same game: what it holds at the end is where the view begins. */
function populate(directory: string, random: Random, features: Features): void {
  mkdirSync(directory);
  const hands = new Hands();
  hands.root = openat(AT_FDCWD, Buffer.from(directory).toString('latin1'), O_DIRECTORY);
  const context = { caller: { uid: process.getuid!(), gid: process.getgid!() }, actor: 0 };
  const tree = treeOf(directory);
  // What the agent removes of a host file with several names is not counted off the others.
  const game = new Game({ random, tree, features: { ...features, hardLinks: false }, context });
  for (let done = 0; done < POPULATING_OPERATIONS; done += 1) {
    const { operation, expectation } = game.next(context);
    const wrong = judge(expectation, perform(hands, operation));
    if (wrong !== undefined) throw new Error(`the host's file system: ${wordsOf(operation, wrong)}`);
  }
  hands.dropAll();
}
