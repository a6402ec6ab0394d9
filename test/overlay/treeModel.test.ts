// Random operations on a view and on a model of what POSIX says: answers, tree, link counts, contents and inode numbers
// agree, over clean ends and killed kernels; what is open stays what it was.
import { afterEach, describe as describeTests, expect, it } from 'vitest';
import { Errno } from '../../fs/errno.ts';
import { CoreWorld, type Opened } from './coreWorld.ts';
import { differences } from './hostState.ts';
import { HIDDEN_NAME, MASKED_NAME, populate, type Random, randomOf } from './randomWorld.ts';
import { describe, ModelError, type ModelInode, TreeModel } from './treeModel.ts';

const only = process.env.AGENTSH_TEST_SEED;
const SEEDS = only === undefined ? [1, 2, 3, 4, 5, 6] : [Number(only)];
const STEPS = 500;
const CHECK_EVERY = 20;
const NAMES = ['a', 'b', 'c', 'd\xff', 'e'];
const OPEN_MAX = 4;

let world: CoreWorld;
let model: TreeModel;
let words: string[];
let open: { readonly file: Opened; readonly inode: ModelInode }[];
let numbers: Map<ModelInode, number>;

afterEach(() => world.end());

describeTests.each([
  ['an empty directory', 0, false],
  ['a populated directory', 30, false],
  ['a populated directory, where opens are not told', 30, true],
])('over %s', (_what, entries, withoutOpens) => {
  it.each(SEEDS)('seed %i', (seed) => {
    const random = randomOf(seed);
    world = new CoreWorld({ hide: [HIDDEN_NAME], mask: [MASKED_NAME], withoutOpens });
    populate(random, world.host, entries);
    model = TreeModel.ofHost(world.host);
    [words, open, numbers] = [[], [], new Map()];
    for (let index = 0; index < STEPS; index += 1) {
      step(random, index);
      if (index % CHECK_EVERY === 0) check();
    }
    closeAll();
    check();
    world.forgetAll();
    expect(world.leftNodes(), 'nodes that nobody holds').toEqual([]);
    world.reopen();
    check();
  });
});

/** Does one thing on both sides; they must answer alike. */
function both(what: string, inView: () => void, inModel: () => void): void {
  const [seen, expected] = [answerOf(inView), answerOf(inModel)];
  words.push(`${what}${expected === '' ? '' : `: ${expected}`}`);
  expect(seen, words.join('\n')).toBe(expected);
}

function answerOf(action: () => void): string {
  try {
    action();
    return '';
  } catch (error) {
    if (error instanceof Errno) return error.name;
    if (error instanceof ModelError) return error.message;
    throw error;
  }
}

function anyPath(random: Random): string {
  let path = NAMES[random(NAMES.length)] ?? 'a';
  while (random(2) === 0 && path.split('/').length < 4) path += `/${NAMES[random(NAMES.length)]}`;
  const all = Object.keys(model.lines());
  return random(3) > 0 && all.length > 0 ? (all[random(all.length)] ?? path) : path;
}

