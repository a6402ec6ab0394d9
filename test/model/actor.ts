// The program of one actor: takes requests as JSON lines, makes the system calls, answers in the same order.
//
// It has hands in the tree that all actors share, where it does as it is told, and a tree of its own, where it plays alone.
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { deserialize } from 'node:v8';
import { AT_FDCWD, close, O_DIRECTORY, openat, umask } from '../../fs/host/syscall.ts';
import { Alone, type AloneOptions } from './alone.ts';
import { Crowd, crowdFailure, openCrowd } from './crowd.ts';
import { perform } from './game.ts';
import { Hands } from './hands.ts';
import { UMASK } from './operation.ts';
import type { Reply, Request } from './requests.ts';
import type { Tree } from './tree.ts';
import { readAll, walkTree } from './walk.ts';

const shared = new Hands();
let alone: Alone | undefined;

const treeFrom = (text: string): Tree => deserialize(Buffer.from(text, 'base64')) as Tree;

function opened(path: string): number {
  const fd = openat(AT_FDCWD, Buffer.from(path).toString('latin1'), O_DIRECTORY);
  if (fd < 0) throw new Error(`${path}: error ${-fd}`);
  return fd;
}

function ownTree(): Alone {
  if (alone === undefined) throw new Error('no tree of its own');
  return alone;
}

const HANDLERS: { readonly [Do in Request['do']]: (request: Extract<Request, { do: Do }>) => Reply } = {
  begin: ({ options, tree }) => {
    alone = new Alone({ ...(options as Omit<AloneOptions, 'tree'>), tree: treeFrom(tree) });
    return {};
  },
  enter: ({ sharedPath, ownPath, renumbered }) => {
    shared.root = opened(sharedPath);
    if (ownPath !== undefined) ownTree().hands.root = opened(ownPath);
    if (renumbered === true) ownTree().forgetNumbers();
    return {};
  },
  perform: ({ operations }) => ({ answers: operations.map((operation) => perform(shared, operation)) }),
  walk: () => ({ walked: walkTree(shared) }),
  bytes: ({ path }) => {
    const bytes = readAll(shared, path);
    return typeof bytes === 'number' ? { error: `error ${-bytes}` } : { bytes: bytes.toString('base64') };
  },
  alone: ({ count, mayCrash }) => ({ played: ownTree().play(count, mayCrash) }),
  check: () => ({ failure: ownTree().check() ?? '' }),
  recover: () => ({ failure: ownTree().recover() ?? '' }),
  restart: ({ tree }) => {
    ownTree().restart(treeFrom(tree));
    return {};
  },
  openCrowd: ({ path }) => {
    mkdirSync(path);
    const root = opened(path);
    openCrowd(root);
    close(root);
    return {};
  },
  crowd: ({ path, options }) => {
    const crowd = new Crowd();
    crowd.enter(opened(path));
    const attended = crowd.attend(options);
    crowd.leave();
    return { attended };
  },
  checkCrowd: ({ path, attended }) => {
    const hands = new Hands();
    hands.root = opened(path);
    const failure = crowdFailure(hands, attended);
    hands.dropAll();
    return { failure };
  },
  history: () => ({ history: ownTree().history }),
  leave: () => {
    shared.dropAll();
    alone?.close();
    return {};
  },
};

function answer(line: string): Reply {
  const request = JSON.parse(line) as Request;
  try {
    return (HANDLERS[request.do] as (request: Request) => Reply)(request);
  } catch (error) {
    return { error: `${request.do}: ${(error as Error).stack}` };
  }
}

umask(UMASK);
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