function step(random: Random, index: number): void {
  const path = anyPath(random);
  const other = anyPath(random);
  const text = `text ${index}`;
  const kind = random(100);
  if (kind < 12)
    both(
      `mkdir ${path}`,
      () => world.mkdir(path, 0o750),
      () => model.make(path, 'directory', 0o750),
    );
  else if (kind < 24)
    both(
      `create ${path}`,
      () => world.closeFile(world.createFile(path)),
      () => model.make(path, 'file', 0o644),
    );
  else if (kind < 28)
    both(
      `symlink ${path}`,
      () => world.symlink(text, path),
      () => model.make(path, 'link', 0o777, text),
    );
  else if (kind < 36)
    both(
      `unlink ${path}`,
      () => world.unlink(path),
      () => model.unlink(path),
    );
  else if (kind < 42)
    both(
      `rmdir ${path}`,
      () => world.rmdir(path),
      () => model.rmdir(path),
    );
  else if (kind < 58)
    both(
      `rename ${path} ${other}`,
      () => world.rename(path, other),
      () => model.rename(path, other, false),
    );
  else if (kind < 62)
    both(
      `exchange ${path} ${other}`,
      () => world.rename(path, other, 2),
      () => model.rename(path, other, true),
    );
  else if (kind < 68)
    both(
      `link ${path} ${other}`,
      () => world.link(path, other),
      () => model.link(path, other),
    );
  else if (kind < 72)
    both(
      `chmod ${path}`,
      () => world.chmod(path, 0o711),
      () => {
        model.find(path).mode = 0o711;
      },
    );
  else if (kind < 84) withFile(path, (inode) => overwrite(path, inode, random, text));
  else if (kind < 90) withFile(path, (inode) => openOne(path, inode));
  else if (kind < 96) writeOpen(random, text);
  else if (kind < 98) world.forgetAll();
  else restart(random);
}

function withFile(path: string, action: (inode: ModelInode) => void): void {
  if (answerOf(() => model.find(path)) !== '' || model.find(path).kind !== 'file') return;
  action(model.find(path));
}

function overwrite(path: string, inode: ModelInode, random: Random, text: string): void {
  const size = random(12);
  if (random(2) === 0) {
    world.truncate(path, size);
    inode.text = inode.text.slice(0, size).padEnd(size, '\0');
    words.push(`truncate ${path} ${size}`);
  } else {
    world.append(path, text);
    inode.text += text;
    words.push(`append ${path}`);
  }
}

function openOne(path: string, inode: ModelInode): void {
  if (open.length >= OPEN_MAX) closeOne();
  open.push({ file: world.openFile(path, 2), inode });
  words.push(`open ${path}`);
}

/** Writes through a handle, whether its file still has a name or not, and reads it back. */
function writeOpen(random: Random, text: string): void {
  const chosen = open[random(Math.max(1, open.length))];
  if (chosen === undefined) return;
  const { file, inode } = chosen;
  words.push(`write to an open file with ${inode.nlink} links`);
  expect(world.pread(file), words.join('\n')).toBe(inode.text);
  world.pwrite(file, 0, text);
  inode.text = text + inode.text.slice(text.length);
  expect(world.pread(file), words.join('\n')).toBe(inode.text);
  const { nlink, size } = world.view.getattr(file.node, file.handle, world.caller).attributes;
  expect([nlink, size], words.join('\n')).toEqual([inode.nlink, inode.text.length]);
}

function closeOne(): void {
  const first = open.shift();
  if (first !== undefined) world.closeFile(first.file);
}

function closeAll(): void {
  while (open.length > 0) closeOne();
}

function restart(random: Random): void {
  closeAll();
  words.push('restart');
  if (random(2) === 0) world.reopen();
  else world.crash();
}

function check(): void {
  const seen: Record<string, string> = {};
  const walk = (path: string) => {
    for (const { name, ino } of world.entries(path, true)) {
      const at = path === '' ? name : `${path}/${name}`;
      const { mode, nlink, ino: found } = world.stat(at);
      const kind = mode >> 12 === 0o4 ? 'directory' : mode >> 12 === 0o12 ? 'link' : 'file';
      const text = kind === 'file' ? world.read(at) : kind === 'link' ? world.readlink(at) : '';
      seen[at] = describe(kind, mode, nlink, text);
      const inode = answerOf(() => model.find(at)) === '' ? model.find(at) : undefined;
      const before = inode === undefined ? undefined : numbers.get(inode);
      expect([ino, before ?? found], `${words.join('\n')}\ninode number of ${at}`).toEqual([found, found]);
      if (inode !== undefined) numbers.set(inode, found);
      if (kind === 'directory') walk(at);
    }
  };
  walk('');
  expect(differences(seen, model.lines()), words.join('\n')).toEqual([]);
}
